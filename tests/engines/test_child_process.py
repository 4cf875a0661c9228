import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys

import pytest

from jarvisd.engines.process import ChildProcess, remove_socket
from jarvisd.errors import EngineStartError
from tests.fakes.engines import is_running, until_gone


def child(code: str, on_end=lambda: None, **env: str) -> ChildProcess:
    return ChildProcess.start("quick", (sys.executable, "-S", "-c", code), env, on_end)


async def ended(process: ChildProcess) -> ChildProcess:
    assert await process.wait(20)
    await process.stop(1)
    return process


async def first_line(process: ChildProcess) -> str:
    async with asyncio.timeout(20):
        while not process.last_lines:
            await asyncio.sleep(0.01)
    return process.last_lines[0]


async def test_how_it_ended_tells_the_exit_code_and_the_last_words():
    process = await ended(child("import sys; print('loading'); sys.exit('no such file')"))
    assert process.how_it_ended() == "quick ended with exit code 1: no such file"
    assert list(process.last_lines) == ["loading", "no such file"]


async def test_a_workers_own_explanation_is_told_as_it_is():
    code = f"import sys; sys.stderr.write('Run pip install x\\n'); sys.exit({os.EX_UNAVAILABLE})"
    assert (await ended(child(code))).how_it_ended() == "Run pip install x"


async def test_want_of_memory_is_told_rather_than_the_farewell_after_it():
    code = "import sys; print('CUDA out of memory. Tried to allocate 2 GiB'); sys.exit('See root cause above')"
    assert "Tried to allocate" in (await ended(child(code))).how_it_ended()


async def test_a_signal_is_named():
    process = await ended(child("import os; os.kill(os.getpid(), 9)"))
    assert process.how_it_ended() == "quick was killed by SIGKILL without a word."
    assert process.exit_code == -signal.SIGKILL


async def test_its_words_are_logged_at_debug_and_only_the_last_are_kept(caplog):
    with caplog.at_level(logging.DEBUG, "jarvisd.engine.quick"):
        process = await ended(child("for i in range(500): print('line', i)"))
    assert [record.getMessage() for record in caplog.records if record.name == "jarvisd.engine.quick"][-1] == "line 499"
    assert list(process.last_lines) == [f"line {i}" for i in range(480, 500)]


async def test_a_line_without_end_and_bytes_that_are_no_text_are_kept_short():
    process = await ended(child("import os; os.write(1, b'\\xff' * 300_000); os.write(2, b'\\nend')"))
    assert process.last_lines[-1] == "end"
    assert all(len(line) <= 2_000 for line in process.last_lines)


async def test_on_end_is_called_once():
    calls = []
    await ended(child("pass", lambda: calls.append(1)))
    assert calls == [1]


async def test_stop_kills_what_ignores_sigterm(caplog):
    process = child("import signal, time; signal.signal(15, 1); print('deaf', flush=True); time.sleep(600)")
    assert await first_line(process) == "deaf"
    await process.stop(0.1)
    assert process.exit_code == -signal.SIGKILL
    assert not is_running(process.pid)
    assert "did not end within" in caplog.text


async def test_stop_lets_a_polite_child_end_by_itself():
    code = (
        "import signal, time, sys; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); time.sleep(600)"
    )
    process = child(code)
    await first_line(process)
    await process.stop(20)
    assert process.exit_code == 7


async def test_a_cancelled_stop_leaves_nothing_running():
    process = child("import signal, time; signal.signal(15, 1); print('deaf', flush=True); time.sleep(600)")
    await first_line(process)
    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(process.stop(600))
        await asyncio.sleep(0)
        stopping.cancel()
    assert process.ended
    assert not is_running(process.pid)
    with pytest.raises(ProcessLookupError):  # reaped, too
        os.kill(process.pid, 0)


async def test_what_a_crashed_child_left_in_its_group_is_killed_with_it():
    code = (
        "import subprocess, sys, os;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print(p.pid, flush=True); os._exit(3)"
    )
    process = await ended(child(code))
    assert process.exit_code == 3
    orphan = int(process.last_lines[0])
    await until_gone(orphan)


async def test_a_child_has_a_session_of_its_own_and_nothing_on_stdin():
    code = "import os, sys; print(os.getsid(0) == os.getpid(), repr(sys.stdin.read()))"
    assert list((await ended(child(code))).last_lines) == ["True ''"]


async def test_a_child_does_not_inherit_what_is_only_for_the_daemon(monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    monkeypatch.setenv("JARVISD_MQTT_PASSWORD", "sesame")
    code = "import os; print('NOTIFY_SOCKET' in os.environ, 'JARVISD_MQTT_PASSWORD' in os.environ, os.environ['A'])"
    assert list((await ended(child(code, A="1"))).last_lines) == ["False False 1"]


async def test_cuda_numbers_cards_as_nvidia_smi_does():
    assert list((await ended(child("import os; print(os.environ['CUDA_DEVICE_ORDER'])"))).last_lines) == ["PCI_BUS_ID"]


async def test_a_program_that_is_not_there_is_told():
    with pytest.raises(EngineStartError, match="/no/such/program cannot be started: No such file or directory"):
        ChildProcess.start("quick", ("/no/such/program",), {})


def test_a_socket_left_behind_is_removed_and_anything_else_is_not(tmp_path):
    left, precious = tmp_path / "a.sock", tmp_path / "b.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(left))
    precious.write_text("mine")
    remove_socket(str(left))
    remove_socket(str(tmp_path / "never.sock"))
    assert not left.exists()
    with pytest.raises(EngineStartError, match="is not a socket, so it is left alone"):
        remove_socket(str(precious))
    assert precious.read_text() == "mine"


DAEMON = """
import asyncio, sys
from jarvisd.engines.process import ChildProcess

async def main():
    child = ChildProcess.start("x", (sys.executable, "-P", "-m", "jarvisd.workers.launch", "--", "sleep", "600"), {})
    while not open(f"/proc/{child.pid}/comm").read().startswith("sleep"):
        await asyncio.sleep(0.01)
    print(child.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_launched_program_dies_with_the_daemon_however_that_dies():
    daemon = await asyncio.create_subprocess_exec(sys.executable, "-c", DAEMON, stdout=subprocess.PIPE)
    pid = int(await daemon.stdout.readline())
    assert is_running(pid)
    daemon.kill()
    await daemon.wait()
    await until_gone(pid)


async def test_a_launched_program_that_is_not_installed_is_told():
    argv = (sys.executable, "-P", "-m", "jarvisd.workers.launch", "--", "no-such-model-server", "serve")
    process = await ended(ChildProcess.start("quick", argv, {}))
    assert process.how_it_ended().startswith("no-such-model-server cannot be started (No such file or directory)")
