"""Children of an earlier daemon that outlived it: recognised without doubt, or left alone."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jarvisd.engines.cgroup import ChildGroup, GroupTree

_LOGGER = logging.getLogger(__name__)

PROC = Path("/proc")
SUFFIX = ".child.json"
# In the environment of a child, and of all that it starts.
MARK = "JARVISD_CHILD"
# What was killed and still waits for its hardware is not waited for any longer.
END_WAIT_S = 5.0
# /proc/PID/environ is empty while a process is in the middle of an exec: it is looked at again before it is judged.
EXEC_LOOKS = 20
EXEC_LOOK_S = 0.005


@dataclass(frozen=True, slots=True)
class Record:
    """Who a child is: a process number alone is given to somebody else sooner or later."""

    pid: int
    start_ticks: int
    boot_id: str
    mark: str


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    session: int
    start_ticks: int


class ChildRecords:
    """Files in the runtime folder, one for each running child. What reads or writes blocks: for a thread.

    `tree`: the daemon's part of the control groups, where it was given one.
    """

    def __init__(self, folder: Path, tree: GroupTree | None = None) -> None:
        self._folder = folder
        self._tree = tree
        self.mark = uuid.uuid4().hex

    def control_group(self, name: str) -> ChildGroup | None:
        """What a child of that name is to be put into."""
        return self._tree.group(name) if self._tree is not None else None

    def keep(self, name: str, pid: int) -> None:
        """A child leads a session of its own, which has its number."""
        process = _process(pid)
        if process is None:
            return
        record = Record(pid, process.start_ticks, _boot_id(), self.mark)
        try:
            self._file(name).write_text(json.dumps(asdict(record)))
        except OSError as error:
            _LOGGER.warning("engine %s cannot be recorded (%s): it would outlive a crash", name, error.strerror)

    def drop(self, name: str) -> None:
        with suppress(OSError):
            self._file(name).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Ends what an earlier daemon's children left behind; returns how many processes that were."""
        ended = self._tree.sweep() if self._tree is not None else 0
        for file in sorted(self._folder.glob(f"*{SUFFIX}")):
            record = _read(file)
            if record is not None and record.boot_id == _boot_id():
                left = list(_left_by(record))
                for process in left:
                    _kill(process)
                ended += len(left)
                if left:
                    name = file.name.removesuffix(SUFFIX)
                    _LOGGER.warning("engine %s of an earlier run left processes behind: %d ended", name, len(left))
            file.unlink(missing_ok=True)
        return ended

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"


def _left_by(record: Record) -> Iterator[_Process]:
    """Processes of the child's session. The session's number is not given away while one of them lives."""
    leader = _process(record.pid)
    if leader is not None and leader.start_ticks != record.start_ticks:
        return  # the number has gone to somebody else, so nothing of ours was left
    for folder in PROC.glob("[0-9]*"):
        process = _process(int(folder.name))
        if process is None or process.session != record.pid or process.start_ticks < record.start_ticks:
            continue
        if _may_be_ours(folder, record.mark):
            yield process


def _may_be_ours(folder: Path, mark: str) -> bool:
    """The same user, and our mark in its environment, unless a title that it gave itself has overwritten that."""
    try:
        environment = _environment(folder)
        user = folder.stat().st_uid
    except OSError:
        return False
    return user == os.getuid() and (f"{MARK}={mark}".encode() in environment or b"PATH=" not in environment)


def _environment(folder: Path) -> bytes:
    """What a process was started with; empty only where it stays so. Raises OSError where the process has ended."""
    for _ in range(EXEC_LOOKS):
        if environment := (folder / "environ").read_bytes():
            return environment
        time.sleep(EXEC_LOOK_S)
    return b""


def _kill(process: _Process) -> None:
    """By a descriptor, and after another look: it may have ended, and its number may be another's, at any moment."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return
    try:
        if _process(process.pid) == process:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            select.select([descriptor], [], [], END_WAIT_S)
    except OSError as error:
        _LOGGER.warning("process %d of an earlier run cannot be ended: %s", process.pid, error.strerror)
    finally:
        os.close(descriptor)


def _process(pid: int) -> _Process | None:
    """Session and start time (fields 6 and 22 of /proc/PID/stat, proc(5)); None where it has ended."""
    try:
        state, *fields = (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if state in {"Z", "X"} else _Process(pid, int(fields[2]), int(fields[18]))


def _read(file: Path) -> Record | None:
    try:
        said: Any = json.loads(file.read_text())
        return Record(int(said["pid"]), int(said["start_ticks"]), str(said["boot_id"]), str(said["mark"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()
