"""Control groups: found, taken only where they were given, and emptied whatever is in them."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jarvisd.engines.cgroup import DELEGATED, ChildGroup, GroupTree, find_own_group
from jarvisd.engines.leftovers import ChildRecords
from jarvisd.engines.process import ChildProcess
from jarvisd.types import EngineState
from tests.fakes.cgroups import processes_of
from tests.fakes.engines import MODEL_SERVER, fake_engine, is_running, running_pool, until, until_gone

UNIFIED = "25 1 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
HYBRID = "30 1 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n31 1 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
BOUND = "25 1 0:22 /machine/a /sys/fs/cgroup rw - cgroup2 cgroup2 rw"


@pytest.mark.parametrize(
    ("cgroup", "mountinfo", "found"),
    [
        ("0::/system.slice/jarvisd.service\n", UNIFIED, "/sys/fs/cgroup/system.slice/jarvisd.service"),
        ("4:memory:/x\n0::/system.slice/j.service\n", HYBRID, "/sys/fs/cgroup/unified/system.slice/j.service"),
        ("0::/\n", UNIFIED, "/sys/fs/cgroup"),
        ("0::/machine/a/b\n", BOUND, "/sys/fs/cgroup/b"),
        ("0::/machine/other\n", BOUND, None),
        ("0::/../outside\n", UNIFIED, None),
        ("4:memory:/x\n", UNIFIED, None),
        ("0::/a\n", "", None),
        ("", UNIFIED, None),
    ],
)
def test_a_process_finds_its_own_group(cgroup, mountinfo, found):
    assert find_own_group(cgroup, mountinfo) == (Path(found) if found else None)


class Member:
    """A process in a group, and what it started there."""

    def __init__(self, folder: Path, code: str = "import time; print('up', flush=True); time.sleep(600)"):
        enter = "import os; os.makedirs({0!r}, exist_ok=True); open({0!r} + '/cgroup.procs', 'w').write('0')\n"
        self.process = subprocess.Popen(
            [sys.executable, "-c", enter.format(str(folder)) + code], stdout=subprocess.PIPE, text=True
        )
        self.said = self.process.stdout.readline().strip()

    def close(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def member():
    members = []

    def start(*arguments):
        members.append(Member(*arguments))
        return members[-1]

    yield start
    for one in members:
        one.close()


TAKES_ITS_PART = """
import logging; logging.basicConfig(format='%(message)s')
from jarvisd.engines.cgroup import own_tree
tree = own_tree()
print(tree and tree.group('strong').folder, flush=True)
import time; time.sleep(600)
"""


def test_a_daemon_takes_the_part_that_was_given_to_it_and_goes_into_a_leaf(given_group, member):
    daemon = member(given_group, TAKES_ITS_PART)
    assert daemon.said == str(given_group / "engine-strong")
    assert processes_of(given_group) == []
    assert processes_of(given_group / "daemon") == [daemon.process.pid]


def test_what_was_not_given_is_not_touched(given_group, member):
    os.removexattr(given_group, DELEGATED)
    daemon = member(given_group, TAKES_ITS_PART)
    assert daemon.said == "None"
    assert processes_of(given_group) == [daemon.process.pid]
    assert not (given_group / "daemon").exists()


def test_where_another_daemon_lives_already_nothing_is_taken(given_group, member):
    first = member(given_group, TAKES_ITS_PART)
    second = member(given_group, TAKES_ITS_PART)
    assert second.said == "None"
    assert processes_of(given_group / "daemon") == [first.process.pid]
    second.process.kill()


def test_a_group_is_emptied_with_the_groups_inside_and_removed(given_group, member):
    group = ChildGroup(given_group / "engine-strong")
    member(group.folder)
    member(group.folder / "inner")
    assert group.processes() == 2
    assert not group.remove()
    group.kill()
    while not group.remove():
        pass
    assert not group.folder.exists()


def test_a_group_that_is_not_there_is_empty_and_gone(given_group):
    group = ChildGroup(given_group / "engine-never")
    group.kill()
    assert (group.processes(), group.remove()) == (0, True)


def test_what_an_earlier_daemon_left_is_swept_and_the_rest_is_not(given_group, member, caplog):
    left, other = member(given_group / "engine-strong"), member(given_group / "somebody")
    (given_group / "engine-empty").mkdir()
    assert GroupTree(given_group).sweep() == 1
    left.process.wait(10)
    assert other.process.poll() is None
    assert sorted(path.name for path in given_group.iterdir() if path.is_dir()) == ["somebody"]
    assert "engine strong of an earlier run left processes behind: 1" in caplog.text


def launched(pid_file: Path, *options: str, how="runaway") -> tuple[str, ...]:
    """A model server, started as the configuration's `process` engines are."""
    server = (sys.executable, "-S", str(MODEL_SERVER), "--misbehave", how, "--pid-file", str(pid_file))
    return (sys.executable, "-P", "-m", "jarvisd.workers.launch", "--", *server, *options)


