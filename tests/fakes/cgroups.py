"""A part of the tree of control groups, given away as systemd does it. Needs root and cgroup v2."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jarvisd.engines.cgroup import DELEGATED, ChildGroup, find_own_group


@pytest.fixture
def given_group() -> Iterator[Path]:
    """A group that was given away; emptied and removed afterwards."""
    own = find_own_group(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
    if own is None:
        pytest.skip("no cgroup v2 here")
    folder = own / f"jarvisd-test-{os.getpid()}"
    try:
        folder.mkdir()
        os.setxattr(folder, DELEGATED, b"1")
    except OSError as error:
        with suppress(OSError):
            folder.rmdir()
        pytest.skip(f"{own} is not ours: {error}")
    yield folder
    group = ChildGroup(folder)
    group.kill()
    while not group.remove():
        pass


def processes_of(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
