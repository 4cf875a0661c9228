"""What memory takes at a size: of time, of this process, and of the event loop while much is brought in.

    python -m benchmarks.memory_size FOLDER MEMORIES     fills a memory; started by the benchmark itself

The memories are our pairs' sentences with other words and numbers in them, so that no two are the same. Their vectors
lie in heaps, as those of texts do; no embedder is asked.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.memory_house import MODEL, progress
from benchmarks.memory_locomo import percentile
from benchmarks.memory_sets import PAIRS, Pairs, read_pairs
from jarvisd.config import MemoryConfig
from jarvisd.memory.index import Vectors
from jarvisd.memory.indexing import Indexing
from jarvisd.memory.memory import Memories
from jarvisd.memory.recall import Sources
from jarvisd.memory.schema import FILE_NAME
from jarvisd.memory.store import Store
from jarvisd.memory.words import folded_words
from jarvisd.types import Answer, Memory, Turn

DIMENSIONS = 384
ROWS = 500
TURNS_OF_A_SESSION = 3
EXTRA_WORDS = 4
YEAR_S = 365 * 86_400.0
BEGAN_S = 1_735_689_600.0
PERSON = "Ana"
REMEMBERED, FORGOTTEN, BROUGHT_IN, RECALLS = 200, 5, 1_000, 400
TICK_S = 0.001


def synthetic(pairs: Pairs, count: int, first: int = 0) -> Iterator[Memory]:
    """`count` memories of a year, half of them one person's, from number `first` on."""
    vocabulary = sorted({word for one in pairs.memories for word in folded_words(one.said)})
    for number in range(first, first + count):
        chance = random.Random(number)
        base = pairs.memories[number % len(pairs.memories)]
        words = base.said.split()
        words[chance.randrange(len(words))] = chance.choice(vocabulary)
        extra = " ".join(chance.choices(vocabulary, k=EXTRA_WORDS))
        yield Memory(
            id=f"s{number}",
            at_s=BEGAN_S + YEAR_S * number / 100_000,
            said=f"{' '.join(words)}, {extra} {number}",
            language=base.language,
            answered=base.answered,
            person=PERSON if number % 2 else None,
            room=base.room,
            session=f"t{number // TURNS_OF_A_SESSION}",
        )


def near(text: str) -> Vectors:
    """A vector in the heap of a text's first word; the same text always has the same."""
    heap = np.random.default_rng(sum(text.split(maxsplit=1)[0].encode()))
    own = np.random.default_rng(list(text.encode()[:64]))
    return (heap.standard_normal(DIMENSIONS) + 0.7 * own.standard_normal(DIMENSIONS)).astype(np.float32)


async def embed(texts: Sequence[str]) -> Vectors:
    return np.stack([near(text) for text in texts])


def fill(folder: Path, size: int) -> None:
    store, pairs, done = Store(folder / FILE_NAME), read_pairs(), 0
    while done < size:
        some = list(synthetic(pairs, min(ROWS, size - done), done))
        store.add(some)
        rows = store.all(done, ROWS)
        store.set_vectors(MODEL, {number: near(memory.said) for number, memory in rows})
        done += len(some)
        if done % 10_000 == 0:
            progress(f"filled {done} of {size}")
    store.clear_outbox()
    store.close()


async def measure(size: int, figures: dict[str, float | int | str | None]) -> None:
    """Adds to `figures`."""
    pairs = read_pairs()
    with tempfile.TemporaryDirectory(prefix="jarvisd-bench-") as name:
        folder = Path(name)
        began = time.monotonic()
        # Elsewhere: what filling takes of a process is not what remembering takes of it.
        argv = (sys.executable, "-m", "benchmarks.memory_size", name, str(size))
        await asyncio.to_thread(subprocess.run, argv, check=True, cwd=PAIRS.parents[2])
        figures |= {"size": size, "fill_s": time.monotonic() - began}
        figures["file_mb"] = (folder / FILE_NAME).stat().st_size / 1e6
        await embed(["the first random numbers need modules of their own"])
        before_mb = rss_mb()
        async with remembering(folder) as memories:
            figures["rss_added_mb"] = rss_mb() - before_mb
            figures |= await _recall(memories, pairs)
            figures["rss_added_after_recalls_mb"] = rss_mb() - before_mb
            figures |= await _remember(memories)
            figures |= await _bring_in(memories, list(synthetic(pairs, BROUGHT_IN, size)))
            figures |= await _forget(memories, size)


