"""Chroma's server behind a socket, as the daemon runs it."""

import asyncio
import importlib.util
import os
import signal
import socket
import stat
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jarvisd.engines.process import ChildProcess
from jarvisd.errors import EngineStartError
from jarvisd.memory.chroma import probe
from jarvisd.workers.chroma import LOOPBACK, free_port, sweep
from tests.fakes.chroma import ask, children, chroma_argv, chroma_endpoint
from tests.fakes.engines import PROBES, running_pool, until_gone
from tests.fakes.workers import how_it_ended, worker_spec

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("chromadb_rust_bindings") is None, reason="chromadb is not installed"
)
PIP = f"run {sys.executable} -m pip install --no-deps 'chromadb>=1.5,<2'"


@asynccontextmanager
async def running(folder: Path, env=None):
    """The worker, once it listens."""
    process = ChildProcess.start("index", chroma_argv(folder), env or {})
    try:
        async with asyncio.timeout(20):
            while not (folder / "index.sock").exists():
                assert not process.ended, process.how_it_ended()
                await asyncio.sleep(0.01)
        yield process
    finally:
        await process.stop(5)


async def failed_start(tmp_path: Path, **engine) -> str:
    spec = await asyncio.to_thread(worker_spec, tmp_path, "index", kind="chroma", **engine)
    async with running_pool(spec, probes=PROBES | {"chroma": probe}) as (pool, _):
        with pytest.raises(EngineStartError) as failed:
            async with pool.lease("index", 20):
                pass
    return failed.value.message


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_it_serves_a_socket_that_only_its_user_may_open(tmp_path):
    async with running(tmp_path):
        await probe(chroma_endpoint(tmp_path))
        files = [tmp_path / "index.sock", *(tmp_path / "memory-index").rglob("*")]
        assert mode(tmp_path / "index.sock") == 0o600
        assert mode(tmp_path / "memory-index") == 0o700
        assert [str(file) for file in files if mode(file) & 0o077] == []


async def test_much_goes_through_it_both_ways_at_once(tmp_path):
    endpoint = chroma_endpoint(tmp_path)

    async def store(name: str) -> int:
        made = await ask(endpoint, "POST", "", {"name": name})
        texts = [f"{name} {number} " + "x" * 900 for number in range(200)]
        body = {"ids": [str(number) for number in range(200)], "embeddings": [[1, 0]] * 200, "documents": texts}
        await ask(endpoint, "POST", f"/{made['id']}/upsert", body)
        found = await ask(endpoint, "POST", f"/{made['id']}/get", {"include": ["documents"]})
        return sum(text in texts for text in found["documents"])

    async with running(tmp_path):
        assert await asyncio.gather(*(store(f"name{number}") for number in range(3))) == [200] * 3


