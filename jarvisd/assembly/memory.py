"""Builds what remembers: the record, the embedder that reads it, and the index that finds in it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from jarvisd.config import Config, EmbedEngine, MemoryConfig, RemoteEngine
from jarvisd.engines.pool import EnginePool
from jarvisd.engines.spec import INDEX_FOLDER, EngineSpec
from jarvisd.llm.embeddings import embed
from jarvisd.memory.chroma import ChromaIndex
from jarvisd.memory.index import Vectors
from jarvisd.memory.indexing import Indexing
from jarvisd.memory.memory import Erase, Memories
from jarvisd.memory.recall import Sources
from jarvisd.outgoing import Verdict
from jarvisd.types import EngineState, Language

# An embedder that starts takes seconds; what is remembered waits for it, a question does not.
START_S, ASKED_S = 60.0, 0.5
# Trained on English alone.
_ENGLISH_ONLY = ("minilm-l6", "minilm_l6", "minilm-l12", "bge-small-en", "bge-base-en", "nomic-embed-text-v1")


def build_memory(
    live: Callable[[], Config],
    *,
    pool: EnginePool,
    specs: Sequence[EngineSpec],
    state: Path,
    judge: Callable[[str, Language], Verdict],
    erase: Sequence[Erase] = (),
) -> Memories | None:
    """None where the household does not want one."""
    config = live()
    if not config.memory.enabled:
        return None
    name = config.memory.embedder

    def household(text: str, language: Language) -> bool:
        return judge(text, language).private

    if name is None:
        return Memories(config.memory, state, sources=lambda own: Sources(own.reader, household=household), erase=erase)
    model = _identity(config, name)
    asked_as = next(spec.model for spec in specs if spec.name == name)

    async def embed_some(texts: Sequence[str]) -> Vectors:
        async with pool.lease(name, START_S, background=True) as endpoint:
            return (await embed(endpoint, asked_as, texts)).vectors

    async def embed_question(texts: Sequence[str]) -> Vectors:
        async with pool.lease(name, ASKED_S) as endpoint:
            return (await embed(endpoint, asked_as, texts)).vectors

    def cold() -> str:
        state = next(one.state for one in pool.statuses() if one.name == name)
        if state is EngineState.READY:
            return ""
        pool.want(name)
        return f"the embedder {name} is {state}"

    def vectors(own: Memories) -> Indexing:
        outside, wipe = _outside(config.memory, pool, specs, state)
        return Indexing(lambda: own.store, own.write, embed_some, model, outside, wipe=wipe)

    def sources(own: Memories) -> Sources:
        assert own.indexing is not None  # made just before, by `vectors`
        return Sources(
            own.reader,
            embed_question,
            own.indexing.nearest,
            model=model,
            likeness=own.indexing.likeness,
            cold=cold,
            knows=lambda language: language in _known(config.memory, model),
            household=household,
        )

    return Memories(config.memory, state, vectors=vectors, sources=sources, erase=erase)


def _outside(
    config: MemoryConfig, pool: EnginePool, specs: Sequence[EngineSpec], state: Path
) -> tuple[ChromaIndex | None, Callable[[], Awaitable[None]] | None]:
    """The index in a server, and how what it keeps is thrown away; nothing where vectors are searched in memory."""
    name = config.index_engine
    if config.index != "chroma" or name is None:
        return None, None
    index = ChromaIndex(pool.lease, name)
    if next(spec for spec in specs if spec.name == name).argv is None:
        return index, None

    async def wipe() -> None:
        await pool.unload(name)
        await asyncio.to_thread(shutil.rmtree, state / INDEX_FOLDER, ignore_errors=True)
        pool.want(name)

    return index, wipe


def _identity(config: Config, name: str) -> str:
    """What the vectors are of: another model makes them anew."""
    engine = config.engines[name]
    return (
        str(engine.model)
        if isinstance(engine, EmbedEngine | RemoteEngine)
        else f"{name}:{getattr(engine, 'model', '')}"
    )


def _known(config: MemoryConfig, model: str) -> Sequence[Language]:
    if config.embedder_languages is not None:
        return config.embedder_languages
    return ("en",) if any(part in model.lower() for part in _ENGLISH_ONLY) else ("es", "en")
