"""A daemon as a child process: for one command when none is running, for the demonstration, and for measuring."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jarvisd.cli import show
from jarvisd.cli.run import Invocation
from jarvisd.control.client import request_status
from jarvisd.errors import ControlError
from jarvisd.paths import CONTROL_SOCKET

START_LIMIT_S = 120.0
STOP_LIMIT_S = 20.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class SpawnedDaemon:
    """A running child. `ready_s`: from its spawn to its READY=1, as systemd would see it."""

    socket: Path
    log: Path
    process: asyncio.subprocess.Process
    ready_s: float


@asynccontextmanager
async def temporary_daemon(invocation: Invocation, socket: Path) -> AsyncIterator[Path]:
    """The socket of the running daemon, or of one that is started now and stopped at the end."""
    try:
        await request_status(socket)
    except ControlError as error:
        if error.code != "not_running":
            raise
    else:
        yield socket
        return
    with tempfile.TemporaryDirectory(prefix="jarvisd-") as folder:
        arguments = [*invocation.arguments(), "--set", 'audio.source="none"']
        async with spawned_daemon(Path(folder), arguments) as daemon:
            with show.waiting("No daemon is running: starting a temporary one"):
                await engines_settled(daemon)
            yield daemon.socket


@asynccontextmanager
async def spawned_daemon(folder: Path, arguments: Sequence[str]) -> AsyncIterator[SpawnedDaemon]:
    """`jarvisd run` with its sockets, files and log in `folder`, from when it is ready until the block ends.

    Raises ControlError with its last words when it ends before it is ready.
    """
    log = folder / "log"
    places = ("--set", f'house.runtime_dir="{folder}"', "--set", f'house.state_dir="{folder}/state"')
    started = time.monotonic()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(folder / "notify.sock"))
        notify.setblocking(False)
        with log.open("wb") as log_file:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "jarvisd", *arguments, *places, "run",
                stdin=asyncio.subprocess.DEVNULL, stdout=log_file, stderr=log_file,
                env=os.environ | {"NOTIFY_SOCKET": str(folder / "notify.sock")},
            )  # fmt: skip
        try:
            await _until_ready(process, notify, log)
            yield SpawnedDaemon(folder / CONTROL_SOCKET, log, process, time.monotonic() - started)
        finally:
            await _stop(process)


async def engines_settled(daemon: SpawnedDaemon) -> None:
    """Wait until no engine is starting any more: ready or failed, a question then gets its answer."""
    async with asyncio.timeout(START_LIMIT_S):
        while True:
            found = await request_status(daemon.socket)
            if not any(_is_on_its_way(engine) for engine in found["engines"]):
                return
            await asyncio.sleep(POLL_S)


def _is_on_its_way(engine: dict[str, Any]) -> bool:
    """One that starts on demand, or says why it is stopped, stays so until it is asked."""
    return engine["state"] == "starting" or (
        engine["state"] == "stopped" and not engine["on_demand"] and not engine["detail"]
    )


async def _until_ready(process: asyncio.subprocess.Process, notify: socket.socket, log: Path) -> None:
    async with asyncio.timeout(START_LIMIT_S), asyncio.TaskGroup() as group:
        ended = group.create_task(process.wait())
        ready = group.create_task(_ready(notify))
        await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
        (ready if ended.done() else ended).cancel()
    if process.returncode is not None:
        last = (await asyncio.to_thread(log.read_text, errors="replace")).strip().splitlines()[-3:]
        raise ControlError("The daemon ended at once: " + " | ".join(last), code="not_started")


async def _ready(notify: socket.socket) -> None:
    while b"READY=1" not in await asyncio.get_running_loop().sock_recv(notify, 4096):
        pass


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_LIMIT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