async def started(pid_file: Path) -> int:
    def written():
        return pid_file.read_text() if pid_file.exists() else ""

    async with asyncio.timeout(20):
        while not (number := await asyncio.to_thread(written)):
            await asyncio.sleep(0.01)
    return int(number)


async def test_what_ran_away_ends_with_its_child(given_group, tmp_path):
    group = GroupTree(given_group).group("strong")
    argv = launched(tmp_path / "pid", "--misbehave", "never-ready")
    child = ChildProcess.start("strong", argv, {}, control_group=group)
    runaway = await started(tmp_path / "pid")
    assert os.getsid(runaway) != child.pid
    assert set(processes_of(group.folder)) == {child.pid, runaway}
    await child.stop(5)
    assert not is_running(runaway)
    assert not group.folder.exists()


async def test_a_cancelled_stop_ends_it_as_well(given_group, tmp_path):
    group = GroupTree(given_group).group("strong")
    argv = launched(tmp_path / "pid", "--misbehave", "never-ready", "--misbehave", "ignore-sigterm")
    child = ChildProcess.start("strong", argv, {}, control_group=group)
    runaway = await started(tmp_path / "pid")
    async with asyncio.TaskGroup() as tasks:
        stopping = tasks.create_task(child.stop(600))
        await asyncio.sleep(0)
        stopping.cancel()
    assert not is_running(runaway)
    assert not group.folder.exists()


async def test_without_a_group_the_session_ends_and_what_left_it_does_not(tmp_path):
    """What can be promised where no group was given: not more, so it is said in docs/engines.md."""
    child = ChildProcess.start("strong", launched(tmp_path / "pid", "--misbehave", "never-ready"), {})
    runaway = await started(tmp_path / "pid")
    try:
        await child.stop(5)
        assert not is_running(child.pid)
        assert is_running(runaway)
    finally:
        os.kill(runaway, signal.SIGKILL)


async def test_a_child_that_cannot_enter_its_group_says_so_and_serves(given_group, tmp_path):
    group = ChildGroup(tmp_path / "no" / "such")
    argv = launched(tmp_path / "pid", "--misbehave", "never-ready", how="grandchild")
    child = ChildProcess.start("strong", argv, {}, control_group=group)
    grandchild = await started(tmp_path / "pid")
    assert "cannot be entered: No such file or directory" in child.last_lines[0]
    await child.stop(5)
    await until_gone(grandchild)


async def test_a_pool_puts_its_engines_into_groups_and_a_crash_leaves_nothing(given_group, tmp_path):
    socket = str(tmp_path / "quick.sock")
    spec = fake_engine(tmp_path, argv=launched(tmp_path / "pid", "--socket", socket))
    records = ChildRecords(tmp_path, GroupTree(given_group))
    async with running_pool(spec, records=records) as (_, told), asyncio.timeout(60):
        first = await until(told, EngineState.READY)
        runaway = await started(tmp_path / "pid")
        os.kill(first.pid, signal.SIGKILL)
        second = await until(told, EngineState.READY)
        assert (second.restarts, is_running(runaway)) == (1, False)
        assert first.pid not in processes_of(given_group / "engine-quick")
        assert second.pid in processes_of(given_group / "engine-quick")
    assert [path.name for path in given_group.iterdir() if path.is_dir()] == []
