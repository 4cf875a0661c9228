"""Speaks the Model Context Protocol with all configured servers, for the daemon, which does not carry that package.

    python -m jarvisd.workers.mcp --socket /run/jarvisd/mcp.sock

One connection, lines of JSON. The daemon's first line says which servers there are, with their secrets, which are so
neither in arguments nor in an environment:

    {"servers": {"NAME": {"argv": [...], "url": null, "env": {}, "token": null, "start_timeout_s": 30}}}
    {"call": 7, "server": "NAME", "tool": "add", "arguments": {}, "limit_s": 6}        {"cancel": 7}

The worker tells how each server is, again whenever that or its list of tools changes, and what came of calls:

    {"server": "NAME", "up": true, "detail": "", "tools": [{"name": "add", "description": "", "parameters": {}}]}
    {"result": 7, "text": "3", "failed": false}

A server that ends is started again after a growing delay. When the daemon goes, so do the worker and its servers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from jarvisd.workers.lifeline import PARENT_VARIABLE, cannot_serve, die_with_parent, install_command

try:
    import httpx2
    from mcp import Client, MCPError, StdioServerParameters
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
except ImportError as missing:
    cannot_serve(f"The package mcp is not installed ({missing}): run {install_command('mcp')}")

FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 60.0
# A server that was up for so long begins again with the first delay.
STABLE_AFTER_S = 60.0
# What it said on standard error before it was lost tells why only if that is not longer ago.
LAST_WORDS_S = 3.0
# A server that died without a word is noticed after this, or by the next call.
LOOK_EVERY_S = 30.0
MAX_TIMEOUTS_IN_A_ROW = 2
MAX_PAGES = 20
MAX_TEXT_CHARACTERS = 100_000
MAX_LINE_BYTES = 1 << 22
# No answer is worth more memory; the worker ends, and comes up again without it.
MAX_RESIDENT_BYTES = 512 << 20
MEMORY_LOOK_S = 0.25

Tell = Callable[[Mapping[str, Any]], None]


class LostError(Exception):
    """The connection to a server is of no use any more."""


class Server:
    """One server: connected, listed, called, and connected again when it is lost."""

    def __init__(self, name: str, table: Mapping[str, Any], tell: Tell) -> None:
        self.name = name
        self._table = table
        self._tell = tell
        self._client: Client | None = None
        self._look = asyncio.Event()
        self._lost: str | None = None
        self._timeouts = 0
        self._last_words = ("", 0.0)

    async def run(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._serve()
            except Exception as error:  # noqa: BLE001 - whatever a server does costs this server only
                why = self._why(error)
            failures = 1 if time.monotonic() - began > STABLE_AFTER_S else failures + 1
            self._tell({"server": self.name, "up": False, "detail": why, "tools": []})
            delay_s = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures - 1, 30))
            await asyncio.sleep(delay_s * random.uniform(0.75, 1.25))

    async def call(self, tool: str, arguments: Mapping[str, Any], limit_s: float) -> tuple[str, bool]:
        """The result as text, and whether it is one of failure."""
        client = self._client
        if client is None:
            return f"{self.name} is not connected now", True
        try:
            async with asyncio.timeout(limit_s):
                result = await client.call_tool(tool, dict(arguments))
        except TimeoutError:
            self._timeouts += 1
            if self._timeouts >= MAX_TIMEOUTS_IN_A_ROW:
                self._lose(f"{self._timeouts} calls in a row took longer than {limit_s:g} s")
            return f"{self.name} took longer than {limit_s:g} s", True
        except MCPError as error:
            self._look.set()  # gone, or only this call was wrong: the list tells
            return f"{self.name} refused: {_one_line(error)}", True
        self._timeouts = 0
        return _text_of(result), bool(result.is_error)

    async def _serve(self) -> None:
        """Connected until it raises."""
        self._lost, self._timeouts, self._last_words = None, 0, ("", 0.0)
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self._table["start_timeout_s"]):
                client = await stack.enter_async_context(await self._connected(stack))
                await self._list(client)
            self._client = client
            stack.callback(self._forget)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            group.create_task(self._listen(client))
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._look.wait()
                self._look.clear()
                if self._lost is not None:
                    raise LostError(self._lost)
                async with asyncio.timeout(self._table["start_timeout_s"]):
                    await self._list(client)

    async def _connected(self, stack: AsyncExitStack) -> Client:
        if self._table["url"] is None:
            log = stack.enter_context(_words_of(self._keep_words))
            transport = stdio_client(_launched(self._table["argv"], self._table["env"]), log)
            return Client(transport, message_handler=self._told, cache=None)
        token = self._table["token"]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = httpx2.Timeout(30.0, read=300.0)
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=timeout))
        transport = streamable_http_client(self._table["url"], http_client=http)
        return Client(transport, message_handler=self._told, cache=None)

    async def _list(self, client: Client) -> None:
        tools, cursor = [], None
        for _ in range(MAX_PAGES):
            page = await client.list_tools(cursor=cursor)
            tools += [
                {"name": tool.name, "description": tool.description or "", "parameters": tool.input_schema}
                for tool in page.tools
            ]
            cursor = page.next_cursor
            if not cursor:
                break
        self._tell({"server": self.name, "up": True, "detail": "", "tools": tools})

    async def _listen(self, client: Client) -> None:
        """Changes of the list, as servers since 2026-07-28 tell them; earlier ones send them unasked."""
        with suppress(ListenNotSupportedError, MCPError, TimeoutError):
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._look.set()

    async def _told(self, message: Any) -> None:
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            self._look.set()

    def _lose(self, why: str) -> None:
        self._lost = why
        self._look.set()

    def _forget(self) -> None:
        self._client = None

    def _keep_words(self, line: str) -> None:
        self._last_words = (line, time.monotonic())
        sys.stderr.write(f"{self.name}: {line}\n")
        sys.stderr.flush()

    def _why(self, error: BaseException) -> str:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        line, at_s = self._last_words
        said = f": {line}" if line and time.monotonic() - at_s < LAST_WORDS_S else ""
        if isinstance(error, TimeoutError):
            return f"it did not answer within {self._table['start_timeout_s']:g} s{said}"
        if isinstance(error, SubscriptionLost):
            return f"it ended{said}"
        return f"{_one_line(error)}{said}"


class Worker:
    """The daemon's side of all servers."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._servers: dict[str, Server] = {}
        self._calls: dict[int, asyncio.Task[None]] = {}

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Until the daemon hangs up."""
        async with asyncio.TaskGroup() as group:
            running: list[asyncio.Task[None]] = []
            while line := await reader.readline():
                order = json.loads(line)
                if "servers" in order:
                    for name, table in order["servers"].items():
                        self._servers[name] = Server(name, table, self.tell)
                        running.append(group.create_task(self._servers[name].run()))
                elif "call" in order:
                    number = order["call"]
                    self._calls[number] = group.create_task(self._call(number, order))
                elif (call := self._calls.get(order.get("cancel", -1))) is not None:
                    call.cancel()
            for task in (*running, *self._calls.values()):
                task.cancel()

    def tell(self, line: Mapping[str, Any]) -> None:
        written = json.dumps(line).encode()
        if len(written) > MAX_LINE_BYTES:
            written = json.dumps({**line, "up": False, "tools": [], "detail": "its list of tools is too long"}).encode()
        self._writer.write(written + b"\n")

    async def _call(self, number: int, order: Mapping[str, Any]) -> None:
        try:
            server = self._servers[order["server"]]
            text, failed = await server.call(order["tool"], order["arguments"], order["limit_s"])
        except Exception as error:  # noqa: BLE001 - a server's answer may break anything in the package
            text, failed = f"{order.get('server')} failed: {_one_line(error)}", True
        finally:
            self._calls.pop(number, None)
        self.tell({"result": number, "text": text, "failed": failed})


def _launched(argv: list[str], env: Mapping[str, str]) -> StdioServerParameters:
    """The server's program, which dies with this process, however that ends."""
    launcher = ["-P", "-m", "jarvisd.workers.launch", "--", *argv]
    return StdioServerParameters(
        command=sys.executable,
        args=launcher,
        env={**env, PARENT_VARIABLE: str(os.getpid())},
        encoding_error_handler="replace",
    )


