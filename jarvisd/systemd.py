"""Talks to systemd: readiness, status, reload and watchdog over its notify socket, and lines for its journal.

Everything here does nothing where jarvisd was not started by systemd.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Literal, TextIO

_LOGGER = logging.getLogger(__name__)

Level = Literal["debug", "info", "warning", "error"]
# sd-daemon(3): the priority that journald reads from the front of a line.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7
_OWN_LOGGERS = ("jarvisd", "jarvisd_plugins")


class Notifier:
    """systemd's notify socket. A message that cannot be sent is logged; it never stops the daemon."""

    def __init__(self, address: str | None) -> None:
        """`address` as in $NOTIFY_SOCKET: a path, or an abstract name behind an @; None: do nothing."""
        self._address = address
        self._failing = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Notifier:
        return cls(environ.get("NOTIFY_SOCKET") or None)

    @property
    def enabled(self) -> bool:
        return self._address is not None

    def ready(self, status: str) -> bool:
        """Start or reload is done. `status` is the line that `systemctl status` shows."""
        return self._send(f"READY=1\nSTATUS={_one_line(status)}")

    def status(self, status: str) -> bool:
        return self._send(f"STATUS={_one_line(status)}")

    def reloading(self) -> bool:
        """A reload has begun; `ready` ends it."""
        return self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> bool:
        return self._send(f"STOPPING=1\nSTATUS={_one_line(status)}")

    def ping(self) -> bool:
        """Tells the watchdog that the daemon is alive."""
        return self._send("WATCHDOG=1")

    def _send(self, message: str) -> bool:
        """Returns whether systemd took the message. Never waits: the loop must not depend on systemd."""
        if self._address is None:
            return False
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify_socket:
                notify_socket.setblocking(False)
                notify_socket.sendto(message.encode(), address)
        except (OSError, ValueError) as error:
            if not self._failing:
                _LOGGER.warning("systemd cannot be told %s: %s", message.partition("=")[0], error)
            self._failing = True
            return False
        if self._failing:
            _LOGGER.info("systemd can be reached again")
        self._failing = False
        return True


def watchdog_interval_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """Seconds without a ping after which systemd kills the daemon; None where it does not watch this process."""
    text = environ.get("WATCHDOG_USEC")
    if not text or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    if not text.isdecimal() or int(text) == 0:
        _LOGGER.warning("WATCHDOG_USEC is %r, which is no number of microseconds; the watchdog is not served", text)
        return None
    return int(text) / 1_000_000


async def watchdog(notifier: Notifier, interval_s: float, alive: Callable[[], bool]) -> None:
    """Pings at half the interval for as long as `alive` says so. Runs until it is cancelled.

    It belongs on the daemon's own loop: a loop that hangs must stop pinging.
    """
    was_alive = True
    while True:
        is_alive = alive()
        if is_alive:
            notifier.ping()
        if was_alive and not is_alive:
            _LOGGER.error(
                "an essential service is down; systemd restarts jarvisd unless it is back within the watchdog's %.0f s",
                interval_s,
            )
        elif is_alive and not was_alive:
            _LOGGER.info("the essential services are back")
        was_alive = is_alive
        await asyncio.sleep(interval_s / 2)


def setup_logging(level: Level, stream: TextIO = sys.stderr, environ: Mapping[str, str] = os.environ) -> None:
    """Sends log lines to where jarvisd's errors go: the journal with its priorities, or a terminal or file."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    root.addHandler(log_handler(stream, environ))
    set_level(level)


def set_level(level: Level) -> None:
    """The least important level shown of jarvisd and its plugins; libraries are shown from `info` at most."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(max(number, logging.INFO))
    for name in _OWN_LOGGERS:
        logging.getLogger(name).setLevel(number)


def log_handler(stream: TextIO, environ: Mapping[str, str]) -> logging.Handler:
    """The journal's own handler where systemd-python is installed, else lines that fit the stream."""
    if not is_journal(stream, environ):
        handler: logging.Handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
        return handler
    try:
        from systemd.journal import JournalHandler
    except ImportError:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(PriorityFormatter("%(name)s: %(message)s"))
        return handler
    journal: logging.Handler = JournalHandler(SYSLOG_IDENTIFIER="jarvisd")
    journal.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    return journal


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream is the one that systemd connected to the journal ($JOURNAL_STREAM is device:inode)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class PriorityFormatter(logging.Formatter):
    """Puts `<N>` in front of every line, so that the journal knows each one's priority, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), _DEBUG_PRIORITY)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def _one_line(text: str) -> str:
    """Without line ends, which would begin another assignment."""
    return " ".join(text.split())