async def test_one_who_has_said_all_still_hears_the_answer(tmp_path):
    async with running(tmp_path):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "index.sock")
        writer.write(b"GET /api/v2/heartbeat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"heartbeat" in answer


async def test_the_server_ends_with_the_worker_however_that_ends(tmp_path):
    async with running(tmp_path) as process:
        (server,) = children(process.pid)
    await until_gone(server)
    (tmp_path / "index.sock").unlink()
    async with running(tmp_path) as process:
        (server,) = children(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        await until_gone(server)


async def test_the_worker_ends_with_the_server_and_says_so(tmp_path):
    async with running(tmp_path) as process:
        (server,) = children(process.pid)
        _, writer = await asyncio.open_unix_connection(tmp_path / "index.sock")
        os.kill(server, signal.SIGKILL)
        assert await process.wait(10)
        writer.close()
    assert process.how_it_ended() == "index ended with exit code 1: Chroma's server was killed by SIGKILL."


async def test_a_worker_whose_daemon_is_gone_already_does_not_stay(tmp_path):
    process = ChildProcess.start("index", chroma_argv(tmp_path), {"JARVISD_PARENT_PID": "1"})
    assert await process.wait(20)
    await process.stop(0)
    assert process.how_it_ended().endswith("The daemon that started this process is gone.")


TAKEN = """
import sys
from pathlib import Path
import jarvisd.workers.chroma as worker
ports = [int(port) for port in sys.argv[2:]]
worker.free_port = lambda: ports.pop(0)
pid, port = worker.start_server(Path(sys.argv[1]))
print(port, worker.listens(pid, port), worker.listens(pid, int(sys.argv[2])))
"""


async def started_on(folder: Path, *ports: int) -> tuple[int | None, str]:
    arguments = (sys.executable, "-c", TAKEN, str(folder), *map(str, ports))
    process = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = await process.communicate()
    return process.returncode, said.decode().strip().splitlines()[-1]


async def test_a_port_that_somebody_took_is_left_to_him(tmp_path):
    with socket.create_server((LOOPBACK, 0)) as taken:
        port, free = taken.getsockname()[1], free_port()
        assert await started_on(tmp_path, port, free) == (0, f"{free} True False")
        code, said = await started_on(tmp_path, *[port] * 5)
        assert (code, said) == (1, f"Address {LOOPBACK}:{port} is not available")


async def test_without_its_package_it_says_what_to_install(tmp_path):
    (tmp_path / "chromadb_rust_bindings.py").write_text("raise ImportError('No module named x')")
    code, said = await how_it_ended("chroma", *chroma_argv(tmp_path)[4:], env={"PYTHONPATH": str(tmp_path)})
    assert code == os.EX_UNAVAILABLE
    assert said == f"Chroma is not installed (No module named x): {PIP}"


async def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "memory-index").write_text("a file")
    said = await failed_start(tmp_path)
    assert said == (
        f"The folder {tmp_path}/memory-index of the index cannot be written (File exists): correct its permissions."
    )


async def test_a_database_that_is_damaged_is_told(tmp_path):
    (tmp_path / "memory-index").mkdir()
    (tmp_path / "memory-index/chroma.sqlite3").write_bytes(b"SQLite format 4" * 1000)
    said = await failed_start(tmp_path)
    assert "file is not a database" in said


async def test_it_runs_under_another_python_which_is_lent_nothing_but_the_worker(tmp_path):
    package = Path(importlib.util.find_spec("chromadb_rust_bindings").origin).parent
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/packages").mkdir()
    (tmp_path / "env/packages/chromadb_rust_bindings").symlink_to(package)
    python = tmp_path / "env/bin/python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/env/packages exec {sys.base_prefix}/bin/python3 -S "$@"\n')
    python.chmod(0o755)
    spec = await asyncio.to_thread(worker_spec, tmp_path, "index", kind="chroma", python=str(tmp_path / "env"))
    async with running_pool(spec, probes=PROBES | {"chroma": probe}) as (pool, _), pool.lease("index", 20) as endpoint:
        assert await ask(endpoint, "GET") == []


async def test_a_python_that_is_missing_or_bare_is_told(tmp_path):
    assert await failed_start(tmp_path, python=str(tmp_path / "none")) == (
        f"{tmp_path}/none/bin/python cannot be started (No such file or directory): make an environment there and "
        "install chromadb into it, or correct `python` in the configuration."
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.base_prefix}/bin/python3 -S "$@"\n')
    python.chmod(0o755)
    said = await failed_start(tmp_path, python=str(python))
    assert said.startswith("Chroma is not installed (No module named 'chromadb_rust_bindings'): run ")
    assert said.endswith(" -m pip install --no-deps 'chromadb>=1.5,<2'")


async def test_what_deleted_collections_left_is_swept_away_at_the_next_start(tmp_path):
    endpoint, folder = chroma_endpoint(tmp_path), tmp_path / "memory-index"

    async def store(name: str) -> None:
        made = await ask(endpoint, "POST", "", {"name": name})
        await ask(endpoint, "POST", f"/{made['id']}/upsert", {"ids": ["a"], "embeddings": [[1, 0]]})

    def folders() -> set[str]:
        return {place.name for place in folder.iterdir() if place.is_dir()}

    async with running(tmp_path):
        await store("kept")
        kept = folders()
        await store("deleted")
        await ask(endpoint, "DELETE", "/deleted")
        assert len(folders()) == 2
    (folder / "of somebody else").mkdir()
    (tmp_path / "index.sock").unlink()
    async with running(tmp_path):
        assert folders() == {*kept, "of somebody else"}
        assert [one["name"] for one in await ask(endpoint, "GET")] == ["kept"]


def test_nothing_is_swept_without_a_database(tmp_path):
    (tmp_path / "a1393e2e-c4f8-4524-8f8a-9b10a813caa5").mkdir()
    sweep(tmp_path)
    (tmp_path / "chroma.sqlite3").write_bytes(b"")
    sweep(tmp_path)
    assert (tmp_path / "a1393e2e-c4f8-4524-8f8a-9b10a813caa5").is_dir()
