"""A real Chroma server for tests, started through our worker, and asked past our client."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from jarvisd.engines.spec import PYTHON_MODULE
from jarvisd.transport import request
from jarvisd.types import Endpoint

COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"
START_S = 20.0


def chroma_argv(folder: Path) -> tuple[str, ...]:
    place = ("--socket", str(folder / "index.sock"), "--folder", str(folder / "memory-index"))
    return (*PYTHON_MODULE, "jarvisd.workers.chroma", *place)


def chroma_endpoint(folder: Path) -> Endpoint:
    return Endpoint("http://localhost", socket_path=str(folder / "index.sock"))


@contextmanager
def chroma_server(folder: Path) -> Iterator[Endpoint]:
    """A server that listens, for as long as the block runs. Not for a running loop."""
    with subprocess.Popen(chroma_argv(folder)) as process:
        try:
            end = time.monotonic() + START_S
            while not (folder / "index.sock").exists():
                assert process.poll() is None, "the server ended"
                assert time.monotonic() < end, "the server does not listen"
                time.sleep(0.01)
            yield chroma_endpoint(folder)
        finally:
            process.terminate()


def lease_of(endpoint: Endpoint):
    """A lease as the pool's, of a server that is always there."""

    @asynccontextmanager
    async def lease(name: str, wait_s: float):
        yield endpoint

    return lease


async def ask(endpoint: Endpoint, method: str, path: str = "", body: dict | None = None):
    async with request(endpoint, method, COLLECTIONS + path, body) as response:
        return await response.json()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@asynccontextmanager
async def fake_server(answer):
    """A server on loopback that says whatever `answer` returns for a method and a path: a status and a body.

    A body of None: it hangs up in the middle of a reply.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        length = next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
        await reader.readexactly(length)
        status, body = answer(method, path.removeprefix(COLLECTIONS))
        written = json.dumps(body).encode() if not isinstance(body, (bytes, type(None))) else body or b""
        promised = len(written) if body is not None else 100
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: {promised}\r\nConnection: close\r\n\r\n".encode() + written
        )
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
