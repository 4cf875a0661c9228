"""Jobs at times of the day, on virtual time: the loop's clock jumps, and the wall clock follows it unless it is set."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import apscheduler.schedulers.base
import pytest

import jarvisd.calendar
from jarvisd.calendar import Calendar, Job, RunRecord
from jarvisd.errors import JarvisError
from tests.fakes.virtual_time import run_in_virtual_time

MADRID = ZoneInfo("Europe/Madrid")
DAILY = frozenset(range(7))
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


class Wall:
    """The clock on the wall: real time is the loop's; `set_by` moves only the wall's."""

    def __init__(self, monkeypatch, begin):
        self._begin = begin.astimezone(UTC)
        self.moved_s = 0.0
        wall = self

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return wall.now(tz)

        monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Clock)
        monkeypatch.setattr(jarvisd.calendar, "datetime", Clock)

    def now(self, tz=MADRID):
        passed_s = asyncio.get_running_loop().time() - 1000.0
        return (self._begin + timedelta(seconds=passed_s + self.moved_s)).astimezone(tz)


class Diary:
    """What ran, and when on the wall."""

    def __init__(self, wall):
        self._wall = wall
        self.lines = []
        self.takes_s = 0.0
        self.fault = None

    async def write(self):
        self.lines.append(self._wall.now().strftime("%m-%d %H:%M"))
        if self.fault is not None:
            raise self.fault
        await asyncio.sleep(self.takes_s)


@asynccontextmanager
async def running(jobs, record):
    async with asyncio.TaskGroup() as group:
        service = group.create_task(Calendar(lambda: jobs, record, zone=MADRID).run())
        yield
        service.cancel()


@pytest.fixture
def record(tmp_path):
    return RunRecord(tmp_path / "calendar.sqlite")


@pytest.fixture
def at(monkeypatch):
    def at(*when):
        wall = Wall(monkeypatch, datetime(*when, tzinfo=MADRID))
        return wall, Diary(wall)

    return at


def nightly(diary, minute=3 * 60 + 30, days=DAILY, *, once=True):
    return [Job("nightly", minute, days, diary.write, once=once)]


def test_it_runs_once_a_day_at_its_time_and_not_at_the_first_start(at, record):
    _, diary = at(2026, 5, 4, 12)

    async def main():
        async with running(nightly(diary), record):
            await asyncio.sleep(3 * DAY_S)

    run_in_virtual_time(main())
    assert diary.lines == ["05-05 03:30", "05-06 03:30", "05-07 03:30"]


def test_only_on_its_days(at, record):
    _, diary = at(2026, 5, 4, 12)  # a Monday

    async def main():
        async with running(nightly(diary, 420, frozenset({2, 5}), once=False), record):
            await asyncio.sleep(7 * DAY_S)

    run_in_virtual_time(main())
    assert diary.lines == ["05-06 07:00", "05-09 07:00"]


def test_a_restart_neither_loses_nor_repeats(at, record):
    _, diary = at(2026, 5, 4, 12)

    async def main():
        for pause_s in (DAY_S, 0.0, 60.0, 20 * HOUR_S):  # the last one sleeps through half past three
            async with running(nightly(diary), record):
                await asyncio.sleep(2 * HOUR_S)
            await asyncio.sleep(pause_s)
        async with running(nightly(diary), record):
            await asyncio.sleep(60.0)

    run_in_virtual_time(main())
    assert diary.lines == ["05-05 14:00", "05-06 16:01"]


def test_what_a_shutdown_breaks_off_is_done_after_the_restart(at, record):
    _, diary = at(2026, 5, 4, 3)
    diary.takes_s = HOUR_S

    async def main():
        for _ in range(2):
            async with running(nightly(diary), record):
                await asyncio.sleep(HOUR_S)
        diary.takes_s = 0.0
        async with running(nightly(diary), record):
            await asyncio.sleep(HOUR_S)
        async with running(nightly(diary), record):
            await asyncio.sleep(HOUR_S)

    run_in_virtual_time(main())
    assert diary.lines == ["05-04 03:30", "05-04 04:00", "05-04 05:00"]


def test_an_hour_that_comes_twice_counts_once(at, record):
    _, diary = at(2026, 10, 24, 12)

    async def main():
        async with running(nightly(diary, 150), record):
            await asyncio.sleep(DAY_S)

    run_in_virtual_time(main())
    assert diary.lines == ["10-25 02:30"]


def test_an_hour_that_is_jumped_over_is_made_up_for(at, record):
    _, diary = at(2026, 3, 28, 12)

    async def main():
        async with running(nightly(diary, 150), record):
            await asyncio.sleep(2 * DAY_S)

    run_in_virtual_time(main())
    assert [line[:5] for line in diary.lines] == ["03-29", "03-30"]


@pytest.mark.parametrize("once", [True, False])
def test_a_suspended_machine_does_it_when_it_wakes(at, record, once):
    wall, diary = at(2026, 5, 4, 20)

    async def main():
        async with running(nightly(diary, once=once), record):
            await asyncio.sleep(HOUR_S)
            wall.moved_s += 11 * HOUR_S  # the loop's clock stood still
            await asyncio.sleep(HOUR_S)

    run_in_virtual_time(main())
    assert diary.lines == ["05-05 08:00"]


def test_a_clock_that_is_set_back_repeats_nothing_of_the_same_day(at, record):
    wall, diary = at(2026, 5, 4, 3)

    async def main():
        async with running(nightly(diary), record):
            await asyncio.sleep(HOUR_S)
            wall.moved_s -= 2 * HOUR_S
            await asyncio.sleep(4 * HOUR_S)

    run_in_virtual_time(main())
    assert diary.lines == ["05-04 03:30"]


def test_a_clock_that_was_a_month_ahead_does_not_stop_the_nights(at, record):
    wall, diary = at(2026, 6, 4, 20)

    async def main():
        async with running(nightly(diary), record):
            await asyncio.sleep(8 * HOUR_S)
            wall.moved_s -= 31 * DAY_S
            await asyncio.sleep(2 * DAY_S)

    run_in_virtual_time(main())
    # Half past three of 05-05 had gone by when the clock was put right.
    assert diary.lines == ["06-05 03:30", "05-06 03:30", "05-07 03:30"]


def test_a_clock_that_is_not_set_yet_repeats_nothing(at, record):
    wall, diary = at(2026, 5, 4, 3)

    async def main():
        async with running(nightly(diary), record):
            await asyncio.sleep(HOUR_S)
        right_s, wall.moved_s = wall.moved_s, -50 * 365 * DAY_S
        async with running(nightly(diary), record):
            await asyncio.sleep(60.0)
            wall.moved_s = right_s
            await asyncio.sleep(HOUR_S)

    run_in_virtual_time(main())
    assert diary.lines == ["05-04 03:30"]


def test_of_two_daemons_one_does_it(at, record):
    _, diary = at(2026, 5, 4, 3)

    async def main():
        async with running(nightly(diary), record), running(nightly(diary), record):
            await asyncio.sleep(HOUR_S)

    run_in_virtual_time(main())
    assert diary.lines == ["05-04 03:30"]


@pytest.mark.parametrize("fault", [JarvisError("The disk is full."), ValueError("ours")])
def test_a_job_that_fails_is_told_and_keeps_no_other_from_its_time(at, record, caplog, fault):
    wall, diary = at(2026, 5, 4, 3)
    diary.fault = fault
    other = Diary(wall)

    async def main():
        async with running([*nightly(diary), Job("other", 211, DAILY, other.write)], record):
            await asyncio.sleep(DAY_S + HOUR_S)

    run_in_virtual_time(main())
    assert len(diary.lines) == 2
    assert other.lines == ["05-04 03:31", "05-05 03:31"]
    assert "nightly failed" in caplog.text


def test_jobs_come_and_go_and_move_within_a_minute(at, record):
    _, diary = at(2026, 5, 4, 12)
    jobs = nightly(diary, 13 * 60, once=False)

    async def main():
        async with running(jobs, record):
            await asyncio.sleep(HOUR_S * 1.5)
            jobs[:] = nightly(diary, 14 * 60, once=False)
            await asyncio.sleep(HOUR_S)
            jobs.clear()
            await asyncio.sleep(2 * DAY_S)

    run_in_virtual_time(main())
    assert diary.lines == ["05-04 13:00", "05-04 14:00"]


def test_a_record_that_cannot_be_read_says_what_to_do(tmp_path):
    (tmp_path / "calendar.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(JarvisError, match="Move it away"):
        RunRecord(tmp_path / "calendar.sqlite").days()
