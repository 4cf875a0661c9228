"""What tools cost: memory, deciding whether a person's words ask for an action, a call, and a call of an MCP server.

    python -m benchmarks.tools [--json]

The MCP server is the one of the tests, over standard input and output; it takes no time itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jarvisd.config import Config, ToolsConfig
from jarvisd.tools.guard import why_not
from jarvisd.tools.mcp import McpServers
from jarvisd.tools.toolbox import Toolbox
from jarvisd.types import Tool, ToolCall, ToolContext, ToolResult, Turn

ROUNDS = 300
SERVER = Path(__file__).parents[1] / "tests" / "fakes" / "mcp_server.py"
SCHEMA = {"type": "object", "properties": {"room": {"type": "string"}, "on": {"type": "boolean"}}, "required": ["room"]}
SAID = "please turn on the light in the kitchen"
LONG = "turn the light " * 1_700 + "on in the kitchen"
_MEMORY = """
import sys, jarvisd.daemon
def rss_mb(): return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
before = rss_mb()
import jarvisd.tools.loop, jarvisd.tools.mcp
code = rss_mb()
from jarvisd.tools.schema import ArgumentsCheck
checks = [ArgumentsCheck({"type": "object", "properties": {"a": {"type": "string"}}}) for _ in range(20)]
print(code - before, rss_mb() - code)
"""


def memory_mb() -> tuple[float, float]:
    """Added to a daemon by the code alone, and by 20 tools with the library that checks their arguments."""
    done = subprocess.run([sys.executable, "-c", _MEMORY], capture_output=True, text=True, check=True)
    code, checks = done.stdout.split()
    return float(code), float(checks)


async def _light(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:  # noqa: ARG001 - a tool's form
    return ToolResult("on", confirmed=True)


LIGHT = Tool("set_light", "Turns a light on or off.", SCHEMA, _light, acts=True)


def guard_us(said: str, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        why_not(LIGHT, {"room": "kitchen", "on": True}, said)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


async def call_ms(toolbox: Toolbox, call: ToolCall) -> tuple[float, float]:
    context = ToolContext(Turn("cli", "en", 60), "en", SAID)
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        outcome = await toolbox.call(call, context, private=False)
        times.append(time.perf_counter() - began)
        assert outcome.result is not None
        assert not outcome.result.failed
    times.sort()
    return statistics.median(times) * 1e3, times[int(len(times) * 0.95)] * 1e3


async def measure() -> dict[str, float]:
    code_mb, checks_mb = memory_mb()
    toolbox = Toolbox(ToolsConfig(), publish=lambda event: None)  # noqa: ARG005
    await toolbox.replace("house", [LIGHT])
    own, own_95 = await call_ms(toolbox, ToolCall("1", "set_light", '{"room": "kitchen", "on": true}'))
    tables = {"fake": {"argv": [sys.executable, str(SERVER)], "allow": ["add"]}}
    with tempfile.TemporaryDirectory() as folder:
        servers = McpServers(
            Config.model_validate({"mcp": tables}).mcp,
            toolbox,
            runtime_dir=Path(folder),
            publish=lambda event: None,  # noqa: ARG005
            read_secret=lambda name: None,  # noqa: ARG005
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(servers.run())
            began = time.perf_counter()
            await servers.ready(30)
            ready_s = time.perf_counter() - began
            mcp, mcp_95 = await call_ms(toolbox, ToolCall("1", "fake__add", '{"a": 1, "b": 2}'))
            worker_mb = await asyncio.to_thread(_worker_mb)
            running.cancel()
    return {
        "code_mb": code_mb,
        "twenty_tools_mb": checks_mb,
        "guard_us": guard_us(SAID, ROUNDS),
        "guard_5000_words_ms": guard_us(LONG, 5) / 1e3,
        "call_p50_ms": own,
        "call_p95_ms": own_95,
        "mcp_ready_s": ready_s,
        "mcp_call_p50_ms": mcp,
        "mcp_call_p95_ms": mcp_95,
        "mcp_worker_mb": worker_mb,
    }


def _worker_mb() -> float:
    listed = subprocess.run(["ps", "-eo", "rss,ppid,args"], capture_output=True, text=True, check=True).stdout
    return max(float(line.split()[0]) / 1e3 for line in listed.splitlines() if "jarvisd.workers.mcp" in line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    figures = {name: round(figure, 3) for name, figure in asyncio.run(measure()).items()}
    if parser.parse_args().json:
        print(json.dumps(figures))
    else:
        for name, figure in figures.items():
            print(f"{name:22} {figure}")


if __name__ == "__main__":
    main()
