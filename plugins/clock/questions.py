"""Recognises a question for the time or the date, and nothing else.

A question must consist of a known core, known words around it, and not a word more: "what time is it" is ours,
"what time is it in Tokyo" and "what time is the meeting" are not. Only in front of a spoken core up to three
unknown words are forgiven, since a recogniser makes such words out of the end of the wake word.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from jarvisd.types import Language


@dataclass(frozen=True, slots=True)
class Question:
    about: Literal["time", "date", "both"]
    language: Language


@dataclass(frozen=True, slots=True)
class _Grammar:
    """Patterns over plain words. `cores` stand alone; `topics` too, but nothing unknown may be in front."""

    language: Language
    polite: re.Pattern[str]
    cores: dict[Literal["time", "date", "both"], re.Pattern[str]]
    topics: dict[Literal["time", "date", "both"], re.Pattern[str]]


# Longer ones are about something else.
_LONGEST_CHARACTERS = 160
_MOST_UNKNOWN_WORDS = 3
# After these a Spanish core asks for something else: "¿a qué hora es?"
_TURNS_MEANING = {"a", "de", "desde", "hasta", "para", "por", "sobre"}
_SPELLINGS = {"q": "que", "k": "que", "ke": "que", "ora": "hora", "oras": "horas", "todays": "today"}
_TODAY = re.compile(r"\b(?:to|two) day\b")


def understand(text: str, *, spoken: bool) -> Question | None:
    """What the text asks for; `spoken` says that it comes from a recogniser."""
    if len(text) > _LONGEST_CHARACTERS:
        return None
    plain = _plain(text)
    for grammar in (_ENGLISH, _SPANISH):
        for about in ("both", "time", "date"):
            if _asks(plain, grammar, grammar.cores[about], unknown_words=_MOST_UNKNOWN_WORDS if spoken else 0):
                return Question(about, grammar.language)
            if _asks(plain, grammar, grammar.topics[about], unknown_words=0):
                return Question(about, grammar.language)
    return None


def _plain(text: str) -> str:
    """Lower case words without accents, apostrophes and punctuation, one space between them."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(one for one in decomposed if not unicodedata.combining(one) and one not in "'’`´")
    words = [_SPELLINGS.get(word, word) for word in re.findall(r"[a-z0-9]+", letters)]
    return _TODAY.sub("today", " ".join(words))


def _asks(plain: str, grammar: _Grammar, core: re.Pattern[str], *, unknown_words: int) -> bool:
    found = core.search(plain)
    if found is None:
        return False
    unknown = grammar.polite.sub("", plain[: found.start()] + " ").split()
    return len(unknown) <= unknown_words and not (unknown and unknown[-1] in _TURNS_MEANING)


def _phrases(*patterns: str) -> str:
    return "(?:" + "|".join(patterns) + ")"


def _at_the_end(core: str, closing: str) -> re.Pattern[str]:
    return re.compile(rf"\b{core}(?: {closing})*$")


def _polite(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"\b{_phrases(*patterns)} ")


_EN_CLOSING = _phrases(
    "please", "now", "right now", "just now", "today", "currently", "at the moment", "exactly", "again", "here", "then",
    "jarvis", "thanks", "thank you", "ok", "okay", "sir", "buddy", "mate", "by the way", "for me", "this morning",
    "this afternoon", "this evening", "tonight",
)  # fmt: skip
_EN_POLITE = (
    "hey", "hi", "hello", "okay", "ok", "so", "well", "um+", "uh+", "erm?", "oh", "ah", "and", "but", "then", "now",
    "yes", "just", "sir", "buddy", "please", "sorry", "jarvis", "excuse me", "good (?:morning|afternoon|evening)",
    "quick question", "(?:can|could|would|will) you(?: please| kindly| just| quickly)?(?: tell| give| let| say)?"
    "(?: to)?(?: me| us)?(?: know)?", "(?:tell|give|show|remind) me", "let me know", "say", "check", "any idea",
    "(?:do|would) you(?: happen to)? (?:know|have|remember)", "do you got", "have you(?: got)?", "you got",
    "i (?:want|need|have|would like|would love|wanna) (?:to )?know", "id like to know", "i wonder", "i forgot",
)  # fmt: skip
_EN_TIME_CORE = _phrases(
    "(?:what|whats|what s|wot) (?:time|hour) (?:is it|it is|do you have|have you got|do we have|does the clock say)",
    "(?:whats|what s|what is) the (?:current |exact |right |correct )?(?:time|hour)",
    "(?:what|whats) the time is",
    "how late is it",
)
_EN_DAY = "(?:date|day|data|dates|weekday)"
_EN_DATE_CORE = _phrases(
    f"(?:whats|what s|what is) (?:the )?(?:current |exact )?{_EN_DAY}(?: is it| of today| of the week| of the month)?",
    f"(?:whats|what s|what is) today(?: {_EN_DAY})?",
    f"(?:what|whats|which) {_EN_DAY}(?: of the (?:week|month))? (?:is it|it is|is today|today is|are we|do we have)",
    "(?:what|which) (?:month|year) (?:is it|it is|are we in)",
    f"what (?:the {_EN_DAY}|today) is",
)
_EN_BOTH_CORE = "(?:whats|what s|what is) (?:the )?(?:current )?(?:date and (?:the )?time|time and (?:the )?date)"

