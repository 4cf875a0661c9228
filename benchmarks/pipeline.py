"""What the whole daemon costs and how quick it is, measured from outside on the running process.

    python -m benchmarks.pipeline [--json] [--seconds 20]

Figures move with the machine; compare them with others of the same run. Processor time is that of the daemon process
alone (its children are separate processes), in percent of one core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.listening import wake_cpu_ms_per_chunk
from jarvisd.cli.talk import recording_pcm
from jarvisd.cli.temporary import SpawnedDaemon, engines_settled, spawned_daemon
from jarvisd.control.client import requests
from jarvisd.engines.spec import unix_endpoint
from jarvisd.llm.chat import stream_chat
from jarvisd.types import Endpoint, Message

REPOSITORY = Path(__file__).parent.parent
RECORDING = REPOSITORY / "demo/recordings/1-time-in-one-breath.wav"
MODEL_SERVER = REPOSITORY / "tests/fakes/model_server.py"
ASKS = 300
WARM_UP_ASKS = 20
CLOCK_QUESTIONS = 7
STARTS = 5
# What a start leaves to be done (first inferences, compiled patterns) is over by then.
SETTLE_S = 5.0


class Daemon:
    """A running daemon, seen from outside."""

    def __init__(self, spawned: SpawnedDaemon) -> None:
        self.socket = spawned.socket
        self.ready_s = spawned.ready_s
        self._proc = Path(f"/proc/{spawned.process.pid}")

    def cpu_s(self) -> float:
        """User and system time of the daemon process, without its children's."""
        fields = (self._proc / "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        return int((self._proc / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    async def cpu_percent(self, seconds: float) -> float:
        await asyncio.sleep(SETTLE_S)
        before, started = self.cpu_s(), time.monotonic()
        await asyncio.sleep(seconds)
        return 100 * (self.cpu_s() - before) / (time.monotonic() - started)

    async def answer(
        self, kind: str, data: dict[str, Any], sound: AsyncIterator[bytes] | None = None
    ) -> dict[str, Any]:
        """The answer to one request; empty when there was none."""
        answer: dict[str, Any] = {}
        async with aclosing(requests(self.socket, kind, data, sound)) as replies:
            async for reply, found in replies:
                if reply == "answer":
                    answer = found
        return answer


@asynccontextmanager
async def daemon(*settings: str) -> AsyncIterator[Daemon]:
    with tempfile.TemporaryDirectory(prefix="jarvisd-bench-") as folder:
        overrides = [part for setting in settings for part in ("--set", setting)]
        async with spawned_daemon(Path(folder), ["--config", "profile:embedded", *overrides]) as spawned:
            await engines_settled(spawned)
            yield Daemon(spawned)


def no_engines() -> list[str]:
    return ["engines={}", "memory={}", "tiers={}", "conversation.tiers=[]", "transcription={}"]


async def asks_ms(asks: int = ASKS) -> tuple[list[float], list[float]]:
    """An engine that answers at once, asked in turn through the daemon and directly: milliseconds of both.

    Through the daemon means control socket, plugins, route, lease, HTTP and all events; directly is the floor.
    """
    with tempfile.TemporaryDirectory(prefix="jarvisd-bench-") as name:
        server = Path(name) / "model.sock"
        argv = json.dumps([sys.executable, str(MODEL_SERVER), "--socket", str(server)])
        engine = f'engines={{instant={{kind="process", argv={argv}, url="unix://{server}", model="fake"}}}}'
        tiers = 'tiers={fast={engine="instant"}}'
        through, directly = [], []
        async with daemon('audio.source="none"', "transcription={}", "memory={}", engine, tiers) as running:
            for _ in range(asks + WARM_UP_ASKS):
                started = time.perf_counter()
                answer = await running.answer("ask", {"text": "tell me something"})
                through.append((time.perf_counter() - started) * 1000)
                if answer.get("error_code") or answer.get("answered_by") != "instant":
                    raise SystemExit(f"the instant engine did not answer: {answer}")
                started = time.perf_counter()
                await ask_directly(unix_endpoint(server, "openai"))
                directly.append((time.perf_counter() - started) * 1000)
        return through[WARM_UP_ASKS:], directly[WARM_UP_ASKS:]


async def ask_directly(endpoint: Endpoint) -> None:
    question = (Message("user", "tell me something"),)
    answer = stream_chat(endpoint, "fake", question, max_tokens=80, temperature=0.3, first_token_timeout_s=10.0)
    async with aclosing(answer):
        async for _ in answer:
            pass


async def cpu_percent(sound: str, seconds: float) -> tuple[float, float]:
    """Processor share and memory of the daemon alone, listening to `quiet` or `speech` at a microphone's speed."""
    command = [sys.executable, "-m", "benchmarks.feeder", sound]
    overrides = ['audio.source="command"', f"audio.command={json.dumps(command)}", *no_engines()]
    async with daemon(*overrides) as running:
        percent = await running.cpu_percent(seconds)
        return percent, running.rss_mb()


async def clock_answer_ms() -> list[float]:
    """End of speech to final answer of a spoken time question, without the chosen silence."""
    async with daemon('audio.source="none"') as running:
        took = []
        for _ in range(CLOCK_QUESTIONS):
            answer = await running.answer("listen", {"name": "clock"}, recording_pcm(RECORDING, realtime=True))
            if answer.get("answered_by") != "clock":
                raise SystemExit(f"the clock did not answer: {answer}")
            took.append(answer["timings_ms"]["total"])
        return took


async def ready_s() -> list[float]:
    took = []
    for _ in range(STARTS):
        async with daemon('audio.source="none"') as running:
            took.append(running.ready_s)
    return took


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


async def measure(seconds: float) -> dict[str, float]:
    through, directly = await asks_ms()
    floor_ms = statistics.median(directly)
    overhead = [value - floor_ms for value in through]
    quiet_percent, idle_rss_mb = await cpu_percent("quiet", seconds)
    speech_percent, _ = await cpu_percent("speech", seconds)
    return {
        "ask_p50_ms": round(percentile(through, 50), 2),
        "engine_floor_p50_ms": round(floor_ms, 2),
        "overhead_p50_ms": round(percentile(overhead, 50), 2),
        "overhead_p99_ms": round(percentile(overhead, 99), 2),
        "ready_s": round(statistics.median(await ready_s()), 2),
        "idle_rss_mb": round(idle_rss_mb, 1),
        "quiet_cpu_percent": round(quiet_percent, 2),
        "speech_cpu_percent": round(speech_percent, 2),
        "wake_cpu_ms_per_chunk": round(wake_cpu_ms_per_chunk(), 3),
        "clock_answer_ms": round(statistics.median(await clock_answer_ms()), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one flat JSON object as the last line")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each processor measurement")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.seconds))
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:24} {value}")


if __name__ == "__main__":
    main()
