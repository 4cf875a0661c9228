"""Turns as they are told, and as they are then in the file."""

import asyncio
import logging
from contextlib import asynccontextmanager

from jarvisd.bus import Bus
from jarvisd.config import TurnsConfig
from jarvisd.events import Answered, Routed, TurnCancelled, TurnStarted
from jarvisd.turns.log import TurnLog
from jarvisd.turns.recorder import Recorder
from jarvisd.types import Answer, Route, Turn


@asynccontextmanager
async def recording(path, settings=None, shown=None):
    bus, log, shown = Bus(), TurnLog(path), shown if shown is not None else []
    recorder = Recorder(log, settings or TurnsConfig(), show=shown.append, clock=lambda: 1_000_000.0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(recorder.run(bus))
        await asyncio.sleep(0)
        yield bus, log
        task.cancel()


async def written(log, count):
    async with asyncio.timeout(20):
        while len(found := await asyncio.to_thread(log.since, 0)) < count:
            await asyncio.sleep(0.01)
    return found


def tell(bus, turn, answer, *routes):
    bus.publish(TurnStarted(turn))
    for route in routes:
        bus.publish(Routed(turn, route))
    bus.publish(Answered(turn, answer))


FAST = Route("fast", "small", "it is short", probabilities={"fast": 0.8, "strong": 0.2}, margin=0.1, eta_s=0.4)
CLOUD = Route("cloud", "remote", "it is hard", probabilities={"fast": 0.8, "strong": 0.2}, cloud=True, cold=True)


async def test_a_turn_that_went_on_to_another_tier(tmp_path):
    async with recording(tmp_path / "turns.sqlite") as (bus, log):
        turn = Turn("microphone", "es", 60.0, room="cocina")
        answer = Answer(
            "Por Rayleigh.", "es", "remote", question="¿por qué?", via="model", tier="cloud", prompt_tokens=10,
            completion_tokens=5, cost_micros=42, timings_ms={"first_word": 700.0, "total": 900.0},
        )  # fmt: skip
        tell(bus, turn, answer, FAST, CLOUD)
        (record,) = await written(log, 1)
        assert (record.tier, record.engine, record.cloud, record.cold, record.escalated) == (
            *("cloud", "remote", True, True, True),
        )
        assert (record.reason, record.cost_micros, record.question) == ("it is hard", 42, "¿por qué?")
        assert (record.first_word_ms, record.total_ms, record.room) == (700.0, 900.0, "cocina")


async def test_a_turn_without_a_model_and_one_that_failed(tmp_path):
    async with recording(tmp_path / "turns.sqlite") as (bus, log):
        tell(bus, Turn("cli", "en", 60.0), Answer("Noon.", "en", "time", via="skill", timings_ms={"total": 3.0}))
        tell(bus, Turn("cli", "en", 60.0), Answer("Sorry.", "en", "jarvisd", error_code="models_failed"), FAST)
        first, second = await written(log, 2)
        assert (first.via, first.tier, first.error) == ("skill", "", None)
        assert (second.via, second.error, second.reason) == ("jarvisd", "models_failed", "it is short")


async def test_a_cancelled_turn_leaves_nothing_behind(tmp_path):
    async with recording(tmp_path / "turns.sqlite") as (bus, log):
        gone, kept = Turn("cli", "en", 60.0), Turn("cli", "en", 60.0)
        bus.publish(TurnStarted(gone))
        bus.publish(TurnCancelled(gone))
        tell(bus, kept, Answer("Yes.", "en", "time", via="skill"))
        assert [record.id for record in await written(log, 1)] == [kept.id]


async def test_texts_are_not_kept_where_the_household_does_not_want_it(tmp_path):
    async with recording(tmp_path / "turns.sqlite", TurnsConfig(keep_text_days=0)) as (bus, log):
        tell(bus, Turn("cli", "en", 60.0), Answer("Yes.", "en", "time", question="a secret", via="skill"))
        (record,) = await written(log, 1)
        assert record.question is None


async def test_a_file_that_cannot_be_written_is_told_once(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    (tmp_path / "turns.sqlite").mkdir()
    async with recording(tmp_path / "turns.sqlite") as (bus, _):
        for _ in range(3):
            tell(bus, Turn("cli", "en", 60.0), Answer("Yes.", "en", "time", via="skill"))
        async with asyncio.timeout(20):
            while "Move it away" not in caplog.text:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
    assert caplog.text.count("Move it away") == 1


async def test_the_figures_are_shown_at_the_start_and_not_with_every_turn(tmp_path):
    shown = []
    async with recording(tmp_path / "turns.sqlite", shown=shown) as (bus, log):
        for _ in range(3):
            tell(bus, Turn("cli", "en", 60.0), Answer("Yes.", "en", "time", via="skill"))
        await written(log, 3)
    assert len(shown) == 1
    assert (shown[0]["today"]["turns"], shown[0]["month"]["turns"]) == (0, 0)


async def test_what_could_not_be_written_is_written_with_the_next_turn(tmp_path, caplog):
    path = tmp_path / "turns.sqlite"
    path.mkdir()
    async with recording(path) as (bus, log):
        tell(bus, Turn("text", "es", 60.0), Answer("Uno.", "es", "small", via="model", tier="fast"), FAST)
        async with asyncio.timeout(20):
            while "cannot be used" not in caplog.text:
                await asyncio.sleep(0.01)
        path.rmdir()
        tell(bus, Turn("text", "es", 60.0), Answer("Dos.", "es", "small", via="model", tier="fast"), FAST)
        assert len(await written(log, 2)) == 2
