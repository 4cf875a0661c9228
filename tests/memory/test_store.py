"""The record: real files, real SQLite."""

import os
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jarvisd.errors import StoreError
from jarvisd.memory.reading import Reader, Scope
from jarvisd.memory.schema import ERASE_DUE, WIPE_DUE
from jarvisd.memory.store import SESSION_S, Store
from jarvisd.memory.words import terms
from jarvisd.types import Memory

T = 1_760_000_000.0


def memory(one: str, said: str = "", **more) -> Memory:
    return Memory(one, more.pop("at_s", T), said or f"what {one} said", more.pop("language", "en"), **more)


def talk(*said: str) -> list[Memory]:
    """Said one after the other in one room."""
    return [memory(f"t{at}", one, at_s=T + at) for at, one in enumerate(said)]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "memory.sqlite")
    yield store
    store.close()


def found(store, text, language="en", person=None, limit=50) -> list[str]:
    return [one for one, _ in store.search_words(terms(text, language), Scope(person), limit)]


def documents(store) -> dict[str, dict[str, str]]:
    names = ("own", "answered", "before", "after", "farther", "stems")
    with store.use() as database:
        rows = database.execute(
            f"SELECT m.id, {', '.join(f'words.{name}' for name in names)} FROM words JOIN memories m ON m.number = words.rowid"
        )
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


def test_what_is_added_is_read_back_as_it_was(tmp_path, store):
    every = memory(
        "a", "Ça va? 🧑‍🚀 שלום \0 'quoted' \"twice\"", language="es", answered="—", kind="fact", person="Ana", room="sala",
        session="s", tier="strong", pinned=True, sources=("x", "ñ"), superseded_by="b",
    )  # fmt: skip
    assert store.add([every, memory("b", "two")]) == ["a", "b"]
    assert store.get(["a", "none"]) == {"a": every}
    other = Reader(tmp_path / "memory.sqlite")
    assert other.get(["a", "b"])["a"] == every
    other.close()


def test_an_id_is_added_once_and_all_or_none(store):
    assert store.add([memory("a", "first"), memory("a", "second")]) == ["a"]
    assert store.add([memory("a", "third")]) == []
    assert store.get(["a"])["a"].said == "first"
    with pytest.raises(StoreError):
        store.add([memory("b"), replace(memory("c"), room=object())])
    assert store.get(["b", "c"]) == {}
    assert store.check() == []


def test_half_a_character_is_kept_as_a_mark_and_blocks_nothing(store):
    store.add([memory("a", "before \ud800 after", answered="\udfff", person="An\ud83da")])
    kept = store.get(["a"])["a"]
    assert (kept.said, kept.answered, kept.person) == ("before \ufffd after", "\ufffd", "An\ufffda")
    assert found(store, "after \ud800", person="An\ufffda") == ["a"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet=st.characters(codec=None), max_size=60), st.sampled_from(["es", "en"]))
def test_any_text_can_be_kept_and_asked_for(store, text, language):
    one = f"any {len(store.newest(10_000))}"
    store.add([memory(one, f"{text} marker", language=language)])
    assert one in store.get([one])
    assert isinstance(found(store, text, language), list)
    assert one in found(store, "marker", language, limit=1000)


def test_what_follows_soon_in_the_same_room_is_one_session(store):
    store.add([
        memory("a", room="hall"), memory("b", room="hall", at_s=T + SESSION_S), memory("c", room="kitchen", at_s=T + 1),
        memory("d", room="hall", person="Ana", at_s=T + 2), memory("e", room="hall", at_s=T + 2 * SESSION_S + 1),
        memory("f", session="own", room="hall"),
    ])  # fmt: skip
    sessions = {one.id: one.session for one in store.newest(10)}
    assert sessions == {"a": "a", "b": "a", "c": "c", "d": "d", "e": "e", "f": "own"}


@pytest.mark.parametrize("jump_s", [365 * 86_400.0, -365 * 86_400.0])
def test_a_clock_that_jumps_begins_a_new_session_and_loses_nothing(store, jump_s):
    store.add([memory("a"), memory("b", at_s=T + jump_s), memory("c", at_s=T + jump_s + 5), memory("d", at_s=T + 10)])
    assert {one.id: one.session for one in store.newest(10)} == {"a": "a", "b": "b", "c": "b", "d": "d"}
    assert [one.id for one in store.newest(10)] == ["d", "c", "b", "a"]
    assert store.expire(["turn"], T + 1) == (3 if jump_s < 0 else 1)
    assert {one.id for one in store.newest(10)} == ({"d"} if jump_s < 0 else {"b", "c", "d"})


def test_neighbours_are_of_the_same_session_up_to_two_steps(store):
    store.add([*talk("zero", "one", "two", "three", "four"), memory("x", "elsewhere", room="hall", at_s=T + 2)])
    around = store.around([store.get(["t2"])["t2"]])["t2"]
    assert {step: one.said for step, one in around.items()} == {-2: "zero", -1: "one", 1: "three", 2: "four"}
    assert store.around([store.get(["x"])["x"]]) == {"x": {}}


