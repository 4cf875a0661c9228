"""Both indexes of vectors, by the same tests: what one of them does, the other one does, too."""

import asyncio
import gc
import importlib.util
import math
import os
import shutil
import signal
import tracemalloc
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from jarvisd.engines.owner import Pace
from jarvisd.errors import EngineReplyError, EngineUnavailable, IndexUnavailable
from jarvisd.memory.chroma import ChromaIndex, probe
from jarvisd.memory.exact import ROWS_IN_THE_LOOP, ExactIndex
from jarvisd.memory.index import Shelf
from jarvisd.types import Endpoint, EngineState
from tests.fakes.chroma import ask, children, chroma_server, fake_server, lease_of
from tests.fakes.engines import PROBES, running_pool, until
from tests.fakes.workers import worker_spec

needs_chroma = pytest.mark.skipif(
    importlib.util.find_spec("chromadb_rust_bindings") is None, reason="chromadb is not installed"
)
KINDS = ["exact", pytest.param("chroma", marks=needs_chroma)]
PATIENT = Pace(first_delay_s=0.02, longest_delay_s=0.1, stable_after_s=60.0, proof_timeout_s=10.0)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory):
    with chroma_server(tmp_path_factory.mktemp("chroma")) as endpoint:
        yield endpoint


@pytest.fixture
def chroma(endpoint):
    return ChromaIndex(lease_of(endpoint), "index")


@pytest.fixture(params=KINDS)
def index(request):
    return ExactIndex() if request.param == "exact" else request.getfixturevalue("chroma")


def new_shelf(dimensions: int = 3, model: str = "a/model", person: str | None = None) -> Shelf:
    """Of somebody whom no other test knows."""
    return Shelf(person or uuid4().hex, model, dimensions)


def rows(*vectors) -> np.ndarray:
    return np.array(vectors, np.float32)


