"""Finds what was said: words and vectors at the same time, one order, the best few with their neighbours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from jarvisd.errors import JarvisError
from jarvisd.memory.asking import asks_fact, asks_memory
from jarvisd.memory.fusion import KNOWN_LANGUAGE, UNKNOWN_LANGUAGE, Candidate, Wish, covers, fuse
from jarvisd.memory.index import Vectors
from jarvisd.memory.reading import Reader, Scope
from jarvisd.memory.when import asks_latest, time_asked
from jarvisd.memory.words import terms
from jarvisd.types import Found, Language, Recalled

CANDIDATES = 50
# A question's vector takes four milliseconds; whoever needs longer is not waited for.
EMBED_WITHIN_S = 0.5
# What a memory has in common with a question that it may answer: so much of its words, or so alike. Chosen on every
# other question of `benchmarks/data/memory_pairs.jsonl`, for all-MiniLM-L6-v2.
SURE_WORDS, SURE_LIKENESS = 0.55, 0.4
# One of so many of the best must have it.
LOOKED_AT = 3

Embed = Callable[[Sequence[str]], Awaitable[Vectors]]
Nearest = Callable[[str | None, Vectors, int], Awaitable[list[tuple[str, float]]]]
Likeness = Callable[[str | None, Vectors, Sequence[str]], Awaitable[Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to look. Without `embed` and `nearest`, by words alone; `cold` says why not now, empty: they can be asked.

    `model`: whose vectors the index holds. `knows`: whether that model knows a language. `household`: whether a text
    speaks of the household. `likeness`: of memories that it has at hand; the others' vectors are read from the disk.
    """

    reader: Reader
    embed: Embed | None = None
    nearest: Nearest | None = None
    model: str = ""
    likeness: Likeness | None = None
    cold: Callable[[], str] = lambda: ""
    knows: Callable[[Language], bool] = lambda _: True
    household: Callable[[str, Language], bool] = lambda _text, _language: False


@dataclass(frozen=True, slots=True)
class _Near:
    """What is like the question; `how` it was searched, in words, and on whose shelves beside the house's."""

    how: str
    found: dict[str, float] = field(default_factory=dict)
    at_hand: dict[str, float] = field(default_factory=dict)
    persons: Sequence[str | None] = ()
    vector: Vectors | None = None


async def recall(
    sources: Sources,
    text: str,
    language: Language,
    *,
    person: str | None = None,
    everybody: bool = False,
    now: datetime | None = None,
    count: int = 5,
) -> Recalled:
    """What was said that fits a question. Raises StoreError; a missing embedder or index costs only the vectors.

    `everybody`: whoever said it, for somebody who may read the file itself.
    """
    scope = Scope(person, everybody=everybody)
    by_words = asyncio.to_thread(_by_words, sources.reader, text, language, scope)
    words, near = await asyncio.gather(by_words, _by_vector(sources, text, scope))
    near = await _at_hand(sources, words, near)
    wish = _wish(text, language, now or datetime.now(), knows=sources.knows(language))
    return await asyncio.to_thread(_ordered, sources, wish, language, words, near, count)


def is_sure(question: str, found: Found, *, knows: bool = True) -> bool:
    """Whether a memory speaks of what the question speaks of. `knows`: whether the vectors' model knows its language:
    in one that it does not know, everything is alike.
    """
    around = [one for one in (found.before, found.after) if one is not None]
    if covers(question, found.memory, around=around) >= SURE_WORDS:
        return True
    return knows and found.likeness is not None and found.likeness >= SURE_LIKENESS


def _by_words(reader: Reader, text: str, language: Language, scope: Scope) -> dict[str, float]:
    return dict(reader.search_words(terms(text, language), scope, CANDIDATES))


async def _by_vector(sources: Sources, text: str, scope: Scope) -> _Near:
    if sources.embed is None or sources.nearest is None:
        return _Near("words; no embedder is configured")
    if why := sources.cold():
        return _Near(f"words; {why}")
    try:
        async with asyncio.timeout(EMBED_WITHIN_S):
            vector = (await sources.embed([text]))[0]
            persons = [None, *await asyncio.to_thread(sources.reader.persons)] if scope.everybody else [scope.person]
            found = [pair for one in persons for pair in await sources.nearest(one, vector, CANDIDATES)]
    except TimeoutError:
        return _Near(f"words; the vectors took longer than {EMBED_WITHIN_S:g} s")
    except JarvisError as error:
        return _Near(f"words; {error.message}")
    best = dict(sorted(dict(found).items(), key=lambda pair: -pair[1])[:CANDIDATES])
    return _Near("words and vectors", best, persons=persons, vector=vector)


async def _at_hand(sources: Sources, words: Collection[str], near: _Near) -> _Near:
    """With how like the question those are that only words have found, as far as that needs no disk."""
    missing = [one for one in words if one not in near.found]
    if sources.likeness is None or near.vector is None or not missing:
        return near
    found: dict[str, float] = {}
    for person in near.persons:
        found |= await sources.likeness(person, near.vector, missing)
    return replace(near, at_hand=found)


def _wish(text: str, language: Language, now: datetime, *, knows: bool) -> Wish:
    span = time_asked(text, language, now)
    wish = Wish(text, KNOWN_LANGUAGE if knows else UNKNOWN_LANGUAGE, latest=asks_latest(text, language))
    if span is None:
        return wish
    try:
        return replace(wish, since_s=span.start.timestamp(), until_s=span.end.timestamp())
    except (OverflowError, ValueError, OSError):  # a clock at the end of all years
        return wish


def _ordered(
    sources: Sources, wish: Wish, language: Language, words: dict[str, float], near: _Near, count: int
) -> Recalled:
    """For a thread: it reads from the disk."""
    likeness = near.found | near.at_hand
    likeness |= _likeness(sources, near.vector, [one for one in words if one not in likeness])
    memories = sources.reader.get([*words, *(one for one in near.found if one not in words)])
    candidates = [
        Candidate(memory, words.get(one), likeness.get(one))
        for one, memory in memories.items()
        if memory.superseded_by is None
    ]
    best = fuse(wish, candidates)[:count]
    around = sources.reader.around([one.memory for one in best])
    by_words, by_vectors = list(words), list(near.found)
    found = tuple(
        replace(
            one,
            words=by_words.index(one.memory.id) if one.memory.id in words else None,
            vectors=by_vectors.index(one.memory.id) if one.memory.id in near.found else None,
            before=around[one.memory.id].get(-1),
            after=around[one.memory.id].get(1),
        )
        for one in best
    )
    knows = sources.knows(language)
    fitting = [one for one in found[:LOOKED_AT] if is_sure(wish.text, one, knows=knows)]
    asked = asks_memory(wish.text, language)
    if not asked and fitting and asks_fact(wish.text, language):
        # What somebody had noted is asked for, even in words that might be of the world.
        asked = fitting[0].memory.kind == "fact" or sources.household(wish.text, language)
    return Recalled(found, asked=asked, sure=bool(fitting), how=near.how)


def _likeness(sources: Sources, vector: Vectors | None, ids: Sequence[str]) -> dict[str, float]:
    """How like the question memories are, from the vectors on the disk."""
    if vector is None or not ids:
        return {}
    there = sources.reader.vectors_of(sources.model, ids)
    length = float(np.linalg.norm(vector)) or 1.0
    return {
        one: float(other @ vector) / (length * (float(np.linalg.norm(other)) or 1.0))
        for one, other in there.items()
        if other.shape == vector.shape
    }