def test_the_words_of_a_memory_know_what_was_said_around_it_whenever_it_came(store):
    for one in talk("apples", "bananas", "cherries", "damsons"):
        store.add([one])
    there = documents(store)
    assert [there["t1"][name].strip() for name in ("before", "after", "farther")] == ["apples", "cherries", "damsons"]
    assert there["t0"]["farther"].strip() == "cherries"
    assert [found(store, word)[0] for word in ("apples", "damsons")] == ["t0", "t3"]
    assert set(found(store, "damsons")) == {"t1", "t2", "t3"}
    before = documents(store)
    assert store.rebuild_words() == 4
    assert documents(store) == before


@pytest.mark.parametrize("gone", range(5))
def test_a_forgotten_word_survives_in_no_neighbour(store, gone):
    said = ["manzanas", "peras", "zanahorias", "calabazas", "berenjenas"]
    store.add([replace(one, language="es") for one in talk(*said)])
    (went,) = store.forget([f"t{gone}"])
    assert went.said == said[gone]
    rest = documents(store)
    assert said[gone] not in str(rest)
    assert terms(said[gone], "es").stems[0] not in str(rest)
    assert found(store, said[gone], "es") == []
    store.rebuild_words()
    assert documents(store) == rest  # those who moved together know each other
    assert store.check() == []


def test_an_answer_out_of_memory_is_kept_and_not_found_and_nobodys_neighbour(store):
    first, echo, last = talk("the boiler", "what of the boiler", "thanks")
    store.add([first, replace(echo, kind="recall"), last])
    assert found(store, "boiler") == ["t0", "t2"]
    assert "what of" not in str(documents(store))
    assert store.around([store.get(["t0"])["t0"]])["t0"][1].id == "t2"
    assert [number for number, _ in store.without_vector("m", 10)] == [3, 1]
    store.forget(["t1"])
    assert store.check() == []


def test_whose_it_is(store):
    store.add([memory("h", "wine"), memory("a", "wine", person="Ana"), memory("b", "wine", person="Ben")])
    assert set(found(store, "wine")) == {"h"}
    assert set(found(store, "wine", person="Ana")) == {"h", "a"}
    assert [one.id for one in store.newest(9, scope=Scope("Ben"))] == ["b", "h"]
    assert [one.id for one in store.newest(9)] == ["b", "a", "h"]
    assert [one.id for one in store.newest(1, kinds=("turn",), before="b")] == ["a"]
    assert store.newest(9, scope=Scope("Ana", since_s=T + 1)) == []


def test_a_fact_that_is_contradicted_is_kept_and_not_recalled(store):
    store.add([memory("old", "code 1234", kind="fact"), memory("new", "code 5678", kind="fact"), memory("t", "code")])
    store.supersede(["old", "new", "none"], "new")
    assert [one.id for one in store.facts(Scope())] == ["new"]
    assert set(found(store, "code")) == {"new", "t"}
    assert store.get(["old"])["old"].superseded_by == "new"
    store.forget(["new"])  # then the old one holds again
    assert [one.id for one in store.facts(Scope())] == ["old"]


def test_what_was_forgotten_is_not_added_again(store):
    store.add([memory("a", "secret")])
    assert [one.id for one in store.forget(["a", "a", "never"])] == ["a"]
    assert store.forget(["a"]) == []
    assert store.add([memory("a", "secret"), memory("never"), memory("b")]) == ["b"]
    assert store.is_forgotten(["a", "never", "b"]) == {"a", "never"}


def test_what_was_made_of_a_memory_goes_with_it(store):
    store.add([
        memory("a", "size 38"), memory("f", "Ana has size 38", kind="fact", sources=("a", "z")),
        memory("ff", "again", kind="fact", sources=("f",)), memory("r", "38", kind="recall", sources=("a",)),
        memory("other", kind="fact", sources=("z",)),
    ])  # fmt: skip
    assert {one.id for one in store.forget(["a"])} == {"a", "f", "ff", "r"}
    assert [one.id for one in store.newest(9)] == ["other"]


def test_expiry_takes_what_is_old_a_few_at_a_time_and_no_facts(store):
    store.add([
        *(memory(f"c{at}", kind="command", at_s=T + at) for at in range(7)), memory("pin", kind="command", pinned=True),
        memory("fact", kind="fact", sources=("c0",)), memory("turn"),
    ])  # fmt: skip
    assert [store.expire(["command"], T + 5, count=3) for _ in range(3)] == [3, 2, 0]
    assert {one.id for one in store.newest(20)} == {"c5", "c6", "pin", "fact", "turn"}
    assert store.add([memory("c0")]) == []


