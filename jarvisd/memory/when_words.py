"""The words for time that `when` knows, folded as `jarvisd.plain` folds them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from jarvisd.plain import plain
from jarvisd.types import Language

DAY_NAMES: dict[Language, tuple[str, ...]] = {
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
MONTH_NAMES: dict[Language, tuple[str, ...]] = {
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
}  # fmt: skip
WEEKDAYS = {plain(name): number for names in DAY_NAMES.values() for number, name in enumerate(names)}
MONTHS = {plain(name): number for names in MONTH_NAMES.values() for number, name in enumerate(names, 1)}
MONTHS["setiembre"] = 9

# The hours that a part of the day may mean, from midnight on; Spanish mornings end with lunch.
PARTS: dict[str, tuple[int, int]] = {
    "manana": (5, 14), "morning": (5, 13), "mediodia": (11, 16), "noon": (11, 14), "midday": (11, 14),
    "lunchtime": (11, 15), "lunch time": (11, 15), "tarde": (12, 21), "afternoon": (12, 19), "evening": (17, 24),
    "noche": (18, 30), "night": (18, 30), "madrugada": (0, 7),
}  # fmt: skip

# What comes every year: from which month and day on, and how many days at most. The seasons are the northern ones.
SEASONS: dict[str, tuple[int, int, int]] = {
    "primavera": (3, 1, 122), "spring": (3, 1, 122), "verano": (6, 1, 122), "summer": (6, 1, 122),
    "otono": (9, 1, 122), "autumn": (9, 1, 122), "fall": (9, 1, 122), "invierno": (12, 1, 121),
    "winter": (12, 1, 121), "navidad": (12, 20, 19), "navidades": (12, 20, 19), "christmas": (12, 20, 19),
    "nochebuena": (12, 23, 3), "christmas eve": (12, 23, 3), "nochevieja": (12, 30, 4), "fin de ano": (12, 30, 4),
    "ano nuevo": (12, 30, 4), "new years eve": (12, 30, 4), "new years": (12, 30, 4), "new year": (12, 30, 4),
    "reyes": (1, 4, 4), "semana santa": (3, 15, 45), "pascua": (3, 15, 45), "easter": (3, 15, 45),
    "halloween": (10, 29, 5), "thanksgiving": (11, 20, 11),
}  # fmt: skip

# A unit in days, and how far off a person may be who counts in it.
UNITS: dict[str, tuple[float, float]] = {
    "minute": (1 / 1440, 0.5), "hour": (1 / 24, 0.5), "day": (1, 0.2), "week": (7, 0.2), "fortnight": (14, 0.2),
    "month": (30.4, 0.3), "year": (365.25, 0.25),
}  # fmt: skip
UNIT_NAMES: dict[Language, dict[str, str]] = {
    "es": {"minuto": "minute", "hora": "hour", "dia": "day", "semana": "week", "quincena": "fortnight",
           "mes": "month", "ano": "year"},
    "en": {unit: unit for unit in UNITS},
}  # fmt: skip
# Between how many and how many is meant.
COUPLE, FEW = (1.3, 3.5), (1.5, 7.0)
VAGUE: dict[str, tuple[float, float]] = {
    "un par de": COUPLE, "par de": COUPLE, "a couple of": COUPLE, "a couple": COUPLE, "couple of": COUPLE,
    "couple": COUPLE, "unos": FEW, "unas": FEW, "unos pocos": FEW, "unas pocas": FEW, "unos cuantos": FEW,
    "unas cuantas": FEW, "pocos": FEW, "pocas": FEW, "algunos": FEW, "algunas": FEW, "varios": FEW, "varias": FEW,
    "a few": FEW, "few": FEW, "quite a few": FEW, "several": FEW, "some": FEW,
}  # fmt: skip


def _numbered(text: str) -> dict[str, int]:
    return {word: number for number, word in enumerate(text.split(), 1)}


def _twenties(numbers: dict[str, int]) -> dict[str, int]:
    return {f"twenty {word}": 20 + number for word, number in numbers.items() if number < 10}


_SPANISH = _numbered(
    """uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete
    dieciocho diecinueve veinte veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete
    veintiocho veintinueve treinta"""
) | {"treinta y uno": 31, "primero": 1}
_ENGLISH = _numbered(
    """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty"""
)
_ORDINALS = _numbered(
    """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
    fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"""
)
COUNTS: dict[Language, dict[str, float]] = {
    "es": _SPANISH | {"un": 1, "una": 1, "medio": 0.5, "media": 0.5},
    "en": _ENGLISH | _twenties(_ENGLISH) | {"thirty": 30, "a": 1, "an": 1, "half a": 0.5, "a half": 0.5},
}
DAYS_OF_MONTH: dict[Language, dict[str, int]] = {
    "es": _SPANISH,
    "en": _ORDINALS | _twenties(_ORDINALS) | {"thirtieth": 30, "thirty first": 31},
}


def any_of(words: Iterable[str]) -> str:
    """An expression for one of `words`, the longest that is there."""
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"
