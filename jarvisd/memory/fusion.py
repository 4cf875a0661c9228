"""From what words found and what vectors found to one order. Pure.

Both scores are brought to mean 0 and deviation 1 among the candidates and added: where one side is weak, adding scores
loses less than adding ranks. What else speaks for a memory is counted in the same units. The constants were chosen on
conversations 0 to 4 of LoCoMo (Maharana et al. 2024) and hold on 5 to 9; `benchmarks/memory.py` prints both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jarvisd.memory.words import content_words, folded_words
from jarvisd.types import Found, Memory

# The vectors' share where their model knows the question's language, and where it does not.
KNOWN_LANGUAGE, UNKNOWN_LANGUAGE = 0.7, 0.2
# The question names who said it.
NAMED = 1.0
# A question tells less than a statement, and a long turn more than a short one.
ASKS, LENGTH = 0.5, 0.5
# A page that was read aloud tells no more than this for its length alone.
LONGEST_WORDS = 60
# Told to be kept; a command, which tells nothing but that it was given.
FACT, COMMAND = 0.5, 0.5
# Said in the time the question speaks of: a bonus and no filter, as that may be the time of what was spoken of.
IN_TIME = 1.0
# "What did we decide in the end": from the oldest candidate to the newest.
NEWEST = 1.0
# What is asked for, and verbs of every day: "¿a qué hora venía el de la caldera?" is about the boiler.
_COMMON_WEIGHT = 0.3
_COMMON = content_words(
    """hora dia fecha semana mes ano nombre numero talla color marca precio tipo sitio lugar persona cosa vez veces
    hoy ayer manana noche tarde ahora ultima ultimo llama llamaba llamo cuesta costo cuestan vale valia paga pagamos
    dijo dije dijimos conte comente acuerdas recuerdas apunte explica explicame cuentame viene venia vienen vino iba
    ir voy vamos fui toca tocaba tocar queda quedamos quedo pasa pasan hace hacer hizo habia hago haz pon puse dejo
    deje guarde guardo guardamos necesito necesita necesitamos quiero quiere queria gusta gusto lleva llevar dura
    tarda tenia tener tuvo poner dar dio da meter usa uso
    time date day week month year name number size colour color brand price kind place person thing times called cost
    costs pay paying today yesterday tomorrow tonight morning evening last now much many often long old big say said
    told remember mention explain put left keep kept leave come comes came coming go goes going went gone make makes
    made take takes took taken get gets got give gave need needs want wants like likes use uses used supposed happen
    happens look"""
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory that one side or both found: its BM25 score, and its cosine with the question."""

    memory: Memory
    words: float | None = None
    likeness: float | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What the question says beside its words. `since_s`, `until_s`: the time it speaks of (Unix)."""

    text: str
    dense_weight: float = KNOWN_LANGUAGE
    since_s: float | None = None
    until_s: float | None = None
    latest: bool = False


def fuse(wish: Wish, candidates: Sequence[Candidate]) -> list[Found]:
    """Best first. What was said several times in the same words counts once, as the newest of them."""
    if not candidates:
        return []
    scores = _z([one.words for one in candidates])
    dense = _z([one.likeness for one in candidates])
    newest = _z([one.memory.at_s for one in candidates]) if wish.latest else [0.0] * len(candidates)
    named = _named(wish.text, candidates)
    said = [tuple(folded_words(one.memory.said)) for one in candidates]
    found = []
    for one, own, words, likeness, age in zip(candidates, said, scores, dense, newest, strict=True):
        memory = one.memory
        score = words + wish.dense_weight * likeness + NEWEST * age
        score += NAMED * (named is not None and memory.person == named)
        score -= ASKS * memory.said.rstrip().endswith("?")
        score += LENGTH * math.log1p(min(len(own), LONGEST_WORDS))
        score += FACT * (memory.kind == "fact") - COMMAND * (memory.kind == "command")
        score += IN_TIME * _in_time(memory, wish)
        found.append((Found(memory, score, likeness=one.likeness), own))
    found.sort(key=lambda pair: (-pair[0].score, -pair[0].memory.at_s))
    return _once(found)


def covers(question: str, memory: Memory, *, around: Sequence[Memory] = ()) -> float:
    """Which share of the question's words the memory has, 0 to 1; its neighbours help.

    A word that many questions are made of counts for little, and nothing where the memory has no other.
    """
    asked = {word: _COMMON_WEIGHT if word in _COMMON else 1.0 for word in content_words(question)}
    own = content_words(f"{memory.said} {memory.answered} {memory.person or ''}")
    beside = content_words(" ".join(one.said for one in around))
    if not any(word in own or word in beside for word, weight in asked.items() if weight == 1.0):
        return 0.0
    covered = sum(weight * (1.0 if word in own else 0.5 if word in beside else 0.0) for word, weight in asked.items())
    return covered / sum(asked.values())


def _named(text: str, candidates: Sequence[Candidate]) -> str | None:
    """The one person that the question names."""
    said = set(folded_words(text))
    persons = {one.memory.person for one in candidates if one.memory.person}
    named = [person for person in persons if (words := folded_words(person)) and words[0] in said]
    return named[0] if len(named) == 1 else None


def _in_time(memory: Memory, wish: Wish) -> bool:
    if wish.since_s is None or wish.until_s is None:
        return False
    return wish.since_s <= memory.at_s < wish.until_s


def _z(values: Sequence[float | None]) -> list[float]:
    """Standard scores; what is missing is as far away as the least that is there."""
    there = [value for value in values if value is not None]
    if not there:
        return [0.0] * len(values)
    least = min(there)
    filled = [least if value is None else value for value in values]
    middle = sum(filled) / len(filled)
    spread = math.sqrt(sum((value - middle) ** 2 for value in filled) / len(filled))
    return [(value - middle) / (spread or 1.0) for value in filled]


def _once(found: Sequence[tuple[Found, tuple[str, ...]]]) -> list[Found]:
    """Of those that have the same words, one."""
    kept: dict[tuple[str, ...], Found] = {}
    for one, words in found:
        before = kept.get(words)
        if before is None:
            kept[words] = one
        elif one.memory.at_s > before.memory.at_s:
            kept[words] = Found(one.memory, before.score, likeness=one.likeness)
    return list(kept.values())
