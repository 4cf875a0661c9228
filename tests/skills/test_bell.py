import asyncio
import contextlib
import os
import sqlite3
import time
from datetime import datetime

import pytest

from jarvisd.errors import JarvisError
from jarvisd.skills import bell as bell_module
from jarvisd.skills.agenda import Agenda, Entry
from jarvisd.skills.bell import Bell

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


@pytest.fixture(autouse=True)
def in_madrid(monkeypatch):
    """Summer time ends on 25 October 2026 at three, and begins on 28 March 2027 at two."""
    monkeypatch.setenv("TZ", "Europe/Madrid")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    monkeypatch.setattr(bell_module, "LOOK_S", 0.005)
    monkeypatch.setattr(bell_module, "_FIRST_RETRY_S", 0.0)


def at(text):
    return datetime.fromisoformat(text).timestamp()


class House:
    """A bell whose two clocks are turned by hand."""

    def __init__(self, path, now="2026-11-25T06:00"):
        self.path = path
        self.wall_s, self.steady_s = at(now), 1000.0
        self.rings = []
        self.trouble = []
        self.bell = self.new_bell()

    def new_bell(self):
        self.bell = Bell(Agenda(self.path), self.hear, wall=lambda: self.wall_s, steady=lambda: self.steady_s)
        return self.bell

    async def hear(self, ring):
        if self.trouble:
            raise self.trouble.pop(0)
        self.rings.append(ring)

    def go_on(self, seconds):
        self.wall_s += seconds
        self.steady_s += seconds

    @contextlib.asynccontextmanager
    async def running(self):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.bell.run())
            await self.settle()
            try:
                yield
            finally:
                task.cancel()

    async def settle(self):
        """Time for a few looks, and for what is due to be told, however busy the machine is."""
        await asyncio.sleep(0.05)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.5):
                while await self.something_is_due():
                    await asyncio.sleep(0.01)

    async def something_is_due(self):
        due = [one for one in await self.bell.entries() if one.left_s is None and self.bell.left_s(one) <= 0]
        return bool(due) or await asyncio.to_thread(self.is_waiting)

    def is_waiting(self):
        agenda = Agenda(self.path)
        try:
            return bool(agenda.waiting())
        finally:
            agenda.close()

    def entry(self, kind="timer", in_s=10 * MINUTE, **more):
        return Entry(f"{kind}{in_s:.0f}", kind, "", "kitchen", "en", self.wall_s + in_s,
                     duration_s=in_s if kind == "timer" else None, **more)  # fmt: skip

    def daily(self, clock="2026-11-25T07:00", days="mon,tue,wed,thu,fri,sat,sun"):
        due = datetime.fromisoformat(clock)
        return Entry("daily", "alarm", "", None, "en", due.timestamp(), hour=due.hour, minute=due.minute, days=days)


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "agenda.sqlite")


async def test_a_timer_rings_once_when_it_is_due_and_says_so(house):
    async with house.running():
        assert await house.bell.add(house.entry())
        await house.settle()
        assert house.rings == []
        house.go_on(10 * MINUTE)
        await house.settle()
        house.go_on(HOUR)
        await house.settle()
    (ring,) = house.rings
    assert (ring.kind, ring.room, ring.late_s, ring.again) == ("timer", "kitchen", 0.0, False)
    assert ring.sentence == "Your timer for 10 minutes is done."


async def test_what_was_due_while_it_was_off_rings_late_once_and_says_so(house):
    async with house.running():
        await house.bell.add(house.entry("reminder", 10 * MINUTE))
    house.go_on(3 * HOUR)
    house.new_bell()
    async with house.running():
        pass
    house.new_bell()
    async with house.running():
        pass
    (ring,) = house.rings
    assert ring.late_s == 3 * HOUR - 10 * MINUTE
    assert ring.sentence == "Reminder: . That was due 2 hours and 50 minutes ago, while I could not ring."


