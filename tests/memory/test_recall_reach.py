"""How far recall looks: whose memories, which words of a question, which vectors; and what it is sure of."""

import asyncio

import numpy as np
import pytest

from jarvisd.memory import reading
from jarvisd.memory.exact import ExactIndex
from jarvisd.memory.index import Shelf
from jarvisd.memory.reading import Scope
from jarvisd.memory.recall import Sources, is_sure, recall
from jarvisd.memory.store import Store
from jarvisd.memory.words import terms
from jarvisd.types import Found, Memory

MODEL = "m"
BOILER = "recuerda que el de la caldera viene el jueves a las nueve"


def memory(name: str, said: str, person: str | None = None, **more) -> Memory:
    return Memory(name, 1_000.0, said, "es", person=person, session=name, **more)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "memory.sqlite")
    yield store
    store.close()


def found_by_words(store: Store, question: str, scope: Scope | None = None, limit: int = 10) -> list[str]:
    return [name for name, _ in store.search_words(terms(question, "es"), scope or Scope(), limit)]


class Vectors:
    """An index with a vector for each memory, as what holds it gives it to recall."""

    def __init__(self, vectors: dict[tuple[str | None, str], tuple[float, float]]) -> None:
        self._index = ExactIndex()
        self._vectors = vectors
        self.asked: list[str | None] = []

    async def fill(self) -> None:
        for (person, name), vector in self._vectors.items():
            await self._index.put(Shelf(person, MODEL, 2), [name], np.array([vector], np.float32))

    async def embed(self, texts) -> np.ndarray:
        return np.array([(1, 0)] * len(texts), np.float32)

    async def nearest(self, person, vector, count):
        self.asked.append(person)
        return await self._index.nearest(Shelf(person, MODEL, 2), vector, count)

    async def none_near(self, person, vector, count):
        return []

    async def likeness(self, person, vector, ids):
        return await self._index.likeness(Shelf(person, MODEL, 2), vector, ids)


async def test_everybody_is_looked_at_where_that_is_asked(store):
    await asyncio.to_thread(
        store.add, [memory("a", "la llave azul está arriba", "Ana"), memory("b", "la llave roja está abajo", "Ben")]
    )
    vectors = Vectors({("Ana", "a"): (1, 0), ("Ben", "b"): (0.6, 0.8)})
    await vectors.fill()
    sources = Sources(store, vectors.embed, vectors.nearest, model=MODEL)
    own = await recall(sources, "¿dónde está la llave?", "es", person="Ana")
    assert [one.memory.id for one in own.found] == ["a"]
    everybody = await recall(sources, "¿dónde está la llave?", "es", everybody=True)
    assert {one.memory.id: round(one.likeness, 3) for one in everybody.found} == {"a": 1, "b": 0.6}
    assert set(vectors.asked) == {"Ana", None, "Ben"}


async def test_what_only_words_find_is_likened_by_the_index_that_has_it_at_hand(store):
    await asyncio.to_thread(store.add, [memory("a", "la llave azul", "Ana")])
    vectors = Vectors({("Ana", "a"): (0.6, 0.8)})
    await vectors.fill()
    sources = Sources(store, vectors.embed, vectors.none_near, model=MODEL, likeness=vectors.likeness)
    (found,) = (await recall(sources, "¿y la llave?", "es", person="Ana")).found
    assert found.likeness == pytest.approx(0.6)
    assert found.vectors is None


async def test_what_it_does_not_have_at_hand_is_read_from_the_disk(store):
    await asyncio.to_thread(store.add, [memory("a", "la llave azul", "Ana")])
    await asyncio.to_thread(store.set_vectors, MODEL, {1: np.array([0.8, 0.6], np.float32)})
    vectors = Vectors({})
    sources = Sources(store, vectors.embed, vectors.none_near, model=MODEL, likeness=vectors.likeness)
    (found,) = (await recall(sources, "¿y la llave?", "es", person="Ana")).found
    assert found.likeness == pytest.approx(0.8)


async def test_an_index_knows_how_like_those_are_that_it_has():
    index, shelf = ExactIndex(), Shelf(None, MODEL, 2)
    wanted = np.array([3, 0], np.float32)
    assert await index.likeness(shelf, wanted, ["a"]) == {}
    await index.put(shelf, ["a", "b", "c"], np.array([[2, 0], [0, 1], [3, 4]], np.float32))
    found = await index.likeness(shelf, wanted, ["c", "gone", "a"])
    assert found == pytest.approx({"c": 0.6, "a": 1})


def test_words_that_nearly_all_have_give_way_to_rare_ones(store, monkeypatch):
    monkeypatch.setattr(reading, "MOST_SCORED", 3)
    store.add([memory(f"m{number}", f"la cocina {number}") for number in range(5)] + [memory("x", "el taladro")])
    assert found_by_words(store, "¿y el taladro de la cocina?") == ["x"]


def test_of_words_that_all_have_the_newest_are_scored(store, monkeypatch):
    monkeypatch.setattr(reading, "MOST_SCORED", 3)
    store.add([memory(f"m{number}", f"la cocina {number}") for number in range(9)])
    assert sorted(found_by_words(store, "¿y la cocina?")) == ["m5", "m6", "m7", "m8"]


def test_the_limit_leaves_short_memories_alone(store):
    store.add([memory(f"m{number}", f"la cocina {number}") for number in range(5)] + [memory("x", "el taladro")])
    assert sorted(found_by_words(store, "¿y el taladro de la cocina?")) == ["m0", "m1", "m2", "m3", "m4", "x"]


@pytest.mark.parametrize(
    ("question", "said", "sure"),
    [
        ("¿cuándo venía el de la caldera?", BOILER, True),
        ("¿a qué hora viene el de la caldera?", BOILER, True),
        ("¿qué hora es en Tokio?", "¿a qué hora sale el tren?", False),
        ("qué hora es", "¿a qué hora sale el tren?", False),
        ("¿cuál es la capital de Francia?", "el verano que viene vamos a Francia", False),
        ("what time is it in Tokyo", "what time is the dentist", False),
        ("when is the dentist coming", "the dentist is on Monday", True),
    ],
)
def test_a_memory_is_fitting_that_has_what_the_question_is_about(question, said, sure):
    assert is_sure(question, Found(memory("a", said), 0)) is sure


def test_likeness_is_a_reason_only_in_a_language_that_the_model_knows():
    alike = Found(memory("a", "algo"), 0, likeness=0.9)
    assert is_sure("¿y la caldera?", alike)
    assert not is_sure("¿y la caldera?", alike, knows=False)
