"""Numbers in words, up to 999: "cuarenta y cinco" and "forty five" become "45"; what was said is kept beside it.

"un", "una" and "a" stay words: only the phrase around them says whether they count.
"""

from __future__ import annotations

from collections.abc import Sequence

from jarvisd.plain import Word
from jarvisd.types import Language


def _count(start: int, step: int, names: str) -> dict[str, int]:
    return {name: start + step * i for i, name in enumerate(names.split())}


_SMALL: dict[Language, dict[str, int]] = {
    "es": _count(
        0,
        1,
        """cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis
        diecisiete dieciocho diecinueve veinte veintiuno veintidos veintitres veinticuatro veinticinco veintiseis
        veintisiete veintiocho veintinueve""",
    )
    | {"veintiun": 21, "veintiuna": 21},
    "en": _count(
        0,
        1,
        """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen""",
    ),
}
_TENS: dict[Language, dict[str, int]] = {
    "es": _count(30, 10, "treinta cuarenta cincuenta sesenta setenta ochenta noventa"),
    "en": _count(20, 10, "twenty thirty forty fifty sixty seventy eighty ninety") | {"fourty": 40},
}
_HUNDREDS: dict[str, int] = {"cien": 100, "ciento": 100} | _count(
    200, 100, "doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
)
_ONE_AFTER_TENS = {"un": 1, "una": 1}


def with_digits(words: Sequence[Word], language: Language) -> list[Word]:
    """`words` with every number in digits."""
    plain = [word.plain for word in words]
    found: list[Word] = []
    position = 0
    while position < len(words):
        value, count = _number(plain[position : position + 5], language)
        if position and plain[position - 1 : position + 1] == ["por", "ciento"]:
            count = 0
        taken = words[position : position + max(count, 1)]
        found.append(Word(str(value), " ".join(word.said for word in taken)) if count else taken[0])
        position += len(taken)
    return found


def _number(plain: Sequence[str], language: Language) -> tuple[int, int]:
    """The number that `plain` begins with and how many words it takes; 0 words if it begins with none."""
    return _number_es(plain) if language == "es" else _number_en(plain)


def _number_es(plain: Sequence[str]) -> tuple[int, int]:
    if plain[:1] and plain[0] in _HUNDREDS:
        rest, count = _below_hundred_es(plain[1:])
        return _HUNDREDS[plain[0]] + rest, 1 + count
    return _below_hundred_es(plain)


def _below_hundred_es(plain: Sequence[str]) -> tuple[int, int]:
    if not plain:
        return 0, 0
    small, tens = _SMALL["es"], _TENS["es"]
    if plain[0] in small:
        return small[plain[0]], 1
    if plain[0] not in tens:
        return 0, 0
    if len(plain) > 2 and plain[1] == "y":
        unit = small.get(plain[2], _ONE_AFTER_TENS.get(plain[2], 10))
        if 0 < unit < 10:
            return tens[plain[0]] + unit, 3
    return tens[plain[0]], 1


def _number_en(plain: Sequence[str]) -> tuple[int, int]:
    if len(plain) > 1 and plain[1] == "hundred" and plain[0] in {"a", *list(_SMALL["en"])[1:10]}:
        joined = plain[2:3] == ["and"]
        rest, count = _below_hundred_en(plain[2 + joined :])
        return 100 * _SMALL["en"].get(plain[0], 1) + rest, 2 + (joined + count if count else 0)
    return _below_hundred_en(plain)


def _below_hundred_en(plain: Sequence[str]) -> tuple[int, int]:
    if not plain:
        return 0, 0
    small, tens = _SMALL["en"], _TENS["en"]
    if plain[0] in small:
        return small[plain[0]], 1
    if plain[0] not in tens:
        return 0, 0
    unit = small.get(plain[1], 10) if len(plain) > 1 else 10
    return (tens[plain[0]] + unit, 2) if 0 < unit < 10 else (tens[plain[0]], 1)
