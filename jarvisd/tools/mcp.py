"""Tools of MCP servers: the daemon's side. The protocol itself is spoken by a worker (`jarvisd.workers.mcp`).

The worker is started when somebody wants the tools for the first time. A server that is down costs its tools; a
worker that is down costs all servers' tools; a turn goes on without them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jarvisd.config import McpConfig
from jarvisd.engines.process import ChildProcess, remove_socket
from jarvisd.errors import ConfigError, EngineUnavailable
from jarvisd.events import Event, ToolServerChanged
from jarvisd.quoting import cut, harmless
from jarvisd.secrets import places
from jarvisd.tools.toolbox import Toolbox
from jarvisd.types import Tool, ToolContext, ToolResult

_LOGGER = logging.getLogger(__name__)

SOCKET = "mcp.sock"
MAX_LINE_BYTES = 1 << 23
CONNECT_LIMIT_S = 20.0
STOP_LIMIT_S = 8.0
# The worker keeps the limit itself and says so; this is for a worker that does not.
WORKER_GRACE_S = 1.0
MAX_DETAIL_CHARACTERS = 300
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")

ReadSecret = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """A snapshot to show. `up` is None before it was first heard of. `offered`: names as models see them; `unused`:
    its own names of tools that the configuration does not list.
    """

    name: str
    up: bool | None = None
    detail: str = ""
    offered: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


class McpServers:
    """Keeps the toolbox filled with what the configured servers offer and the configuration allows."""

    def __init__(
        self,
        servers: Mapping[str, McpConfig],
        toolbox: Toolbox,
        *,
        runtime_dir: Path,
        publish: Callable[[Event], None],
        read_secret: ReadSecret,
    ) -> None:
        self._servers = dict(servers)
        self._toolbox = toolbox
        self._socket = runtime_dir / SOCKET
        self._publish = publish
        self._read_secret = read_secret
        self._wanted = asyncio.Event()
        self._heard = asyncio.Event()
        self._statuses = {name: ServerStatus(name) for name in servers}
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[ToolResult]] = {}
        self._writer: asyncio.StreamWriter | None = None

    def want(self) -> None:
        """Somebody may soon call their tools: the worker is started if it is not."""
        self._wanted.set()

    async def ready(self, wait_s: float) -> None:
        """Want them, and wait until each server was heard of once, up or down; no longer than `wait_s`."""
        self.want()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while any(status.up is None for status in self._statuses.values()):
                    self._heard.clear()
                    await self._heard.wait()

    def statuses(self) -> tuple[ServerStatus, ...]:
        return tuple(self._statuses.values())

    async def run(self) -> None:
        """A service: waits until it is wanted, then keeps the worker's connection. Raises when the worker ends."""
        await self._wanted.wait()
        try:
            tables, faults = await asyncio.to_thread(self._tables)
            for name, fault in faults.items():
                await self._is(name, up=False, detail=fault, tools=())
            async with self._worker() as (reader, writer):
                self._writer = writer
                writer.write(json.dumps({"servers": tables}).encode() + b"\n")
                await self._read(reader)
        except asyncio.CancelledError:
            self._servers = {}  # the end: nothing more is told
            raise
        finally:
            self._writer = None
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_result(ToolResult("the worker for these tools has ended", failed=True))
            for name in self._servers:
                await self._is(name, up=False, detail="its worker is not running", tools=())

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                told = json.loads(line)
                if "result" in told:
                    waiting = self._waiting.get(told["result"])
                    if waiting is not None and not waiting.done():
                        waiting.set_result(ToolResult(str(told["text"]), failed=bool(told["failed"])))
                elif told.get("server") in self._servers:
                    await self._is(told["server"], up=told["up"], detail=told["detail"], tools=told["tools"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineUnavailable(f"The worker for MCP servers said something odd ({error}).") from error

    async def _is(self, name: str, *, up: bool, detail: str, tools: Sequence[Mapping[str, Any]]) -> None:
        config, before = self._servers[name], self._statuses[name]
        made = [_tool(name, config, one, self._call) for one in tools if _listed(config, str(one["name"]))]
        unused = tuple(sorted(harmless(str(one["name"])) for one in tools if not _listed(config, str(one["name"]))))
        offered = await self._toolbox.replace(f"mcp.{name}", made)
        missing = _missing(config, {str(one["name"]) for one in tools}) if up else ""
        detail = cut(harmless(detail or missing), MAX_DETAIL_CHARACTERS)
        after = ServerStatus(name, up, detail, offered, unused)
        self._statuses[name] = after
        self._heard.set()
        if after != before:
            known = f"tools {', '.join(after.offered) or 'none'}" + (f"; {detail}" if detail else "")
            _LOGGER.log(logging.INFO if up else logging.WARNING, "mcp.%s: %s", name, known if up else f"down: {detail}")
            if up and unused:
                _LOGGER.info("mcp.%s has more tools; list those that models may call: %s", name, ", ".join(unused))
            self._publish(ToolServerChanged(name, up, known if up else detail))

    async def _call(self, name: str, tool: str, arguments: Mapping[str, Any], limit_s: float) -> ToolResult:
        writer = self._writer
        if writer is None:
            return ToolResult(f"{name} is not connected now", failed=True)
        number = next(self._numbers)
        order = {"call": number, "server": name, "tool": tool, "arguments": dict(arguments), "limit_s": limit_s}
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            writer.write(json.dumps(order).encode() + b"\n")
            async with asyncio.timeout(limit_s + WORKER_GRACE_S):
                return await self._waiting[number]
        except TimeoutError:
            return ToolResult(f"{name} took longer than {limit_s:g} s", failed=True)
        except asyncio.CancelledError:
            writer.write(json.dumps({"cancel": number}).encode() + b"\n")
            raise
        finally:
            del self._waiting[number]

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        await asyncio.to_thread(remove_socket, str(self._socket))
        ended = asyncio.Event()
        argv = (sys.executable, "-P", "-m", "jarvisd.workers.mcp", "--socket", str(self._socket))
        child = ChildProcess.start("mcp", argv, {}, ended.set)
        try:
            reader, writer = await self._connect(child)
            try:
                yield reader, writer
            finally:
                writer.transport.abort()
            await child.wait(STOP_LIMIT_S)
            raise EngineUnavailable(f"The worker for MCP servers: {child.how_it_ended()}")
        finally:
            await child.stop(STOP_LIMIT_S)

    async def _connect(self, child: ChildProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        deadline = asyncio.get_running_loop().time() + CONNECT_LIMIT_S
        while True:
            try:
                return await asyncio.open_unix_connection(str(self._socket), limit=MAX_LINE_BYTES)
            except OSError as error:
                if child.ended:
                    raise EngineUnavailable(child.how_it_ended()) from error
                if asyncio.get_running_loop().time() > deadline:
                    raise EngineUnavailable("The worker for MCP servers does not come up.") from error
            await child.wait(0.05)

    def _tables(self) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        """What the worker is told of each server, and which cannot be told of, and why."""
        tables, faults = {}, {}
        for name, config in self._servers.items():
            try:
                tables[name] = self._table(config)
            except ConfigError as error:
                faults[name] = error.message
        return tables, faults

    def _table(self, config: McpConfig) -> dict[str, Any]:
        env = {variable: self._secret(credential) for variable, credential in config.env_credentials.items()}
        return {
            "argv": list(config.argv),
            "url": config.url,
            "env": {**config.env, **env},
            "token": self._secret(config.token_credential) if config.token_credential else None,
            "start_timeout_s": config.start_timeout_s,
        }

    def _secret(self, credential: str) -> str:
        secret = self._read_secret(credential)
        if secret is None:
            raise ConfigError(f"The secret {credential} is not set: give it {places(credential)}.")
        return secret


def leaves_house(config: McpConfig) -> bool:
    """Whether a server is taken to tell somebody outside what it is asked."""
    if config.leaves_house is not None:
        return config.leaves_house
    return config.url is not None and urlsplit(config.url).hostname not in _HERE


def _listed(config: McpConfig, name: str) -> bool:
    return "*" in config.allow or name in {*config.allow, *config.acts, *config.dangerous}


def _missing(config: McpConfig, there: set[str]) -> str:
    absent = sorted({*config.allow, *config.acts, *config.dangerous} - there - {"*"})
    return f"it has no tool {', '.join(absent)}" if absent else ""


def _tool(
    server: str,
    config: McpConfig,
    told: Mapping[str, Any],
    call: Callable[[str, str, Mapping[str, Any], float], Any],
) -> Tool:
    """A server's tool. Whether it acts is the configuration's to say, not the server's."""
    own_name = str(told["name"])

    async def run(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:  # noqa: ARG001 - a tool's form
        result: ToolResult = await call(server, own_name, arguments, config.call_timeout_s)
        return result

    dangerous = own_name in config.dangerous
    return Tool(
        name=_NOT_IN_NAMES.sub("_", f"{server}__{own_name}"),
        description=str(told["description"]),
        parameters=told["parameters"],
        run=run,
        acts=dangerous or own_name in config.acts,
        dangerous=dangerous,
        leaves_house=leaves_house(config),
        words=tuple(config.words.get(own_name, ())),
    )
