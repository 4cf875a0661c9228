"""The hours that people set: when an engine is to be up, and when the house is quiet. Pure.

Times are seconds of the local wall clock, as in `jarvisd.warmup.demand`: an hour that the clock jumps over is not
there, and one that comes twice counts twice. Whether something is so now follows from the time alone, so that nothing
is lost or repeated by a restart, a suspended machine, or a clock that is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jarvisd.config import WarmupConfig, WarmupTimeConfig
from jarvisd.config.clock import lies_in, minute_of_day, minutes_of_span, weekday_numbers
from jarvisd.warmup.demand import DAY_S

EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class WarmTime:
    """From `begin_minute` of the day on, on these days (0 is Monday), an engine is to be up for `minutes`."""

    name: str
    engine: str
    begin_minute: int
    days: frozenset[int]
    minutes: float

    def end_s(self, local_s: float) -> float | None:
        """When the hours that began last, at or before `local_s`, end or ended; None: none began since yesterday."""
        today = int(local_s // DAY_S)
        for day in (today, today - 1):
            begin_s = day * DAY_S + 60 * self.begin_minute
            if begin_s <= local_s and (day + 3) % 7 in self.days:
                return begin_s + 60 * self.minutes
        return None


@dataclass(frozen=True, slots=True)
class Hours:
    """All that people have set. `quiet`: first minute of the day, and the one after the last."""

    times: tuple[WarmTime, ...] = ()
    quiet: tuple[tuple[int, int], ...] = ()

    def is_quiet(self, local_s: float) -> bool:
        return lies_in(int(local_s % DAY_S // 60), self.quiet)

    def time_for(self, engine: str, local_s: float) -> WarmTime | None:
        """The hours that keep an engine up now; of several, those that end last."""
        now = [
            (end_s, time)
            for time in self.times
            if time.engine == engine and (end_s := time.end_s(local_s)) is not None and local_s < end_s
        ]
        return max(now, key=lambda found: found[0])[1] if now else None

    def ended_ago_s(self, engine: str, local_s: float) -> float | None:
        """How long ago the last hours for an engine ended; None where there were none since yesterday."""
        ends_s = [end_s for time in self.times if time.engine == engine and (end_s := time.end_s(local_s)) is not None]
        return local_s - max(ends_s) if ends_s else None

    def edges(self) -> frozenset[tuple[int, frozenset[int]]]:
        """Minutes of the day at which something begins or ends, and the days on which they do."""
        begins = {(time.begin_minute, time.days) for time in self.times}
        ends = {_later(time) for time in self.times}
        return frozenset(begins | ends | {(minute % 1440, EVERY_DAY) for span in self.quiet for minute in span})


def hours(config: WarmupConfig, times: Mapping[str, WarmupTimeConfig]) -> Hours:
    """What the configuration says."""
    return Hours(
        tuple(
            WarmTime(name, time.engine, minute_of_day(time.at), weekday_numbers(time.days), time.for_minutes)
            for name, time in times.items()
        ),
        tuple(minutes_of_span(span) for span in config.quiet_hours),
    )


def clock_text(local_s: float) -> str:
    """The time of the day as people read it."""
    minute = int(local_s % DAY_S // 60)
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _later(time: WarmTime) -> tuple[int, frozenset[int]]:
    """The minute in which the hours have ended; it may be on the next day."""
    days_on, minute = divmod(time.begin_minute + int(-(-time.minutes // 1)), 1440)
    return minute, frozenset((day + days_on) % 7 for day in time.days)
