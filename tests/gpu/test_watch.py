"""The service that watches the cards, with a reader that says and does what a test wants."""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from jarvisd.config import GpuWatchConfig
from jarvisd.events import GpuHealthChanged
from jarvisd.gpu.energy import EnergyLedger
from jarvisd.gpu.health import MIB
from jarvisd.gpu.nvml import Scan
from jarvisd.gpu.watch import GpuWatch
from jarvisd.types import EngineState, EngineUse, GpuProcess, GpuReading, GpuState
from tests.fakes.facts import Facts

BIG = GpuReading(
    "GPU-1", "RTX 5070 Ti", 0.0, driver_version="580.1", temperature_celsius=45, memory_free_bytes=9000 * MIB,
    energy_joules=1e6,
)  # fmt: skip
SMALL = replace(BIG, uuid="GPU-2", name="RTX 2060")
SETTINGS = GpuWatchConfig(poll_s=0.1)
IMPATIENT = GpuWatchConfig(poll_s=0.1, hung_after_s=0.1)


class Reader:
    """Called on the watch's thread. While `goes_on` is not set, a call hangs."""

    def __init__(self, *readings, fault=None):
        self.scan = Scan(readings, fault)
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.threads = set()
        self.error = None

    def __call__(self):
        self.threads.add(threading.current_thread())
        self.goes_on.wait()
        if self.error:
            raise self.error
        return self.scan


class Watched:
    def __init__(self, reader, file, settings=SETTINGS, uses=()):
        self.facts = Facts()
        self.reads = 0
        self._read = asyncio.Event()
        self.watch = GpuWatch(
            settings, reader, EnergyLedger(file),
            publish=self.facts.publish, is_ours=lambda pid: pid == 1, on_read=self._on_read,
            uses=lambda: uses,
        )  # fmt: skip

    def _on_read(self, statuses):
        self.reads += 1
        self._read.set()

    async def again(self, times=1):
        """Waits for so many more readings."""
        wanted = self.reads + times
        async with asyncio.timeout(20):
            while self.reads < wanted:
                self._read.clear()
                await self._read.wait()

    async def until(self, state, uuid="GPU-1") -> GpuHealthChanged:
        return await self.facts.until(
            GpuHealthChanged, lambda event: event.health.state is state and event.health.uuid == uuid
        )

    def status(self, number=0):
        return self.watch.statuses()[number]


@asynccontextmanager
async def watching(reader, tmp_path, settings=SETTINGS, uses=()) -> AsyncIterator[Watched]:
    watched = Watched(reader, tmp_path / "energy.json", settings, uses)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(watched.watch.run())
        try:
            yield watched
        finally:
            running.cancel()
            reader.goes_on.set()


async def test_every_card_is_told_once_and_then_only_what_changes(tmp_path):
    reader = Reader(BIG, SMALL)
    async with watching(reader, tmp_path) as watched:
        first = await watched.until(GpuState.OK, "GPU-1")
        assert first.before is None
        await watched.until(GpuState.OK, "GPU-2")
        await watched.again(3)
        assert watched.facts.seen == []
        reader.scan = Scan((BIG, replace(SMALL, temperature_celsius=90)))
        changed = await watched.until(GpuState.HOT, "GPU-2")
        assert (changed.before, changed.health.name) == (GpuState.OK, "RTX 2060")
        assert [status.health.state for status in watched.watch.statuses()] == ["ok", "hot"]
        assert watched.watch.detail == "NVIDIA driver 580.1"


async def test_a_machine_without_a_driver_is_said_once_and_not_asked_again(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    watched = Watched(Reader(fault=12), tmp_path / "energy.json")
    await asyncio.wait_for(watched.watch.run(), 20)
    assert watched.watch.statuses() == ()
    assert "no NVIDIA driver here" in watched.watch.detail
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("code", "level"), [(9, "INFO"), (28, "INFO"), (18, "WARNING"), (17, "WARNING")])
async def test_a_driver_without_cards_is_said_once_and_asked_again(tmp_path, caplog, code, level):
    caplog.set_level(logging.INFO)
    reader = Reader(fault=code)
    async with watching(reader, tmp_path) as watched:
        await watched.again(3)
        assert [record.levelname for record in caplog.records] == [level]
        assert watched.watch.detail in caplog.records[0].getMessage()
        reader.scan = Scan((BIG,))
        await watched.until(GpuState.OK)


