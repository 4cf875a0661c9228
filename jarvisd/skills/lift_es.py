"""How Spanish says durations, times and days, over plain words with digits."""

from __future__ import annotations

import re
from collections.abc import Callable

from jarvisd.skills.moments import SHORT_DAYS, WEEKDAYS, Moment, Part, in_part

_UNITS = {"segundo": 1, "seg": 1, "minut": 60, "min": 60, "hor": 3600, "h": 3600, "dia": 86_400, "semana": 604_800}
_U = r"(?:segund(?:it)?os?|segs?|minut(?:it)?os?|mins?|hor(?:it)?as?|h|dias?|semanas?)"
_N = r"(?:\d+(?:\.\d+)?|un[ao]?)"
_ONE = (
    rf"(?:un par de {_U}|(?:un[ao]s )?{_N} {_U}(?: y (?:medi[ao]|cuarto)\b)?|medi[ao] {_U}"
    rf"|(?:hora|minuto|segundo) y (?:medi[ao]|cuarto)\b|(?:un |una |[13] )?cuartos? de hora)"
)
_MANY = rf"{_ONE}(?:(?: y| con)? {_ONE})*(?: y \d+(?= |$)(?! {_U}))?"
_PIECE = re.compile(
    rf"(?P<pair>un par de) (?P<pu>{_U})|(?P<half>medi[ao]) (?P<hu>{_U})|(?P<q>[13])? ?cuartos? de hora"
    rf"|(?P<n>{_N})? ?\b(?P<u>{_U})(?: y (?P<more>medi[ao]|cuarto)\b)?| y (?P<rest>\d+)$"
)
PERCENT = re.compile(r"\b(?:un |el )?(?P<n>\d{1,3}(?:\.\d+)?) (?:por ciento|porciento|percent)\b")
AHEAD = re.compile(rf"\b(?:para )?(?:en|dentro de|de aqui a|pasad[ao]s|cuando pasen|al cabo de) (?P<d>{_MANY})\b")
MORE = re.compile(rf"\b(?:{_MANY} mas|otr[ao]s? (?:\d+ )?{_U}(?: mas)?)\b")
DURATION = re.compile(rf"\b{_MANY}\b(?! (?:antes|despues|tarde))")


