"""How English says durations, times and days, over plain words with digits."""

from __future__ import annotations

import re
from collections.abc import Callable

from jarvisd.skills.moments import SHORT_DAYS, WEEKDAYS, Moment, Part, in_part

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_U = r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?)"
_N = r"(?:\d+(?:\.\d+)?|an?)"
_ONE = (
    rf"(?:(?:a )?couple(?: of)? {_U}|{_N} and (?:a half|a quarter|3 quarters) {_U}|(?:an? )?half (?:an? )?{_U}"
    rf"|{_N} {_U}(?: and (?:a half|a quarter)\b)?|(?:an? )?(?:hour|minute) and a (?:half|quarter)\b"
    rf"|(?:a )?quarter (?:of )?(?:an? )?hour|3 quarters of an hour)"
)
_MANY = rf"{_ONE}(?:(?: and)? {_ONE})*(?: and \d+$)?"
_PIECE = re.compile(
    rf"(?P<pair>couple)(?: of)? (?P<pu>{_U})|(?P<q>3 quarters|quarter) (?:of )?(?:an? )?hour"
    rf"|(?P<fn>{_N}) and (?P<fs>a half|a quarter|3 quarters) (?P<fu>{_U})|half (?:an? )?(?P<hu>{_U})"
    rf"|(?P<n>{_N})? ?(?:more |extra )?\b(?P<u>{_U})(?: and a (?P<more>half|quarter)\b)?| and (?P<rest>\d+)$"
)
_SHARES = {"a half": 0.5, "half": 0.5, "a quarter": 0.25, "quarter": 0.25, "3 quarters": 0.75, None: 0.0}
PERCENT = re.compile(r"\b(?P<n>\d{1,3}(?:\.\d+)?) (?:percent|per cent)\b")
AHEAD = re.compile(rf"\b(?:(?:in|after) (?P<d>{_MANY})(?: from now| time)?|(?:for )?(?P<f>{_MANY}) from now)\b")
MORE = re.compile(
    rf"\b(?:{_N}(?: and (?:a half|a quarter))? (?:more|extra) {_U}|another (?:{_MANY}|{_U})|{_MANY} (?:more|longer))\b"
)
DURATION = re.compile(rf"\b(?P<d>{_MANY})\b(?! (?:ago|before|early|late))")


