"""From words for a past time to the span they mean. Pure.

A span is never narrower than people remember: "two weeks ago" is fourteen days ago, three more or less.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TypeAlias

from jarvisd.memory.when_words import (
    COUNTS,
    DAYS_OF_MONTH,
    FEW,
    MONTHS,
    PARTS,
    SEASONS,
    UNIT_NAMES,
    UNITS,
    VAGUE,
    WEEKDAYS,
)
from jarvisd.types import Language

Span: TypeAlias = tuple[datetime, datetime]

# Who is still awake at this hour says "today" of the day before.
_DAY_BEGINS_HOUR = 4
_NIGHT_BEGINS_HOUR = 18
_NIGHT_ENDS_HOUR = 6
# "Estos días", "el otro día", "hace un rato", "recently".
_THESE_DAYS = 7
_OTHER_DAY_DAYS = 14
_WHILE = timedelta(hours=4)
_LATELY_DAYS = 30
# A day of this year that comes so soon is not meant as last year's.
_SOON_DAYS = 31
# "This summer" is over for so long at most.
_STILL_THIS = timedelta(days=120)
# The week may begin on Sunday, and "last month" includes the last days of the one before.
_WEEK_EARLIER_DAYS = 1
_MONTH_EARLIER_DAYS = 3


class _Words:
    """What the words of a match say, in one language."""

    def __init__(self, match: re.Match[str], language: Language) -> None:
        groups = {name: text for name, text in match.groupdict().items() if text is not None}
        self._groups = {name.rstrip("0123456789"): text for name, text in groups.items()}
        self._language = language

    def __getitem__(self, group: str) -> str:
        return self._groups.get(group, "")

    @property
    def is_last(self) -> bool:
        """ "El jueves pasado", "last summer"."""
        return re.search("pasad|past|last", self["which"]) is not None

    @property
    def unit(self) -> str:
        names = UNIT_NAMES[self._language]
        word = self["unit"]
        return names.get(word) or names.get(word.removesuffix("s")) or names[word.removesuffix("es")]

    @property
    def count(self) -> tuple[float, float]:
        """From how many to how many; a few where none is said."""
        text = self["count"]
        if not text or text in VAGUE:
            return VAGUE.get(text, FEW)
        number = COUNTS[self._language].get(text) or float(text)
        number += 0.5 * bool(self["half"])
        _, share = UNITS[self.unit]
        return number * (1 - share), number * (1 + share)

    @property
    def day(self) -> int:
        return DAYS_OF_MONTH[self._language].get(self["day"]) or int(self["day"])

    def year(self, now: datetime) -> int | None:
        text = self["year"]
        if not text:
            return None
        digits = re.search(r"\d{4}", text)
        return int(digits[0]) if digits else now.year - ("this" not in text and "este" not in text)


def midnight(now: datetime, days: int = 0) -> datetime:
    """The beginning of the day that is so many days after today."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) + timedelta(days=days)


def span(kind: str, match: re.Match[str], language: Language, now: datetime) -> Span | None:
    """What the words of a rule of `kind` mean; None for 30 February, and where the calendar ends."""
    try:
        return _KINDS[kind](_Words(match, language), now)
    except (OverflowError, ValueError):
        return None


def _part(first: datetime, last: datetime, part: str) -> Span:
    """That part of a day, which is one of those from `first` to `last`."""
    begin, end = PARTS.get(part, (0, 24))
    return first + timedelta(hours=begin), last + timedelta(hours=end)


def _days_back(back: int) -> Callable[[_Words, datetime], Span]:
    def named(said: _Words, now: datetime) -> Span:
        earlier = now.hour < _DAY_BEGINS_HOUR
        return _part(midnight(now, -back - earlier), midnight(now, -back), said["part"])

    return named


def _nights_back(back: int) -> Callable[[_Words, datetime], Span]:
    def named(_: _Words, now: datetime) -> Span:
        earlier = now.hour < _DAY_BEGINS_HOUR
        evening, morning = midnight(now, -back - earlier), midnight(now, 1 - back)
        return evening + timedelta(hours=_NIGHT_BEGINS_HOUR), morning + timedelta(hours=_NIGHT_ENDS_HOUR)

    return named


def _weekday(said: _Words, now: datetime) -> Span:
    index = WEEKDAYS[said["weekday"]]
    back = now.weekday() + 7 - index if said["week"] else (now.weekday() - index - 1) % 7 + 1
    return _part(midnight(now, -back), midnight(now, -back), said["part"])


def _weekend(said: _Words, now: datetime) -> Span:
    """From Friday's afternoon on; on a Saturday or Sunday the one that is, if not the last is meant."""
    back = now.weekday() - 5 + 7 * (now.weekday() < 5 or said.is_last)
    saturday = midnight(now, -back)
    return saturday - timedelta(hours=8), saturday + timedelta(days=2)


def _ago(said: _Words, now: datetime) -> Span:
    fewest, most = said.count
    unit_days, _ = UNITS[said.unit]
    if unit_days < 1:
        slack = timedelta(minutes=5)
        return now - timedelta(days=most * unit_days) - slack, now - timedelta(days=fewest * unit_days) + slack
    # Rounded first, because 1.2 times ten is not twelve in binary.
    return (
        midnight(now, -math.ceil(round(most * unit_days, 6))),
        midnight(now, 1 - math.floor(round(fewest * unit_days, 6))),
    )


def _recent(said: _Words, now: datetime) -> Span:
    """ "The last two weeks", up to now."""
    if not said["unit"]:
        return midnight(now, -_THESE_DAYS), midnight(now, 1)
    unit_days, share = UNITS[said.unit]
    most = said.count[1] if said["count"] or said["unit"].endswith("s") else 1 + share
    if unit_days < 1:
        return now - timedelta(days=most * unit_days), now
    return midnight(now, -math.ceil(round(most * unit_days, 6))), midnight(now, 1)


