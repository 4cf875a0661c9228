"""Finds a wake phrase at the beginning of a text, also one that a recogniser misheard."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_AFTER_PHRASE = " \t\n,.;:!?¡…-–—"
_GREETINGS = frozenset(
    {"hey", "hay", "ey", "eh", "hi", "hello", "hallo", "hei", "ok", "okay", "oye", "oiga", "hola", "ay", "hej"}
)
# What recognisers make of "hey": too common to forgive as much after them.
_GREETINGS_MISHEARD = frozenset({"the", "a", "they", "he", "hate", "say", "day"})
_FAR = 100
_LOOKED_AT = 5  # two words of greeting and three of phrase
_SAME_SOUND = {"g": "j", "ch": "j", "dj": "j", "y": "j", "z": "s", "c": "s", "x": "s"}


@dataclass(frozen=True, slots=True)
class _Word:
    plain: str
    start: int
    end: int


def without_typed(text: str, phrases: Sequence[str]) -> str:
    """Typed text loses an exact "hey <phrase>" only: it may speak about Jarvis as it likes."""
    for phrase in phrases:
        words = r"\s+".join(re.escape(word) for word in phrase.split())
        found = re.match(rf"\s*hey[\s,]+{words}(?!\w)", text, re.IGNORECASE)
        if found:
            return text[found.end() :].lstrip(_AFTER_PHRASE)
    return text


def without_spoken(text: str, phrases: Sequence[str]) -> str:
    """Spoken text begins with the wake phrase, or with what the recogniser took it for."""
    words = [_Word(_plain(found[0]), found.start(), found.end()) for found in islice(_WORD.finditer(text), _LOOKED_AT)]
    end = max((_end_of_phrase(words, _plain("".join(phrase.split()))) for phrase in phrases), default=0)
    if not end:
        return text
    rest = text[words[end - 1].end :].lstrip(_AFTER_PHRASE)
    return without_typed(rest, phrases)  # "hey jarvis, hey jarvis, ..."


def _end_of_phrase(words: Sequence[_Word], phrase: str) -> int:
    """How many words at the beginning are the wake phrase; 0 if it is not there. The nearest match counts."""
    nearest, end = _FAR, 0
    for lead in reversed(range(3)):
        leading = [word.plain for word in words[:lead]]
        if not all(word in _GREETINGS | _GREETINGS_MISHEARD for word in leading):
            continue
        greeted = any(word in _GREETINGS for word in leading)
        for count in (1, 2, 3):
            heard = [word.plain for word in words[lead : lead + count]]
            if len(heard) == count:
                difference = _difference(heard, phrase, greeted=greeted, led=lead > 0)
                if difference < nearest:
                    nearest, end = difference, lead + count
    return end


def _difference(heard: Sequence[str], phrase: str, *, greeted: bool, led: bool) -> int:
    """Letters that differ, as long as they may be forgiven; otherwise _FAR.

    After a greeting two are, else one, and none where words had to be joined. After any lead a single word
    of the same outline will do, too ("the judges").
    """
    joined = "".join(heard)
    forgiven = 0
    if greeted:
        forgiven = min(2, len(phrase) // 3)
    elif len(heard) == 1:
        forgiven = min(1, len(phrase) // 5)
    distance = _distance(_by_sound(joined), _by_sound(phrase), at_most=forgiven)
    if distance <= forgiven:
        return distance
    alike = len(phrase) > 4 and _outline(joined) == _outline(phrase) and abs(len(joined) - len(phrase)) <= 1
    return _FAR - 1 if led and len(heard) == 1 and alike else _FAR


def _outline(word: str) -> tuple[str, str]:
    sound = _by_sound(word)
    return sound[:1], sound[-1:]


def _by_sound(word: str) -> str:
    for beginning in (word[:2], word[:1]):
        if beginning in _SAME_SOUND:
            word = _SAME_SOUND[beginning] + word[len(beginning) :]
            break
    return word[:-1] + _SAME_SOUND.get(word[-1:], word[-1:])


def _plain(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(one for one in decomposed if one.isalnum())


def _distance(one: str, other: str, *, at_most: int) -> int:
    """Letters to add, drop, replace or swap with the next, to make one word of the other (above `at_most`: any)."""
    if abs(len(one) - len(other)) > at_most:
        return at_most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and (letter, one[i - 2]) == (other[j - 2], wanted):
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