def clustered(count: int, dimensions: int, seed: int = 1) -> np.ndarray:
    """Vectors as texts have them: in heaps, not everywhere."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((100, dimensions))
    return (centres[np.arange(count) % 100] + 0.5 * random.standard_normal((count, dimensions))).astype(np.float32)


async def names(index, shelf, vector, count=10) -> list[str]:
    return [one for one, _ in await index.nearest(shelf, np.array(vector, np.float32), count)]


async def test_the_nearest_come_first_with_their_cosine(index):
    shelf = new_shelf()
    await index.put(shelf, ["up", "east", "between", "west"], rows((0, 0, 9), (2, 0, 0), (1, 1, 0), (-0.5, 0, 0)))
    found = await index.nearest(shelf, np.array([3, 0, 0], np.float32), 4)
    assert [one for one, _ in found] == ["east", "between", "up", "west"]
    assert [likeness for _, likeness in found] == pytest.approx([1, math.sqrt(0.5), 0, -1], abs=1e-5)
    assert await names(index, shelf, (3, 0, 0), 2) == ["east", "between"]
    assert await names(index, shelf, (3, 0, 0), 0) == []


async def test_what_is_put_again_is_replaced(index):
    shelf = new_shelf()
    await index.put(shelf, ["a", "b"], rows((1, 0, 0), (0, 1, 0)))
    await index.put(shelf, ["a", "c"], rows((0, 0, 1), (1, 0, 0.1)))
    assert await index.ids(shelf) == {"a", "b", "c"}
    assert await names(index, shelf, (1, 0, 0), 1) == ["c"]
    assert (await names(index, shelf, (0, 0, 1)))[0] == "a"


async def test_of_an_id_that_is_given_twice_the_last_one_stays(index):
    shelf = new_shelf()
    await index.put(shelf, ["a", "b", "a"], rows((1, 0, 0), (0.9, 0.1, 0), (0, 0, 1)))
    assert await index.ids(shelf) == {"a", "b"}
    assert await names(index, shelf, (1, 0, 0), 1) == ["b"]


async def test_what_is_removed_is_not_found(index):
    shelf = new_shelf()
    await index.put(shelf, list("abcd"), rows((1, 0, 0), (1, 0.1, 0), (1, 0.2, 0), (1, 0.3, 0)))
    await index.remove(shelf, ["a", "never", "c"])
    assert await index.ids(shelf) == {"b", "d"}
    assert await names(index, shelf, (1, 0, 0)) == ["b", "d"]
    await index.remove(shelf, [])
    await index.remove(shelf, ["b", "d"])
    assert await names(index, shelf, (1, 0, 0)) == []
    await index.put(shelf, ["a"], rows((0, 1, 0)))
    assert await names(index, shelf, (1, 0, 0)) == ["a"]


async def test_a_shelf_that_is_not_there_is_empty(index):
    shelf = new_shelf()
    assert await index.nearest(shelf, np.array([1, 0, 0], np.float32), 3) == []
    assert await index.ids(shelf) == frozenset()
    await index.remove(shelf, ["a"])
    await index.drop(shelf)
    await index.put(shelf, [], np.empty((0, 3), np.float32))
    assert await index.ids(shelf) == frozenset()


async def test_a_shelf_that_was_dropped_begins_anew(index):
    shelf, other = new_shelf(), new_shelf()
    await index.put(shelf, ["a"], rows((1, 0, 0)))
    await index.put(other, ["b"], rows((1, 0, 0)))
    await index.drop(shelf)
    assert (await index.ids(shelf), await index.ids(other)) == (frozenset(), {"b"})
    await index.put(shelf, ["c"], rows((0, 1, 0)))
    assert await names(index, shelf, (1, 0, 0)) == ["c"]


async def test_persons_models_and_dimensions_do_not_see_each_other(index):
    ana = new_shelf()
    shelves = [
        ana,
        new_shelf(),
        Shelf(None, f"model of {ana.person}", 3),
        Shelf("null", f"model of {ana.person}", 3),
        new_shelf(person=ana.person, model="another/model"),
        new_shelf(person=ana.person, dimensions=2),
        Shelf(f"{ana.person}|a", "model", 3),
        Shelf(ana.person, "a|model", 3),
    ]
    for number, shelf in enumerate(shelves):
        await index.put(shelf, ["same", f"of {number}"], np.ones((2, shelf.dimensions), np.float32))
    for number, shelf in enumerate(shelves):
        assert await index.ids(shelf) == {"same", f"of {number}"}
        assert set(await names(index, shelf, (1,) * shelf.dimensions)) == {"same", f"of {number}"}


async def test_ids_may_be_any_text(index):
    shelf = new_shelf(2)
    odd = ["a b", "ñandú", "日本", "'; DROP TABLE x; --", '"\\', "../..", "line\nbreak", "🙂", "0", " ", "x" * 2_000]
    angles = np.linspace(0, 1, len(odd))
    await index.put(shelf, odd, np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    assert await index.ids(shelf) == set(odd)
    assert await names(index, shelf, (1, 0), len(odd)) == odd
    await index.remove(shelf, odd[:-1])
    assert await index.ids(shelf) == {odd[-1]}


async def test_a_vector_of_zeros_is_like_nothing(index):
    shelf = new_shelf()
    await index.put(shelf, ["zero", "east", "west"], rows((0, 0, 0), (1, 0, 0), (-1, 0, 0)))
    found = await index.nearest(shelf, np.array([1, 0, 0], np.float32), 3)
    assert found == [("east", pytest.approx(1)), ("zero", pytest.approx(0)), ("west", pytest.approx(-1))]
    found = await index.nearest(shelf, np.zeros(3, np.float32), 3)
    assert sorted(found) == [("east", pytest.approx(0)), ("west", pytest.approx(0)), ("zero", pytest.approx(0))]


async def test_the_longest_and_the_shortest_vectors_have_a_direction(index):
    shelf = new_shelf(2)
    await index.put(shelf, ["long", "short"], rows((3e37, 3e37), (1e-37, 0)))
    found = await index.nearest(shelf, np.array([0, 1e38], np.float32), 2)
    assert found == [("long", pytest.approx(math.sqrt(0.5))), ("short", pytest.approx(0, abs=1e-6))]


@pytest.mark.parametrize(
    ("ids", "vectors"),
    [
        (["a"], rows((1, 0))),
        (["a"], rows((1, 0, 0), (0, 1, 0))),
        (["a", "b"], rows((1, 0, 0))),
        ([""], rows((1, 0, 0))),
        (["a"], rows((1, math.nan, 0))),
        (["a"], rows((1, math.inf, 0))),
    ],
)
async def test_what_does_not_fit_is_refused_and_makes_no_shelf(index, ids, vectors):
    shelf = new_shelf()
    with pytest.raises(ValueError, match="vectors"):
        await index.put(shelf, ids, vectors)
    assert await index.ids(shelf) == frozenset()


async def test_a_question_that_does_not_fit_is_refused(index):
    with pytest.raises(ValueError, match="do not fit a shelf of 3 dimensions"):
        await index.nearest(new_shelf(), np.ones(4, np.float32), 1)


async def test_ten_thousand_are_found_again(index):
    shelf, count, random = new_shelf(48), 10_000, np.random.default_rng(2)
    vectors = clustered(count, 48)
    ids = [f"{number:05}" for number in range(count)]
    await index.put(shelf, ids, vectors)
    assert len(await index.ids(shelf)) == count
    gone = set(ids[::3])
    await index.remove(shelf, sorted(gone))
    left = [one for one in ids if one not in gone]
    kept = vectors[[int(one) for one in left]]
    unit = kept / np.linalg.norm(kept, axis=1, keepdims=True)
    hits = 0
    for number in range(0, count, 500):
        question = vectors[number] + 0.3 * random.standard_normal(48).astype(np.float32)
        expected = {left[row] for row in np.argsort(-(unit @ question))[:10]}
        found = await index.nearest(shelf, question, 10)
        assert [likeness for _, likeness in found] == sorted((likeness for _, likeness in found), reverse=True)
        hits += len(expected & {one for one, _ in found})
    assert hits >= 0.98 * 200


async def test_many_at_once_do_not_disturb_each_other(index):
    shelf = new_shelf(16)
    vectors = clustered(ROWS_IN_THE_LOOP + 500, 16)
    ids = [str(number) for number in range(len(vectors))]
    await index.put(shelf, ids[:-200], vectors[:-200])
    async with asyncio.TaskGroup() as group:
        found = [group.create_task(names(index, shelf, vectors[row], 1)) for row in range(20)]
        for start in range(len(ids) - 200, len(ids), 50):
            group.create_task(index.put(shelf, ids[start : start + 50], vectors[start : start + 50]))
        group.create_task(index.remove(shelf, ids[100:200]))
    assert [task.result() for task in found] == [[one] for one in ids[:20]]
    assert await index.ids(shelf) == {*ids[:100], *ids[200:]}
    assert await names(index, shelf, vectors[-1], 1) == [ids[-1]]


async def test_in_memory_ten_thousand_take_little_more_than_themselves():
    index, shelf, ids = ExactIndex(), new_shelf(384), [str(number) for number in range(10_000)]
    vectors = clustered(10_000, 384)
    gc.collect()
    tracemalloc.start()
    try:
        for start in range(0, len(ids), 700):
            await index.put(shelf, ids[start : start + 700], vectors[start : start + 700])
        full = tracemalloc.get_traced_memory()[0]
        await index.remove(shelf, ids[1_000:])
        little = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 10_000 * 384 * 4 < full < 19e6
    assert little < 5e6


# What only the server can do: be away, be another one, or lose what it had.


@needs_chroma
async def test_the_server_is_told_no_names_and_never_flushes(chroma, endpoint):
    shelf = new_shelf(person="Ana María", model=uuid4().hex)
    await chroma.put(shelf, ["a"], rows((1, 0, 0)))
    (made,) = [one for one in await ask(endpoint, "GET") if (one["metadata"] or {}).get("model") == shelf.model]
    assert made["metadata"] == {"model": shelf.model, "dimensions": 3}
    assert made["configuration_json"]["hnsw"]["sync_threshold"] == 10_000_000
    assert "Ana" not in str(made)
    stored = await ask(endpoint, "POST", f"/{made['id']}/get", {"include": ["documents", "metadatas"]})
    assert (stored["ids"], stored["documents"], stored["metadatas"]) == (["a"], [None], [None])


async def collection_of(endpoint, shelf) -> dict:
    (found,) = [one for one in await ask(endpoint, "GET") if (one["metadata"] or {}).get("model") == shelf.model]
    return found


@needs_chroma
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"configuration": {"hnsw": {"space": "l2"}}}, "measures the distance l2, not cosine: delete it"),
        ({"metadata": {"dimensions": 2}}, "is for vectors of 2 dimensions, not 3: delete it"),
        ({"metadata": None}, "is for vectors of None dimensions, not 3: delete it"),
    ],
)
async def test_a_collection_that_somebody_else_made_is_refused(chroma, endpoint, changes, said):
    shelf = new_shelf(model=uuid4().hex)
    await chroma.put(shelf, ["a"], rows((1, 0, 0)))
    name = (await collection_of(endpoint, shelf))["name"]
    await ask(endpoint, "DELETE", f"/{name}")
    made = {"metadata": {"dimensions": 3}, "configuration": {"hnsw": {"space": "cosine"}}, **changes}
    await ask(endpoint, "POST", "", {"name": name, **made})
    with pytest.raises(IndexUnavailable, match=said):
        await chroma.put(shelf, ["a"], rows((1, 0, 0)))
    with pytest.raises(IndexUnavailable, match=said):
        await chroma.nearest(shelf, np.ones(3, np.float32), 1)
    await chroma.drop(shelf)
    await chroma.put(shelf, ["b"], rows((1, 0, 0)))
    assert await chroma.ids(shelf) == {"b"}


@needs_chroma
async def test_a_collection_that_vanished_is_looked_up_anew(chroma, endpoint):
    shelf, other = new_shelf(), ChromaIndex(lease_of(endpoint), "index")
    await chroma.put(shelf, ["a"], rows((1, 0, 0)))
    await other.drop(shelf)
    assert await chroma.ids(shelf) == frozenset()
    await chroma.put(shelf, ["b"], rows((1, 0, 0)))
    await other.drop(shelf)
    await chroma.put(shelf, ["c"], rows((1, 0, 0)))
    await other.drop(shelf)
    await other.put(shelf, ["d"], rows((1, 0, 0)))
    assert await names(chroma, shelf, (1, 0, 0)) == ["d"]


@needs_chroma
async def test_the_proof_leaves_nothing_behind(endpoint):
    before = [one["name"] for one in await ask(endpoint, "GET")]
    await ask(endpoint, "POST", "", {"name": "jarvisd-probe"})  # as one that was broken off
    await probe(endpoint)
    await probe(endpoint, "")
    assert [one["name"] for one in await ask(endpoint, "GET")] == before


async def index_spec(folder: Path):
    return await asyncio.to_thread(worker_spec, folder, "index", kind="chroma", start_timeout_s=20)


@needs_chroma
async def test_a_server_that_was_killed_comes_back_with_all_it_had(tmp_path):
    shelf, vectors = new_shelf(16), clustered(600, 16)
    ids = [str(number) for number in range(600)]
    probes = PROBES | {"chroma": probe}
    async with running_pool(await index_spec(tmp_path), pace=PATIENT, probes=probes) as (pool, told):
        index = ChromaIndex(pool.lease, "index", wait_s=20)
        await index.put(shelf, ids, vectors)
        await index.remove(shelf, ids[:100])
        await until(told, EngineState.READY, "index")
        folders = {place.name for place in (tmp_path / "memory-index").iterdir()}
        (engine,) = pool.statuses()
        (server,) = children(engine.pid)
        os.kill(server, signal.SIGKILL)
        again = await until(told, EngineState.READY, "index")
        assert again.pid != engine.pid
        assert await index.ids(shelf) == set(ids[100:])
        assert await names(index, shelf, vectors[300], 1) == ["300"]
        # The files of the proof's collection are gone, those of the shelf are still there.
        assert len(folders & {place.name for place in (tmp_path / "memory-index").iterdir()}) == len(folders) - 1


@needs_chroma
async def test_a_folder_that_is_thrown_away_is_an_error_and_then_healed(tmp_path):
    shelf = new_shelf()
    probes = PROBES | {"chroma": probe}
    async with running_pool(await index_spec(tmp_path), pace=PATIENT, probes=probes) as (pool, _):
        index = ChromaIndex(pool.lease, "index", wait_s=20)
        await index.put(shelf, ["a"], rows((1, 0, 0)))
        await asyncio.to_thread(shutil.rmtree, tmp_path / "memory-index")
        with pytest.raises(IndexUnavailable, match="The index of vectors cannot be asked"):
            await index.put(shelf, ["b"], rows((1, 0, 0)))
        await index.put(shelf, ["c"], rows((1, 0, 0)))
        assert await index.ids(shelf) == {"c"}


COLLECTION = {
    "id": "a1393e2e-c4f8-4524-8f8a-9b10a813caa5",
    "configuration_json": {"hnsw": {"space": "cosine"}},
    "metadata": {"dimensions": 3},
}


def answering(reply, status=200):
    """A server whose collections are right and whose replies are not."""
    return lambda method, path: (status, reply) if path.endswith(("/query", "/get", "/upsert")) else (200, COLLECTION)


@pytest.mark.parametrize(
    "reply",
    [
        b"<html>Welcome</html>",
        b"",
        [],
        {},
        {"ids": [], "distances": []},
        {"ids": [["a"]], "distances": [[]]},
        {"ids": [["a"]], "distances": [[None]]},
        {"ids": [["a"]], "distances": [["near"]]},
        {"ids": [[3]], "distances": [[0.5]]},
        b'{"ids": [["a"]], "distances": [[NaN]]}',
        {"ids": "a", "distances": 3},
        None,
    ],
)
async def test_garbage_is_no_answer(reply):
    async with fake_server(answering(reply)) as endpoint:
        with pytest.raises(IndexUnavailable, match="The index of vectors cannot be asked"):
            await ChromaIndex(lease_of(endpoint), "index").nearest(new_shelf(), np.ones(3, np.float32), 1)
        with pytest.raises(EngineReplyError):
            await probe(endpoint)


@pytest.mark.parametrize("reply", [[], {"ids": None}, {"ids": [1]}, {"ids": [["a"]]}, 3])
async def test_garbage_is_no_list_of_ids(reply):
    async with fake_server(answering(reply)) as endpoint:
        with pytest.raises(IndexUnavailable, match="is not what its API says; is this its address"):
            await ChromaIndex(lease_of(endpoint), "index").ids(new_shelf())


@pytest.mark.parametrize(
    "made",
    [
        [],
        {},
        {"id": "x"},
        COLLECTION | {"id": "../../reset"},
        COLLECTION | {"id": 3},
        COLLECTION | {"configuration_json": None},
        COLLECTION | {"metadata": []},
        COLLECTION | {"metadata": "3"},
    ],
)
async def test_garbage_is_no_collection(made):
    asked = []

    def answer(method, path):
        asked.append((method, path.partition("/")[0]))
        return 200, made

    async with fake_server(answer) as endpoint:
        with pytest.raises(IndexUnavailable):
            await ChromaIndex(lease_of(endpoint), "index").put(new_shelf(), ["a"], np.ones((1, 3), np.float32))
    assert asked == [("POST", "")]


@pytest.mark.parametrize(("status", "said"), [(500, "HTTP 500"), (503, "is busy"), (401, "wants another API key")])
async def test_a_refusal_is_told_in_the_servers_words(status, said):
    async with fake_server(answering({"error": "X", "message": "no"}, status)) as endpoint:
        with pytest.raises(IndexUnavailable, match=said):
            await ChromaIndex(lease_of(endpoint), "index").ids(new_shelf())


async def test_a_server_without_the_place_for_collections_does_not_swallow_them():
    async with fake_server(lambda method, path: (404, {"error": "NotFoundError"})) as endpoint:
        index = ChromaIndex(lease_of(endpoint), "index")
        with pytest.raises(IndexUnavailable, match="HTTP 404"):
            await index.put(new_shelf(), ["a"], rows((1, 0, 0)))
        assert await index.ids(new_shelf()) == frozenset()


async def test_a_collection_that_goes_again_and_again_is_looked_up_once():
    asked = []

    def answer(method, path):
        asked.append(method)
        return (404, {"error": "NotFoundError"}) if path.endswith("/get") else (200, COLLECTION)

    async with fake_server(answer) as endpoint:
        index, shelf = ChromaIndex(lease_of(endpoint), "index"), new_shelf()
        for _ in range(2):
            with pytest.raises(IndexUnavailable, match="HTTP 404"):
                await index.ids(shelf)
    assert asked == ["GET", "POST", "POST", "GET", "POST"]


async def test_a_server_that_is_silent_or_away_is_unavailable(tmp_path):
    absent = Endpoint("http://localhost", socket_path=str(tmp_path / "none.sock"))
    with pytest.raises(IndexUnavailable, match="No model server can be reached"):
        await ChromaIndex(lease_of(absent), "index").ids(new_shelf())

    async def never(reader, writer):
        await reader.read()
        writer.close()

    silent = Endpoint("http://localhost", socket_path=str(tmp_path / "s.sock"))
    async with await asyncio.start_unix_server(never, silent.socket_path):
        with pytest.raises(IndexUnavailable, match=r"Chroma did not answer within 0\.2 s"):
            await ChromaIndex(lease_of(silent), "index", timeout_s=0.2).ids(new_shelf())


async def test_an_engine_that_cannot_be_leased_is_unavailable():
    class Away:
        def __init__(self, name, wait_s):
            self.asked = name, wait_s

        async def __aenter__(self):
            raise EngineUnavailable(f"{self.asked} is starting.")

        async def __aexit__(self, *error):
            pass

    with pytest.raises(IndexUnavailable, match=r"\('index', 2\) is starting"):
        await ChromaIndex(Away, "index", wait_s=2).drop(new_shelf())
