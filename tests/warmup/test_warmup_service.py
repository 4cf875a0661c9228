import asyncio

import pytest

from benchmarks.warmup import BEGAN_S
from jarvisd.bus import Bus
from jarvisd.config import WarmupConfig
from jarvisd.errors import JarvisError
from jarvisd.events import Routed, Transcribed
from jarvisd.types import EngineState, EngineStatus, Route, Transcript, Turn
from jarvisd.warmup.demand import DAY_S
from jarvisd.warmup.service import LOOK_S, WarmUp
from jarvisd.warmup.usage import KEPT_S, UsageLog

HOUR_S = 3600.0


class Engines:
    """What the service is given of the pool."""

    def __init__(self):
        self.state = EngineState.STOPPED
        self.done = []

    def statuses(self):
        return (EngineStatus("strong", "vllm", self.state),)

    def keep_warm(self, name):
        self.done.append(("warm", name))
        self.state = EngineState.READY

    def let_go(self, name):
        self.done.append(("let go", name))
        self.state = EngineState.STOPPED


class House:
    def __init__(self, path, now_s, **config):
        self.now_s = now_s
        self.engines = Engines()
        self.usage = UsageLog(path)
        self.warmup = WarmUp(
            WarmupConfig(**config), self.usage, engines=self.engines.statuses, keep_warm=self.engines.keep_warm,
            let_go=self.engines.let_go, clock=lambda: self.now_s,
        )  # fmt: skip


@pytest.fixture
def house(tmp_path):
    """Six weeks of questions at half past seven."""
    house = House(tmp_path / "usage.sqlite", BEGAN_S + 42 * DAY_S, idle_hours_a_day=3)
    for day in range(42):
        house.usage.add("strong", BEGAN_S + day * DAY_S + 7.5 * HOUR_S)
    return house


async def test_a_day_of_looks_warms_once_before_breakfast_and_lets_go_after_it(house):
    began_s = house.now_s
    changes = []
    for minute in range(24 * 60):
        house.now_s = began_s + minute * LOOK_S
        before = house.engines.state
        await house.warmup.look()
        if house.engines.state is not before:
            changes.append((minute / 60, house.engines.state))
    assert [state for _, state in changes] == [EngineState.READY, EngineState.STOPPED]
    assert changes[0][0] < 7.5 < changes[1][0]


async def test_with_learning_off_engines_are_left_to_their_keep_alive(house, tmp_path):
    off = House(tmp_path / "usage.sqlite", BEGAN_S + 42 * DAY_S + 7.5 * HOUR_S, learn=False)
    await off.warmup.look()
    assert off.engines.done == []


async def test_uses_are_written_down_and_survive(tmp_path):
    house = House(tmp_path / "usage.sqlite", BEGAN_S)
    bus, turn = Bus(), Turn("cli", "en", 10)
    async with asyncio.TaskGroup() as group:
        recording = group.create_task(house.warmup.record(bus))
        await asyncio.sleep(0)
        bus.publish(Routed(turn, Route("strong", "strong", "ready")))
        bus.publish(Transcribed(turn, Transcript("hello", "en", engine="ears")))
        bus.publish(Transcribed(turn, Transcript("typed", "en")))
        async with asyncio.timeout(5):
            while await asyncio.to_thread(UsageLog(tmp_path / "usage.sqlite").of, ["ears"]) == {"ears": []}:
                await asyncio.sleep(0.01)
        recording.cancel()
    again = UsageLog(tmp_path / "usage.sqlite")
    assert await asyncio.to_thread(again.of, ["strong", "ears", "other"]) == {
        "strong": [BEGAN_S], "ears": [BEGAN_S], "other": [],
    }  # fmt: skip


async def test_a_wall_clock_that_is_set_back_stops_nothing(house):
    house.now_s = BEGAN_S + 42 * DAY_S + 7.45 * HOUR_S
    await house.warmup.look()
    house.now_s -= 30 * DAY_S
    await house.warmup.look()
    house.now_s += 30 * DAY_S
    await house.warmup.look()
    assert house.engines.state is EngineState.READY


def test_what_is_too_old_to_teach_is_forgotten(tmp_path):
    usage = UsageLog(tmp_path / "usage.sqlite")
    usage.add("strong", 1000.0)
    usage.add("strong", 1001.0 + KEPT_S)
    assert usage.of(["strong"]) == {"strong": [1001.0 + KEPT_S]}


def test_a_broken_file_is_named_with_what_to_do(tmp_path):
    (tmp_path / "usage.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(JarvisError, match="Move it away"):
        UsageLog(tmp_path / "usage.sqlite").add("strong", 1.0)
