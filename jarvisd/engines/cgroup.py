"""A control group for each child: whatever it starts, and however that runs away, ends with it.

Possible where the daemon's own group in the tree (cgroup v2) was given to it, as systemd does for `Delegate=yes`.
What is read and written here are the kernel's words, not files on a disk.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_LOGGER = logging.getLogger(__name__)

# A child that finds its group's folder here makes it and goes in before it starts anything (workers/lifeline.py).
GROUP_VARIABLE = "JARVISD_CGROUP"
# systemd's mark on what it gives away.
DELEGATED = "user.delegate"
# Processes belong into leaves; the daemon's own is this one.
DAEMON_LEAF = "daemon"
PREFIX = "engine-"
# What was killed and still waits for its hardware is not waited for any longer.
END_WAIT_S = 5.0
LOOK_EVERY_S = 0.01


@dataclass(frozen=True, slots=True)
class ChildGroup:
    """The group of one child, which makes it itself."""

    folder: Path

    def kill(self) -> None:
        """SIGKILL to all that is in it, if it is there. Returns at once: the loop may call it."""
        with suppress(OSError):
            descriptor = os.open(self.folder / "cgroup.kill", os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(descriptor, b"1")
            finally:
                os.close(descriptor)

    def remove(self) -> bool:
        """Returns whether it is gone, with the groups that were made inside: not as long as somebody is in one."""
        try:
            for folder, _, _ in os.walk(self.folder, topdown=False):
                Path(folder).rmdir()
        except FileNotFoundError:
            return not self.folder.exists()
        except OSError:
            return False
        return True

    def processes(self) -> int:
        """How many are in it. One that ends meanwhile takes its line, or its whole group, with it."""
        count = 0
        for folder, _, _ in os.walk(self.folder):
            with suppress(OSError):
                count += len((Path(folder) / "cgroup.procs").read_text().split())
        return count


class GroupTree:
    """The daemon's part of the tree."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def group(self, name: str) -> ChildGroup:
        return ChildGroup(self._root / f"{PREFIX}{name}")

    def sweep(self) -> int:
        """Ends what an earlier daemon left in its children's groups; returns how many processes. For a thread."""
        ended = 0
        for folder in sorted(self._root.glob(f"{PREFIX}*")):
            group, name = ChildGroup(folder), folder.name.removeprefix(PREFIX)
            if left := group.processes():
                _LOGGER.warning("engine %s of an earlier run left processes behind: %d are ended", name, left)
                ended += left
            if not _ended(group):
                _LOGGER.error("what engine %s of an earlier run left outlives SIGKILL; it waits for its hardware", name)
        return ended


def own_tree() -> GroupTree | None:
    """The daemon's part of the tree, after it went into a leaf of it; None where no part was given to it."""
    root = find_own_group(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
    if root is None or not _is_ours(root):
        return None
    procs = root / DAEMON_LEAF / "cgroup.procs"
    try:
        procs.parent.mkdir(exist_ok=True)
        if procs.read_text():
            _LOGGER.warning("another jarvisd is in the control group %s: engines of this one get none", root)
            return None
        procs.write_text("0")
    except OSError as error:
        _LOGGER.warning(
            "the control group %s cannot be used (%s): what an engine starts and lets go may outlive it",
            root,
            error.strerror,
        )
        return None
    return GroupTree(root)


def find_own_group(cgroup: str, mountinfo: str) -> Path | None:
    """The folder of a process's group, by its /proc/PID/cgroup and mountinfo; None where it is not to be seen. Pure."""
    own = next((PurePosixPath(line[3:]) for line in cgroup.splitlines() if line.startswith("0::")), None)
    if own is None or ".." in own.parts:
        return None
    for line in mountinfo.splitlines():
        mount, _, kind = line.partition(" - ")
        root, place = mount.split()[3:5]
        if kind.startswith("cgroup2 ") and own.is_relative_to(root):
            return Path(place) / own.relative_to(root)
    return None


def _is_ours(root: Path) -> bool:
    """Whether it was given to us, and the kernel can empty it (Linux 5.14)."""
    try:
        given = os.getxattr(root, DELEGATED) == b"1"
    except OSError:
        return False
    return given and (root / "cgroup.kill").exists() and os.access(root, os.W_OK)


def _ended(group: ChildGroup) -> bool:
    group.kill()
    end = time.monotonic() + END_WAIT_S
    while not group.remove():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_EVERY_S)
    return True