@asynccontextmanager
async def remembering(folder: Path) -> AsyncIterator[Memories]:
    """The memory as the daemon runs it, when its index is filled."""
    memories = Memories(
        MemoryConfig(),
        folder,
        vectors=lambda own: Indexing(lambda: own.store, own.write, embed, MODEL),
        sources=_sources,
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(memories.run())
        while memories.state != "ready":
            await asyncio.sleep(0.01)
        try:
            yield memories
        finally:
            running.cancel()


def _sources(memories: Memories) -> Sources:
    assert memories.indexing is not None  # made just before
    indexing = memories.indexing
    return Sources(memories.reader, embed, indexing.nearest, model=MODEL, likeness=indexing.likeness)


async def _recall(memories: Memories, pairs: Pairs) -> dict[str, float | None]:
    questions = [one for some in pairs.questions.values() for one in some]
    asked = [questions[at % len(questions)] for at in range(RECALLS)]
    times_ms = await timed([partial(memories.recall, one.text, one.language, person=PERSON) for one in asked])
    return {"recall_p50_ms": percentile(times_ms, 50), "recall_p99_ms": percentile(times_ms, 99)}


async def _remember(memories: Memories) -> dict[str, float | None]:
    def exchange(number: int) -> tuple[Turn, Answer]:
        said = f"la llave número {number} está en el cajón de la entrada"
        return Turn("cli", "es", 60, person=PERSON), Answer("Entendido.", "es", "fast", question=said, via="model")

    times_ms = await timed([partial(memories.remember, *exchange(at)) for at in range(REMEMBERED)])
    return {"remember_p50_ms": percentile(times_ms, 50), "remember_p99_ms": percentile(times_ms, 99)}


async def _bring_in(memories: Memories, some: Sequence[Memory]) -> dict[str, float | None]:
    """How long the loop stood still at most while they came."""
    gaps_ms: list[float] = []
    ended = asyncio.Event()

    async def tick() -> None:
        last = time.perf_counter()
        while not ended.is_set():
            await asyncio.sleep(TICK_S)
            now = time.perf_counter()
            gaps_ms.append((now - last - TICK_S) * 1000)
            last = now

    async with asyncio.TaskGroup() as group:
        group.create_task(tick())
        began = time.monotonic()
        await memories.take_in(some)
        took_s = time.monotonic() - began
        while memories.state != "ready" or await asyncio.to_thread(is_behind, memories.store):
            await asyncio.sleep(0.05)
        ended.set()
    return {
        "import_s": took_s,
        "import_with_vectors_s": time.monotonic() - began,
        "import_stall_p99_ms": percentile(gaps_ms, 99),
        "import_stall_ms": max(gaps_ms),
    }


def is_behind(store: Store) -> bool:
    """Whether there is a memory without a vector."""
    return bool(store.without_vector(MODEL, 1))


async def _forget(memories: Memories, size: int) -> dict[str, float | None]:
    taken = [(await memories.forget([f"s{size + 10 * at}"])).took_s for at in range(FORGOTTEN)]
    return {"forgotten_p50_s": percentile(taken, 50), "forgotten_s": max(taken)}


async def timed(calls: Sequence[Callable[[], Awaitable[object]]]) -> list[float]:
    """What each took, in milliseconds, one after another."""
    times_ms = []
    for call in calls:
        began = time.perf_counter()
        await call()
        times_ms.append((time.perf_counter() - began) * 1000)
    return times_ms


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]))