async def test_a_hung_driver_is_told_and_holds_up_nothing(tmp_path):
    reader = Reader(BIG)
    async with watching(reader, tmp_path, IMPATIENT) as watched:
        await watched.until(GpuState.OK)
        reader.goes_on.clear()
        hung = await watched.until(GpuState.HUNG)
        assert "has not answered" in hung.health.reasons[0]
        assert "has not answered" in watched.watch.detail
        assert watched.status().reading.temperature_celsius == 45  # the last that it told
        reader.goes_on.set()
        await watched.until(GpuState.OK)
        assert watched.watch.detail == "NVIDIA driver 580.1"
        assert len(reader.threads) == 1


async def test_a_driver_that_hangs_from_the_start_is_told(tmp_path):
    reader = Reader(BIG)
    reader.goes_on.clear()
    async with watching(reader, tmp_path, IMPATIENT) as watched:
        await watched.again()
        assert watched.watch.statuses() == ()
        assert "has not answered" in watched.watch.detail


async def test_it_ends_while_the_driver_hangs(tmp_path):
    reader = Reader(BIG)
    async with watching(reader, tmp_path, IMPATIENT) as watched:
        await watched.until(GpuState.OK)
        reader.goes_on.clear()
        await watched.until(GpuState.HUNG)
    assert all(thread.daemon for thread in reader.threads)


async def test_a_lost_card_is_told_with_what_to_do(tmp_path, caplog):
    reader = Reader(BIG, SMALL)
    async with watching(reader, tmp_path) as watched:
        await watched.until(GpuState.OK, "GPU-2")
        reader.scan = Scan((BIG, replace(SMALL, fault=15, temperature_celsius=None)))
        lost = await watched.until(GpuState.LOST, "GPU-2")
        assert "fell off the bus" in lost.health.reasons[0]
        assert "RTX 2060 (GPU-2): ok -> lost" in caplog.text
        assert watched.status(0).health.state is GpuState.OK


def on_card(uuid):
    return EngineUse("strong", uuid, EngineState.READY, 0.0)


async def test_a_card_that_an_engine_wants_and_that_is_not_here_is_lost_until_it_comes(tmp_path):
    reader = Reader(BIG)
    async with watching(reader, tmp_path, uses=[on_card("GPU-2")]) as watched:
        lost = await watched.until(GpuState.LOST, "GPU-2")
        assert "this machine has no such card" in lost.health.reasons[0]
        assert [status.health.state for status in watched.watch.statuses()] == ["ok", "lost"]
        reader.scan = Scan((BIG, SMALL))
        came = await watched.until(GpuState.OK, "GPU-2")
        assert came.health.name == "RTX 2060"
    kept = json.loads((tmp_path / "energy.json").read_text())
    assert set(kept["cards"]) == {"GPU-1", "GPU-2"}


@pytest.mark.parametrize(
    ("uuid", "fault"),
    [
        ("GPU-1", None),
        ("GPU-", None),  # the beginning of a UUID is enough for CUDA
        ("MIG-7", None),
        ("GPU-2", 17),  # one that cannot be opened may be it
    ],
)
async def test_no_card_is_called_missing_that_may_be_here(tmp_path, uuid, fault):
    async with watching(Reader(BIG, fault=fault), tmp_path, uses=[on_card(uuid)]) as watched:
        await watched.again(3)
        assert [status.health.uuid for status in watched.watch.statuses()] == ["GPU-1"]


async def test_without_any_card_none_is_missing(tmp_path):
    async with watching(Reader(), tmp_path, uses=[on_card("GPU-2")]) as watched:
        await watched.again(3)
        assert watched.watch.statuses() == ()


