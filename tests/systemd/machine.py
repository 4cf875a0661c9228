"""A throw-away machine with a real systemd as PID 1, in namespaces of its own. Needs root, cgroup v2 and overlayfs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
BOOT_LIMIT_S = 60
WAIT_LIMIT_S = 30
NAMESPACES = ("--pid", "--mount", "--uts", "--ipc", "--net")


class Machine:
    """`root`: its file system, seen from outside."""

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self.root = Path(f"/proc/{leader}/root")

    def run(self, *argv: str, check: bool = True) -> str:
        """Run a program inside; returns what it wrote to standard output."""
        done = subprocess.run(
            ["nsenter", f"--target={self._leader}", "--cgroup", *NAMESPACES, "--", *argv],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_PAGER": ""},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit)

    def wait_for(self, unit: str, name: str, value: str) -> None:
        """Wait until a property of a unit has a value."""
        self.wait_until(
            lambda: self.show(unit, name) == value,
            lambda: f"{unit}: {name} is {self.show(unit, name)}, not {value}\n{self.journal(unit)}",
        )

    def wait_for_line(self, unit: str, text: str) -> None:
        """Wait until a unit has logged a text."""
        self.wait_until(lambda: text in self.journal(unit), lambda: f"no {text!r} in:\n{self.journal(unit)}")

    def wait_until(self, true: Callable[[], bool], otherwise: Callable[[], str] = str) -> None:
        end = time.monotonic() + WAIT_LIMIT_S
        while not true():
            assert time.monotonic() < end, otherwise()
            time.sleep(0.1)

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}")


def why_not() -> str:
    """Why no machine can be booted here; empty where one can."""
    missing = [program for program in ("unshare", "nsenter", "setpriv", "systemctl", "ip") if not shutil.which(program)]
    if os.geteuid() != 0:
        return "needs root"
    if missing or (not Path("/usr/lib/systemd/systemd").exists() and not Path("/lib/systemd/systemd").exists()):
        return f"needs systemd and util-linux {missing}"
    if Path("/tmp") in REPOSITORY.parents:
        return "needs a checkout outside /tmp: the machine has a /tmp of its own"
    return "" if _cgroup_root() else "needs cgroup v2"


@contextmanager
def booted() -> Iterator[Machine]:
    """A machine that has reached basic.target; gone without a trace at the end."""
    cgroup = _new_cgroup()
    with tempfile.TemporaryDirectory(prefix="jarvisd-machine-") as scratch:
        process = subprocess.Popen(
            ["unshare", *NAMESPACES, "--fork", "--kill-child", "--propagation=private", "--",
             Path(__file__).with_name("boot.sh"), scratch, cgroup, REPOSITORY],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield _when_up(process)
        finally:
            process.kill()
            process.communicate()
            _remove_cgroup(cgroup)


def _when_up(process: subprocess.Popen[bytes]) -> Machine:
    end = time.monotonic() + BOOT_LIMIT_S
    while time.monotonic() < end:
        if process.poll() is not None:
            output = process.communicate()[0].decode()
            raise AssertionError(f"the machine did not boot: {output}")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if children and Path(f"/proc/{children[0]}/root/run/systemd/private").exists():
            machine = Machine(int(children[0]))
            machine.wait_for("basic.target", "ActiveState", "active")
            return machine
        time.sleep(0.05)
    raise AssertionError(f"the machine did not come up within {BOOT_LIMIT_S} s")


def _cgroup_root() -> Path | None:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return next((Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"), None)


def _new_cgroup() -> Path:
    """A group below the one that this process is in."""
    root = _cgroup_root()
    assert root is not None
    (own,) = (line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    cgroup = root / own.lstrip("/") / f"jarvisd-machine-{os.getpid()}"
    cgroup.mkdir()
    return cgroup


def _remove_cgroup(cgroup: Path) -> None:
    """Bottom up; the kernel may need a moment to see that the processes are gone."""
    end = time.monotonic() + 10
    while cgroup.exists():
        for folder, _, _ in os.walk(cgroup, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:
                assert time.monotonic() < end, f"{folder} is still in use"
        time.sleep(0.05)
