"""Takes the times and durations out of what was said and leaves a marker word for each, so that grammars stay small.

"pon un temporizador de hora y media" becomes "pon un temporizador de durx" and a Lifted of 5,400 seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from jarvisd.plain import Word
from jarvisd.skills import lift_en, lift_es
from jarvisd.skills.moments import Moment, merged
from jarvisd.skills.numbers import with_digits
from jarvisd.types import Language

Value: TypeAlias = Moment | int | None

# Markers. A duration; one that is added ("five more minutes"); one from now on; a moment; a number; percent.
DURATION, MORE, AHEAD, MOMENT, NUMBER, PERCENT = "durx", "morex", "inx", "whenx", "numx", "pctx"
_RULES = {"es": lift_es, "en": lift_en}


@dataclass(frozen=True, slots=True)
class Lifted:
    """A word as it was said, or a marker with its value."""

    plain: str
    said: str
    value: Value = None


def lift(words: Sequence[Word], language: Language) -> list[Lifted]:
    rules = _RULES[language]
    items = [Lifted(word.plain, word.said) for word in with_digits(words, language)]
    items = _replaced(items, rules.PERCENT, PERCENT, lambda found: round(float(found["n"])))
    items = _replaced(items, rules.AHEAD, AHEAD, lambda found: rules.seconds(found[0]))
    items = _replaced(items, rules.MORE, MORE, lambda found: rules.seconds(found[0]))
    items = _replaced(items, rules.DURATION, DURATION, lambda found: rules.seconds(found[0]))
    for pattern, moment in rules.MOMENTS:
        items = _replaced(items, pattern, MOMENT, moment)
    items = _together(items)
    return [
        Lifted(NUMBER, item.said, int(item.plain)) if item.plain.isascii() and item.plain.isdigit() else item
        for item in items
    ]


def plain_of(items: Sequence[Lifted]) -> str:
    return " ".join(item.plain for item in items)


def _replaced(
    items: list[Lifted], pattern: re.Pattern[str], marker: str, value: Callable[[re.Match[str]], Value]
) -> list[Lifted]:
    """`items` with a marker for each place where `pattern` is found and `value` makes sense of it."""
    text = plain_of(items)
    starts, ends = _bounds(items)
    result: list[Lifted] = []
    done = 0
    for found in pattern.finditer(text):
        first, last = starts.get(found.start()), ends.get(found.end())
        meaning = value(found)
        if first is None or last is None or meaning is None or first < done:
            continue
        result += items[done:first]
        result.append(Lifted(marker, " ".join(item.said for item in items[first : last + 1]), meaning))
        done = last + 1
    return result + items[done:]


def _bounds(items: Sequence[Lifted]) -> tuple[dict[int, int], dict[int, int]]:
    """Which item begins, and which ends, at a position of the text."""
    starts, ends, position = {}, {}, 0
    for number, item in enumerate(items):
        starts[position] = number
        position += len(item.plain)
        ends[position] = number
        position += 1
    return starts, ends


def _together(items: Sequence[Lifted]) -> list[Lifted]:
    """Moments side by side that complete each other ("tomorrow", "at eight") are one."""
    result: list[Lifted] = []
    for item in items:
        before = result[-1] if result else None
        if before is not None and isinstance(before.value, Moment) and isinstance(item.value, Moment):
            both = merged(before.value, item.value)
            if both is not None:
                result[-1] = Lifted(MOMENT, f"{before.said} {item.said}", both)
                continue
        result.append(item)
    return result
