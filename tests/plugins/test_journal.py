import asyncio
import json
from datetime import datetime

import pytest
from jarvisd_plugins.journal import Plugin

from jarvisd import Jarvis
from jarvisd.bus import Bus
from jarvisd.events import AnswerDelta, Answered, TurnCancelled, TurnFailed, TurnStarted
from jarvisd.types import Answer, Turn
from tests.fakes.plugins import dispatcher_of


def answered(question="who are you", **fields):
    turn = Turn("mqtt", "en", 60, room="kitchen", id=fields.pop("id", "abc"))
    return Answered(turn, Answer("I am Jarvis.", "en", "small", question, timings_ms={"answer": 12.34}, **fields))


class House:
    """A real dispatcher and bus around the journal."""

    def __init__(self, folder, **settings):
        self.folder = folder / "journal"
        self.bus = Bus()
        self.dispatcher = dispatcher_of(journal=Plugin())
        self.settings = settings
        self.folder_of_plugins = folder

    async def live(self, *events):
        """Start, tell these events, report and shut down; returns the report."""
        await self.dispatcher.startup(self._jarvis)
        async with asyncio.TaskGroup() as group:
            service = group.create_task(self.dispatcher.events(self.bus))
            await asyncio.sleep(0)
            for event in events:
                self.bus.publish(event)
                await asyncio.sleep(0)
            await self.dispatcher.shutdown()
            service.cancel()
        return (await self.dispatcher.collect("report_status")).get("journal")

    def _jarvis(self, plugin):
        return Jarvis(
            plugin,
            settings=self.settings,
            plugins_dir=self.folder_of_plugins,
            languages=lambda: ("en",),
            ask=None,
        )

    def lines(self, name="journal.jsonl"):
        return [json.loads(line) for line in (self.folder / name).read_text("utf-8").splitlines()]


async def test_a_finished_turn_is_one_line_without_its_words(tmp_path):
    house = House(tmp_path)
    event = answered()
    report = await house.live(TurnStarted(event.turn), AnswerDelta(event.turn, "I am", 0), event)

    (line,) = house.lines()
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "id": "abc",
        "source": "mqtt",
        "room": "kitchen",
        "language": "en",
        "answered_by": "small",
        "demonstration": False,
        "timings_ms": {"answer": 12.3},
    }
    assert "Jarvis" not in (house.folder / "journal.jsonl").read_text()
    assert report == f"1 turn in {house.folder / 'journal.jsonl'}"


async def test_words_are_kept_only_when_asked_for(tmp_path):
    house = House(tmp_path, content=True)
    await house.live(answered(question="¿quién eres?\n"))
    assert (house.lines()[0]["question"], house.lines()[0]["answer"]) == ("¿quién eres?\n", "I am Jarvis.")


async def test_a_failed_turn_is_one_line_with_its_stage(tmp_path):
    house = House(tmp_path)
    event = answered(error_code="engine_reply")
    await house.live(TurnFailed(event.turn, "answer", "engine_reply", "the stream was cut"), event)
    (line,) = house.lines()
    assert line["error"] == {"code": "engine_reply", "stage": "answer", "message": "the stream was cut"}
    assert line["answered_by"] == "small"


async def test_a_failure_without_an_answer_is_not_lost(tmp_path):
    house = House(tmp_path)
    failures = [TurnFailed(answered(id=f"t{i}").turn, "transcribe", "nothing_heard", "") for i in range(40)]
    await house.live(*failures)
    assert [line["id"] for line in house.lines()] == [f"t{i}" for i in range(40)]
    assert house.lines()[0]["error"]["code"] == "nothing_heard"


async def test_a_cancelled_turn_and_an_honest_sentence_are_told_apart(tmp_path):
    house = House(tmp_path)
    event = answered(error_code="deadline")
    await house.live(TurnCancelled(event.turn), event)
    assert [line["error"] for line in house.lines()] == [{"code": "cancelled"}, {"code": "deadline"}]


async def test_it_goes_on_where_it_ended(tmp_path):
    await House(tmp_path).live(answered(), answered())
    assert (await House(tmp_path).live(answered())).startswith("3 turns in ")
    assert len(House(tmp_path).lines()) == 3


async def test_its_size_is_bounded(tmp_path):
    house = House(tmp_path, max_bytes=1_000, kept_files=2)
    report = await house.live(*[answered(id=str(i)) for i in range(30)])
    files = sorted(house.folder.iterdir())
    assert [file.name for file in files] == ["journal.jsonl", "journal.jsonl.1", "journal.jsonl.2"]
    assert all(file.stat().st_size <= 1_000 for file in files)
    assert house.lines()[-1]["id"] == "29"
    assert report.startswith(f"{len(house.lines())} turns in ")


async def test_its_place_is_a_setting(tmp_path):
    path = tmp_path / "elsewhere.jsonl"
    await House(tmp_path, path=str(path)).live(answered())
    assert len(path.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"contents": True}, "has no key 'contents'; it has: path, content, max_bytes, kept_files"),
        ({"content": "yes"}, "journal.content must be bool, not 'yes'"),
        ({"max_bytes": True}, "journal.max_bytes must be int, not True"),
        ({"max_bytes": -1}, "journal.max_bytes must not be negative"),
        ({"path": "/dev/null/journal"}, "NotADirectoryError"),
        ({"path": "/dev/full"}, "/dev/full is not a file"),
    ],
)
async def test_wrong_settings_disable_it_with_a_reason(tmp_path, settings, complaint):
    house = House(tmp_path, **settings)
    await house.live(answered())
    info = house.dispatcher.plugins()[0]
    assert info.state == "disabled"
    assert complaint in info.error


async def test_a_line_that_cannot_be_written_is_a_failure_that_is_reported(tmp_path, caplog):
    house = House(tmp_path, max_bytes=1, kept_files=1)
    in_the_way = house.folder / "journal.jsonl.1" / "file"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()
    await house.live(answered(), answered())
    assert "Plugin journal failed in on_event: IsADirectoryError" in caplog.text