@pytest.mark.parametrize("step_s", [-2 * HOUR, 2 * HOUR, 40 * DAY])
async def test_a_clock_that_is_set_neither_hurries_nor_delays_a_timer(house, step_s):
    async with house.running():
        await house.bell.add(house.entry())
        house.go_on(4 * MINUTE)
        house.wall_s += step_s
        await house.settle()
        assert house.rings == []
        house.go_on(5 * MINUTE)
        await house.settle()
        assert house.rings == []
        house.go_on(MINUTE)
        await house.settle()
    assert [ring.late_s for ring in house.rings] == [0.0]


async def test_a_timer_set_before_the_clock_was_set_is_right_after_a_restart(house):
    async with house.running():
        await house.bell.add(house.entry())
        house.wall_s += 2 * HOUR
        await house.settle()
    house.new_bell()
    async with house.running():
        assert house.bell.left_s((await house.bell.entries())[0]) == 10 * MINUTE
    assert house.rings == []


async def test_an_alarm_follows_the_wall_clock_forward(house):
    async with house.running():
        await house.bell.add(house.entry("alarm", HOUR))
        house.wall_s += 90 * MINUTE
        await house.settle()
    assert [ring.late_s for ring in house.rings] == [30 * MINUTE]


async def test_a_daily_alarm_rings_once_a_day_though_the_clock_is_set_back(house):
    async with house.running():
        await house.bell.add(house.daily())
        house.go_on(HOUR)
        await house.settle()
        assert len(house.rings) == 1
        house.wall_s -= 30 * MINUTE
        await house.settle()
        house.go_on(HOUR)
        await house.settle()
        assert len(house.rings) == 1
        house.go_on(DAY)
        await house.settle()
    assert [datetime.fromtimestamp(ring.due_s).isoformat() for ring in house.rings] == [
        "2026-11-25T07:00:00",
        "2026-11-26T07:00:00",
    ]


async def test_a_clock_that_was_years_ahead_does_not_silence_a_daily_alarm(house):
    house.wall_s = at("2031-01-01T06:59")
    async with house.running():
        await house.bell.add(house.daily("2031-01-01T07:00"))
        house.go_on(2 * MINUTE)
        await house.settle()
        house.wall_s = at("2026-11-25T06:00")
        await house.settle()
        house.go_on(HOUR)
        await house.settle()
    assert [datetime.fromtimestamp(ring.due_s).isoformat() for ring in house.rings] == [
        "2031-01-01T07:00:00",
        "2026-11-25T07:00:00",
    ]


@pytest.mark.parametrize(
    ("before", "days", "rung"),
    [
        # 02:30 comes twice when summer time ends, and not at all when it begins
        ("2026-10-24T12:00", 3, ["2026-10-25T02:30:00", "2026-10-26T02:30:00", "2026-10-27T02:30:00"]),
        ("2027-03-27T12:00", 3, ["2027-03-28T03:30:00", "2027-03-29T02:30:00", "2027-03-30T02:30:00"]),
    ],
)
async def test_summer_time(house, before, days, rung):
    house.wall_s = at(before)
    first = datetime.fromisoformat(rung[0]).replace(hour=2)
    async with house.running():
        await house.bell.add(house.daily(first.isoformat()))
        for _ in range(days * 12):
            house.go_on(2 * HOUR)
            await house.settle()
    assert [datetime.fromtimestamp(ring.due_s).isoformat() for ring in house.rings] == rung


async def test_after_days_without_power_a_daily_alarm_rings_late_once(house):
    async with house.running():
        await house.bell.add(house.daily())
    house.go_on(5 * DAY)
    house.new_bell()
    async with house.running():
        (following,) = await house.bell.entries()
    assert len(house.rings) == 1
    assert datetime.fromtimestamp(following.due_s).isoformat() == "2026-11-30T07:00:00"


async def test_weekdays(house):
    house.wall_s = at("2026-11-27T06:00")  # a Friday
    async with house.running():
        await house.bell.add(house.daily("2026-11-27T07:00", "mon,tue,wed,thu,fri"))
        for _ in range(2 * 24 + 2):
            house.go_on(2 * HOUR)
            await house.settle()
    assert [datetime.fromtimestamp(ring.due_s).strftime("%a") for ring in house.rings] == ["Fri", "Mon", "Tue"]


