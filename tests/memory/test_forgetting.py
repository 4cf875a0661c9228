"""Forgetting, read byte by byte: by this file itself, and not only by what it tests."""

import asyncio
import json
import os
import random
import shutil
import sqlite3
import subprocess
import time

import numpy as np
import pytest

from jarvisd.config import MemoryConfig
from jarvisd.errors import EngineUnavailable
from jarvisd.memory.chroma import ChromaIndex
from jarvisd.memory.exact import ExactIndex
from jarvisd.memory.forgetting import VECTOR, traces
from jarvisd.memory.index import Shelf
from jarvisd.memory.indexing import Indexing
from jarvisd.memory.memory import Memories
from jarvisd.memory.reading import blob
from jarvisd.memory.schema import ERASE_DUE, WIPE_DUE
from jarvisd.memory.words import folded_words, spanish_stems
from jarvisd.types import Memory
from tests.fakes.chroma import chroma_argv, chroma_endpoint, lease_of
from tests.memory.test_index import needs_chroma

T = 1_760_000_000.0
DIMENSIONS = 24
FORMS = (
    "recuerda que {0} cumple años en marzo",
    "please remember that {0} is the code of the gate",
    "🎂🧨 {0} 🎈",
    "קוד השער הוא {0} תודה",
    "{0} " + "y así sucesivamente, una frase tras otra, " * 60 + "{0}",
)


def markers() -> list[str]:
    """Words that nobody else says, of letters that unicode61 and our stemmer leave together."""
    return [f"qz{chr(97 + at % 25)}{chr(97 + at // 25)}vukmoraz{at}x" for at in range(50)]


def house(count: int = 2_000) -> tuple[list[Memory], list[Memory]]:
    """All that is said in a house, and what of it is to be forgotten: everywhere among the rest."""
    words = ("cocina", "kitchen", "lunes", "lamp", "médico", "tren", "garden", "azul", "key", "tres")
    rest = [
        Memory(f"r{at}", T + at, f"{words[at % 10]} {words[at % 7]} {at}", "es", answered=f"answer {at % 97}")
        for at in range(count)
    ]
    secret = [
        Memory(f"s{at}", T, FORMS[at % len(FORMS)].format(one), ("es", "en")[at % 2], answered=f"ok {one}")
        for at, one in enumerate(markers())
    ]
    every = rest.copy()
    for at, one in enumerate(secret):
        every.insert(at * 41 + 7, one)
    return every, secret


def vector_of(at: int) -> np.ndarray:
    return np.random.default_rng(at).standard_normal(DIMENSIONS).astype(np.float32)


def still_there(folder, wanted: dict[str, bytes]) -> dict[str, list[str]]:
    """Which of `wanted` is found in which file, whatever its name."""
    found = {}
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        content = file.read_bytes()
        if names := [name for name, one in wanted.items() if one in content]:
            found[file.name] = names
    return found


def wanted_of(secret: list[Memory]) -> dict[str, bytes]:
    """Each text, each marker, and what FTS5 keeps of it, from its first letters that are its own."""
    wanted = {one.id: one.said.encode() for one in secret}
    for marker in markers():
        wanted[marker] = marker.encode()
        wanted[f"token {marker}"] = folded_words(marker)[0][2:].encode()
        wanted[f"stem {marker}"] = spanish_stems(marker)[0][2:].encode()
    return wanted


async def test_fifty_of_two_thousand_are_in_no_file_any_more(tmp_path):
    memories = Memories(MemoryConfig(), tmp_path)
    await memories.open()
    every, secret = house()
    await memories.take_in(every)
    vectors = {at: vector_of(at) for at in range(1, len(every) + 1)}
    await memories.write(lambda: memories.store.set_vectors("m", vectors))
    numbers = {one.id: number for number, one in enumerate(every, 1)}
    wanted = wanted_of(secret) | {f"vector {one.id}": blob(vectors[numbers[one.id]]) for one in secret}
    before = await asyncio.to_thread(still_there, tmp_path, wanted)
    assert {name for names in before.values() for name in names} >= {one.id for one in secret} | set(markers())
    assert any(name.startswith("vector") for names in before.values() for name in names)

    gone = await memories.forget([one.id for one in secret])

    assert {one.id for one in gone.memories} == {one.id for one in secret}
    assert gone.left == ()
    assert await asyncio.to_thread(still_there, tmp_path, wanted) == {}
    assert await asyncio.to_thread(memories.store.check) == []
    assert (await memories.stats())["memories"] == 2_000
    assert (await memories.take_in(secret)).added == 0
    await memories.close()
    assert await asyncio.to_thread(still_there, tmp_path, wanted) == {}


async def test_what_expires_is_in_no_file_either(tmp_path):
    memories = Memories(MemoryConfig(keep_turns_days=1), tmp_path, clock=lambda: T + 86_400 + 1)
    await memories.open()
    every, secret = house(300)
    await memories.take_in([one if one.id.startswith("s") else Memory(one.id, T + 60, one.said, "es") for one in every])
    assert await memories.expire() == 50
    assert await asyncio.to_thread(still_there, tmp_path, wanted_of(secret)) == {}
    await memories.close()


