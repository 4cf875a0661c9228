"""jarvisd as the service that systemd/jarvisd.service makes of it, on a real systemd."""

import pytest

from tests.systemd.machine import REPOSITORY, booted, why_not

pytestmark = [pytest.mark.systemd, pytest.mark.skipif(bool(why_not()), reason=why_not() or "can be booted")]

UNIT = "jarvisd.service"
QUIET = '[audio]\nsource = "none"\n'


@pytest.fixture(scope="module")
def machine():
    with booted() as machine:
        unit = REPOSITORY / "systemd" / UNIT
        (machine.root / "etc/systemd/system" / UNIT).write_text(unit.read_text())
        yield machine


@pytest.fixture
def configure(machine):
    """Writes jarvisd's configuration and, if given, more settings of its unit; stops it afterwards."""

    def configure(text, unit=""):
        (machine.root / "etc/jarvisd/jarvisd.toml").write_text(text)
        more = machine.root / "etc/systemd/system/jarvisd.service.d"
        more.mkdir(exist_ok=True)
        (more / "test.conf").write_text(f"[Service]\n{unit}\n")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "reset-failed", UNIT, check=False)

    yield configure
    machine.run("systemctl", "stop", UNIT, check=False)


def test_start_waits_until_it_is_ready_and_stop_is_clean(machine, configure):
    configure(QUIET)
    machine.run("systemctl", "start", UNIT)
    assert machine.show(UNIT, "ActiveState") == "active"
    assert machine.show(UNIT, "StatusText") != ""
    assert int(machine.show(UNIT, "WatchdogUSec").removesuffix("s")) == 30
    pid = machine.show(UNIT, "MainPID")
    assert machine.run("stat", "--format=%U", f"/proc/{pid}") == "jarvisd"
    assert machine.run("/opt/jarvisd/.venv/bin/jarvisd", "status")
    machine.run("systemctl", "stop", UNIT)
    assert machine.show(UNIT, "Result") == "success"


def test_reload_applies_what_is_live(machine, configure):
    configure(QUIET)
    machine.run("systemctl", "start", UNIT)
    pid = machine.show(UNIT, "MainPID")
    (machine.root / "etc/jarvisd/jarvisd.toml").write_text(f'{QUIET}[log]\nlevel = "debug"\n[house]\nnode = "attic"\n')
    machine.run("systemctl", "reload", UNIT)
    machine.wait_for_line(UNIT, "house.node")
    assert "log.level" in machine.journal(UNIT)
    assert (machine.show(UNIT, "ActiveState"), machine.show(UNIT, "MainPID")) == ("active", pid)


def test_reload_of_a_faulty_file_changes_nothing(machine, configure):
    configure(QUIET)
    machine.run("systemctl", "start", UNIT)
    (machine.root / "etc/jarvisd/jarvisd.toml").write_text("[wake]\ntreshold = 0.4\n")
    machine.run("systemctl", "reload", UNIT)
    machine.wait_for_line(UNIT, "did you mean wake.threshold?")
    machine.wait_for(UNIT, "ActiveState", "active")


def test_faulty_configuration_is_not_tried_again(machine, configure):
    configure("[wake]\ntreshold = 0.4\n")
    machine.run("systemctl", "start", UNIT, check=False)
    machine.wait_for(UNIT, "ActiveState", "failed")
    assert (machine.show(UNIT, "ExecMainStatus"), machine.show(UNIT, "NRestarts")) == ("2", "0")
    assert "did you mean wake.threshold?" in machine.journal(UNIT)


def test_watchdog_restarts_a_daemon_that_hangs(machine, configure):
    configure(QUIET, "WatchdogSec=2s\nRestartSec=100ms")
    machine.run("systemctl", "start", UNIT)
    pid = machine.show(UNIT, "MainPID")
    machine.run("kill", "-STOP", pid)
    machine.wait_for(UNIT, "NRestarts", "1")
    machine.wait_for(UNIT, "ActiveState", "active")
    assert machine.show(UNIT, "MainPID") != pid
    assert "Watchdog timeout" in machine.journal(UNIT)


def test_watchdog_leaves_a_daemon_that_lives(machine, configure):
    configure(QUIET, "WatchdogSec=500ms")
    machine.run("systemctl", "start", UNIT)
    first = int(machine.show(UNIT, "WatchdogTimestampMonotonic"))
    # Three limits later it has been pinged again and again, and never restarted.
    machine.wait_until(lambda: int(machine.show(UNIT, "WatchdogTimestampMonotonic")) > first + 1_500_000)
    assert machine.show(UNIT, "NRestarts") == "0"


def test_secret_from_a_credential(machine):
    secret = machine.root / "etc/jarvisd/mqtt-password"
    secret.write_text("geheim\n")
    secret.chmod(0o600)
    program = "import os, jarvisd.secrets; print(os.getuid() > 0, jarvisd.secrets.read_secret('mqtt-password'))"
    said = machine.run(
        "systemd-run", "--pipe", "--wait", "--quiet", "--property=DynamicUser=yes",
        "--property=LoadCredential=mqtt-password:/etc/jarvisd/mqtt-password",
        "/opt/jarvisd/.venv/bin/python", "-c", program,
    )  # fmt: skip
    assert said == "True geheim"


def test_log_lines_carry_their_priority(machine):
    program = (
        "import logging, jarvisd.systemd as s; s.setup_logging('info'); logging.getLogger('jarvisd').warning('oh')"
    )
    machine.run("systemd-run", "--wait", "--quiet", "--unit=talks", "/opt/jarvisd/.venv/bin/python", "-c", program)
    assert machine.run("journalctl", "--output=cat", "--unit=talks", "--priority=4..4") == "jarvisd: oh"
