"""What the linear model sees of a sentence: short pieces of text, none of which tells how long it is. Pure.

Case, accents, punctuation and repeated words are gone, numbers are all alike (`#`), and courtesies at both ends are cut
off: what a recogniser loses or invents there changes nothing. A sentence is looked at several times, whole, at its end
and at its beginning, because what is wanted stands at one end of a long one; each look is normalised for itself, so
that any amount of rambling before a short question leaves the look at its end as it was.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

# Words read of a text, half from each end. Nobody speaks longer to a microphone.
MOST_WORDS = 120
# Characters looked at for them: a text without blanks must cost no more than one with.
MOST_CHARACTERS = 4_000
# Longer words are cut: no word of either language is.
LONGEST_WORD = 24
TAIL_WORDS = 14
END_WORDS = 7
LAST_WORDS = 4
HEAD_WORDS = 8
PIECE_SIZES = (3, 4, 5)

# The looks at a sentence, in the order in which a row of weights has them.
ALL, TAIL, END, LAST, HEAD = LOOKS = tuple(range(5))
# Those that see pieces of words, too.
CLOSE_LOOKS = (ALL, TAIL)

# A look, a feature, and how much of it there is.
Seen: TypeAlias = tuple[int, str, float]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+")
_NUMBERS = _words(
    """dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete dieciocho
    diecinueve veinte veintiuno veintidos veintitres veinticuatro veinticinco treinta cuarenta cincuenta sesenta setenta
    ochenta noventa cien ciento doscientos trescientos cuatrocientos quinientos seiscientos mil
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand"""
)
_COURTESIES_BEFORE = _words(
    """oye oiga jarvis mira mire bueno pues eh em este a ver vale vamos che hola por favor porfa porfavor disculpa
    disculpe perdona perdone perdon hey hi hello ok okay um uh well so please alright right listen look like yeah"""
)
_COURTESIES_AFTER = _words(
    """gracias por favor porfa porfavor jarvis vale eh si puedes please thanks thank you if can okay"""
)


def plain_words(text: str) -> list[str]:
    """Words without case, accents and punctuation, numbers as `#`; head and tail of what is too long."""
    if len(text) > 2 * MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS]} {text[-MOST_CHARACTERS:]}"
    folded = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    words = _WORD.findall("".join(letter for letter in folded if not unicodedata.combining(letter)))
    if len(words) > MOST_WORDS:
        words = words[: MOST_WORDS // 2] + words[-MOST_WORDS // 2 :]
    words = [word for word, before in zip(words, [None, *words], strict=False) if word != before or word.isdigit()]
    words = ["#" if word in _NUMBERS else _DIGITS.sub("#", word[:LONGEST_WORD]) for word in words]
    return _without_courtesies(words)


def _without_courtesies(words: list[str]) -> list[str]:
    """What is left between the courtesies at both ends; everything, where nothing would be."""
    first, last = 0, len(words)
    while first < last and words[first] in _COURTESIES_BEFORE:
        first += 1
    while last > first and words[last - 1] in _COURTESIES_AFTER:
        last -= 1
    return words[first:last] or words


_FROM_THE_END = {TAIL: TAIL_WORDS, END: END_WORDS, LAST: LAST_WORDS}


def look_at(words: Sequence[str], look: int) -> Sequence[str]:
    if look == ALL:
        return words
    return words[:HEAD_WORDS] if look == HEAD else words[-_FROM_THE_END[look] :]


def grams(words: Sequence[str]) -> list[str]:
    """Words, neighbours, and neighbours but one; `^` and `$` are the ends of what is looked at."""
    bounded = ["^", *words, "$"]
    return [
        *words,
        *(f"{one} {next_}" for one, next_ in pairwise(bounded)),
        *(f"{one}_{other}" for one, other in zip(bounded, bounded[2:], strict=False)),
    ]


def pieces(word: str) -> list[str]:
    """Three to five letters each, `<` and `>` the ends of the word."""
    marked = f"<{word}>"
    return [marked[start : start + size] for size in PIECE_SIZES for start in range(len(marked) - size + 1)]


def seen(text: str) -> Iterator[Seen]:
    """Everything that the model sees. The scorer sums it up faster; this says what it sums up."""
    words = plain_words(text)
    for look in LOOKS:
        part = look_at(words, look) if words else ()
        yield from _evenly(look, grams(part) if part else ())
        if look in CLOSE_LOOKS:
            yield from _evenly(look, [piece for word in part for piece in pieces(word)])


def evenly(count: int) -> float:
    """The share of one among so many: all together have the length one, as a vector."""
    return 1 / math.sqrt(count) if count else 0.0


def _evenly(look: int, found: Iterable[str]) -> Iterator[Seen]:
    found = tuple(found)
    share = evenly(len(found))
    return ((look, feature, share) for feature in found)
