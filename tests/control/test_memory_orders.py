"""The requests about memory, on a real file."""

import json
import time
from dataclasses import asdict

import pytest

from jarvisd.config import MemoryConfig
from jarvisd.control.memory import memory_orders
from jarvisd.errors import OrderError, StoreError
from jarvisd.memory.memory import Memories
from jarvisd.types import Memory

NOW_S = time.time()
KEY = Memory(
    "key", NOW_S - 300, "The spare key is under the third flower pot", "en", "Noted.", person="ana", session="s"
)
WHERE = Memory("where", NOW_S - 200, "The boiler was serviced by Marta", "en", "Good to know.", session="s")
FACT = Memory("fact", NOW_S - 100, "spare key: third flower pot", "en", kind="fact", person="ana", sources=("key",))
ECHO = Memory(
    "echo", NOW_S - 50, "Where is it?", "en", "You said: The spare key is under the third flower pot.", kind="recall"
)
BREAD = Memory("bread", NOW_S - 10, "Leo no come pan", "es", "Vale.", person="leo")
ALL = [KEY, WHERE, FACT, ECHO, BREAD]


@pytest.fixture
async def memories(tmp_path):
    memories = Memories(MemoryConfig(), tmp_path)
    await memories.open()
    await memories.take_in(ALL)
    yield memories
    await memories.close()


@pytest.fixture
def ask(memories):
    orders = memory_orders(memories)

    async def asked(request, **data):
        # What travels over the socket is JSON.
        return json.loads(json.dumps(await orders[request](data)))

    return asked


def ids(found):
    return [one["id"] for one in found]


async def test_the_newest_of_everybody_are_listed_first(ask):
    assert ids((await ask("memory-list"))["memories"]) == ["bread", "echo", "fact", "where", "key"]
    assert ids((await ask("memory-list", count=2))["memories"]) == ["bread", "echo"]
    assert ids((await ask("memory-list", kind="fact"))["memories"]) == ["fact"]


async def test_a_person_is_shown_their_own_and_the_houses(ask):
    assert ids((await ask("memory-list", person="leo"))["memories"]) == ["bread", "echo", "where"]


async def test_a_search_finds_what_anybody_said_and_tells_how(ask):
    found = await ask("memory-search", text="what did I say about the spare key")
    assert {"key", "fact"} <= {one["memory"]["id"] for one in found["found"]}
    assert found["language"] == "en"
    assert found["how"].startswith("words")
    first = found["found"][0]
    assert first["words"] is not None
    assert first["vectors"] is None
    assert first["day"] in ("today", "yesterday")
    spanish = await ask("memory-search", text="¿quién no come pan?")
    assert spanish["language"] == "es"
    assert spanish["found"][0]["memory"]["id"] == "bread"


async def test_a_search_for_a_person_finds_nothing_of_another(ask):
    found = await ask("memory-search", text="where is the spare key", person="leo")
    assert {"key", "fact"}.isdisjoint(one["memory"]["id"] for one in found["found"])


async def test_one_memory_is_shown_with_all_that_belongs_to_it(ask, memories):
    newer = Memory("newer", NOW_S, "spare key: in the shed", "en", kind="fact", person="ana")
    await memories.keep(newer)
    await memories.write(lambda: memories.store.supersede(["fact"], "newer"))
    shown = await ask("memory-show", id="key")
    assert shown["memory"] == json.loads(json.dumps(asdict(KEY)))
    assert ids(shown["after"])[0] == "where"
    assert ids(shown["facts"]) == ["fact"]
    fact = await ask("memory-show", id="fact")
    assert ids(fact["sources"]) == ["key"]
    assert fact["superseded_by"]["id"] == "newer"
    assert ids((await ask("memory-show", id="newer"))["supersedes"]) == ["fact"]


async def test_what_is_not_there_is_told_apart_from_what_was_forgotten(ask):
    with pytest.raises(OrderError, match="No memory has the id nothing"):
        await ask("memory-show", id="nothing")
    await ask("memory-forget", ids=["bread"])
    with pytest.raises(OrderError, match="bread was forgotten"):
        await ask("memory-show", id="bread")


async def test_a_dry_run_tells_what_would_go_and_takes_nothing(ask):
    going = await ask("memory-forget", ids=["key", "who"], dry_run=True)
    assert sorted(going["ids"]) == ["echo", "fact", "key"]
    assert sorted(ids(going["memories"])) == ["echo", "fact", "key"]
    assert going["unknown"] == ["who"]
    assert (await ask("memory-stats"))["memories"] == len(ALL)


