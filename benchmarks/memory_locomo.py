"""Memory on LoCoMo: whether the turns that answer a question are among the first that recall gives."""

from __future__ import annotations

import re
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.memory_house import INDEX, MODEL, START_S, Texts, has_chroma, house, progress
from benchmarks.memory_sets import ADVERSARIAL, CATEGORIES, Conversation, LoCoMo, Question
from jarvisd.engines.pool import EnginePool
from jarvisd.memory.chroma import ChromaIndex
from jarvisd.memory.exact import ExactIndex
from jarvisd.memory.index import Shelf, VectorIndex
from jarvisd.memory.indexing import text_of
from jarvisd.memory.recall import Sources, recall

# The constants of `jarvisd/memory/fusion.py` were chosen on the conversations before this one.
HELD_OUT = 5
DEEPEST = 10

Ask: TypeAlias = Callable[[Question], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Hit:
    """Which share of a question's evidence was among the first five and ten."""

    conversation: int
    category: int
    at_5: float
    at_10: float


Hits: TypeAlias = list[Hit]


async def measure(
    locomo: LoCoMo, pool: EnginePool, texts: Texts | None, figures: dict[str, float | int | str | None]
) -> dict[str, Hits]:
    """Adds to `figures`; the hits by who searched, for the table."""
    if texts is not None:
        memories = [memory for one in locomo.conversations for memory in one.memories]
        await texts.of([text_of(memory) for memory in memories], "turns with their speakers")
        await texts.of([memory.said for memory in memories], "turns without")
        await texts.of([asked.text for one in locomo.conversations for asked in one.questions], "questions")
    hits: dict[str, Hits] = {name: [] for name in ("jarvisd", "words", "pooled", "dense", "fts5")}
    for number, one in enumerate(locomo.conversations):
        progress(f"conversation {one.name}: {len(one.memories)} turns, {len(one.questions)} questions")
        await _alone(number, one, texts, hits)
        with closing(sqlite3.connect(":memory:")) as database:
            hits["fts5"] += await _asked(number, one.questions, _plain_words(one, database))
        if texts is not None:
            hits["dense"] += await _asked(number, one.questions, await _plain_dense(one, texts, _index(pool)))
    times_ms = await _pooled(locomo, texts, hits)
    if texts is None:
        hits["jarvisd"] = hits["words"]
    figures |= _figures(hits) | {
        "baseline_dense": ("a Chroma server" if has_chroma() else "exact search") if texts is not None else "not asked",
        "query_p50_ms": percentile(times_ms, 50),
        "query_p99_ms": percentile(times_ms, 99),
        "query_store_memories": sum(len(one.memories) for one in locomo.conversations),
        "questions": len(hits["words"]),
        "evidence_repaired": locomo.repaired,
        "evidence_dropped": locomo.dropped,
        "questions_without_evidence": locomo.unanswered,
    }
    return hits


def mean(hits: Sequence[Hit], depth: int, *, first: int = 0, category: int = 0) -> float | None:
    """Over the questions of categories 1 to 4, or of one `category`."""
    chosen = [
        one.at_5 if depth == 5 else one.at_10
        for one in hits
        if one.conversation >= first and (one.category == category if category else one.category != ADVERSARIAL)
    ]
    return sum(chosen) / len(chosen) if chosen else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Nearest rank: a time that really was."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else None


def _figures(hits: Mapping[str, Hits]) -> dict[str, float | None]:
    ours = hits["jarvisd"]
    return {
        "recall_at_5": mean(ours, 5),
        "recall_at_10": mean(ours, 10),
        "pooled_recall_at_5": mean(hits["pooled"], 5),
        "pooled_recall_at_10": mean(hits["pooled"], 10),
        "adversarial_recall_at_10": mean(ours, 10, category=ADVERSARIAL),
        "held_out_recall_at_5": mean(ours, 5, first=HELD_OUT),
        "held_out_recall_at_10": mean(ours, 10, first=HELD_OUT),
        "held_out_pooled_recall_at_5": mean(hits["pooled"], 5, first=HELD_OUT),
        "lexical_only_recall_at_5": mean(hits["words"], 5),
        "lexical_only_recall_at_10": mean(hits["words"], 10),
        "baseline_chroma_recall_at_5": mean(hits["dense"], 5),
        "baseline_chroma_recall_at_10": mean(hits["dense"], 10),
        "baseline_fts5_recall_at_5": mean(hits["fts5"], 5),
        "baseline_fts5_recall_at_10": mean(hits["fts5"], 10),
    } | {
        f"recall_at_10_{name.replace('-', '_')}": mean(ours, 10, category=category)
        for category, name in CATEGORIES.items()
        if category != ADVERSARIAL
    }


async def _alone(number: int, one: Conversation, texts: Texts | None, hits: dict[str, Hits]) -> None:
    """A memory of its own."""
    with tempfile.TemporaryDirectory(prefix="jarvisd-bench-") as folder:
        async with house(Path(folder), one.memories, texts) as found:
            hits["words"] += await _asked(number, one.questions, _recall(found.by_words))
            if texts is not None:
                hits["jarvisd"] += await _asked(number, one.questions, _recall(found.by_vectors))


async def _pooled(locomo: LoCoMo, texts: Texts | None, hits: dict[str, Hits]) -> list[float]:
    """All conversations in one memory; what each question took beside its own vector, in milliseconds."""
    memories = [memory for one in locomo.conversations for memory in one.memories]
    times_ms: list[float] = []
    with tempfile.TemporaryDirectory(prefix="jarvisd-bench-") as folder:
        async with house(Path(folder), memories, texts) as found:
            progress(f"all in one: {len(memories)} turns")
            ask = _recall(found.by_vectors, times_ms)
            for number, one in enumerate(locomo.conversations):
                hits["pooled"] += await _asked(number, one.questions, ask)
    return times_ms


async def _asked(number: int, questions: Sequence[Question], ask: Ask) -> Hits:
    hits = []
    for asked in questions:
        found = await ask(asked)
        shares = [len(asked.evidence & set(found[:depth])) / len(asked.evidence) for depth in (5, DEEPEST)]
        hits.append(Hit(number, asked.category, *shares))
    return hits


def _recall(sources: Sources, times_ms: list[float] | None = None) -> Ask:
    async def ask(asked: Question) -> list[str]:
        began = time.perf_counter()
        found = await recall(sources, asked.text, asked.language, everybody=True, now=asked.now, count=DEEPEST)
        if times_ms is not None:
            times_ms.append((time.perf_counter() - began) * 1000)
        return [one.memory.id for one in found.found]

    return ask


def _index(pool: EnginePool) -> VectorIndex:
    return ChromaIndex(pool.lease, INDEX, wait_s=START_S) if has_chroma() else ExactIndex()


async def _plain_dense(one: Conversation, texts: Texts, index: VectorIndex) -> Ask:
    """Each turn's words alone, nearest first: what a vector store is without anything around it."""
    vectors = await texts.of([memory.said for memory in one.memories])
    shelf = Shelf(one.name, MODEL, vectors.shape[1])
    await index.put(shelf, [memory.id for memory in one.memories], vectors)

    async def ask(asked: Question) -> list[str]:
        vector = (await texts.of([asked.text]))[0]
        return [name for name, _ in await index.nearest(shelf, vector, DEEPEST)]

    return ask


def _plain_words(one: Conversation, database: sqlite3.Connection) -> Ask:
    """SQLite's full-text search as it comes: a turn a document, any of the question's words."""
    database.execute("CREATE VIRTUAL TABLE words USING fts5(said, tokenize = 'unicode61')")
    database.executemany("INSERT INTO words VALUES (?)", [(memory.said,) for memory in one.memories])

    async def ask(asked: Question) -> list[str]:
        match = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", asked.text))
        rows = database.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words) LIMIT ?", (match, DEEPEST)
        )
        return [one.memories[number - 1].id for (number,) in rows]

    return ask