async def test_a_copy_in_another_file_is_found_and_told(tmp_path):
    memories = Memories(MemoryConfig(), tmp_path)
    await memories.open()
    await memories.take_in([Memory("a", T, "la clave es zanzíbar", "es")])
    (tmp_path / "logs").mkdir()
    for name, content in (
        ("plain", "x" * 5_000 + "la clave es zanzíbar"),
        ("logs/escaped", json.dumps({"said": "la clave es zanzíbar"})),
    ):
        (tmp_path / name).write_text(content)
    (tmp_path / "wide").write_bytes("la clave es zanzíbar".encode("utf-16-le"))
    gone = await memories.forget(["a"])
    assert {trace.file.name: trace.offset for trace in gone.left} == {"plain": 5_000, "escaped": 10, "wide": 0}
    await memories.close()


async def test_what_another_memory_says_too_is_no_trace(tmp_path):
    memories = Memories(MemoryConfig(), tmp_path)
    await memories.open()
    await memories.take_in([Memory("a", T, "buenos días a todos", "es"), Memory("b", T, "buenos días a todos", "es")])
    assert (await memories.forget(["a"])).left == ()
    assert [one.id for one in await memories.about("buenos días", None)] == ["b"]
    await memories.close()


async def test_another_room_that_cannot_erase_does_not_keep_memory_from_it(tmp_path, caplog):
    asked = []

    async def broken(ids):
        raise EngineUnavailable("The journal is away.")

    async def works(ids):
        asked.append(set(ids))

    memories = Memories(MemoryConfig(), tmp_path, erase=(broken, works))
    await memories.open()
    await memories.take_in([Memory("a", T, "size 38", "en"), Memory("f", T, "38", "en", kind="fact", sources=("a",))])
    gone = await memories.forget(["a"])
    assert ({one.id for one in gone.memories}, asked) == ({"a", "f"}, [{"a", "f"}])
    assert "The journal is away." in caplog.text
    await memories.close()