async def test_a_paused_timer_waits_also_over_a_restart(house):
    async with house.running():
        await house.bell.add(house.entry())
        house.go_on(4 * MINUTE)
        (timer,) = await house.bell.entries()
        assert await house.bell.retime(timer, house.bell.left_s(timer), paused=True)
        house.go_on(DAY)
        await house.settle()
    house.new_bell()
    async with house.running():
        (timer,) = await house.bell.entries()
        assert house.bell.left_s(timer) == 6 * MINUTE
        assert await house.bell.retime(timer, house.bell.left_s(timer))
        house.go_on(6 * MINUTE)
        await house.settle()
    assert len(house.rings) == 1


async def test_what_changed_meanwhile_is_not_changed_again(house):
    async with house.running():
        await house.bell.add(house.entry())
        (timer,) = await house.bell.entries()
        house.go_on(10 * MINUTE)
        await house.settle()
        assert not await house.bell.retime(timer, HOUR)
        assert await house.bell.remove([timer]) == 0
    assert len(house.rings) == 1


async def test_a_ring_that_could_not_be_told_is_told_again_under_its_id(house, caplog):
    house.trouble = [JarvisError("the loudspeaker is away"), ValueError("a bug")]
    async with house.running():
        await house.bell.add(house.entry())
        await house.bell.add(house.entry("reminder", 10 * MINUTE))
        house.go_on(10 * MINUTE)
        await house.settle()
        await house.settle()
    assert sorted(ring.kind for ring in house.rings) == ["reminder", "timer"]
    assert [ring.again for ring in house.rings] == [True, True]
    assert "the loudspeaker is away" in caplog.text
    assert len({ring.id for ring in house.rings}) == 2


async def test_a_ring_interrupted_by_the_end_of_the_process_is_told_by_the_next(house):
    hanging = asyncio.Event()

    async def hang(ring):
        hanging.set()
        await asyncio.Event().wait()

    house.bell = Bell(Agenda(house.path), hang, wall=lambda: house.wall_s, steady=lambda: house.steady_s)
    async with house.running():
        await house.bell.add(house.entry())
        house.go_on(10 * MINUTE)
        async with asyncio.timeout(5):
            await hanging.wait()
    house.new_bell()
    async with house.running():
        pass
    assert [(ring.again, ring.late_s) for ring in house.rings] == [(True, 0.0)]


async def test_one_ring_that_hangs_does_not_keep_the_others(house):
    heard = []

    async def hang(ring):
        heard.append(ring.kind)
        if ring.kind == "timer":
            await asyncio.Event().wait()

    house.bell = Bell(Agenda(house.path), hang, wall=lambda: house.wall_s, steady=lambda: house.steady_s)
    async with house.running():
        await house.bell.add(house.entry())
        await house.bell.add(house.entry("alarm", 11 * MINUTE))
        house.go_on(11 * MINUTE)
        await house.settle()
    assert sorted(heard) == ["alarm", "timer"]


async def test_there_is_an_end_to_how_many(house, monkeypatch):
    monkeypatch.setattr(bell_module, "MOST_ENTRIES", 3)
    async with house.running():
        added = [await house.bell.add(house.entry(in_s=MINUTE * n)) for n in range(1, 6)]
    assert added == [True, True, True, False, False]


async def test_a_damaged_file_is_named_and_ends_the_service(house):
    house.path.write_bytes(b"this is no database, but it is long enough to look like one" * 20)
    with pytest.raises(JarvisError, match=r"agenda\.sqlite.*damaged"):
        await house.bell.add(house.entry())
    with pytest.raises(JarvisError, match=r"agenda\.sqlite"):
        await house.bell.run()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_without_rights_is_named(house):
    house.path.parent.chmod(0o500)
    with pytest.raises(JarvisError, match="writable"):
        await house.bell.add(house.entry())
    house.path.parent.chmod(0o700)


async def test_a_locked_file_is_waited_for(house):
    async with house.running():
        await house.bell.add(house.entry())
        other = sqlite3.connect(house.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        adding = asyncio.gather(house.bell.add(house.entry("alarm", HOUR)))
        await asyncio.sleep(0.3)
        assert not adding.done()
        other.execute("ROLLBACK")
        other.close()
        assert await adding == [True]
