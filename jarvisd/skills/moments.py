"""When something is wanted, as it was said, and what that means on the clock. Pure.

All datetimes are the household's wall clock, which is the machine's, without a zone; an hour that summer time skips is
the one after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Literal, TypeAlias

Part: TypeAlias = Literal["morning", "noon", "afternoon", "evening", "night"]
Habit: TypeAlias = Literal["waking", "alarm", "day"]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHORT_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# The hour that is meant where only a part of the day is said, and where only a day is.
_HOURS: dict[Part, int] = {"morning": 9, "noon": 12, "afternoon": 17, "evening": 19, "night": 21}
_DAY_HOUR = 9


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as it was said. `unsure`: the hour may be before or after noon.

    `day`: today, tomorrow, after tomorrow, a weekday, or month-day ("12-25"). `days`: those on which it recurs, as in
    SHORT_DAYS. `in_s`: from now on; then nothing else is set.
    """

    hour: int | None = None
    minute: int = 0
    unsure: bool = False
    day: str | None = None
    days: tuple[str, ...] = ()
    part: Part | None = None
    in_s: int | None = None

    def __str__(self) -> str:
        """Without `days`, which are a matter of their own."""
        if self.in_s is not None:
            return f"in {self.in_s}"
        clock = f"{self.hour:02}:{self.minute:02}{'?' * self.unsure}" if self.hour is not None else self.part or ""
        return f"{clock} {self.day or ''}".strip()


def merged(one: Moment, other: Moment) -> Moment | None:
    """Both together, or None where they contradict each other ("at six" and "at nine")."""
    if one.in_s is not None or other.in_s is not None:
        return None
    if (
        (one.hour is not None and other.hour is not None)
        or (one.day and other.day and one.day != other.day)
        or (one.days and other.days)
    ):
        return None
    if (one.day or other.day) and (one.days or other.days):
        return None
    if one.part and other.part and one.part != other.part:
        return None
    timed = one if one.hour is not None else other
    both = Moment(
        timed.hour,
        timed.minute,
        timed.unsure,
        one.day or other.day,
        one.days or other.days,
        one.part or other.part,
    )
    if both.hour is not None and both.part is not None:
        both = replace(both, hour=in_part(both.hour, both.part) if both.unsure else both.hour, unsure=False, part=None)
    return both


def in_part(hour: int, part: Part) -> int:
    """The hour of 24 that "hour, in that part of the day" is."""
    if hour > 12:
        return hour
    if part == "morning":
        return hour
    if part == "night":
        return 0 if hour == 12 else hour + 12 if hour >= 6 else hour
    return hour if hour == 12 else hour + 12


def next_time(moment: Moment, now: datetime, habit: Habit) -> datetime:
    """When `moment` comes next, on the wall clock. Raises ValueError where it cannot come (30 February).

    An hour that may be before or after noon: waking is in the morning, and things of the day are between 7 and 18:59
    where a day is named. Otherwise it is the next of the two, and whoever speaks says which it became.
    """
    if moment.in_s is not None:
        return now + timedelta(seconds=moment.in_s)
    times = _times(moment, habit)
    if moment.days:
        return min(_recurring(one, moment.days, now) for one in times)
    if moment.day is None:
        return min(_next_after(one, now) for one in times)
    return _on_day(moment.day, times[0], now)


def recurs_next(
    hour: int, minute: int, days: Sequence[str], now: datetime, last: date | None = None, skip: date | None = None
) -> datetime:
    """The next of a recurring alarm: after `now`, not on the day `skip`, and only after `last`, when it rang."""
    for ahead in range(15):
        day = now.date() + timedelta(days=ahead)
        at = datetime.combine(day, time(hour, minute))
        if (
            SHORT_DAYS[day.weekday()] in days
            and at.timestamp() > now.timestamp()
            and (last is None or day > last)
            and day != skip
        ):
            return at
    after = last or now.date()
    return datetime.combine(after + timedelta(days=7), time(hour, minute))


def day_of(day: str, today: date) -> date:
    """The date of `Moment.day`, counted from today. A weekday is the next one, never today."""
    if day == "today":
        return today
    if day == "tomorrow":
        return today + timedelta(days=1)
    if day == "after tomorrow":
        return today + timedelta(days=2)
    if day == "yesterday":
        return today - timedelta(days=1)
    if day in WEEKDAYS:
        return today + timedelta(days=(WEEKDAYS.index(day) - today.weekday() - 1) % 7 + 1)
    month, number = (int(part) for part in day.split("-"))
    for year in range(today.year, today.year + 9):  # 29 February comes within eight years
        try:
            found = date(year, month, number)
        except ValueError:
            continue
        if found >= today:
            return found
    raise ValueError(f"no year has {day}")


def _times(moment: Moment, habit: Habit) -> list[time]:
    """The times of day that may be meant, the likelier first."""
    if moment.hour is None:
        return [time(_HOURS[moment.part] if moment.part else _DAY_HOUR)]
    if not moment.unsure:
        return [time(moment.hour, moment.minute)]
    early, late = time(moment.hour % 12, moment.minute), time(moment.hour % 12 + 12, moment.minute)
    named = moment.day not in {None, "today"} or bool(moment.days)
    if habit == "waking":
        return [late if moment.hour == 12 else early]
    if not named:
        return [early, late]
    if habit == "day":
        return [late if moment.hour == 12 or moment.hour < 7 else early]
    return [late if moment.hour == 12 else early]


def _recurring(at: time, days: tuple[str, ...], now: datetime) -> datetime:
    return recurs_next(at.hour, at.minute, days, now)


def _next_after(at: time, now: datetime) -> datetime:
    today = datetime.combine(now.date(), at)
    return today if today.timestamp() > now.timestamp() else datetime.combine(now.date() + timedelta(days=1), at)


def _on_day(day: str, at: time, now: datetime) -> datetime:
    """A time that is over today is meant for the evening if it can be, else it lies in the past and is refused."""
    when = datetime.combine(day_of(day, now.date()), at)
    if when.timestamp() <= now.timestamp() and day == "today" and at.hour < 12:
        when = datetime.combine(now.date(), at.replace(hour=at.hour + 12))
    if when.timestamp() <= now.timestamp():
        raise ValueError("that is over already")
    return when