async def test_what_a_game_draws_is_no_engines_and_the_rest_is(tmp_path):
    reader = Reader(BIG)
    async with watching(reader, tmp_path, uses=[on_card("GPU-1")]) as watched:
        await watched.until(GpuState.OK)
        reader.scan = Scan((replace(BIG, energy_joules=1e6 + 3.6e6, processes=(GpuProcess(1, 4000 * MIB),)),))
        await watched.again(2)
        game = (GpuProcess(2, 4000 * MIB),)
        reader.scan = Scan((replace(BIG, energy_joules=1e6 + 9 * 3.6e6, processes=game),))
        await watched.again(2)
        (strong,) = watched.status().engines
        assert (strong.used_kwh, strong.idle_kwh, watched.status().energy_kwh) == (
            0,
            pytest.approx(1),
            pytest.approx(9),
        )


async def test_processes_are_marked_as_ours_or_others(tmp_path):
    processes = (GpuProcess(1, 4000 * MIB), GpuProcess(2, 3000 * MIB))
    async with watching(Reader(replace(BIG, processes=processes)), tmp_path) as watched:
        await watched.until(GpuState.FOREIGN)
        reading = watched.status().reading
        assert [process.ours for process in reading.processes] == [True, False]
        assert reading.foreign_bytes == 3000 * MIB


async def test_what_programs_can_have_of_a_card_is_known_also_when_it_is_lost(tmp_path):
    reader = Reader(replace(BIG, memory_total_bytes=16303 * MIB, memory_reserved_bytes=303 * MIB))
    async with watching(reader, tmp_path) as watched:
        assert watched.watch.memory_bytes("GPU-1") is None
        await watched.until(GpuState.OK)
        assert watched.watch.memory_bytes("GPU-1") == 16000 * MIB
        reader.scan = Scan((replace(BIG, fault=15, memory_total_bytes=None),))
        await watched.until(GpuState.LOST)
        assert watched.watch.memory_bytes("GPU-1") == 16000 * MIB


async def test_energy_is_counted_and_kept(tmp_path):
    reader = Reader(BIG)
    async with watching(reader, tmp_path) as watched:
        await watched.until(GpuState.OK)
        reader.scan = Scan((replace(BIG, energy_joules=1e6 + 3.6e6),))
        await watched.again(2)
        assert watched.status().energy_kwh == pytest.approx(1.0)
    kept = json.loads((tmp_path / "energy.json").read_text())
    assert kept["cards"]["GPU-1"]["joules"] == pytest.approx(3.6e6)


async def test_new_limits_apply_at_the_next_reading(tmp_path):
    async with watching(Reader(BIG), tmp_path) as watched:
        await watched.until(GpuState.OK)
        watched.watch.reconfigure(SETTINGS.model_copy(update={"warm_celsius": 40.0}))
        await watched.until(GpuState.WARM)


async def test_a_critical_error_is_logged_once(tmp_path, caplog):
    async with watching(Reader(replace(BIG, xid=79)), tmp_path) as watched:
        await watched.again(3)
    assert caplog.text.count("Xid 79") == 1


async def test_a_bug_in_reading_reaches_the_supervisor(tmp_path):
    reader = Reader(BIG)
    reader.error = ZeroDivisionError("a bug")
    watched = Watched(reader, tmp_path / "energy.json")
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(watched.watch.run(), 20)


def test_warm_is_below_hot():
    with pytest.raises(ValueError, match=r"below gpu\.hot_celsius"):
        GpuWatchConfig(warm_celsius=90.0)


async def test_a_fresh_reading_is_one_that_began_after_it_was_asked_for(tmp_path):
    reader = Reader(BIG)
    rare = GpuWatchConfig(poll_s=300)
    async with watching(reader, tmp_path, rare) as cards:
        await cards.again()
        for _ in range(3):
            reads = cards.reads
            await cards.watch.fresh()
            assert cards.reads == reads + 1


async def test_a_reading_that_hangs_is_not_fresh_and_the_end_of_the_watch_is_the_end_of_waiting(tmp_path):
    reader = Reader(BIG)
    async with watching(reader, tmp_path, GpuWatchConfig(poll_s=300)) as cards:
        await cards.again()
        reader.goes_on.clear()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(cards.watch.fresh())
            done, _ = await asyncio.wait({waiting}, timeout=0.2)
            assert not done
            reader.goes_on.set()
    await cards.watch.fresh()  # nothing is watched any more, so there is nothing to wait for