def _calendar(said: _Words, now: datetime) -> Span:
    """This week, month or year, the last, or the one before that."""
    which = said["which"]
    back = 2 if re.search("ante|before", which) else int(said.is_last)
    unit = said.unit
    if unit == "week":
        monday = midnight(now, -now.weekday() - 7 * back)
        return monday - timedelta(days=_WEEK_EARLIER_DAYS * bool(back)), monday + timedelta(days=7)
    if unit == "month":
        first = _month_start(now, back)
        return first - timedelta(days=_MONTH_EARLIER_DAYS * bool(back)), _month_start(now, back - 1)
    if unit == "year":
        return _year_span(now, now.year - back)
    raise ValueError(f"no calendar has a last {unit}")


def _date(said: _Words, now: datetime) -> Span | None:
    day, year = said.day, said.year(now)
    today = now.date()
    if not said["month"]:
        months = [_month_start(now, back) for back in range(13)]
        dates = [one for first in months if (one := _date_or_none(first.year, first.month, day)) and one <= today]
        soonest = None
    elif year is not None:
        dates, soonest = [date(year, MONTHS[said["month"]], day)], None
    else:
        # 29 February may be eight years ago.
        years = [one for back in range(-1, 9) if (one := _date_or_none(now.year - back, MONTHS[said["month"]], day))]
        dates = [one for one in years if one <= today]
        soonest = min((one for one in years if one > today), default=None)
    if not dates or (soonest is not None and (soonest - today).days <= _SOON_DAYS):
        return None
    start = midnight(now, (dates[0] - today).days)
    return start, start + timedelta(days=1)


def _month(said: _Words, now: datetime) -> Span:
    """A month that has not begun this year is last year's."""
    number, year = MONTHS[said["month"]], said.year(now)
    first = _month_start(now, 0).replace(month=number)
    if year is not None:
        first = first.replace(year=year)
    elif number > now.month or (said.is_last and number == now.month):
        first = first.replace(year=now.year - 1)
    return first, _month_start(first, -1)


def _edge(said: _Words, now: datetime) -> Span:
    """The beginning, middle or end of a month or year, the last that has begun."""
    edge, year = said["edge"], said.year(now)
    which = 0 if re.match("princip|comienz|inici|early|begin|start", edge) else 1 if re.match("med|mid", edge) else 2
    if said["month"]:
        month, _ = _month(said, now)
        return _edge_of_month(month, which)
    if year is not None or said.unit == "year":
        starts = [_edge_of_year(now, one, which) for one in ([year] if year is not None else [now.year, now.year - 1])]
        return next((one for one in starts if one[0] <= now), starts[-1])
    if said.unit == "week":
        return _calendar(said, now)
    if said.unit != "month":
        raise ValueError(f"no edge of a {said.unit} is known")
    this = _edge_of_month(_month_start(now, 0), which)
    return this if this[0] <= now else _edge_of_month(_month_start(now, 1), which)


def _edge_of_month(first: datetime, which: int) -> Span:
    begin, end = ((0, 12), (7, 23), (17, 34))[which]
    return first + timedelta(days=begin), first + timedelta(days=end)


def _edge_of_year(now: datetime, year: int, which: int) -> Span:
    begin, end = ((1, 4), (5, 9), (11, 13))[which]
    january = _month_start(now, 0).replace(year=year, month=1)
    return january.replace(month=begin), _month_start(january, 1 - end)


def _season(said: _Words, now: datetime) -> Span | None:
    month, day, days = SEASONS[said["season"]]
    year = said.year(now)
    this_year = _month_start(now, 0).replace(month=month, day=day)
    if year is not None:
        start = this_year.replace(year=year)
        return start, start + timedelta(days=days)
    starts = [this_year.replace(year=now.year - back) for back in range(3)]
    spans = [(start, start + timedelta(days=days)) for start in starts]
    if said.is_last:
        return next(one for one in spans if one[1] <= now)
    latest = next(one for one in spans if one[0] <= now)
    this = re.match("est[ea]|this", said["which"]) is not None
    return None if this and latest[1] < now - _STILL_THIS else latest


def _year_named(said: _Words, now: datetime) -> Span:
    return _year_span(now, said.year(now) or now.year)


def _year_span(now: datetime, year: int) -> Span:
    january = _month_start(now, 0).replace(year=year, month=1)
    return january, january.replace(year=year + 1)


def _month_start(now: datetime, back: int) -> datetime:
    """The first of the month that is so many months before."""
    months = now.year * 12 + now.month - 1 - back
    return midnight(now).replace(year=months // 12, month=months % 12 + 1, day=1)


def _date_or_none(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


_KINDS: dict[str, Callable[[_Words, datetime], Span | None]] = {
    "today": _days_back(0),
    "yesterday": _days_back(1),
    "two days ago": _days_back(2),
    "last night": _nights_back(1),
    "night before last": _nights_back(2),
    "weekday": _weekday,
    "weekend": _weekend,
    "ago": _ago,
    "days": lambda _, now: (midnight(now, -_OTHER_DAY_DAYS), midnight(now)),
    "while": lambda _, now: (now - _WHILE, now + timedelta(minutes=1)),
    "recent": _recent,
    "lately": lambda _, now: (midnight(now, -_LATELY_DAYS), midnight(now, 1)),
    "calendar": _calendar,
    "date": _date,
    "month": _month,
    "edge": _edge,
    "season": _season,
    "year": _year_named,
}