async def test_an_erasure_that_is_hindered_is_told_and_made_up_for_at_the_next_start(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("jarvisd.memory.schema.BUSY_S", 0.05)
    memories = Memories(MemoryConfig(), tmp_path)
    await memories.open()
    every, secret = house(100)
    await memories.take_in(every)
    other = sqlite3.connect(memories.path)  # another program, in the middle of reading
    rows = other.execute("SELECT * FROM memories")
    rows.fetchone()
    gone = await memories.forget(["s3"])
    assert "is not erased yet" in caplog.text
    assert {trace.file.name for trace in gone.left} & {"memory.sqlite", "memory.sqlite-wal"}
    rows.close()
    other.close()
    await memories.close()
    again = Memories(MemoryConfig(), tmp_path)
    await again.open()
    assert await asyncio.to_thread(traces, tmp_path, [secret[3].said]) == []
    assert await asyncio.to_thread(again.store.note, ERASE_DUE) is None
    await again.close()


def test_a_search_for_traces_passes_over_what_it_cannot_read_and_folders_of_models(tmp_path):
    for name in ("models/a", "engines/b", "deep/er/c"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("the secret of the house")
    (tmp_path / "link").symlink_to(tmp_path / "deep/er/c")
    (tmp_path / "nowhere").symlink_to(tmp_path / "none")
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    found = traces(tmp_path, ["the secret of the house", "", "short"])
    assert [trace.file.name for trace in found] == ["c"]
    assert traces(tmp_path / "none", ["the secret of the house"]) == []
    assert traces(tmp_path, []) == []


def test_a_piece_of_a_long_text_is_a_trace(tmp_path):
    long = "".join(f"sentence {at} of a monologue. " for at in range(1_000))
    for name, piece in (("head", long[:70]), ("middle", long[len(long) // 2 - 80 :][:160]), ("tail", long[-64:])):
        (tmp_path / name).write_text(f"... {piece} ...")
    assert [trace.file.name for trace in traces(tmp_path, [long])] == ["head", "middle", "tail"]


class Server:
    """A Chroma server that can be ended, wiped and started again, as the daemon's engine."""

    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.wipes = 0
        self.refuses = False

    def start(self):
        (self.folder / "index.sock").unlink(missing_ok=True)
        self.process = subprocess.Popen(chroma_argv(self.folder))
        end = time.monotonic() + 20
        while not (self.folder / "index.sock").exists():
            assert self.process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def wipe_now(self):
        self.stop()
        shutil.rmtree(self.folder / "memory-index")
        self.start()

    async def wipe(self):
        if self.refuses:
            raise EngineUnavailable("index is in use: unload it when it has answered.")
        self.wipes += 1
        await asyncio.to_thread(self.wipe_now)


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    server.start()
    yield server
    server.stop()


async def embed(texts):
    return np.stack([vector_of(hash(one) % 2**32) for one in texts])


async def until(condition):
    """Waits for what an indexing in the background does."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@needs_chroma
@pytest.mark.parametrize("at_first", ["wiped at once", "refused at first"])
async def test_chromas_folder_has_no_forgotten_vector(tmp_path, server, at_first, monkeypatch):
    monkeypatch.setattr("jarvisd.memory.indexing.RETRY_S", 0.05)
    index = ChromaIndex(lease_of(chroma_endpoint(tmp_path)), "index")
    memories = Memories(
        MemoryConfig(),
        tmp_path,
        vectors=lambda own: Indexing(lambda: own.store, own.write, embed, "m", index, wipe=server.wipe),
    )
    await memories.open()
    every, secret = house(200)
    await memories.take_in(every)
    indexing = memories.indexing
    async with asyncio.TaskGroup() as group:
        running = group.create_task(indexing.run())
        await until(lambda: indexing.outside_is_used)
        vectors = await asyncio.to_thread(memories.store.vectors_of, "m", [one.id for one in secret])
        wanted = {one: blob(vector / np.linalg.norm(vector.astype(np.float64))) for one, vector in vectors.items()}
        assert len(wanted) == 50
        folder = tmp_path / "memory-index"
        assert "chroma.sqlite3" in await asyncio.to_thread(still_there, folder, wanted)  # so the scan can fail

        server.refuses = at_first == "refused at first"
        await memories.forget([one.id for one in secret])
        if server.refuses:
            assert server.wipes == 0
            assert await asyncio.to_thread(memories.store.note, WIPE_DUE) is not None
            assert len(await indexing.nearest(None, vector_of(1), 300)) == 200  # the exact one answers
            server.refuses = False
            await until(lambda: server.wipes)
        await until(lambda: indexing.outside_is_used)
        assert server.wipes == 1
        assert await asyncio.to_thread(memories.store.note, WIPE_DUE) is None
        assert await asyncio.to_thread(still_there, folder, wanted) == {}
        assert len(await index.ids(Shelf(None, "m", DIMENSIONS))) == 200

        exact = ExactIndex()
        _, owners, rest = await asyncio.to_thread(memories.store.vectors, "m")
        await exact.put(Shelf(None, "m", DIMENSIONS), [one for one, _ in owners], rest)
        for at in range(10):
            right = [one for one, _ in await exact.nearest(Shelf(None, "m", DIMENSIONS), vector_of(at), 5)]
            assert [one for one, _ in await indexing.nearest(None, vector_of(at), 5)] == right
        running.cancel()
    await memories.close()


@needs_chroma
async def test_a_server_that_is_not_ours_has_its_shelves_dropped(tmp_path, server):
    index = ChromaIndex(lease_of(chroma_endpoint(tmp_path)), "index")
    memories = Memories(
        MemoryConfig(), tmp_path, vectors=lambda own: Indexing(lambda: own.store, own.write, embed, "m", index)
    )
    await memories.open()
    await memories.take_in([Memory("a", T, "one", "es"), Memory("b", T, "two", "es", person="Ana")])
    indexing = memories.indexing
    async with asyncio.TaskGroup() as group:
        running = group.create_task(indexing.run())
        await until(lambda: indexing.outside_is_used)
        assert await index.ids(Shelf("Ana", "m", DIMENSIONS)) == {"b"}
        await memories.forget(["b"])
        await until(lambda: indexing.outside_is_used)
        assert await index.ids(Shelf("Ana", "m", DIMENSIONS)) == frozenset()
        assert await index.ids(Shelf(None, "m", DIMENSIONS)) == {"a"}
        running.cancel()
    await memories.close()


def test_many_are_looked_for_together_and_the_few_that_are_left_are_named(tmp_path):
    dice = random.Random(5)
    gone, noise = [dice.randbytes(40).hex() for _ in range(2_000)], dice.randbytes(3_000_000)
    (tmp_path / "other.bin").write_bytes(noise + gone[1234].encode() + noise[:777] + gone[77].encode("utf-16-le"))
    (tmp_path / "end.bin").write_bytes(noise[:5] + gone[3].encode()[:64])
    found = {(trace.file.name, trace.text) for trace in traces(tmp_path, gone)}
    assert found == {("other.bin", gone[1234]), ("other.bin", gone[77]), ("end.bin", gone[3])}
    assert traces(tmp_path, gone[:77]) == [trace for trace in traces(tmp_path, gone) if trace.text == gone[3]]


def test_a_vector_is_looked_for_by_its_beginning(tmp_path):
    (tmp_path / "vectors.bin").write_bytes(bytes(range(200)))
    (found,) = traces(tmp_path, [], [bytes(range(50, 180))])
    assert (found.offset, found.text) == (50, VECTOR)
    assert traces(tmp_path, [], [bytes(range(51, 115, 2))]) == []