def seconds(text: str) -> int | None:
    total, unit = 0.0, 60
    for found in _PIECE.finditer(text):
        if found["pair"]:
            total += 2 * _unit(found["pu"])
        elif found["q"]:
            total += 3600 * _SHARES[found["q"]]
        elif found["fu"]:
            total += (_number(found["fn"]) + _SHARES[found["fs"]]) * _unit(found["fu"])
        elif found["hu"]:
            total += _unit(found["hu"]) / 2
        elif found["rest"]:
            total += int(found["rest"]) * (unit // 60 if unit > 60 else unit)
        else:
            unit = _unit(found["u"])
            total += (_number(found["n"]) + _SHARES[found["more"]]) * unit
    return round(total) or None


def _number(text: str | None) -> float:
    digits = (text or "").rpartition(" ")[2]
    return float(digits) if digits[:1].isdigit() else 1.0


def _unit(word: str) -> int:
    return next(size for name, size in _UNITS.items() if word.startswith(name))


_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WD = rf"(?:{'|'.join(WEEKDAYS)})"
_HALF = r"(?: (?P<half>am|pm|(?:in the|this) (?:morning|afternoon|evening)|at night|tonight))?"
_PREP = r"(?:on|for)"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_ORDINAL = r"(?P<d>\d{1,2})(?: (?:st|nd|rd|th))?"
_PART = r"(?P<p>morning|afternoon|evening|night)"
_AT = r"\b(?:(?:set )?(?:at|for|by|around|about|until|till) )?(?:about |around )?"
_PARTS: dict[str, Part] = {
    "morning": "morning", "am": "morning", "afternoon": "afternoon", "pm": "afternoon", "evening": "evening",
    "night": "night", "tonight": "night", "noon": "noon",
}  # fmt: skip
_ALL, _WORK, _END = SHORT_DAYS, SHORT_DAYS[:5], SHORT_DAYS[5:]


def _clock(found: re.Match[str]) -> Moment | None:
    groups = found.groupdict()
    minutes = groups.get("m")
    return _moment(int(found["h"]), int(minutes) if minutes else 0, found)


def _past(found: re.Match[str]) -> Moment | None:
    said = found["m"]
    minute = {"half": 30, "quarter": 15}.get(said) or int(said)
    hour = int(found["h"])
    if found["side"] in {"to", "before", "of"}:
        hour, minute = (hour - 2) % 12 + 1, 60 - minute
    return _moment(hour, minute, found)


def _moment(hour: int, minute: int, found: re.Match[str]) -> Moment | None:
    half = found["half"]
    if hour > 23 or not 0 <= minute < 60:
        return None
    if half is None:
        return Moment(hour, minute, unsure=0 < hour <= 12 and not re.search(r"\b0\d:", found[0]))
    part = _PARTS[half.rpartition(" ")[2]]
    if hour == 12 and part == "morning":
        hour = 0
    day = "today" if half.startswith("this") or half == "tonight" else None
    return Moment(in_part(hour, part), minute, day=day)


def _date(found: re.Match[str]) -> Moment | None:
    day = int(found["d"])
    return Moment(day=f"{_MONTHS.index(found['month']) + 1}-{day}") if 0 < day < 32 else None


def _named_days(found: re.Match[str]) -> Moment:
    return Moment(days=tuple(short for short, name in zip(SHORT_DAYS, WEEKDAYS, strict=True) if name in found[0]))


MOMENTS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Moment | None]]] = [
    (
        re.compile(
            rf"{_AT}(?:a )?(?P<m>half|quarter|\d{{1,2}})(?: minutes)? "
            rf"(?P<side>past|after|to|before|of) (?P<h>\d{{1,2}})(?: oclock)?{_HALF}(?= |$)"
        ),
        _past,
    ),
    (re.compile(rf"{_AT}(?P<h>\d{{1,2}})[:.](?P<m>\d\d)(?: hours)?{_HALF}(?= |$)"), _clock),
    (re.compile(rf"{_AT}(?P<h>\d{{1,2}})(?: (?:oh )?(?P<m>\d{{1,2}}))?(?: oclock)?{_HALF}(?<=am|pm)(?= |$)"), _clock),
    (re.compile(rf"{_AT}(?P<h>\d{{1,2}}) oclock{_HALF}(?= |$)"), _clock),
    (
        re.compile(
            rf"\b(?:set )?(?:at|for|by|around|about)(?: about)? (?P<h>\d{{1,2}})(?: (?:oh )?(?P<m>[0-5]?\d))?"
            rf"{_HALF}(?= |$)(?! (?:{_U}|percent|people|times|more|degrees)\b)"
        ),
        _clock,
    ),
    (re.compile(r"\b(?P<h>\d{1,2})(?: (?P<m>[0-5]\d))?(?P<half>(?!))?(?= alarm\b)"), _clock),
    (re.compile(r"\b(?:(?:at|for|by|around) )?(?:12 )?(?:noon|midday)\b"), lambda _: Moment(12)),
    (re.compile(r"\b(?:(?:at|for|by|around) )?midnight\b"), lambda _: Moment(0)),
    (
        re.compile(r"\b(?:(?:on|for) )?(?:every |each )?(?:weekdays?|work ?days?|working days?"
                   r"|monday (?:to|through|thru) friday)\b"),
        lambda _: Moment(days=_WORK),
    ),
    (
        re.compile(r"\b(?:(?:on|at|for) )?(?:the |every |each )?weekends?\b"),
        lambda _: Moment(days=_END),
    ),
    (re.compile(r"\b(?:every day|everyday|daily|each day)\b"), lambda _: Moment(days=_ALL)),
    (
        re.compile(r"\b(?:every|each) (?P<p>morning|afternoon|evening|night)\b"),
        lambda found: Moment(days=_ALL, part=_PARTS[found["p"]]),
    ),
    (
        re.compile(
            rf"\b(?:(?:on|for) )?(?:(?:every|each) {_WD}(?:(?: and)? {_WD})*|{_WD}s(?:(?: and)? {_WD}s)*)\b"
        ),
        _named_days,
    ),
    (re.compile(r"\b(?:for )?(?:the )?day after tomorrow\b"), lambda _: Moment(day="after tomorrow")),
    (
        re.compile(r"\b(?:for )?tomorrow(?: in the)? (?P<p>morning|afternoon|evening|night)\b"),
        lambda found: Moment(day="tomorrow", part=_PARTS[found["p"]]),
    ),
    (
        re.compile(r"\b(?:for |later )?this (?P<p>morning|afternoon|evening)\b"),
        lambda found: Moment(day="today", part=_PARTS[found["p"]]),
    ),
    (re.compile(r"\b(?:for |later )?tonight\b"), lambda _: Moment(day="today", part="night")),
    (re.compile(r"\bin the (?P<p>morning|afternoon|evening)\b"), lambda found: Moment(part=_PARTS[found["p"]])),
    (re.compile(r"\b(?:for )?tomorrows?\b"), lambda _: Moment(day="tomorrow")),
    (re.compile(r"\b(?:for )?yesterday\b"), lambda _: Moment(day="yesterday")),
    (re.compile(r"\b(?:for |later )?today\b"), lambda _: Moment(day="today")),
    (
        re.compile(
            rf"\b(?:(?:on|for|by) )?(?:this |next |the |coming )*(?P<wd>{_WD})(?: {_PART})?\b"
        ),
        lambda found: Moment(day=found["wd"], part=_PARTS[found["p"]] if found["p"] else None),
    ),
    (
        re.compile(
            rf"\b(?:{_PREP} )?(?:the )?{_ORDINAL}(?: of)? {_MONTH}\b"
        ),
        _date,
    ),
    (
        re.compile(
            rf"\b(?:{_PREP} )?{_MONTH}(?: the)? {_ORDINAL}\b"
        ),
        _date,
    ),
]  # fmt: skip
