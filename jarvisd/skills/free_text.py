"""What people may say in their own words: the name of a timer, and what they want to be reminded of. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jarvisd.plain import word_set
from jarvisd.skills.lift import AHEAD, MOMENT, Lifted
from jarvisd.skills.moments import Moment, merged
from jarvisd.types import Language

_ARTICLES = word_set("el la los las lo un una unos unas mi mis the a an my of for del al para de")
_DANGLING = word_set("de del en a al con por para of for at to on and y")
# Whoever begins so asks, or makes a condition: no name, and no reminder.
_ASKS = word_set(
    """quien quienes cual cuales como donde cuando cuanto cuanta cuantos cuantas porque si que y o and or
    who whom whose which what how where when why whether if that do does did is are was were can could"""
)
_CONDITIONS = word_set("cuando si mientras when if whenever once unless while")
# "... that the dentist is at five": the time belongs to the sentence.
_TELLS = word_set(
    """is are was starts begins opens closes ends leaves es son era empieza comienza abre cierra acaba sale
    termina"""
)
_CONNECTORS: dict[Language, tuple[tuple[str, ...], ...]] = {
    "es": (
        ("de", "que", "tengo", "que"), ("que", "tengo", "que"), ("que", "hay", "que"), ("de", "que"), ("para", "que"),
        ("tengo", "que"), ("hay", "que"), ("que",), ("de",), ("para",), ("lo", "de"), ("a",),
    ),
    "en": (("to",), ("that",), ("about",), ("for",)),
}  # fmt: skip
_MOST_REMINDER_WORDS = 25
# What counts as a courtesy at the end of a command, but tells something at the end of a statement: "the key is here".
_NO_COURTESY = re.compile(
    r"(?:\W*\b(?:ya|ahora(?: mismo)?|ahorita|en este momento|actualmente|exactamente|aqu[ií]|de una vez"
    r"|now|right now|just now|at the moment|currently|exactly|here|for me|right away|then)\b)+",
    re.IGNORECASE,
)


def timer_name(said: Sequence[Lifted], language: Language, most_words: int = 4) -> str | None:
    """The name in `said`, without articles; None where it is none."""
    items = list(said)
    if language == "en" and items and items[-1].plain == "timer":
        items.pop()
    while items and items[0].plain in _ARTICLES:
        items.pop(0)
    while items and items[-1].plain in _DANGLING:
        items.pop()
    if not items or len(items) > most_words or items[0].plain in _ASKS:
        return None
    if any(item.value is not None for item in items):
        return None
    return _joined(items)


def reminder(
    said: Sequence[Lifted], given: Moment | None, language: Language, *, after: str = ""
) -> tuple[str, Moment | None] | None:
    """The text of a reminder and its moment, which may stand in front of, behind or inside it; None if it is none.

    `given`: the moment that was said before it already. `after`: the word in front of the text.
    """
    items, at = list(said), given
    while items and (more := _taken(at, items[0])) is not None:
        at = more
        items.pop(0)
    items = _without_connector(items, language)
    if len(items) > 1 and (language == "es" or items[1].plain not in _TELLS):  # "that tomorrow the plumber comes"
        more = _taken(at, items[0])
        at, items = (more, items[1:]) if more is not None else (at, items)
    while len(items) > 1 and items[-2].plain not in _TELLS and (more := _taken(at, items[-1])) is not None:
        at = more
        items.pop()
    if at is None:
        for index, item in enumerate(items[1:], 1):
            if items[index - 1].plain not in _TELLS and (at := _taken(None, item)) is not None:
                items.pop(index)
                break
    if at is not None and at.day == "yesterday":
        return None
    if not items or len(items) > _MOST_REMINDER_WORDS or not _is_reminder(items, at, language, after):
        return None
    return _joined(items), at


def places(source: str, items: Sequence[Lifted]) -> list[tuple[int, int]]:
    """Where each of `items`, which were found in `source` in this order, lies in it."""
    found, position = [], 0
    for item in items:
        first, *others = item.said.split()
        begin, position = _word_at(source, first, position)
        for one in others:
            _, position = _word_at(source, one, position)
        found.append((begin, position))
    return found


def _word_at(source: str, word: str, position: int) -> tuple[int, int]:
    """`word` as a whole one: no "I" in "Jarvis" or "I'd"."""
    like = r"\d" if word[0].isdigit() else r"[^\W\d_]"
    found = re.compile(rf"(?<!{like}){re.escape(word)}(?!['’`´]?{like})").search(source, position)
    return found.span() if found else (position, position)


def as_said(source: str, begin: int, end: int, *, to_the_end: bool) -> str:
    """The part of `source`, with its punctuation. `to_the_end`: with what follows, politeness excepted."""
    if not to_the_end:
        return source[begin:end]
    last = re.escape(source[begin:end].rpartition(" ")[2])
    while last and (again := re.match(rf"\W+{last}\b", source[end:], re.IGNORECASE)) is not None:  # "Bora Bora"
        end += again.end()
    rest = source[end:]
    tail = _NO_COURTESY.match(rest)
    if tail is not None:
        end, rest = end + tail.end(), rest[tail.end() :]
    closing = re.match(r"[^\w¿¡]*", rest)
    return source[begin:end] + (closing[0].rstrip(" \t\r\n.,;:?…–—-") if closing else "")


def _is_reminder(items: Sequence[Lifted], at: Moment | None, language: Language, after: str) -> bool:
    first = items[0]
    if first.said.casefold() == "qué" or (first.plain in _ASKS and first.plain not in {"que", "that"}):
        return False
    if at is not None:
        return True
    if any(item.plain in _CONDITIONS for item in items):
        return False
    if language == "en":
        return after == "to" or (after in {"for", "about"} and len(items) > 0)
    return _infinitive(first.plain)


def _infinitive(word: str) -> bool:
    for ending in ("se", "me", "te", "lo", "la", "los", "las", "le", "les", "nos"):
        if word.endswith(ending) and word[: -len(ending)].endswith(("ar", "er", "ir")):
            return True
    return len(word) > 2 and word.endswith(("ar", "er", "ir")) and word != "ayer"


def _taken(at: Moment | None, item: Lifted) -> Moment | None:
    """`at` with the moment of `item`, where it is one and fits."""
    if item.plain == AHEAD and isinstance(item.value, int):
        return Moment(in_s=item.value) if at is None else None
    if item.plain != MOMENT or not isinstance(item.value, Moment):
        return None
    return item.value if at is None else merged(at, item.value)


def _without_connector(items: list[Lifted], language: Language) -> list[Lifted]:
    for connector in _CONNECTORS[language]:
        count = len(connector)
        there = tuple(item.plain for item in items[:count])
        if there == connector and len(items) > count and items[0].said.casefold() != "qué":
            return items[count:]
    return items


def _joined(items: Sequence[Lifted]) -> str:
    return " ".join(item.said for item in items)