def seconds(text: str) -> int | None:
    total, unit = 0.0, 60
    for found in _PIECE.finditer(text):
        if found["pair"]:
            total += 2 * _unit(found["pu"])
        elif found["half"]:
            total += _unit(found["hu"]) / 2
        elif found["rest"]:
            total += int(found["rest"]) * (unit // 60 if unit > 60 else unit)
        elif found["u"]:
            unit = _unit(found["u"])
            share = 0.5 if (found["more"] or "").startswith("medi") else 0.25 if found["more"] else 0
            total += (_number(found["n"]) + share) * unit
        else:
            total += int(found["q"] or 1) * 900
    return round(total) or None


def _number(text: str | None) -> float:
    digits = (text or "").rpartition(" ")[2]
    return float(digits) if digits[:1].isdigit() else 1.0


def _unit(word: str) -> int:
    return next(size for name, size in _UNITS.items() if word.startswith(name))


_DAYS_ES = ("lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo")
_MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_WD = rf"(?:{'|'.join(_DAYS_ES)})"
_WDS = rf"(?:{'|'.join(_DAYS_ES)}|sabados|domingos)"
_HALF = (
    r"(?: (?P<half>(?:de|por|en) la (?:manana|tarde|noche|madrugada)|del mediodia|de la tarde noche"
    r"|am|pm))?"
)
_AT = r"\b(?:(?:a|para|de|desde|sobre|hacia|es|son) )?(?:eso de )?"
_PARTS: dict[str, Part] = {
    "manana": "morning", "mananas": "morning", "madrugada": "morning", "am": "morning", "mediodia": "afternoon",
    "tarde": "afternoon", "tardes": "afternoon", "pm": "afternoon", "noche": "night", "noches": "night",
}  # fmt: skip


def _clock(found: re.Match[str]) -> Moment | None:
    hour = 1 if found["h"] == "una" else int(found["h"])
    minute = {None: 0, "media": 30, "cuarto": 15}.get(found["m"], -1)
    minute = int(found["m"]) if minute < 0 else minute
    if "less" in found.re.groupindex and found["less"]:
        hour, minute = (hour - 2) % 12 + 1, 60 - (15 if found["less"] == "cuarto" else int(found["less"]))
    if hour > 23 or not 0 <= minute < 60:
        return None
    return _sure(hour, minute, found["half"], found[0])


def _sure(hour: int, minute: int, half: str | None, text: str) -> Moment:
    if half is None:
        digital = ":" in text and re.search(r"\b0\d:", text)
        return Moment(hour, minute, unsure=0 < hour <= 12 and not digital)
    part = _PARTS[half.rpartition(" ")[2]]
    # "las doce de la mañana" is noon, "12 am" and "las doce y cuarto de la madrugada" are after midnight
    if hour == 12 and (half == "am" or half.endswith("madrugada")):
        hour = 0
    return Moment(in_part(hour, part), minute)


def _day(found: re.Match[str]) -> Moment:
    return Moment(day=WEEKDAYS[_DAYS_ES.index(found["wd"])])


def _date(found: re.Match[str]) -> Moment | None:
    day = int(found["d"])
    return Moment(day=f"{_MONTHS.index(found['month']) + 1}-{day}") if 0 < day < 32 else None


def _named_days(found: re.Match[str]) -> Moment:
    first = [short for short, name in zip(SHORT_DAYS, _DAYS_ES, strict=True) if re.search(rf"\b{name}", found[0])]
    return Moment(days=tuple(first))


def _part(found: re.Match[str]) -> Moment:
    return Moment(part=_PARTS[found["p"]])


_ALL, _WORK, _END = SHORT_DAYS, SHORT_DAYS[:5], SHORT_DAYS[5:]

MOMENTS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Moment | None]]] = [
    (
        re.compile(
            rf"{_AT}las? (?P<h>\d{{1,2}}|una)(?: (?:y )?(?P<m>\d{{1,2}}|media|cuarto)(?! {_U}\b)"
            rf"| menos (?P<less>\d{{1,2}}|cuarto))?(?: horas)?(?: en punto)?(?: horas)?{_HALF}(?= |$)(?! {_U}\b)"
        ),
        _clock,
    ),
    (re.compile(rf"{_AT}(?:las? )?(?P<h>\d{{1,2}})[:.](?P<m>\d\d)(?: horas| h)?{_HALF}(?= |$)"), _clock),
    (re.compile(rf"{_AT}(?P<h>\d{{1,2}})(?P<m>(?!))?(?: horas)?{_HALF}(?<=m)(?= |$)"), _clock),
    (re.compile(r"\b(?:al?|para el|del|de|el) mediodia\b"), lambda _: Moment(12)),
    (re.compile(r"\b(?:a|para la|de la|a la) (?:media noche|medianoche)\b"), lambda _: Moment(0)),
    (
        re.compile(
            rf"\b(?:(?:de|para) )?(?:todos )?(?:los {_WDS}(?:(?: y)?(?: los)? {_WDS})*"
            rf"|cada {_WD}(?: y(?: cada)? {_WD})*)\b"
        ),
        _named_days,
    ),
    (
        re.compile(r"\b(?:(?:de|para) )?(?:lunes a viernes|entre semana|los dias laborables|los dias de diario"
                   r"|los dias de semana|dias laborables)\b"),
        lambda _: Moment(days=_WORK),
    ),
    (re.compile(r"\b(?:de )?lunes a (?:sabado)\b"), lambda _: Moment(days=SHORT_DAYS[:6])),
    (re.compile(r"\b(?:todos )?(?:los|el) fin(?:es)? de semana\b"), lambda _: Moment(days=_END)),
    (re.compile(r"\b(?:todos los dias|cada dia|a diario|diari[ao]|diariamente)\b"), lambda _: Moment(days=_ALL)),
    (
        re.compile(r"\b(?:todas las|cada) (?P<p>mananas?|tardes?|noches?)\b"),
        lambda found: Moment(days=_ALL, part=_PARTS[found["p"]]),
    ),
    (re.compile(r"\b(?:para |de )?pasado manana\b"), lambda _: Moment(day="after tomorrow")),
    (
        re.compile(r"\b(?:para |de )?(?:esta|hoy por la) (?P<p>manana|tarde|noche)\b"),
        lambda found: Moment(day="today", part=_PARTS[found["p"]]),
    ),
    (re.compile(r"\b(?:(?:por|en|a|de|para) la|al?) (?P<p>manana|tarde|noche|mediodia)\b"), _part),
    (re.compile(r"\b(?:para |de )?manana(?: temprano)?\b"), lambda _: Moment(day="tomorrow")),
    (re.compile(r"\b(?:para |de )?ayer\b"), lambda _: Moment(day="yesterday")),
    (re.compile(r"\b(?:para |de )?hoy\b"), lambda _: Moment(day="today")),
    (
        re.compile(
            rf"\b(?:(?:para|de) )?(?:el |este |del |al )?(?:proximo )?(?P<wd>{_WD})"
            r"(?: que viene| proximo| siguiente)?\b"
        ),
        _day,
    ),
    (
        re.compile(rf"\b(?:(?:para|de) )?(?:el |del |al )?(?:dia )?(?P<d>\d{{1,2}}) de {_MONTH}\b"),
        _date,
    ),
]  # fmt: skip
