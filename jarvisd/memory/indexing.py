"""Keeps the vectors up with the memories: computes what is missing, tells the index, builds it anew when it is broken.

While Chroma is away, behind or being rebuilt, the index in memory answers, filled from the vectors on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import numpy as np

from jarvisd.errors import IndexUnavailable, JarvisError
from jarvisd.memory.exact import ExactIndex
from jarvisd.memory.index import Shelf, VectorIndex, Vectors
from jarvisd.memory.schema import WIPE_DUE
from jarvisd.memory.store import Store
from jarvisd.types import Memory

_LOGGER = logging.getLogger(__name__)

# Texts of one request to the embedder: 60 ms of its time, between which a question gets its turn.
BATCH = 16
# Vectors read from the disk, or told to the index, at once.
ROWS = 500
LOOK_S = 60.0
# Whoever forgets is kept waiting no longer by an index that does not answer; it is wiped later.
WIPE_WITHIN_S = 10.0
RETRY_S = 15.0
PROGRESS_EVERY = 2_000
# Characters of a memory that are embedded; models cut at 256 or 512 tokens themselves.
EMBEDDED_CHARACTERS = 2_000

Write = Callable[[Callable[[], object]], Awaitable[object]]
EmbedBatch = Callable[[Sequence[str]], Awaitable[Vectors]]


class Indexing:
    """`run` is the service. `embed` computes vectors of `model` and raises EngineError; `write` runs on the one thread
    that writes. `outside` is None where the index in memory is the only one. `wipe` ends its server, throws its folder
    away and has it start again, or raises JarvisError; without it the shelves are dropped.
    """

    def __init__(
        self,
        store: Callable[[], Store],
        write: Write,
        embed: EmbedBatch,
        model: str,
        outside: VectorIndex | None = None,
        *,
        wipe: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._write = write
        self._embed = embed
        self.model = model
        self._outside = outside
        self._wipe = wipe
        self._near: ExactIndex | None = ExactIndex()
        self._dimensions = 0
        self._changed = asyncio.Event()
        # Whoever puts something into the index outside, or throws it away.
        self._moving = asyncio.Lock()
        self._wipe_due = False
        self._left_by: set[str | None] = set()
        self._outside_is_whole = False
        self._cleaned = False
        # All memories up to this number have a vector.
        self._whole_to = 0
        self.state = "starting"

    def changed(self) -> None:
        """There is something new, or something gone."""
        self._changed.set()

    @property
    def outside_is_used(self) -> bool:
        """The index outside has all there is, and answers."""
        return self._outside_is_whole and self._near is None

    async def run(self) -> None:
        """Until cancelled. A failing embedder or index is told once and tried again."""
        await self._fill()
        self._wipe_due = await asyncio.to_thread(self._store().note, WIPE_DUE) is not None
        told = ""
        while True:
            self._changed.clear()
            try:
                if not self._outside_is_whole:
                    await self._go_without_outside()
                await self.tell()
                left = await self._embed_some()
                if not left and not self._cleaned:
                    await self._drop_foreign()
                await self._wipe_what_is_due()
                if self._outside is not None and not self._outside_is_whole and not left:
                    await self._rebuild()
                self.state, told = ("embedding" if left else "ready"), ""
                if left:
                    continue
                wait_s = LOOK_S
            except JarvisError as error:
                if isinstance(error, IndexUnavailable):
                    await self._go_without_outside()
                self.state = f"waiting: {error.message}"
                if error.message != told:
                    _LOGGER.warning("memory is searched by words alone or in part: %s", error.message)
                told, wait_s = error.message, RETRY_S
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def nearest(self, person: str | None, vector: Vectors, count: int) -> list[tuple[str, float]]:
        """From the person's shelf and the house's, best first. Raises IndexUnavailable."""
        persons = {None, person}
        if self._near is None and self._outside is not None and self._outside_is_whole:
            try:
                return await self._of(self._outside, persons, vector, count)
            except IndexUnavailable as error:
                self._outside_is_whole = False
                self._changed.set()
                _LOGGER.warning("the index of memories is built anew from the disk: %s", error.message)
                raise
        if self._near is None:
            raise IndexUnavailable("the index is being filled")
        return await self._of(self._near, persons, vector, count)

    async def likeness(self, person: str | None, vector: Vectors, ids: Sequence[str]) -> dict[str, float]:
        """How like a vector some memories are, of those that the index in memory has."""
        if self._near is None or vector.shape[0] != self._dimensions:
            return {}
        house = await self._near.likeness(self._shelf(None), vector, ids)
        return house if person is None else house | await self._near.likeness(self._shelf(person), vector, ids)

    async def tell(self) -> None:
        """Tells the index what is new or gone. Raises IndexUnavailable; what it was not told stays in the outbox."""
        async with self._moving:
            while entries := await asyncio.to_thread(self._store().outbox, ROWS):
                gone: dict[str | None, list[str]] = {}
                new: list[str] = []
                for _, one, person, model, is_gone in entries:
                    if is_gone:
                        gone.setdefault(person, []).append(one)
                    elif model == self.model:
                        new.append(one)
                await self._remove(gone)
                await self._put(new)
                sequences = [entry[0] for entry in entries]
                await self._write(lambda told=sequences: self._store().index_told(told))  # type: ignore[misc]

    async def forget_all_copies(self, gone: Sequence[Memory]) -> None:
        """After memories were deleted: out of the index, which is thrown away where it cannot erase."""
        persons: dict[str | None, list[str]] = {}
        for memory in gone:
            persons.setdefault(memory.person, []).append(memory.id)
        if self._near is not None:
            await self._remove_from(self._near, persons)
        self._left_by |= persons.keys()
        await self._doubt_outside()
        try:
            async with asyncio.timeout(WIPE_WITHIN_S):
                await self._wipe_what_is_due()
        except (TimeoutError, JarvisError) as error:
            _LOGGER.warning("memory: the index is wiped later (%s)", str(error) or "it does not answer")
        self._changed.set()

    async def reconcile(self) -> None:
        """Holds the index against the disk and mends the difference."""
        if self._outside is not None and self._outside_is_whole:
            await self._rebuild()

    async def _doubt_outside(self) -> None:
        """The index outside holds what it may not: it is thrown away, and the one in memory answers meanwhile."""
        self._wipe_due = True
        await self._go_without_outside()

    async def _go_without_outside(self) -> None:
        self._outside_is_whole = False
        if self._outside is not None and self._near is None:
            await self._fill()

    async def _wipe_what_is_due(self) -> None:
        """Raises JarvisError where it cannot be now; it stays due, also after a restart."""
        async with self._moving:
            if not self._wipe_due:
                return
            if self._wipe is not None:
                await self._wipe()
            elif self._outside is not None:
                persons = {None, *self._left_by, *await asyncio.to_thread(self._store().shelves, self.model)}
                for person in persons if self._dimensions else ():
                    await self._outside.drop(self._shelf(person))
            await self._write(lambda: self._store().set_note(WIPE_DUE, None))
            self._wipe_due = False
            self._left_by.clear()

    async def _drop_foreign(self) -> None:
        """Models that were used before: their vectors are of no use any more, here or outside."""
        foreign = [one for one in (await asyncio.to_thread(self._store().counts))["vectors"] if one != self.model]
        if foreign:
            await self._write(lambda: self._store().drop_vectors(*foreign))
            await self._doubt_outside()
        self._cleaned = True

    async def _fill(self) -> None:
        """The index in memory, from the vectors on disk."""
        near, after = ExactIndex(), 0
        while True:
            after, owners, vectors = await asyncio.to_thread(self._store().vectors, self.model, after, ROWS)
            if not owners:
                break
            await self._put_into(near, owners, vectors)
        self._near = near

    async def _rebuild(self) -> None:
        """The index outside, from the vectors on disk: only what differs is moved.

        Broken off when it is to be thrown away.
        """
        async with self._moving:
            if await self._fill_outside():
                self._outside_is_whole, self._near = True, None
            else:
                self._changed.set()

    async def _fill_outside(self) -> bool:
        outside = self._outside
        assert outside is not None  # asked by the callers
        shelves = await asyncio.to_thread(self._store().shelves, self.model)
        there = {person: await outside.ids(self._shelf(person)) for person in shelves} if self._dimensions else {}
        after, moved, total = 0, 0, sum(shelves.values())
        held: dict[str | None, set[str]] = {person: set() for person in shelves}
        while not self._wipe_due:
            after, owners, vectors = await asyncio.to_thread(self._store().vectors, self.model, after, ROWS)
            if not owners:
                break
            missing = [at for at, (one, person) in enumerate(owners) if one not in there.get(person, ())]
            for one, person in owners:
                held.setdefault(person, set()).add(one)
            if missing:
                await self._put_into(outside, [owners[at] for at in missing], vectors[missing])
                moved += len(missing)
                if moved // PROGRESS_EVERY != (moved - len(missing)) // PROGRESS_EVERY:
                    self.state = f"rebuilding the index: {moved} of {total}"
                    _LOGGER.info("memory: %s", self.state)
        for person, ids in there.items():
            if extra := sorted(ids - held.get(person, set())):
                await outside.remove(self._shelf(person), extra)
        if moved:
            _LOGGER.info("memory: the index has %d vectors, %d of them new", total, moved)
        return not self._wipe_due

    async def _embed_some(self) -> bool:
        """Computes a few vectors that are missing; whether there are more."""
        last = await asyncio.to_thread(self._store().last_number)
        rows = await asyncio.to_thread(self._store().without_vector, self.model, BATCH, self._whole_to)
        if not rows:
            self._whole_to = last
            return False
        vectors = await self._embed([text_of(memory) for _, memory in rows])
        if others := bool(self._dimensions) and vectors.shape[1] != self._dimensions:
            _LOGGER.warning("memory: %s gives other vectors than before: all are computed anew", self.model)
            self._whole_to = 0
            await self._write(lambda: self._store().drop_vectors(self.model))
            await self._fill()
            await self._doubt_outside()
        self._dimensions = vectors.shape[1]
        made: Mapping[int, Vectors] = {number: vector for (number, _), vector in zip(rows, vectors, strict=True)}
        await self._write(lambda: self._store().set_vectors(self.model, made))
        await self.tell()
        return others or len(rows) == BATCH

    async def _put(self, ids: Sequence[str]) -> None:
        if not ids:
            return
        memories = await asyncio.to_thread(self._store().get, ids)
        vectors = await asyncio.to_thread(self._store().vectors_of, self.model, list(memories))
        owners = [(one, memories[one].person) for one in vectors]
        if not owners:
            return
        stacked = [vectors[one] for one, _ in owners]
        for index in self._indexes():
            await self._put_into(index, owners, stacked)

    async def _put_into(
        self, index: VectorIndex, owners: Sequence[tuple[str, str | None]], vectors: Sequence[Vectors] | Vectors
    ) -> None:
        for person in {owner[1] for owner in owners}:
            rows = [at for at, owner in enumerate(owners) if owner[1] == person]
            matrix = np.stack([vectors[at] for at in rows])
            self._dimensions = matrix.shape[1]
            await index.put(self._shelf(person), [owners[at][0] for at in rows], matrix)

    async def _remove(self, gone: Mapping[str | None, list[str]]) -> None:
        for index in self._indexes():
            await self._remove_from(index, gone)

    async def _remove_from(self, index: VectorIndex, gone: Mapping[str | None, list[str]]) -> None:
        if self._dimensions:
            for person, ids in gone.items():
                await index.remove(self._shelf(person), ids)

    def _indexes(self) -> list[VectorIndex]:
        """Those that are kept up to date; a broken one is rebuilt as a whole."""
        found: list[VectorIndex] = [self._near] if self._near is not None else []
        return [*found, self._outside] if self._outside is not None and self._outside_is_whole else found

    async def _of(
        self, index: VectorIndex, persons: set[str | None], vector: Vectors, count: int
    ) -> list[tuple[str, float]]:
        if vector.shape[0] != self._dimensions:
            return []  # nothing of this model is there yet
        found = [pair for person in persons for pair in await index.nearest(self._shelf(person), vector, count)]
        return sorted(found, key=lambda pair: -pair[1])[:count]

    def _shelf(self, person: str | None) -> Shelf:
        return Shelf(person, self.model, self._dimensions)


def text_of(memory: Memory) -> str:
    """What is embedded of a memory: who said what; not the answer, which may be invented."""
    said = memory.said[:EMBEDDED_CHARACTERS]
    return f"{memory.person}: {said}" if memory.person else said
