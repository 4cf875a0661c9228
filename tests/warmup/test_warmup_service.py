import asyncio
import os

import pytest

from benchmarks.warmup import BEGAN_S
from jarvisd.bus import Bus
from jarvisd.config import WarmupConfig, WarmupTimeConfig
from jarvisd.config.engines import VllmEngine
from jarvisd.errors import JarvisError
from jarvisd.events import Routed, Transcribed
from jarvisd.types import EngineState, EngineStatus, Route, Transcript, Turn
from jarvisd.warmup.demand import DAY_S
from jarvisd.warmup.service import LOOK_S, WarmUp
from jarvisd.warmup.usage import KEPT_S, UsageLog

HOUR_S = 3600.0
SIX_WEEKS_S = BEGAN_S + 42 * DAY_S


class Engines:
    """What the service is given of the pool."""

    def __init__(self):
        self.state = EngineState.STOPPED
        self.leases = 0
        self.room = True

    def statuses(self):
        return (EngineStatus("strong", "vllm", self.state, leases=self.leases),)

    def keep_warm(self, _):
        if self.room:
            self.state = EngineState.READY

    def let_go(self, _):
        self.state = EngineState.STOPPED


class House:
    """`now_s` is the wall clock, `passed_s` what really passed."""

    def __init__(self, path, now_s, times=(), *, learn=True, **config):
        self.now_s, self.passed_s = now_s, 0.0
        self.engines = Engines()
        self.usage = UsageLog(path)
        self.times = {f"time{number}": WarmupTimeConfig(engine="strong", **facts) for number, facts in enumerate(times)}
        self.warmup = WarmUp(
            WarmupConfig(**config), self.times, self.usage,
            policies={"strong": VllmEngine(kind="vllm", model="m", start="demand", learn=learn)},
            engines=self.engines.statuses, keep_warm=self.engines.keep_warm, let_go=self.engines.let_go,
            clock=lambda: self.now_s, steady=lambda: self.passed_s,
        )  # fmt: skip

    def pass_by(self, seconds):
        self.now_s += seconds
        self.passed_s += seconds

    async def changes(self, hours):
        """When the engine came up or went, in hours since the first look."""
        seen = []
        for minute in range(int(hours * 60)):
            before = self.engines.state
            await self.warmup.look()
            if self.engines.state is not before:
                seen.append((round(minute / 60, 2), self.engines.state.value))
            self.pass_by(LOOK_S)
        return seen


@pytest.fixture
def path(tmp_path):
    return tmp_path / "usage.sqlite"


@pytest.fixture
def known(path):
    """Six weeks of questions at half past seven."""
    UsageLog(path).add([("strong", BEGAN_S + day * DAY_S + 7.5 * HOUR_S) for day in range(42)])
    return path


async def test_a_day_of_looks_warms_once_before_breakfast_and_lets_go_after_it(known):
    (up, ready), (down, stopped) = await House(known, SIX_WEEKS_S, idle_hours_a_day=3).changes(24)
    assert (ready, stopped) == ("ready", "stopped")
    assert up < 7.5 < down


@pytest.mark.parametrize("off", [{"learn": False}, {"idle_hours_a_day": 3}])
async def test_with_learning_off_engines_are_left_to_their_keep_alive(known, off):
    """For the house, or for this engine."""
    house = House(known, SIX_WEEKS_S, **off, **({"learn": False} if "learn" not in off else {}))
    assert await house.changes(24) == []


async def test_learning_may_be_off_for_the_whole_house(known):
    house = House(known, SIX_WEEKS_S)
    house.warmup.reconfigure(WarmupConfig(learn=False), {})
    assert await house.changes(24) == []


async def test_hours_need_no_history_and_a_broken_record_does_not_stop_them(path, caplog):
    path.write_bytes(b"not a database" * 100)
    house = House(path, SIX_WEEKS_S, [{"at": "07:00", "for_minutes": 60}])
    assert (await house.changes(7.5)) == [(7.0, "ready")]
    assert caplog.text.count("Move it away") == 1
    assert "Move it away" in house.warmup.report()["trouble"]
    assert house.warmup.report()["kept"] == {"strong": "warmup_times.time0, until 08:00"}


async def test_it_is_told_once_what_is_warmed_and_why_also_while_there_is_no_room(path, caplog):
    caplog.set_level("INFO")
    house = House(path, SIX_WEEKS_S, [{"at": "07:00"}])
    house.engines.room = False
    await house.changes(8)
    assert caplog.text.count("keeping strong warm: warmup_times.time0, until 09:00") == 1


async def test_in_quiet_hours_what_is_idle_goes_and_what_is_in_use_stays(path):
    house = House(path, SIX_WEEKS_S + 23 * HOUR_S, quiet_hours=("23:30-06:30",))
    house.engines.state = EngineState.READY
    assert await house.changes(1) == [(0.5, "stopped")]
    assert house.warmup.report() == {"local_time": "00:00", "quiet": True, "kept": {}, "trouble": ""}
    house.engines.state, house.engines.leases = EngineState.STARTING, 1  # somebody asks all the same
    assert await house.changes(0.5) == []
    house.engines.state, house.engines.leases = EngineState.READY, 0
    house.warmup.wanted("strong")
    assert await house.changes(0.5) == [(0.08, "stopped")]


async def test_hours_may_be_changed_while_it_runs(path):
    house = House(path, SIX_WEEKS_S + 7 * HOUR_S)
    assert await house.changes(0.5) == []
    house.warmup.reconfigure(WarmupConfig(), {"new": WarmupTimeConfig(engine="strong", at="07:15")})
    assert await house.changes(0.1) == [(0.0, "ready")]


