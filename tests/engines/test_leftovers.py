"""What outlives a daemon that was killed is ended by the next one; what only looks like it is not."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from jarvisd.engines.leftovers import MARK, ChildRecords
from jarvisd.types import EngineState
from tests.fakes.engines import fake_vllm, is_running, running_pool, until

# Starts a process in its session that goes on when this one ends.
PARENT = "import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'], stdout=subprocess.DEVNULL).pid, flush=True); time.sleep(600)"


class Child:
    def __init__(self, mark: str, code: str = PARENT) -> None:
        env = {**os.environ, MARK: mark}
        argv = [sys.executable, "-S", "-c", code]
        self.process = subprocess.Popen(argv, start_new_session=True, env=env, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.grandchild = int(self.process.stdout.readline())

    def killed(self) -> None:
        """As when the daemon was killed: the child goes with it, and what it started stays."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def records(tmp_path):
    return ChildRecords(tmp_path)


@pytest.fixture
def child(records):
    child = Child(records.mark)
    yield child
    child.killed()
    child.process.stdout.close()
    with suppress(ProcessLookupError):
        os.kill(child.grandchild, signal.SIGKILL)


def test_what_a_killed_child_left_is_ended(records, child, tmp_path):
    records.keep("strong", child.pid)
    child.killed()
    assert is_running(child.grandchild)
    assert ChildRecords(tmp_path).sweep() == 1
    assert not is_running(child.grandchild)
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_is_still_there_is_ended_with_its_own(records, child, tmp_path):
    records.keep("strong", child.pid)
    assert ChildRecords(tmp_path).sweep() == 2
    assert not is_running(child.grandchild)


@pytest.mark.parametrize(
    ("key", "value"), [("start_ticks", 1), ("boot_id", "another"), ("mark", "somebody-else's"), ("pid", 2**22)]
)
def test_what_is_not_surely_ours_is_left_alone(records, child, tmp_path, key, value):
    records.keep("strong", child.pid)
    file = tmp_path / "strong.child.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    assert ChildRecords(tmp_path).sweep() == 0
    assert is_running(child.pid)
    assert is_running(child.grandchild)
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}'])
def test_a_damaged_record_ends_nobody(tmp_path, text):
    (tmp_path / "strong.child.json").write_text(text)
    assert ChildRecords(tmp_path).sweep() == 0
    assert list(tmp_path.iterdir()) == []


def test_a_record_is_gone_when_its_child_ended_well(records, child, tmp_path):
    records.keep("strong", child.pid)
    records.drop("strong")
    assert ChildRecords(tmp_path).sweep() == 0
    assert is_running(child.grandchild)


async def test_a_pool_records_its_children_and_sweeps_first(records, child, tmp_path):
    await asyncio.to_thread(records.keep, "old", child.pid)
    spec = fake_vllm(tmp_path)
    async with running_pool(spec, records=ChildRecords(tmp_path)) as (_, told):
        async with asyncio.timeout(30):
            ready = await until(told, EngineState.READY, "strong")
        assert not is_running(child.grandchild)
        assert json.loads((tmp_path / "strong.child.json").read_text())["pid"] == ready.pid
    assert not (tmp_path / "strong.child.json").exists()
