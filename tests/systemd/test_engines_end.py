"""What an engine started and let go ends with it, on a real systemd, where the unit gives the daemon its control group."""

import time

import pytest

from tests.systemd.machine import REPOSITORY, booted, why_not

pytestmark = [pytest.mark.systemd, pytest.mark.skipif(bool(why_not()), reason=why_not() or "can be booted")]

UNIT = "jarvisd.service"
GROUP = "sys/fs/cgroup/system.slice/jarvisd.service"
PID_FILE = "/run/jarvisd/runaway"
# The engine ignores SIGTERM, and starts a process that has left its session, its parent and its environment.
ENGINE = f"""
[audio]
source = "none"
[engines.wild]
kind = "process"
argv = ["/opt/jarvisd/.venv/bin/python", "/opt/jarvisd/tests/fakes/model_server.py", "--socket", "/run/jarvisd/wild.sock",
    "--misbehave", "runaway", "--misbehave", "ignore-sigterm", "--pid-file", "{PID_FILE}"]
url = "unix:///run/jarvisd/wild.sock"
stop_timeout_s = 0.5
"""


@pytest.fixture(scope="module")
def machine():
    with booted() as machine:
        (machine.root / "etc/systemd/system" / UNIT).write_text((REPOSITORY / "systemd" / UNIT).read_text())
        (machine.root / "etc/jarvisd/jarvisd.toml").write_text(ENGINE)
        yield machine


class Service:
    def __init__(self, machine):
        self.machine = machine
        self.group = machine.root / GROUP

    def ready(self) -> tuple[int, int]:
        """The numbers of the daemon and of the process that ran away, when the engine serves."""
        self.machine.wait_until(lambda: "ready: wild" in self.machine.show(UNIT, "StatusText"), self._why)
        pid = int(self.machine.show(UNIT, "MainPID"))
        return pid, int((self.machine.root / PID_FILE.lstrip("/")).read_text())

    def _why(self) -> str:
        return f"{self.machine.show(UNIT, 'StatusText')}\n{self.machine.journal(UNIT)}"

    def runs(self, pid: int) -> bool:
        return (self.machine.root / f"proc/{pid}").exists()

    def until_gone(self, pid: int) -> None:
        self.machine.wait_until(lambda: not self.runs(pid), lambda: f"{pid} is still there\n{self._why()}")

    def members(self, name: str) -> list[int]:
        """Read inside, where processes have the numbers that they have for the daemon."""
        return [int(pid) for pid in self.machine.run("cat", f"/{GROUP}/{name}/cgroup.procs").split()]

    def engine(self) -> int:
        """The number of the engine's own process: it leads the session that the daemon made for it."""
        sessions = {pid: int(self._stat(pid)[3]) for pid in self.members("engine-wild")}
        return next(pid for pid, session in sessions.items() if pid == session and self._stat(pid)[1] != "1")

    def _stat(self, pid: int) -> list[str]:
        return (self.machine.root / f"proc/{pid}/stat").read_text().rpartition(") ")[2].split()


@pytest.fixture
def service(machine):
    """A started one, by the unit as it is."""
    return service_with(machine, "")


def service_with(machine, settings: str) -> Service:
    more = machine.root / "etc/systemd/system/jarvisd.service.d"
    more.mkdir(exist_ok=True)
    (more / "test.conf").write_text(f"[Service]\n{settings}\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "reset-failed", UNIT, check=False)
    machine.run("systemctl", "restart", UNIT)
    return Service(machine)


def test_each_part_is_in_a_group_of_its_own(service):
    daemon, runaway = service.ready()
    assert service.members("") == []
    assert daemon in service.members("daemon")
    assert sorted(service.members("engine-wild")) == sorted({service.engine(), runaway})
    assert service.machine.run("stat", "--format=%U", f"/{GROUP}/engine-wild") == "jarvisd"


def test_stop_leaves_nothing(service):
    daemon, runaway = service.ready()
    began = time.monotonic()
    service.machine.run("systemctl", "stop", UNIT)
    assert not service.runs(daemon)
    assert not service.runs(runaway)
    assert service.machine.show(UNIT, "Result") == "success"
    # The daemon ended it, not systemd after its TimeoutStopSec=.
    assert time.monotonic() - began < 30
    assert not service.group.exists()


def test_restart_begins_with_an_empty_group(service):
    _, runaway = service.ready()
    service.machine.run("systemctl", "restart", UNIT)
    assert not service.runs(runaway)
    _, another = service.ready()
    assert another != runaway


def test_an_engine_that_dies_takes_what_it_started_along_and_comes_back(service):
    daemon, runaway = service.ready()
    engine = service.engine()
    service.machine.run("kill", "-KILL", str(engine))
    service.until_gone(runaway)
    service.machine.wait_until(lambda: "ready: wild" in service.machine.show(UNIT, "StatusText"))
    assert service.machine.show(UNIT, "MainPID") == str(daemon)


def test_after_a_kill_of_the_daemon_the_next_begins_with_an_empty_group(service):
    daemon, runaway = service.ready()
    service.machine.run("kill", "-KILL", str(daemon))
    service.until_gone(runaway)
    service.machine.wait_for(UNIT, "NRestarts", "1")
    next_daemon, another = service.ready()
    assert (next_daemon != daemon, another != runaway) == (True, True)


def test_what_systemd_leaves_after_a_kill_the_next_daemon_ends(machine):
    service = service_with(machine, "KillMode=process\nRestart=no")
    daemon, runaway = service.ready()
    service.machine.run("kill", "-KILL", str(daemon))
    service.machine.wait_for(UNIT, "ActiveState", "failed")
    assert service.runs(runaway)
    service.machine.run("systemctl", "start", UNIT)
    service.until_gone(runaway)
    assert "engine wild of an earlier run left processes behind: 1" in service.machine.journal(UNIT)
    assert service.ready()[1] != runaway


def test_without_delegation_it_runs_as_before_and_stop_leaves_nothing_all_the_same(machine):
    """Then it is systemd that ends what ran away."""
    service = service_with(machine, "Delegate=no")
    daemon, runaway = service.ready()
    assert {daemon, runaway} <= set(service.members(""))
    assert not (service.group / "daemon").exists()
    service.machine.run("systemctl", "stop", UNIT)
    assert not service.runs(runaway)
