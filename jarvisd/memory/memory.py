"""What the rest of the house knows of memory: remember, recall, forget, and a service that keeps it in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from jarvisd.config import MemoryConfig
from jarvisd.errors import JarvisError, StoreError
from jarvisd.memory.forgetting import Trace, traces
from jarvisd.memory.grounding import says_all
from jarvisd.memory.indexing import Indexing
from jarvisd.memory.policy import exchange, retention
from jarvisd.memory.reading import Reader, Scope
from jarvisd.memory.recall import Sources, recall
from jarvisd.memory.schema import FILE_NAME
from jarvisd.memory.store import Store
from jarvisd.memory.words import terms
from jarvisd.types import Answer, Language, Memory, Recalled, Turn

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")

# An answer is not kept waiting by a slow disk; the exchange is written all the same.
WRITE_WITHIN_S = 0.25
# Exchanges that wait for room on the disk.
MOST_WAITING = 200
# "Forget that" is about what was said in this time.
LAST_S = 12 * 3600.0
# What "everything about" finds at most.
MOST_ABOUT = 500
IMPORT_ROWS = 50
_PRIVATE = "private_until"
FOREVER = float("inf")

# Other rooms that keep texts of turns erase them, by id.
Erase = Callable[[Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Gone:
    """What was forgotten, how long it took until no file held it any more, and where it is still found (nowhere)."""

    memories: tuple[Memory, ...]
    took_s: float
    left: tuple[Trace, ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    added: int
    passed_over: int


@dataclass(slots=True)
class _Waiting:
    """What could not be written, and whether somebody was told."""

    memories: deque[Memory] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    told: bool = False


class Memories:
    """`folder`: the state folder. `indexing` makes the part that has to do with vectors; None: words alone.

    `run` is the service; without it nothing is written or found (StoreError). `erase`: other rooms' texts.
    """

    def __init__(
        self,
        config: MemoryConfig,
        folder: Path,
        *,
        vectors: Callable[[Memories], Indexing | None] = lambda _: None,
        sources: Callable[[Memories], Sources] | None = None,
        erase: Sequence[Erase] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.config = config
        self.path = folder / FILE_NAME
        self._folder = folder
        self._erase = tuple(erase)
        self._clock = clock
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="memory")
        # Questions are looked up beside what is being written.
        self.reader = Reader(self.path)
        self._store: Store | None = None
        self._fault: StoreError | None = None
        self._waiting = _Waiting()
        self._private_until_s = 0.0
        self.indexing = vectors(self)
        self._sources = sources(self) if sources else None
        self.opened = asyncio.Event()

    def reconfigure(self, config: MemoryConfig) -> None:
        self.config = config

    @property
    def store(self) -> Store:
        """Raises StoreError while it is not open."""
        if self._store is None:
            raise self._fault or StoreError("Memory is not open yet.", code="memory_closed")
        return self._store

    @property
    def is_private(self) -> bool:
        """Nothing is kept now."""
        return self._clock() < self._private_until_s

    async def run(self) -> None:
        """Opens the file and keeps the index up with it, until cancelled. Raises StoreError where it cannot."""
        try:
            await self.open()
            if self.indexing is not None:
                await self.indexing.run()
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def open(self) -> None:
        try:
            self._store = await self.write(lambda: Store(self.path))
        except StoreError as error:
            self._fault = error
            raise
        self._fault = None
        until = await asyncio.to_thread(self._store.note, _PRIVATE)
        self._private_until_s = float(until) if until is not None else 0.0
        self.opened.set()

    async def close(self) -> None:
        self.opened.clear()
        store, self._store = self._store, None
        await asyncio.to_thread(self.reader.close)
        if store is not None:
            if self._waiting.memories:
                await self.write(lambda: self._write_waiting(store))
            await self.write(store.close)

    async def write(self, work: Callable[[], _T]) -> _T:
        """Does something on the one thread that writes. Cancelled, it is done all the same."""
        task = asyncio.get_running_loop().run_in_executor(self._writer, work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_look_at)
            raise

    async def remember(self, turn: Turn, answer: Answer) -> bool:
        """Keeps an exchange. True: it is on the disk. False: nothing is to be kept of it, or it is still on its way.

        Raises StoreError, once, when it cannot be written; it waits then for the next attempt.
        """
        memory = None if self.is_private else exchange(turn, answer, self._clock())
        return memory is not None and await self._keep(memory)

    async def keep(self, memory: Memory) -> None:
        """Keeps a fact that somebody asked to be kept. Raises StoreError where that cannot be promised."""
        await self.write(lambda: self.store.add([memory]))
        self._changed()

    async def recall(self, text: str, language: Language, *, person: str | None = None, count: int = 0) -> Recalled:
        """What was said that fits a question. Raises StoreError."""
        if self._store is None:
            raise self._fault or StoreError("Memory is not open yet.", code="memory_closed")
        sources = self._sources or Sources(self.reader)
        return await recall(sources, text, language, person=person, count=count or self.config.recall_count)

    async def last(self, turn: Turn) -> Memory | None:
        """The exchange just before this turn, in its room."""
        newest = await asyncio.to_thread(self.store.newest, 20, scope=Scope(turn.person))
        since_s = self._clock() - LAST_S
        return next((one for one in newest if one.room == turn.room and one.at_s >= since_s), None)

    async def about(
        self, topic: str, person: str | None, *, everybody: bool = False, hidden: bool = False
    ) -> list[Memory]:
        """All memories that speak of a matter, the newest first; `everybody`: whoever said them.

        `hidden`: also what is not recalled any more, replaced facts and answers from memory.
        """
        scope = Scope(person, everybody=everybody)
        found: dict[str, Memory] = {}
        for language in ("es", "en"):
            wanted = terms(topic, language)
            rows = await asyncio.to_thread(self.reader.search_words, wanted, scope, MOST_ABOUT)
            found |= await asyncio.to_thread(self.reader.get, [row[0] for row in rows])
        if hidden:
            found |= {one.id: one for one in await asyncio.to_thread(self.reader.not_recalled, scope)}
        fitting = [one for one in found.values() if says_all(topic, one)]
        return sorted(fitting, key=lambda one: -one.at_s)

    async def facts(self, person: str | None) -> list[Memory]:
        """What was told to be kept and still holds, the newest first."""
        return await asyncio.to_thread(self.store.facts, Scope(person))

    async def everything(self, person: str | None) -> list[Memory]:
        """All that this person may forget: their own, and the house's."""
        return await asyncio.to_thread(self.store.newest, 1_000_000, scope=Scope(person))

    async def forget(self, ids: Sequence[str]) -> Gone:
        """Deletes memories wherever they are, and looks for what is left of them in the state folder.

        Raises StoreError when they cannot be deleted; then nothing is.
        """
        began_s = time.monotonic()
        vectors = await self.write(lambda: self.store.vectors_with(ids))
        gone = await self.write(lambda: self.store.forget(ids))
        await self._erase_elsewhere([*ids, *(memory.id for memory in gone)])
        if self.indexing is not None:
            await self.indexing.forget_all_copies(gone)
        await self._erase_own(vacuum=False)
        texts = {text for memory in gone for text in (memory.said, memory.answered) if text}
        left = await self._left(texts, vectors)
        if any(trace.file.name.startswith(FILE_NAME) for trace in left):
            await self._erase_own(vacuum=True)
            left = await self._left(texts, vectors)
        if left:
            files = sorted({str(trace.file) for trace in left})
            _LOGGER.warning("something that was forgotten is still in %s", ", ".join(files))
        return Gone(tuple(gone), time.monotonic() - began_s, tuple(left))

    async def _left(self, texts: set[str], vectors: Sequence[bytes]) -> list[Trace]:
        """Where pieces of them are still found, but for what another memory, which stays, has too."""
        found = await asyncio.to_thread(traces, self._folder, sorted(texts), vectors)
        if not found:
            return []
        kept = await self.write(lambda: _shared(self.store, {one.piece for one in found}))
        return [trace for trace in found if trace.piece not in kept]

    async def _erase_own(self, *, vacuum: bool) -> None:
        """What cannot be erased now is deleted all the same, and erased when the file is opened again."""
        try:
            await self.write(lambda: self.store.erase(vacuum=vacuum))
        except StoreError as error:
            _LOGGER.error("what was forgotten is not erased yet: %s", error.message)  # noqa: TRY400

    async def _erase_elsewhere(self, ids: Sequence[str]) -> None:
        """A room that cannot do it does not keep the others from it; what stays is found, and told."""
        for erase in self._erase:
            try:
                await erase(ids)
            except JarvisError as error:
                _LOGGER.error("what was forgotten stays in another record: %s", error.message)  # noqa: TRY400

    async def be_private(self, for_s: float) -> None:
        """Keeps nothing for so long; 0 ends it. Also after a restart."""
        until_s = self._clock() + for_s if for_s else 0.0
        self._private_until_s = until_s
        await self.write(lambda: self.store.set_note(_PRIVATE, str(until_s) if for_s else None))

    async def expire(self) -> int:
        """Forgets what the retention says; how much it was. Nightly."""
        count = 0
        for rule in retention(self.config, self._clock()):
            while some := await self.write(lambda rule=rule: self.store.expire(rule.kinds, rule.before_s)):  # type: ignore[misc]
                count += some
        if count:
            if self.indexing is not None:
                await self.indexing.forget_all_copies([])
            await self._erase_own(vacuum=True)
            self._changed()
        return count

    async def maintain(self) -> None:
        """The night's work: what waits is written, what has expired goes, the index is held against the disk."""
        await self.write(lambda: self._write_waiting(self.store))
        count = await self.expire()
        if self.indexing is not None:
            await self.indexing.reconcile()
        _LOGGER.info("memory: %d expired, the index is %s", count, self.state)

    async def take_in(self, memories: Iterable[Memory]) -> Imported:
        """Adds memories from elsewhere, a few at a time. Known and forgotten ones are passed over."""
        added, total, some = 0, 0, []
        for memory in memories:
            some.append(memory)
            if len(some) == IMPORT_ROWS:
                added, total, some = added + await self._add(some), total + len(some), []
        added, total = added + (await self._add(some) if some else 0), total + len(some)
        self._changed()
        return Imported(added, total - added)

    async def stats(self) -> dict[str, Any]:
        counts = await asyncio.to_thread(self.store.counts)
        return counts | {
            "index": self.state,
            "private": self.is_private,
            "waiting_for_disk": len(self._waiting.memories),
        }

    @property
    def state(self) -> str:
        """How the index is, in words."""
        return self.indexing.state if self.indexing is not None else "words alone"

    async def _add(self, memories: Sequence[Memory]) -> int:
        added = await self.write(lambda: self.store.add(memories))
        await asyncio.sleep(0)
        return len(added)

    async def _keep(self, memory: Memory) -> bool:
        self._waiting.memories.append(memory)
        task = asyncio.get_running_loop().run_in_executor(self._writer, lambda: self._write_waiting(self._store))
        done, _ = await asyncio.wait([task], timeout=WRITE_WITHIN_S)
        if not done:
            task.add_done_callback(self._written_late)
            return False
        fault = task.result()
        if fault is None:
            self._changed()
            return True
        if not self._waiting.told:
            self._waiting.told = True
            raise fault
        return False

    def _write_waiting(self, store: Store | None) -> StoreError | None:
        """On the writing thread: all that waits, oldest first."""
        waiting = self._waiting.memories
        while waiting:
            memory = waiting.popleft()
            try:
                (store or self.store).add([memory])
            except StoreError as error:
                if len(waiting) < MOST_WAITING:  # else it is the oldest of too many
                    waiting.appendleft(memory)
                _LOGGER.log(logging.DEBUG if self._waiting.told else logging.WARNING, "%s", error.message)
                return error
        self._waiting.told = False
        return None

    def _written_late(self, task: asyncio.Future[StoreError | None]) -> None:
        """Of a write that took long; what was not written waits for the next."""
        _look_at(task)
        self._changed()

    def _changed(self) -> None:
        if self.indexing is not None:
            self.indexing.changed()


def _look_at(task: asyncio.Future[Any]) -> None:
    """Of a write that nobody waits for any more."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOGGER.error("memory could not be written: %s", error)


def _shared(store: Store, pieces: set[bytes]) -> set[bytes]:
    """Pieces of texts and vectors that another memory has, too."""
    in_texts = "SELECT 1 FROM memories WHERE instr(CAST(said AS BLOB), ?1) OR instr(CAST(answered AS BLOB), ?1) LIMIT 1"
    in_vectors = "SELECT 1 FROM vectors WHERE substr(vector, 1, length(?1)) = ?1 LIMIT 1"
    with store.use() as database:
        return {
            one for one in pieces if any(database.execute(query, (one,)).fetchone() for query in (in_texts, in_vectors))
        }