async def test_uses_are_written_down_and_survive(path):
    house = House(path, BEGAN_S)
    bus, turn = Bus(), Turn("cli", "en", 10)
    async with asyncio.TaskGroup() as group:
        recording = group.create_task(house.warmup.record(bus))
        await asyncio.sleep(0)
        house.warmup.wanted("best")
        bus.publish(Routed(turn, Route("strong", "strong", "ready")))
        bus.publish(Routed(turn, Route("strong", "strong", "again, for the same question")))
        bus.publish(Transcribed(turn, Transcript("hello", "en", engine="ears")))
        bus.publish(Transcribed(turn, Transcript("typed", "en")))
        async with asyncio.timeout(5):
            while await asyncio.to_thread(UsageLog(path).of, ["ears"]) == {"ears": []}:
                await asyncio.sleep(0.01)
        house.pass_by(60.0)
        house.warmup.wanted("best")
        recording.cancel()
    assert await asyncio.to_thread(UsageLog(path).of, ["strong", "ears", "best", "other"]) == {
        "strong": [BEGAN_S], "ears": [BEGAN_S], "best": [BEGAN_S, BEGAN_S + 60.0], "other": [],
    }  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
async def test_what_a_full_disk_refuses_is_written_later(path, caplog):
    await asyncio.to_thread(UsageLog(path).add, [])
    path.chmod(0o400)
    house = House(path, BEGAN_S)
    house.warmup.wanted("strong")
    await house.warmup.look()
    assert "make room on its disk" in caplog.text
    path.chmod(0o600)
    await house.warmup.nightly()
    assert await asyncio.to_thread(UsageLog(path).of, ["strong"]) == {"strong": [BEGAN_S]}


async def test_a_folder_that_is_not_there_keeps_uses_until_it_is(tmp_path, caplog):
    path = tmp_path / "state/usage.sqlite"
    house = House(path, BEGAN_S)
    house.warmup.wanted("strong")
    await house.warmup.look()
    assert "cannot be used" in caplog.text
    path.parent.mkdir()
    await house.warmup.nightly()
    assert await asyncio.to_thread(UsageLog(path).of, ["strong"]) == {"strong": [BEGAN_S]}
    assert house.warmup.report()["trouble"] == ""


async def test_a_wall_clock_that_is_set_back_stops_nothing(known):
    house = House(known, SIX_WEEKS_S + 7.45 * HOUR_S, idle_hours_a_day=3)
    await house.warmup.look()
    house.now_s -= 30 * DAY_S
    await house.warmup.look()
    house.now_s += 30 * DAY_S
    await house.warmup.look()
    assert house.engines.state is EngineState.READY


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0, -40 * DAY_S, 5 * DAY_S])
async def test_what_was_used_a_moment_ago_still_was_when_the_clock_is_set(path, caplog, step_s):
    """In quiet hours an engine goes five minutes after its last use, whatever the wall says meanwhile."""
    caplog.set_level("INFO")
    house = House(path, SIX_WEEKS_S + 12 * HOUR_S, quiet_hours=("00:00-24:00",))
    house.engines.state = EngineState.READY
    house.warmup.wanted("strong")
    await house.warmup.look()
    house.pass_by(60.0)
    house.now_s += step_s
    assert await house.changes(0.5) == [(0.07, "stopped")]
    assert "the clock on the wall was moved by" in caplog.text


async def test_after_a_night_suspended_the_last_use_is_a_night_ago(path):
    house = House(path, SIX_WEEKS_S + 20 * HOUR_S, quiet_hours=("23:00-09:00",))
    house.engines.state = EngineState.READY
    house.warmup.wanted("strong")
    await house.warmup.look()
    house.pass_by(10 * HOUR_S)
    assert await house.changes(0.1) == [(0.0, "stopped")]


async def test_two_daemons_on_one_record_do_not_disturb_each_other(path):
    houses = [House(path, BEGAN_S + number * 7.0) for number in range(2)]
    for _ in range(20):
        for house in houses:
            house.pass_by(60.0)
            house.warmup.wanted("strong")
        await asyncio.gather(*(house.warmup.nightly() for house in houses))
    uses = await asyncio.to_thread(UsageLog(path).of, ["strong"])
    assert len(uses["strong"]) == 40


def test_what_is_too_old_to_teach_is_forgotten(path):
    usage = UsageLog(path)
    usage.add([("strong", 1000.0), ("strong", 1001.0 + KEPT_S)])
    assert usage.trim(1001.0 + KEPT_S) == 1
    assert usage.of(["strong"]) == {"strong": [1001.0 + KEPT_S]}


def test_a_broken_file_is_named_with_what_to_do(path):
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(JarvisError, match="Move it away"):
        UsageLog(path).add([("strong", 1.0)])


def test_it_asks_to_be_called_at_night_and_where_hours_begin_and_end(path):
    house = House(path, BEGAN_S, [{"at": "07:00", "days": ["weekdays"]}], quiet_hours=("23:30-06:30",))
    weekdays, daily = frozenset(range(5)), frozenset(range(7))
    assert [(minute, days, once) for _, minute, days, _, once in house.warmup.calls()] == [
        (210, daily, True), (390, daily, False), (420, weekdays, False), (540, weekdays, False), (1410, daily, False),
    ]  # fmt: skip
    assert len({name for name, *_ in house.warmup.calls()}) == 5


async def test_learning_that_is_switched_off_is_off_also_while_the_record_is_in_trouble(known):
    house = House(known, SIX_WEEKS_S + 7.4 * HOUR_S, idle_hours_a_day=3)
    await house.warmup.look()
    assert house.engines.state is EngineState.READY
    house.engines.state = EngineState.STOPPED
    known.write_bytes(b"not a database" * 100)
    house.warmup.reconfigure(WarmupConfig(learn=False), {})
    assert await house.changes(0.2) == []
