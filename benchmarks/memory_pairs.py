"""Memory on our own pairs: whether what was said is found weeks later, and what is found where there is nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory_house import Texts, house
from benchmarks.memory_sets import Pairs, Question
from jarvisd.memory.asking import asks_fact, asks_memory
from jarvisd.memory.recall import LOOKED_AT, Sources, recall
from jarvisd.types import Recalled

DIRECTIONS = ("es-es", "en-en", "es-en", "en-es")
OTHERS = ("unanswerable", "foreign")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what was recalled; `place`: where the right memory stands, from 0."""

    question: Question
    recalled: Recalled
    place: int | None = None

    @property
    def right_and_sure(self) -> bool:
        return self.recalled.sure and self.place is not None and self.place < LOOKED_AT


async def measure(pairs: Pairs, texts: Texts | None, figures: dict[str, float | int | str | None]) -> None:
    """Adds to `figures`: recall over all questions, what is sure on the half that no constant was chosen on."""
    if texts is not None:
        await texts.of([asked.text for some in pairs.questions.values() for asked in some], "the pairs' questions")
    with tempfile.TemporaryDirectory(prefix="jarvisd-bench-") as folder:
        async with house(Path(folder), pairs.memories, texts) as found:
            ways = {"words": found.by_words} | ({"vectors": found.by_vectors} if texts is not None else {})
            for way, sources in ways.items():
                asked = {name: [await _ask(sources, one) for one in some] for name, some in pairs.questions.items()}
                figures |= {f"pairs_{way}_{name}": figure for name, figure in _figures(asked).items()}
    every = [one for some in pairs.questions.values() for one in some]
    answerable = [one for name in DIRECTIONS for one in pairs.questions.get(name, ())]
    figures["pairs_asks_fact_or_memory"] = share(
        [asks_fact(one.text, one.language) or asks_memory(one.text, one.language) for one in answerable]
    )
    figures["pairs_questions"] = len(every)


def share(found: Sequence[bool]) -> float | None:
    return sum(found) / len(found) if found else None


async def _ask(sources: Sources, question: Question) -> Asked:
    recalled = await recall(sources, question.text, question.language, everybody=True, now=question.now)
    places = [at for at, one in enumerate(recalled.found) if one.memory.id in question.evidence]
    return Asked(question, recalled, places[0] if places else None)


def _figures(asked: Mapping[str, Sequence[Asked]]) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for name in DIRECTIONS:
        some = asked.get(name, ())
        key = name.replace("-", "_")
        figures[f"{key}_at_1"] = share([one.place == 0 for one in some])
        figures[f"{key}_at_5"] = share([one.place is not None for one in some])
    for name in DIRECTIONS:
        figures[f"{name.replace('-', '_')}_sure"] = share([one.right_and_sure for one in held_out(asked.get(name, ()))])
    for name in OTHERS:
        figures[f"{name}_sure"] = share([one.recalled.sure for one in held_out(asked.get(name, ()))])
    return figures


def held_out(asked: Sequence[Asked]) -> Sequence[Asked]:
    """Every other question; when a memory is "sure" was chosen on the rest."""
    return asked[1::2]