async def test_what_is_forgotten_is_in_no_file_any_more(ask, tmp_path):
    gone = await ask("memory-forget", ids=["key"])
    assert gone["forgotten"] == 3
    assert gone["left"] == []
    assert gone["checked_bytes"] == sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert ids((await ask("memory-list"))["memories"]) == ["bread", "where"]
    assert all(b"third flower pot" not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


async def test_a_file_that_still_holds_it_is_named(ask, tmp_path):
    (tmp_path / "notes.txt").write_text(f"by hand: {KEY.said}")
    assert (await ask("memory-forget", ids=["key"]))["left"] == [str(tmp_path / "notes.txt")]


async def test_all_about_a_matter_is_forgotten_whoever_said_it_answers_too(ask):
    going = await ask("memory-forget", about="the flower pot", dry_run=True)
    assert sorted(going["ids"]) == ["echo", "fact", "key"]
    assert (await ask("memory-forget", about="the flower pot", person="leo"))["forgotten"] == 0
    assert (await ask("memory-forget", about="the flower pot"))["forgotten"] == 3


async def test_everything_of_a_person_and_everything(ask):
    assert (await ask("memory-forget", everything=True, person="leo"))["forgotten"] == 1
    assert (await ask("memory-forget", everything=True))["forgotten"] == 4
    stats = await ask("memory-stats")
    assert (stats["memories"], stats["forgotten"]) == (0, 5)


async def test_a_check_says_what_is_wrong_and_where_a_text_is(ask, memories, tmp_path):
    sound = await ask("memory-verify")
    assert (sound["faults"], sound["traces"], sound["memories"]) == ([], [], len(ALL))
    there = await ask("memory-verify", texts=["third flower pot", "fourth flower pot"])
    assert {trace["text"] for trace in there["traces"]} == {"third flower pot"}
    assert there["traces"][0]["file"].startswith(str(tmp_path / "memory.sqlite"))

    def damage():
        with memories.store.use() as database:
            database.execute("DELETE FROM words WHERE rowid = 1")

    await memories.write(damage)
    assert (await ask("memory-verify"))["faults"] == ["1 memories without words"]
    assert (await ask("memory-rebuild"))["words"] == len(ALL)
    assert (await ask("memory-verify"))["faults"] == []


async def test_what_is_exported_is_imported_elsewhere_and_the_forgotten_stays_away(ask, tmp_path):
    pages, after = [], 0
    while after is not None:
        page = await ask("memory-export", after=after, count=2)
        pages.append(page["lines"])
        after = page["after"]
    assert [len(page) for page in pages] == [2, 2, 1]
    lines = [line for page in pages for line in page]
    assert [json.loads(line)["id"] for line in lines] == ["key", "where", "fact", "echo", "bread"]
    await ask("memory-forget", ids=["bread"])
    done = await ask("memory-import", lines=[*lines, "{", '{"id": "x"}'], first=11)
    assert (done["added"], done["passed_over"]) == (0, 5)
    assert [fault["line"] for fault in done["faults"]] == [16, 17]

    (tmp_path / "other").mkdir()
    other = Memories(MemoryConfig(), tmp_path / "other")
    await other.open()
    try:
        done = await memory_orders(other)["memory-import"]({"lines": lines})
        assert done == {"added": 5, "passed_over": 0, "faults": []}
        assert (await memory_orders(other)["memory-export"]({}))["lines"] == lines
    finally:
        await other.close()


async def test_an_export_of_one_person_has_nobody_elses(ask):
    lines = (await ask("memory-export", person="leo"))["lines"]
    assert [json.loads(line)["id"] for line in lines] == ["bread"]


@pytest.mark.parametrize(
    ("request_", "data", "complaint"),
    [
        ("memory-list", {"count": 0}, "`count` must be from 1"),
        ("memory-list", {"count": True}, "`count` must be from 1"),
        ("memory-list", {"kind": "dream"}, "`kind` must be one of turn"),
        ("memory-list", {"person": 7}, "`person` must be a non-empty string"),
        ("memory-search", {}, "`text` must be a non-empty string"),
        ("memory-search", {"text": "a", "language": "fr"}, "`language` must be one of"),
        ("memory-show", {"id": " "}, "`id` must be"),
        ("memory-forget", {}, "one of `ids`, `about` and `everything`"),
        ("memory-forget", {"ids": ["key"], "everything": True}, "one of `ids`, `about` and `everything`"),
        ("memory-forget", {"ids": "key"}, "`ids` must be a list"),
        ("memory-forget", {"everything": "yes"}, "`everything` must be true or false"),
        ("memory-verify", {"texts": ["key"]}, "too short to be looked for"),
        ("memory-verify", {"texts": ["a long text"] * 21}, "`texts` must be 20 at most"),
        ("memory-import", {"lines": []}, "`lines` must be from 1"),
        ("memory-import", {"lines": ["{}"] * 501}, "`lines` must be from 1"),
        ("memory-export", {"after": -1}, "`after` must be from 0"),
        ("memory-export", {"count": 501}, "`count` must be from 1"),
    ],
)
async def test_a_request_that_is_none_is_told_what_it_lacks(ask, request_, data, complaint):
    with pytest.raises(ValueError, match=complaint):
        await ask(request_, **data)
    assert (await ask("memory-stats"))["memories"] == len(ALL)


async def test_where_memory_is_off_or_not_open_every_request_says_so(tmp_path):
    for name, order in memory_orders(None).items():
        with pytest.raises(StoreError, match="switched off"):
            await order({})
        with pytest.raises(StoreError, match="not open"):
            await memory_orders(Memories(MemoryConfig(), tmp_path))[name]({})