_ENGLISH = _Grammar(
    "en",
    _polite(*_EN_POLITE),
    {
        "time": _at_the_end(_EN_TIME_CORE, _EN_CLOSING),
        "date": _at_the_end(_EN_DATE_CORE, _EN_CLOSING),
        "both": _at_the_end(_EN_BOTH_CORE, _EN_CLOSING),
    },
    {
        "time": _at_the_end("(?:the (?:current |exact )?|current |exact |local )?time", _EN_CLOSING),
        "date": _at_the_end("(?:the (?:current )?|current |today )?(?:date|weekday)", _EN_CLOSING),
        "both": _at_the_end("(?:the )?(?:date and (?:the )?time|time and (?:the )?date)", _EN_CLOSING),
    },
)

_ES_CLOSING = _phrases(
    "por favor", "porfa", "porfavor", "ahora", "ahora mismo", "ahorita", "ya", "hoy", "en este momento", "actualmente",
    "exactamente", "aqui", "jarvis", "gracias", "muchas gracias", "vale", "anda", "tio", "pues", "eh",
)  # fmt: skip
_ES_POLITE = (
    "hola", "oye", "oiga", "eh+", "ey", "hey", "ok", "okay", "vale", "bueno", "pues", "a ver", "perdon", "perdona",
    "perdone", "disculpa", "disculpe", "por favor", "porfa", "jarvis", "mira", "entonces", "y", "si", "ah", "ahora",
    "tu", "buenos dias", "buen dia", "buenas", "buenas (?:tardes|noches)", "una pregunta", "tienes", "tiene",
    "(?:me )?(?:puedes|podrias|puede|podria|quieres|quiere)", "decirme", "decirnos", "darme", "decir", "dar",
    "indicarme", "recordarme", "dime", "dame", "digame", "deme", "decime", "cuentame", "recuerdame",
    "me (?:dices|das|dice|da|dirias|indicas)", "sabes", "sabe", "sabrias", "sabria",
    "(?:quiero|quisiera|necesito|me gustaria|querria) saber",
)  # fmt: skip
_ES_TIME_CORE = _phrases(
    "que horas? (?:es|son|tienes|tiene|tenemos|llevas|sera|seran|seria|marca el reloj)",
    "que es la hora",
    "cual es la hora(?: actual| exacta)?",
)
_ES_DAY = "(?:dia|fecha)(?: de la semana| del mes| del ano)?"
_ES_DATE_CORE = _phrases(
    f"(?:hoy )?(?:que|cual) {_ES_DAY} (?:es|tenemos|sera|estamos)(?: el de hoy)?",
    "hoy que es",
    f"(?:a|en) (?:que|cual) (?:{_ES_DAY}|mes|ano) (?:estamos|vivimos|nos encontramos)",
    "a (?:que|cuantos?|como) estamos",
    "que (?:mes|ano) (?:es|estamos)",
    "cual es (?:la fecha|el dia)(?: de hoy| actual)?",
)
_ES_BOTH = "(?:la )?(?:fecha y (?:la )?hora|hora y (?:la )?fecha)"

_SPANISH = _Grammar(
    "es",
    _polite(*_ES_POLITE),
    {
        "time": _at_the_end(_ES_TIME_CORE, _ES_CLOSING),
        "date": _at_the_end(_ES_DATE_CORE, _ES_CLOSING),
        "both": _at_the_end(f"(?:cual es |que es ){_ES_BOTH}", _ES_CLOSING),
    },
    {
        "time": _at_the_end("(?:la )?hora(?: actual| exacta| que es)?", _ES_CLOSING),
        "date": _at_the_end("(?:la fecha|fecha|el dia)(?: de hoy| actual| que es)?", _ES_CLOSING),
        "both": _at_the_end(_ES_BOTH, _ES_CLOSING),
    },
)
