"""Times of the day as people write them, 07:00 and 23:30-06:30, and days of the week. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

DAY_MINUTES = 24 * 60
Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "weekdays", "weekend", "daily"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)
_DAYS = {
    "weekdays": range(5),
    "weekend": range(5, 7),
    "daily": range(7),
    **{name: (number,) for number, name in enumerate(WEEKDAYS)},
}
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})")


def minute_of_day(text: str) -> int:
    """Minutes since midnight of a time such as 07:00; 24:00 is the end of the day. Raises ValueError."""
    match = _CLOCK.fullmatch(text)
    if match is not None:
        hour, minute = int(match[1]), int(match[2])
        if minute < 60 and hour * 60 + minute <= DAY_MINUTES:
            return hour * 60 + minute
    raise ValueError(f'must be a time from "00:00" to "23:59" such as "07:00", not "{text}"')


def minutes_of_span(text: str) -> tuple[int, int]:
    """First minute, and the one after the last, of a span such as 23:30-06:30. Raises ValueError."""
    begin, separator, end = text.partition("-")
    if not separator:
        raise ValueError(f'must be two times with a - between them such as "23:30-06:30", not "{text}"')
    span = minute_of_day(begin.strip()) % DAY_MINUTES, minute_of_day(end.strip())
    if span[0] == span[1]:
        raise ValueError(f'begins when it ends; the whole day is "00:00-24:00", not "{text}"')
    return span


def lies_in(minute: int, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether a minute of the day is in one of the spans; those that end before they begin cross midnight."""
    return any(begin <= minute < end if begin < end else minute >= begin or minute < end for begin, end in spans)


def weekday_numbers(days: Iterable[str]) -> frozenset[int]:
    """0 is Monday. Words that are no days are passed over."""
    return frozenset(number for day in days for number in _DAYS.get(day, ()))
