"""Chroma's own server, on a Unix socket.

    python -m jarvisd.workers.chroma --socket /run/jarvisd/index.sock --folder /var/lib/jarvisd/memory-index

Chroma listens on TCP only and asks nobody for a password. It runs in a child of this process, on a port of the
loopback interface, and what comes through the socket is passed on to it byte by byte.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import sys
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import NoReturn
from uuid import UUID

from jarvisd.workers.lifeline import PARENT_VARIABLE, cannot_serve, die_with_parent

# Without its dependencies: 500 MB of them are for its client in Python, which is not used here.
INSTALL = f"{sys.executable} -m pip install --no-deps 'chromadb>=1.5,<2'"
LOOPBACK = "127.0.0.1"
PORTS_TRIED = 5
LOOK_EVERY_S = 0.01
READ_BYTES = 65_536
# The kernel's name for it in /proc/net/tcp.
_LISTENING = "0A"
# Its telemetry off, and no line for each request.
_ENVIRONMENT = {"ANONYMIZED_TELEMETRY": "False", "RUST_LOG": "off"}


def prepare_folder(folder: Path) -> None:
    """Makes the folder. Ends the process, saying what to do, where that cannot be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        cannot_serve(f"The folder {folder} of the index cannot be written ({error.strerror}): correct its permissions.")
    sweep(folder)


def sweep(folder: Path) -> None:
    """Removes what deleted collections left behind: Chroma keeps their vectors' files for ever."""
    try:
        with closing(sqlite3.connect(f"{(folder / 'chroma.sqlite3').as_uri()}?mode=ro", uri=True)) as database:
            known = {name for (name,) in database.execute("SELECT id FROM segments")}
    except sqlite3.Error:
        return  # there is none yet, or it is Chroma's to say what is wrong with it
    for place in folder.iterdir():
        if place.is_dir() and _is_uuid(place.name) and place.name not in known:
            shutil.rmtree(place, ignore_errors=True)


def _is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def start_server(folder: Path) -> tuple[int, int]:
    """Process and port of a server that listens. Not for a process with threads. Ends this one where that fails.

    A port that somebody else took in the meantime is no failure: another one is tried.
    """
    os.environ[PARENT_VARIABLE] = str(os.getpid())  # of the server, which is a child of this process
    for last in (False,) * (PORTS_TRIED - 1) + (True,):
        port = free_port()
        if (pid := os.fork()) == 0:
            run_server(folder, port)
        code = _wait_until_it_listens(pid, port)
        if code is None:
            break
        if last or not is_taken(port):
            sys.exit(code or 1)
    return pid, port


def run_server(folder: Path, port: int) -> NoReturn:
    """Becomes the server. It ends with the process that started it."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.update(_ENVIRONMENT)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a picture and advertisements
    try:
        import chromadb_rust_bindings
    except ImportError as error:
        cannot_serve(f"Chroma is not installed ({error}): run {INSTALL}")
    chromadb_rust_bindings.cli(["chroma", "run", "--path", str(folder), "--host", LOOPBACK, "--port", str(port)])
    sys.exit(1)


def _wait_until_it_listens(pid: int, port: int) -> int | None:
    """None when the server listens, its exit code when it ended instead."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if listens(pid, port):
            return None
        time.sleep(LOOK_EVERY_S)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])


def listens(pid: int, port: int) -> bool:
    """Whether it is this process that listens there, and not somebody who was quicker."""
    try:
        own = {str(descriptor.readlink()) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return False  # it closes one just now, or has ended
    address = f"{int.from_bytes(socket.inet_aton(LOOPBACK), sys.byteorder):08X}:{port:04X}"
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return any(row[1] == address and row[3] == _LISTENING and f"socket:[{row[9]}]" in own for row in rows)


def is_taken(port: int) -> bool:
    """Whether anybody listens there."""
    with socket.socket() as caller:
        return caller.connect_ex((LOOPBACK, port)) == 0


async def pass_through(path: Path, pid: int, port: int) -> None:
    """Serves the socket until the server ends."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(os.pidfd_open(pid), ended.set)
    server = await asyncio.start_unix_server(partial(_connect, port, set()), path)
    await ended.wait()
    server.close()


async def _connect(
    port: int, connections: set[asyncio.Task[None] | None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One connection, for as long as either side has something to say.

    It is held in `connections`: when the caller has hung up, the loop itself does not hold it any more.
    """
    writers, task = [writer], asyncio.current_task()
    connections.add(task)
    with suppress(OSError):
        try:
            from_server, to_server = await asyncio.open_connection(LOOPBACK, port)
            writers.append(to_server)
            await asyncio.gather(_pump(reader, to_server), _pump(from_server, writer))
        finally:
            connections.discard(task)
            for one in writers:
                one.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while read := await reader.read(READ_BYTES):
        writer.write(read)
        await writer.drain()
    writer.write_eof()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m jarvisd.workers.chroma",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument("--folder", type=Path, required=True, help="where Chroma keeps its files; made if missing")
    arguments = parser.parse_args()
    die_with_parent()
    os.umask(0o077)  # the files are for the daemon's own user, as is the socket
    prepare_folder(arguments.folder.resolve())
    pid, port = start_server(arguments.folder.resolve())
    os.umask(0o177)
    with suppress(KeyboardInterrupt):
        asyncio.run(pass_through(arguments.socket, pid, port))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        sys.exit(f"Chroma's server {how}.")


if __name__ == "__main__":
    main()
