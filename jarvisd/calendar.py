"""Calls at times of the day: every night, on weekdays at seven.

APScheduler works out when, and its store is in memory; that a job ran is our own record. A job of which that matters
(`once`) runs once for each of its days: not again after a restart, nor when an hour comes twice in autumn or the clock
is set back; and late, rather than never, when the machine was off, suspended, or busy at that hour.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from jarvisd.errors import JarvisError

_LOGGER = logging.getLogger(__name__)

# APScheduler notices neither a clock that was set nor a suspended machine until it is woken.
TICK_S = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done at a minute of the day on some days (0 is Monday), by the clock on the wall.

    `once`: see above. Otherwise it is called when the time comes, and no harm is done if it is not, or twice.
    """

    name: str
    minute: int
    days: frozenset[int]
    run: Callable[[], Awaitable[None]]
    once: bool = False

    @property
    def when(self) -> tuple[str, int, frozenset[int]]:
        return (self.name, self.minute, self.days)

    def due_on(self, now: datetime) -> date | None:
        """The last day on which its time has come; None: none within a week."""
        for days_ago in range(8):
            day = now.date() - timedelta(days=days_ago)
            has_come = days_ago > 0 or now.hour * 60 + now.minute >= self.minute
            if has_come and day.weekday() in self.days:
                return day
        return None


class RunRecord:
    """For which day each job ran last: a small SQLite file. Every method works on it: call them on a thread.

    Of two daemons that share it, one runs a job. Raises JarvisError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def days(self) -> dict[str, str]:
        """By job, as in 2026-05-31."""
        with self._open() as connection:
            return dict(connection.execute("SELECT job, day FROM runs"))

    def claim(self, job: str, day: str) -> bool:
        """Notes that a job runs for a day; False if somebody has done so before."""
        with self._open() as connection, connection:
            noted = connection.execute(
                "INSERT INTO runs VALUES (?, ?) ON CONFLICT (job) DO UPDATE SET day = excluded.day "
                "WHERE day != excluded.day",
                (job, day),
            )
            return noted.rowcount > 0

    def take_back(self, job: str, day: str, before: str) -> None:
        """A run for `day` was broken off: it is as it was."""
        with self._open() as connection, connection:
            connection.execute("UPDATE runs SET day = ? WHERE job = ? AND day = ?", (before, job, day))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=5.0)) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS runs (job TEXT PRIMARY KEY, day TEXT NOT NULL)")
                yield connection
        except sqlite3.Error as error:
            raise JarvisError(
                f"The record of nightly work {self._path} cannot be used ({error}). Move it away to begin a new one, "
                "or make room on its disk.",
                code="calendar",
            ) from error


class Calendar:
    """`jobs` is asked once a minute, so that it may change. `run` is the service. `zone`: the system's if None."""

    def __init__(self, jobs: Callable[[], Iterable[Job]], record: RunRecord, *, zone: tzinfo | None = None) -> None:
        self._jobs = jobs
        self._record = record
        self._zone = zone
        self._planted: dict[str, Job] = {}
        self._rung: asyncio.Queue[str] = asyncio.Queue()
        self._days: dict[str, str] = {}

    async def run(self) -> None:
        """Calls jobs, one after the other, until cancelled."""
        self._planted, self._rung = {}, asyncio.Queue()
        self._days = await asyncio.to_thread(self._record.days)
        scheduler = AsyncIOScheduler(job_defaults={"misfire_grace_time": None, "coalesce": True}, **self._in_zone())
        scheduler.start()
        before_s = datetime.now(scheduler.timezone).timestamp()
        try:
            while True:
                now_s = datetime.now(scheduler.timezone).timestamp()
                if now_s < before_s:
                    self._planted = {}  # set back: their next times are those of another day
                before_s = now_s
                self._plant(scheduler)
                scheduler.wakeup()
                await self._catch_up(scheduler.timezone)
                await self._serve(scheduler.timezone)
        finally:
            scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # it stops its timer at the loop's next turn

    def _in_zone(self) -> dict[str, tzinfo]:
        return {"timezone": self._zone} if self._zone is not None else {}

    def _plant(self, scheduler: AsyncIOScheduler) -> None:
        wanted = {job.name: job for job in self._jobs()}
        for name in self._planted.keys() - wanted.keys():
            scheduler.remove_job(name)
        for name, job in wanted.items():
            if name not in self._planted or self._planted[name].when != job.when:
                days = ",".join(str(day) for day in sorted(job.days))
                hour, minute = divmod(job.minute, 60)
                trigger = CronTrigger(day_of_week=days, hour=hour, minute=minute, timezone=scheduler.timezone)
                scheduler.add_job(self._ring, trigger, (name,), id=name, replace_existing=True)
        self._planted = wanted

    async def _ring(self, name: str) -> None:
        """APScheduler's part ends here: jobs run in this service, whose failures are seen."""
        self._rung.put_nowait(name)

    async def _catch_up(self, zone: tzinfo) -> None:
        """Rings for what was missed. A new job begins with its next time; a clock behind the record is not set yet."""
        now = datetime.now(zone)
        for job in self._planted.values():
            if not job.once or (day := job.due_on(now)) is None:
                continue
            if job.name not in self._days:
                await asyncio.to_thread(self._record.claim, job.name, day.isoformat())
                self._days[job.name] = day.isoformat()
            elif day.isoformat() > self._days[job.name]:
                self._rung.put_nowait(job.name)

    async def _serve(self, zone: tzinfo) -> None:
        """Runs what rings, until it is time to look again."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + TICK_S
        while True:
            try:
                async with asyncio.timeout_at(until_s):
                    name = await self._rung.get()
            except TimeoutError:
                return
            job = self._planted.get(name)
            if job is not None and job.once:
                await self._run_once(job, zone)
            elif job is not None:
                await job.run()

    async def _run_once(self, job: Job, zone: tzinfo) -> None:
        due = job.due_on(datetime.now(zone))
        if due is None or (day := due.isoformat()) == (before := self._days.get(job.name, "")):
            return
        try:
            claimed = await asyncio.to_thread(self._record.claim, job.name, day)
            self._days[job.name] = day
            if claimed:
                _LOGGER.info("%s: begins", job.name)
                await job.run()
                _LOGGER.info("%s: done", job.name)
        except asyncio.CancelledError:
            await asyncio.to_thread(self._record.take_back, job.name, day, before)
            raise
        except JarvisError as error:
            # A person's affair, told without a traceback; the next night tries again.
            _LOGGER.error("%s failed: %s", job.name, error.message)  # noqa: TRY400
        except Exception:
            # The boundary of a job: the others are still called at their times.
            _LOGGER.exception("%s failed", job.name)