class _words_of:  # noqa: N801 - reads as what it gives: with words_of(keep) as log
    """A file for a child to write to; `keep` gets each line of it."""

    def __init__(self, keep: Callable[[str], None]) -> None:
        self._keep = keep
        self._rest = b""

    def __enter__(self) -> TextIO:
        self._read_fd, write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        asyncio.get_running_loop().add_reader(self._read_fd, self._read)
        self._file = os.fdopen(write_fd, "w", encoding="utf-8")
        return self._file

    def __exit__(self, *_: object) -> None:
        self._read()
        asyncio.get_running_loop().remove_reader(self._read_fd)
        self._file.close()
        os.close(self._read_fd)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            *lines, rest = (self._rest + os.read(self._read_fd, 65_536)).split(b"\n")
            self._rest = rest[-2_000:]
            for line in lines:
                if text := line[:2_000].decode(errors="replace").strip():
                    self._keep(text)


def _text_of(result: Any) -> str:
    """The words of a result; what is no text is named."""
    parts = []
    for block in result.content:
        text = getattr(block, "text", None)
        inner = getattr(getattr(block, "resource", None), "text", None)
        parts.append(text if isinstance(text, str) else inner if isinstance(inner, str) else f"[{block.type}]")
    if not parts and result.structured_content is not None:
        parts = [json.dumps(result.structured_content, ensure_ascii=False)]
    return "\n".join(parts)[:MAX_TEXT_CHARACTERS]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def watch_memory() -> None:
    """Ends the process before a server's answer takes the machine's memory. A thread: the loop may be busy with it."""
    page = os.sysconf("SC_PAGESIZE")

    def look() -> None:
        while True:
            time.sleep(MEMORY_LOOK_S)
            if int(Path("/proc/self/statm").read_text().split()[1]) * page > MAX_RESIDENT_BYTES:
                sys.stderr.write(f"A server sent more than {MAX_RESIDENT_BYTES >> 20} MB at once.\n")
                sys.stderr.flush()
                os._exit(os.EX_UNAVAILABLE)

    threading.Thread(target=look, name="memory", daemon=True).start()


@asynccontextmanager
async def _listening(socket: Path) -> AsyncIterator[asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    """The first connection; nobody else is served."""
    came: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.get_running_loop().create_future()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if came.done():
            writer.close()
        else:
            came.set_result((reader, writer))

    async with await asyncio.start_unix_server(connected, socket, limit=MAX_LINE_BYTES):
        yield came


async def serve(socket: Path) -> None:
    async with _listening(socket) as came:
        reader, writer = await came
        await Worker(writer).run(reader)
        writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m jarvisd.workers.mcp", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--socket", type=Path, required=True, help="where to listen for the daemon")
    arguments = parser.parse_args()
    die_with_parent()
    os.umask(0o077)  # the socket is for the daemon's own user
    watch_memory()
    asyncio.run(serve(arguments.socket))


if __name__ == "__main__":
    main()
