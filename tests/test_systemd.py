"""systemd's protocols, spoken to real sockets."""

import asyncio
import io
import logging
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jarvisd.systemd import (
    Notifier,
    PriorityFormatter,
    is_journal,
    log_handler,
    set_level,
    setup_logging,
    watchdog,
    watchdog_interval_s,
)

UNIT = Path(__file__).parents[1] / "systemd/jarvisd.service"


@pytest.fixture
def manager(tmp_path):
    """systemd's end of the notify socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


@pytest.fixture
def notifier(manager):
    return Notifier(manager.getsockname())


class TestNotifier:
    def test_ready_and_status(self, manager, notifier):
        assert notifier.ready("listening")
        assert manager.recv(4096) == b"READY=1\nSTATUS=listening"
        assert notifier.status("2 engines ready")
        assert manager.recv(4096) == b"STATUS=2 engines ready"

    def test_reload_carries_the_time(self, manager, notifier):
        before_us = time.monotonic_ns() // 1000
        assert notifier.reloading()
        first, second = manager.recv(4096).decode().split("\n")
        assert first == "RELOADING=1"
        assert before_us <= int(second.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000

    def test_stopping_and_ping(self, manager, notifier):
        assert notifier.stopping("engines")
        assert manager.recv(4096) == b"STOPPING=1\nSTATUS=engines"
        assert notifier.ping()
        assert manager.recv(4096) == b"WATCHDOG=1"

    def test_status_cannot_carry_an_assignment(self, manager, notifier):
        notifier.status("engine failed:\nSTOPPING=1\n")
        assert manager.recv(4096) == b"STATUS=engine failed: STOPPING=1"

    def test_abstract_socket(self):
        name = f"jarvisd-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(f"\0{name}")
            assert Notifier.from_environment({"NOTIFY_SOCKET": f"@{name}"}).ping()
            assert listener.recv(4096) == b"WATCHDOG=1"

    @pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}])
    def test_does_nothing_without_systemd(self, environ, caplog):
        notifier = Notifier.from_environment(environ)
        assert not notifier.enabled
        assert not notifier.ready("x")
        assert caplog.records == []

    @pytest.mark.parametrize("address", ["/no/such/socket", "relative", "/" + "x" * 200, "a\0b"])
    def test_unreachable_is_said_once(self, address, caplog):
        notifier = Notifier(address)
        assert [notifier.ready("x"), notifier.ping(), notifier.ping()] == [False, False, False]
        assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["systemd cannot be told READY"]

    def test_back_again_is_said_once(self, tmp_path, caplog):
        caplog.set_level(logging.INFO)
        notifier = Notifier(str(tmp_path / "late"))
        assert not notifier.ping()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(tmp_path / "late"))
            assert notifier.ping()
            assert notifier.ping()
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]

    def test_full_socket_never_waits(self, manager, notifier):
        while notifier.ping():
            pass
        assert manager.recv(4096) == b"WATCHDOG=1"
        assert notifier.ping()


class TestWatchdog:
    @pytest.mark.parametrize(
        ("environ", "interval_s"),
        [
            ({}, None),
            ({"WATCHDOG_USEC": "30000000"}, 30.0),
            ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
            ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "1"}, None),
            ({"WATCHDOG_USEC": "soon"}, None),
            ({"WATCHDOG_USEC": "0"}, None),
        ],
    )
    def test_interval(self, environ, interval_s):
        assert watchdog_interval_s(environ) == interval_s

    async def test_pings_only_while_alive(self, manager, notifier, caplog):
        caplog.set_level(logging.INFO)
        loop = asyncio.get_running_loop()
        answer = True
        asked_in_vain = 0
        enough = asyncio.Event()

        def alive():
            nonlocal asked_in_vain
            asked_in_vain += not answer
            if asked_in_vain == 3:
                enough.set()
            return answer

        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            task = group.create_task(watchdog(notifier, 0.01, alive))
            for _ in range(3):
                assert await loop.sock_recv(manager, 4096) == b"WATCHDOG=1"
            answer = False
            drain(manager)
            await enough.wait()
            assert drain(manager) == 0
            answer = True
            assert await loop.sock_recv(manager, 4096) == b"WATCHDOG=1"
            task.cancel()
        assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def drain(listener):
    count = 0
    while True:
        try:
            listener.recv(4096)
        except BlockingIOError:
            return count
        count += 1


@pytest.fixture
def root_logger():
    """The root logger with what the test does to it undone."""
    loggers = [logging.getLogger(name) for name in (None, "jarvisd", "jarvisd_plugins")]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield loggers[0]
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def journal_environ(file):
    status = os.fstat(file.fileno())
    return {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}


class TestLogging:
    def test_journal_is_known_by_device_and_inode(self, tmp_path):
        with (tmp_path / "journal").open("w") as journal, (tmp_path / "other").open("w") as other:
            environ = journal_environ(journal)
            assert is_journal(journal, environ)
            assert not is_journal(other, environ)
            assert not is_journal(journal, {})
            assert not is_journal(io.StringIO(), environ)

    def test_every_line_has_its_priority(self):
        formatter = PriorityFormatter("%(name)s: %(message)s")
        try:
            raise OSError("gone")
        except OSError:
            record = logging.LogRecord("jarvisd.x", logging.ERROR, "f", 1, "broke:\n%s", ("here",), sys.exc_info())
        lines = formatter.format(record).splitlines()
        assert lines[:2] == ["<3>jarvisd.x: broke:", "<3>here"]
        assert lines[-1] == "<3>OSError: gone"
        assert all(line.startswith("<3>") for line in lines)

    @pytest.mark.parametrize(
        ("level", "priority"),
        [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.CRITICAL, 2)],
    )
    def test_priorities(self, level, priority):
        record = logging.LogRecord("n", level, "f", 1, "m", None, None)
        assert PriorityFormatter("%(message)s").format(record) == f"<{priority}>m"

    def test_lines_for_the_journal(self, tmp_path, root_logger):
        with (tmp_path / "journal").open("w+") as journal:
            handler = log_handler(journal, journal_environ(journal))
            if type(handler) is not logging.StreamHandler:
                pytest.skip("systemd-python is installed: its handler writes to the journal's own socket")
            root_logger.handlers[:] = [handler]
            logging.getLogger("jarvisd.test").error("broke")
            journal.seek(0)
            assert journal.read() == "<3>jarvisd.test: broke\n"

    def test_lines_for_people(self, root_logger):
        stream = io.StringIO()
        setup_logging("info", stream, {})
        logging.getLogger("jarvisd.audio.wake").info("heard %s", "hey_jarvis")
        logging.getLogger("jarvisd.audio.wake").debug("not shown")
        (line,) = stream.getvalue().splitlines()
        assert line.endswith(" INFO    jarvisd.audio.wake: heard hey_jarvis")

    def test_setting_up_again_adds_no_second_handler(self, root_logger):
        first, second = io.StringIO(), io.StringIO()
        setup_logging("info", first, {})
        setup_logging("info", second, {})
        logging.getLogger("jarvisd").warning("once")
        assert first.getvalue() == ""
        assert second.getvalue().count("once") == 1

    def test_level_changes_while_running(self, root_logger):
        stream = io.StringIO()
        setup_logging("warning", stream, {})
        logging.getLogger("jarvisd.x").info("one")
        set_level("debug")
        logging.getLogger("jarvisd.x").debug("two")
        logging.getLogger("jarvisd_plugins.x").debug("three")
        logging.getLogger("httpcore").debug("never: libraries are shown from info")
        logging.getLogger("httpcore").info("four")
        assert [line.rpartition(" ")[2] for line in stream.getvalue().splitlines()] == ["two", "three", "four"]


class TestUnit:
    @pytest.mark.skipif(not Path("/usr/bin/systemd-analyze").exists(), reason="no systemd-analyze here")
    def test_systemd_finds_no_fault(self, tmp_path):
        # The program is at its place only where jarvisd is installed as the manual says.
        unit = tmp_path / UNIT.name
        unit.write_text(UNIT.read_text().replace("/opt/jarvisd/.venv/bin/jarvisd", sys.executable))
        done = subprocess.run(
            ["/usr/bin/systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
        )
        # It says unknown keys, but exits with 0.
        assert (done.returncode, done.stderr) == (0, "")

    def test_program_and_manual_agree(self):
        manual = (UNIT.parents[1] / "docs/operations.md").read_text()
        assert "ExecStart=/opt/jarvisd/.venv/bin/jarvisd run\n" in UNIT.read_text()
        assert "/opt/jarvisd/.venv/bin/jarvisd" in manual
