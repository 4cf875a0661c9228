"""What a recogniser does to a sentence, for training and for the noisy variants of our own evaluation set."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Short words that are lost between others.
UNSTRESSED: Mapping[str, frozenset[str]] = {
    "es": _words("el la los las un una de del al a en y que por para con me te se lo le mi es"),
    "en": _words("the a an of to in on for and is are my me it at that do"),
}
# Heard alike.
ALIKE: Mapping[str, Mapping[str, str]] = {
    "es": {"haber": "a ver", "hay": "ahí", "vaya": "valla", "hola": "ola", "hecho": "echo", "casa": "caza",
           "has": "as", "halla": "haya", "tubo": "tuvo", "sino": "si no", "porque": "por que", "cien": "sien"},
    "en": {"their": "there", "there": "their", "to": "too", "two": "to", "four": "for", "your": "you're", "by": "buy",
           "write": "right", "weather": "whether", "hour": "our", "prove": "proof", "know": "no", "whose": "who's",
           "ate": "eight", "flour": "flower", "for": "four", "sum": "some", "would": "wood"},
}  # fmt: skip
BEFORE: Mapping[str, tuple[str, ...]] = {
    "es": ("eh", "a ver", "bueno", "oye jarvis", "jarvis", "pues", "mira", "este", "oye", "che", "vale"),
    "en": ("um", "uh", "hey", "okay", "well", "so", "hey jarvis", "jarvis", "right", "like", "yeah"),
}
AFTER: Mapping[str, tuple[str, ...]] = {
    "es": ("por favor", "gracias", "porfa", "si puedes", "anda", "vale"),
    "en": ("please", "thanks", "if you can", "thank you", "okay", "will you"),
}


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each of it happens: to a word that it may happen to, or to a sentence (`before`, `after`)."""

    lost: float = 0.2
    repeated: float = 0.02
    letter_lost: float = 0.015
    alike: float = 0.1
    unaccented: float = 0.3
    before: float = 0.3
    after: float = 0.15


def noisy(text: str, language: str, rng: random.Random, rates: Rates = Rates()) -> str:
    """The sentence as it may be heard. Never empty."""
    words: list[str] = []
    for word in text.split():
        words += _heard(word, language, rng, rates)
    heard = " ".join(words) or text
    if rng.random() < rates.unaccented:
        heard = unaccented(heard)
    if rng.random() < rates.before:
        heard = f"{rng.choice(BEFORE[language])} {heard}"
    if rng.random() < rates.after:
        heard = f"{heard} {rng.choice(AFTER[language])}"
    return heard


def unaccented(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def _heard(word: str, language: str, rng: random.Random, rates: Rates) -> list[str]:
    if word in UNSTRESSED[language] and rng.random() < rates.lost:
        return []
    if word in ALIKE[language] and rng.random() < rates.alike:
        word = ALIKE[language][word]
    elif len(word) > 4 and rng.random() < rates.letter_lost:
        at = rng.randrange(1, len(word) - 1)
        word = word[:at] + word[at + 1 :]
    return [word, word] if rng.random() < rates.repeated else [word]
