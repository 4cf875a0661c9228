"""The words by which memories are found: what is indexed of each, and what is searched for. Pure.

Stemming: FTS5's own porter for all columns, and Snowball's Spanish stemmer for a column of its own (snowballstemmer;
PyStemmer is the same in C, and a compiler's affair where it has no wheel; NLTK brings ten megabytes around it).
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

from snowballstemmer.spanish_stemmer import SpanishStemmer

from jarvisd.plain import word_set
from jarvisd.types import Language, Memory

# A page read aloud is found by what it begins with; all of it is kept.
INDEXED_CHARACTERS = 8_000
AROUND_CHARACTERS = 1_000
# More words than that are no question; each costs a look into the index.
MOST_TERMS = 48
_WORD = re.compile(r"[^\W_]+")
# Own, answered, before, after, farther, stems.
Document: TypeAlias = tuple[str, str, str, str, str, str]
# What was said around a memory in its session, by the distance: -2, -1, 1, 2.
Around: TypeAlias = Mapping[int, Memory]


STOP_WORDS: dict[Language, frozenset[str]] = {
    "es": word_set(
        """a al algo alguna algun ante antes asi aun aunque cada como con cual cuales cuando cuanto cuanta cuantos
        cuantas de del desde donde dos e el ella ellas ellos en entre era eran eres es esa esas ese eso esos esta
        estaba estaban estamos estan estar estas este esto estos estoy fue fueron ha habia han has hasta hay he
        hemos la las le les lo los mas me mi mis mucho muy nada ni no nos nosotros o os otra otro para pero por
        porque pues que quien quienes se sea ser si sido sin sobre solo son soy su sus tal tambien te tengo tiene
        tienen tienes toda todas todo todos tu tus un una unas uno unos usted u va vamos y ya yo dime sabes puedes"""
    ),
    "en": word_set(
        """a about after again all am an and any are as at be because been before being between both but by can
        could did do does doing down during each few for from further had has have having he her here hers him
        his how i if in into is it its just me more most my no nor not of off on once only or other our out over
        own same she should so some such than that the their them then there these they this those through to too
        under until up very was we were what when where which while who whom why will with would you your s t d
        ll m re ve don didn doesn isn wasn tell know"""
    ),
}  # fmt: skip
_BOTH = STOP_WORDS["es"] | STOP_WORDS["en"]
_DAYS = ("monday lunes", "tuesday martes", "wednesday miercoles", "thursday jueves", "friday viernes",
         "saturday sabado", "sunday domingo")  # fmt: skip
_MONTHS = ("january enero", "february febrero", "march marzo", "april abril", "may mayo", "june junio", "july julio",
           "august agosto", "september septiembre", "october octubre", "november noviembre",
           "december diciembre")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """What a question is searched by: its words without stop words, and their Spanish stems."""

    content: tuple[str, ...]
    stems: tuple[str, ...]

    @property
    def match(self) -> str:
        """The expression for FTS5; empty where there is nothing to search for."""
        if not self.content:
            return ""
        by_words = f"{{own answered before after farther}} : ({_any(self.content)})"
        return f"{by_words} OR {{stems}} : ({_any(self.stems)})" if self.stems else by_words

    def one_by_one(self) -> list[Terms]:
        """Each word on its own."""
        return [Terms((word,), (_spanish_stem(word),) if self.stems else ()) for word in self.content]

    def only(self, words: Collection[str]) -> Terms:
        """Without all words but these."""
        kept = [one for one in self.one_by_one() if one.content[0] in words]
        return Terms(
            tuple(one.content[0] for one in kept), tuple(dict.fromkeys(stem for one in kept for stem in one.stems))
        )


def document(memory: Memory, around: Around) -> Document:
    """What is indexed of a memory that was said among others."""
    own = f"{day_words(memory.at_s)} {memory.person or ''} {memory.said[:INDEXED_CHARACTERS]}"
    answered = memory.answered[:INDEXED_CHARACTERS]
    before, after = _beside(around, -1), _beside(around, 1)
    stems = " ".join(spanish_stems(f"{own} {before} {after}"))
    return own, answered, before, after, _beside(around, -2, 2), stems


def terms(text: str, language: Language) -> Terms:
    """The words of a question; all of them where it has none but stop words. English has its stems in every column."""
    every = tuple(dict.fromkeys(folded_words(text)))
    content = tuple(word for word in every if word not in _BOTH)[:MOST_TERMS] or every[:MOST_TERMS]
    stems = () if language == "en" else tuple(dict.fromkeys(_spanish_stem(word) for word in content))
    return Terms(content, stems)


def content_words(text: str) -> frozenset[str]:
    """Spanish stems of the words that say something, numbers among them: what two texts can be compared by."""
    return frozenset(_spanish_stem(word) for word in folded_words(text) if word not in _BOTH)


def spanish_stems(text: str) -> list[str]:
    return [_spanish_stem(word) for word in folded_words(text)]


def day_words(at_s: float) -> str:
    """The day of a memory in both languages, so that "in March" and "el jueves" find it; nothing for a broken clock."""
    try:
        day = datetime.fromtimestamp(at_s)
    except (OverflowError, OSError, ValueError):
        return ""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def _beside(around: Around, *steps: int) -> str:
    there = [around[step] for step in steps if step in around]
    return " ".join(f"{one.person or ''} {one.said[:AROUND_CHARACTERS]}" for one in there)


def folded_words(text: str) -> list[str]:
    """All words and numbers, in small letters and without accents."""
    if text.isascii():  # a tenth of the time
        return _WORD.findall(text.lower())
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return _WORD.findall("".join(one for one in decomposed if not unicodedata.combining(one)))


def _any(words: Sequence[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words)


_STEMMER = SpanishStemmer()
_STEMMING = threading.Lock()  # it keeps the word it works on in itself


@lru_cache(maxsize=8192)
def _spanish_stem(word: str) -> str:
    with _STEMMING:
        return str(_STEMMER.stemWord(word))
