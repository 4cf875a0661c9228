"""What a linear model sees of a sentence: short pieces of text, none of which tells how long it is. Pure.

Case, accents and punctuation are gone, numbers are all alike (`#`), and courtesies at both ends are cut off, so that
what a recogniser loses or invents there changes nothing. Of a very long text only the head and the tail are read:
what is wanted stands at one end.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

# Words read of a text, half from each end. Nobody speaks longer to a microphone.
MOST_WORDS = 120
# Characters looked at for them: a text without blanks must cost no more than one with.
MOST_CHARACTERS = 4_000
# Longest word that is cut into pieces.
LONGEST_WORD = 24
# How many words count as the beginning and the end.
ENDS = 6

_WORD = re.compile(r"[^\W_]+")
_NUMBER_WORDS = frozenset(
    """dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete dieciocho
    diecinueve veinte veintiuno veintidos veinticuatro veinticinco treinta cuarenta cincuenta sesenta setenta ochenta
    noventa cien ciento doscientos trescientos cuatrocientos quinientos seiscientos mil
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand""".split()
)
_DIGITS = re.compile(r"\d+")
_COURTESIES_BEFORE = frozenset(
    """oye oiga jarvis mira mire bueno pues eh em este a ver vale vamos hey hi hello hola ok okay um uh well so please
    por favor porfa porfavor alright right listen look disculpa perdona perdon""".split()
)
_COURTESIES_AFTER = frozenset(
    """please thanks thank you if can gracias por favor porfa porfavor jarvis vale eh si puedes okay""".split()
)


def plain_words(text: str) -> list[str]:
    """Words without case, accents and punctuation, numbers as `#`; head and tail of what is too long."""
    if len(text) > 2 * MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS]} {text[-MOST_CHARACTERS:]}"
    folded = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    words = _WORD.findall("".join(c for c in folded if not unicodedata.combining(c)))
    if len(words) > MOST_WORDS:
        words = words[: MOST_WORDS // 2] + words[-MOST_WORDS // 2 :]
    return ["#" if word in _NUMBER_WORDS else _DIGITS.sub("#", word[:LONGEST_WORD]) for word in words]


def without_courtesies(words: Sequence[str]) -> Sequence[str]:
    """What is left between the courtesies at both ends; everything, where nothing would be."""
    first, last = 0, len(words)
    while first < last and words[first] in _COURTESIES_BEFORE:
        first += 1
    while last > first and words[last - 1] in _COURTESIES_AFTER:
        last -= 1
    return words[first:last] or words


def features(text: str) -> Iterator[str]:
    words = without_courtesies(plain_words(text))
    yield from word_features(words)
    for word in words:
        yield from piece_features(word)


def word_features(words: Sequence[str]) -> Iterator[str]:
    """Words, pairs, pairs with a gap, and the words of both ends."""
    bounded = ["^", *words, "$"]
    for first, second in zip(bounded, bounded[1:], strict=False):
        yield f"{first} {second}"
    for first, third in zip(bounded, bounded[2:], strict=False):
        yield f"{first}_{third}"
    yield from words


def piece_features(word: str) -> Iterator[str]:
    """Pieces of three to five letters, its ends marked."""
    marked = f"<{word}>"
    for size in (3, 4, 5):
        for start in range(len(marked) - size + 1):
            yield marked[start : start + size]
