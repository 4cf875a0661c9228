"""`jarvisd memory` as a person meets it: on the file alone, and through a daemon's socket."""

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager

import pytest

from jarvisd.bus import Bus
from jarvisd.config import MemoryConfig
from jarvisd.control.memory import memory_orders
from jarvisd.control.server import ControlServer
from jarvisd.engines.spec import INDEX_FOLDER
from jarvisd.memory.memory import Memories
from jarvisd.memory.portable import written
from jarvisd.memory.store import Store
from jarvisd.paths import claim_state
from jarvisd.turns.log import TurnLog, TurnRecord
from jarvisd.types import Memory

NOW_S = time.time()
KEY = Memory("key", NOW_S - 300, "The spare key is under the third flower pot", "en", "Noted.", person="ana")
BREAD = Memory("bread", NOW_S - 200, "Leo no come pan", "es", "Vale.", person="leo")
BOILER = Memory("boiler", NOW_S - 100, "The boiler was serviced by [bold]Marta\x1b[2J", "en", "Good to know.")
ALL = [KEY, BREAD, BOILER]


async def jarvisd(folder, *arguments, stdin=b""):
    """Exit code, standard output, standard error."""
    options = [f'house.state_dir="{folder}"', f'house.runtime_dir="{folder}"']
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jarvisd", "--config", "profile:embedded"),
        *(part for one in options for part in ("--set", one)),
        *("memory", *map(str, arguments)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "200"},
    )
    out, err = await asyncio.wait_for(process.communicate(stdin), 60)
    assert b"Traceback" not in err, err.decode()
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def daemon(folder):
    """What of a daemon answers these requests."""
    with await asyncio.to_thread(claim_state, folder, folder / "control.sock"):
        memories = Memories(MemoryConfig(), folder)
        await memories.open()

        async def status():
            return {}

        server = ControlServer(
            folder / "control.sock", Bus(), ask=None, open_ears=None, status=status, orders=memory_orders(memories)
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(server.run())
            await server.listening.wait()
            yield memories
            running.cancel()
        await memories.close()


@asynccontextmanager
async def nobody(folder):
    yield None


def fill(folder, memories, damage=""):
    store = Store(folder / "memory.sqlite")
    store.add(memories)
    with store.use() as database:
        database.execute(damage)
    store.close()


@pytest.fixture(params=[nobody, daemon], ids=["file", "daemon"])
async def house(request, tmp_path):
    """A folder with three memories; with a daemon that has them, and without one."""
    await asyncio.to_thread(fill, tmp_path, ALL)
    async with request.param(tmp_path):
        yield tmp_path


async def listed(folder):
    return [one["id"] for one in json.loads((await jarvisd(folder, "list", "--json"))[1])]


async def test_memories_are_listed_and_nothing_of_them_reaches_the_terminal(house):
    code, out, err = await jarvisd(house, "list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["id", "boiler", "bread", "key"]
    assert "[bold]Marta[2J → Good to know." in out
    assert "\x1b" not in out
    assert "key" not in (await jarvisd(house, "list", "--person", "leo"))[1]
    assert "Nothing is remembered" in (await jarvisd(house, "list", "--kind", "fact"))[1]


async def test_a_search_tells_what_found_it(house):
    code, out, _ = await jarvisd(house, "search", "where", "is", "the", "spare", "key")
    assert code == 0
    assert "third flower pot" in out
    assert "by words" in out
    found = json.loads((await jarvisd(house, "search", "--json", "who serviced the boiler"))[1])
    assert found["found"][0]["memory"]["id"] == "boiler"


async def test_one_memory_is_shown_whole(house):
    code, out, _ = await jarvisd(house, "show", "key")
    assert code == 0
    for part in ("said        The spare key is under the third flower pot", "answered    Noted.", "person      ana"):
        assert part in out
    code, out, err = await jarvisd(house, "show", "nothing")
    assert (code, out) == (1, "")
    assert "No memory has the id nothing." in err


async def test_forgetting_shows_what_goes_asks_and_proves_it(house):
    code, out, _ = await jarvisd(house, "forget", "--about", "spare key", stdin=b"n\n")
    assert code == 130
    assert "third flower pot" in out
    assert await listed(house) == ["boiler", "bread", "key"]
    code, out, err = await jarvisd(house, "forget", "--about", "spare key", stdin=b"y\n")
    assert (code, err) == (0, "")
    assert f"Forgotten: 1. No file of {house} holds it any more (checked " in out
    assert await listed(house) == ["boiler", "bread"]
    assert all(b"flower pot" not in file.read_bytes() for file in house.iterdir() if file.is_file())


async def test_a_file_that_still_holds_what_was_forgotten_is_named(house):
    (house / "copy.txt").write_text(KEY.said)
    code, out, err = await jarvisd(house, "forget", "key", "--yes")
    assert code == 1
    assert str(house / "copy.txt") in out
    assert err == ""
    assert (await jarvisd(house, "verify", "third flower pot"))[0] == 1


async def test_an_id_that_nobody_has_is_no_success(house):
    code, out, _ = await jarvisd(house, "forget", "kye", "--yes")
    assert code == 1
    assert "No memory has the id kye." in out
    assert (await jarvisd(house, "forget", "--everything", "--person", "nobody"))[0] == 0
    assert await listed(house) == ["boiler", "bread", "key"]


async def test_everything_goes(house):
    code, out, _ = await jarvisd(house, "forget", "--everything", "--yes")
    assert code == 0
    assert "Forgotten: 3." in out
    assert await listed(house) == []


async def test_export_and_import_carry_all_to_another_house(house, tmp_path_factory):
    file = tmp_path_factory.mktemp("carried") / "memories.jsonl"
    code, out, err = await jarvisd(house, "export", file)
    assert (code, out, err) == (0, "", f"3 memories are in {file}.\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["memories.jsonl"]
    assert (await jarvisd(house, "export", "-"))[1] == file.read_text()
    await jarvisd(house, "forget", "key", "--yes")
    code, out, err = await jarvisd(house, "import", "-", stdin=file.read_bytes() + b'\n{"id": 7}\n\xff\n')
    assert code == 1
    assert out == "0 added, 3 were here already or forgotten.\n"
    assert "line 5: " in err
    assert "line 6: no UTF-8" in err
    assert await listed(house) == ["boiler", "bread"]
    other = tmp_path_factory.mktemp("other") / "not made yet"
    code, out, _ = await jarvisd(other, "import", file)
    assert (code, out) == (0, "3 added, 0 were here already or forgotten.\n")
    assert await listed(other) == ["boiler", "bread", "key"]


async def test_an_import_of_many_lines_goes_in_pieces(house):
    many = [Memory(f"id{number}", NOW_S, f"Number {number} was said", "en") for number in range(450)]
    lines = "".join(f"{line}\n" for line in written(many)).encode()
    code, out, _ = await jarvisd(house, "import", "-", stdin=lines + b"no\n" + lines)
    assert code == 1
    assert out == "450 added, 450 were here already or forgotten.\n"
    assert len((await jarvisd(house, "export", "-"))[1].splitlines()) == 453


async def test_stats(house):
    out = (await jarvisd(house, "stats"))[1]
    assert out.startswith(f"3 memories in {house}/memory.sqlite")
    assert "ana 1" in out
    assert json.loads((await jarvisd(house, "stats", "--json"))[1])["kinds"] == {"turn": 3}


async def test_a_check_that_finds_nothing_wrong_and_a_text(house):
    code, out, _ = await jarvisd(house, "verify")
    assert (code, out) == (0, "sound  3 memories; 0 forgotten, none of them is back\n")
    code, out, _ = await jarvisd(house, "verify", "the moon is made of cheese")
    assert code == 0
    assert "gone   nothing of it is in" in out
    code, out, _ = await jarvisd(house, "verify", "third flower pot")
    assert code == 1
    assert "memory.sqlite" in out
    assert (await jarvisd(house, "verify", "key"))[0] == 1
    assert "3 memories are indexed anew" in (await jarvisd(house, "rebuild"))[1]


async def test_damage_is_named_and_mended(tmp_path):
    await asyncio.to_thread(fill, tmp_path, ALL, "DELETE FROM words WHERE rowid = 1")
    code, out, _ = await jarvisd(tmp_path, "verify")
    assert code == 1
    assert "1 memories without words" in out
    assert "jarvisd memory rebuild" in out
    await jarvisd(tmp_path, "rebuild")
    assert (await jarvisd(tmp_path, "verify"))[0] == 0


async def test_without_a_daemon_the_other_records_are_erased_too(tmp_path):
    await asyncio.to_thread(fill, tmp_path, ALL)
    turns = TurnLog(tmp_path / "turns.sqlite")
    await asyncio.to_thread(turns.add, TurnRecord("key", NOW_S, "cli", "en", "model", 1.0, question=KEY.said))
    (tmp_path / INDEX_FOLDER).mkdir()
    (tmp_path / INDEX_FOLDER / "data").write_text(KEY.said)
    code, out, err = await jarvisd(tmp_path, "forget", "key", "--yes")
    assert (code, err) == (0, "")
    assert "No file of" in out
    assert [turn.question for turn in await asyncio.to_thread(turns.since, 0)] == [None]
    assert not (tmp_path / INDEX_FOLDER).exists()


@pytest.mark.parametrize("command", ["list", "stats", "verify", "export -", "search a"])
async def test_where_nothing_is_kept_that_is_said_and_nothing_is_made(tmp_path, command):
    code, out, err = await jarvisd(tmp_path, *command.split())
    assert (code, out) == (1, "")
    assert "and no daemon runs." in err
    assert list(tmp_path.iterdir()) == []


async def test_a_daemon_that_holds_the_folder_and_does_not_answer_keeps_it(tmp_path):
    await asyncio.to_thread(fill, tmp_path, [])
    with await asyncio.to_thread(claim_state, tmp_path, tmp_path / "control.sock"):
        code, _, err = await jarvisd(tmp_path, "list")
    assert code == 1
    assert "Another jarvisd (process" in err


async def test_a_damaged_file_is_told_in_one_sentence(tmp_path):
    (tmp_path / "memory.sqlite").write_bytes(b"this is no database at all" * 100)
    code, out, err = await jarvisd(tmp_path, "verify")
    assert (code, out) == (1, "")
    assert "cannot be used" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [["forget"], ["forget", "key", "--everything"], ["list", "--count", "0"], ["list", "--kind", "dream"], ["search"]],
)
async def test_wrong_usage_is_code_2(tmp_path, arguments):
    assert (await jarvisd(tmp_path, *arguments))[0] == 2


@pytest.mark.parametrize("command", ["list", "search", "show", "forget", "export", "import", "verify"])
async def test_help_has_an_example(tmp_path, command):
    code, out, _ = await jarvisd(tmp_path, command, "--help")
    assert code == 0
    assert f"jarvisd memory {command} " in out