def test_vectors_are_kept_by_model_and_told_to_the_index(store):
    store.add([memory("a"), memory("b", person="Ana")])
    vectors = np.arange(6, dtype=np.float32).reshape(2, 3)
    store.set_vectors("m'x", {1: vectors[0], 2: vectors[1], 99: vectors[0]})
    after, owners, read = store.vectors("m'x")
    assert (after, owners) == (2, [("a", None), ("b", "Ana")])
    assert np.array_equal(read, vectors)
    assert list(store.vectors_of("m'x", ["b", "none"])) == ["b"]
    assert [entry[1:] for entry in store.outbox(9)] == [("a", None, "m'x", False), ("b", "Ana", "m'x", False)]
    assert store.shelves("m'x") == {None: 1, "Ana": 1}
    store.index_told([1])
    store.forget(["b"])
    assert [entry[1:] for entry in store.outbox(9)] == [("b", "Ana", None, True)]
    assert store.shelves("m'x") == {None: 1}
    store.drop_vectors("m'x")
    assert [one.id for _, one in store.without_vector("m'x", 9)] == ["a"]
    store.clear_outbox()
    assert store.counts()["waiting"] == 0


def test_a_number_is_never_used_again(store):
    store.add([memory("a"), memory("b")])
    store.forget(["b"])
    store.erase()
    store.add([memory("c")])
    store.set_vectors("m", {2: np.ones(2, np.float32)})  # of the one that is gone
    assert store.vectors("m")[1] == []


def test_a_deletion_leaves_notes_of_what_is_still_to_be_done(tmp_path):
    path = tmp_path / "memory.sqlite"
    store = Store(path)
    store.add([memory("a", "zanzibarmark secret")])
    assert store.note(ERASE_DUE) is None
    store.forget(["a"])
    assert store.note(ERASE_DUE) is not None
    store.close()  # before `erase`
    again = Store(path)
    assert (again.note(ERASE_DUE), again.note(WIPE_DUE)) == (None, "")
    again.close()
    assert b"zanzibarmark" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_an_erasure_that_another_reader_hinders_is_told_and_stays_due(tmp_path, monkeypatch):
    monkeypatch.setattr("jarvisd.memory.schema.BUSY_S", 0.05)
    store = Store(tmp_path / "memory.sqlite")
    store.add([memory("a"), memory("b")])
    with sqlite3.connect(store.path) as other:
        rows = other.execute("SELECT * FROM memories")
        rows.fetchone()
        store.forget(["a"])
        with pytest.raises(StoreError, match="another program reads it"):
            store.erase()
        assert store.note(ERASE_DUE) is not None
        rows.close()
    other.close()
    store.erase()
    assert store.note(ERASE_DUE) is None
    store.close()


def test_what_is_wrong_with_the_words_is_seen_and_mended(store):
    store.add(talk("one", "two"))
    assert store.check() == []
    with store.use() as database:
        database.execute("DELETE FROM words WHERE rowid = 1")
        database.execute("INSERT INTO words (rowid, own) VALUES (77, 'ghost')")
        database.execute("INSERT INTO vectors VALUES (78, 'm', x'00')")
    assert store.check() == ["1 memories without words", "1 words without a memory", "1 vectors without a memory"]
    store.rebuild_words()
    assert store.check() == ["1 vectors without a memory"]


def refusal(path) -> StoreError:
    with pytest.raises(StoreError) as failed:
        Store(path)
    return failed.value


def test_garbage_is_told_with_what_to_do(tmp_path):
    path = tmp_path / "memory.sqlite"
    path.write_bytes(b"this is no database, but somebody's letter" * 200)
    assert "move it away and restore it with `jarvisd memory import`" in refusal(path).message
    assert path.read_bytes().startswith(b"this is no")


def test_a_newer_file_is_left_alone(tmp_path):
    path = tmp_path / "memory.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = path.read_bytes()
    failed = refusal(path)
    assert (failed.code, "Install that jarvisd again" in failed.message) == ("memory_newer", True)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_told(tmp_path):
    assert str(tmp_path / "none/memory.sqlite") in refusal(tmp_path / "none/memory.sqlite").message


def test_a_file_that_may_only_be_read_says_so(tmp_path):
    path = tmp_path / "memory.sqlite"
    Store(path).close()
    if os.geteuid() == 0:
        pytest.skip("root writes to every file")
    path.chmod(0o400)
    assert "readonly" in refusal(path).message


def test_a_full_disk_is_told_apart_and_loses_nothing(store):
    store.add([memory("a", "x" * 100)])
    with store.use() as database:
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="There is no room on its disk") as failed:
        store.add([memory("b", "y" * 100_000)])
    assert failed.value.code == "memory_full"
    assert [one.id for one in store.newest(9)] == ["a"]
    with store.use() as database:
        database.execute("PRAGMA max_page_count = 1000000")
    assert store.add([memory("b", "y" * 100_000)]) == ["b"]
    assert store.check() == []


def test_ten_thousand_times_the_same_and_a_monologue(store):
    store.add([memory("long", " ".join(f"word{at} needle" for at in range(15_000)), answered="z" * 200_000)])
    store.add([memory(f"s{at}", "the same sentence again", session=f"s{at}") for at in range(2_000)])
    assert len(store.get(["long"])["long"].said) > 200_000
    assert found(store, "needle") == ["long"]
    assert len(found(store, "same sentence")) == 50
