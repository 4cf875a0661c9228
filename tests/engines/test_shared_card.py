"""A card that engines share with other programs, that becomes hot, or that is lost."""

import asyncio
from dataclasses import replace

import pytest

from jarvisd.engines.card import Card
from jarvisd.engines.needs import LearnedNeeds
from jarvisd.engines.others import CALM_READINGS, OtherPrograms
from jarvisd.errors import EngineStartError, EngineUnavailable
from jarvisd.types import EngineState, GpuHealth, GpuProcess, GpuReading, GpuState, GpuStatus
from tests.fakes.engines import fake_vllm, running_pool, until

UUID = "GPU-5070aaaa-0000-0000-0000-000000000000"
GIB = 1024**3
GAME = 4711
PATIENT_S = 30.0


@pytest.fixture(autouse=True)
async def limit():
    async with asyncio.timeout(40):
        yield


def reading(*held_gib, ours_gib=0):
    games = (GpuProcess(GAME + number, gib * GIB) for number, gib in enumerate(held_gib))
    processes = (GpuProcess(1, ours_gib * GIB, ours=True), *games)
    return GpuReading(UUID, "RTX", 0.0, memory_total_bytes=17 * GIB, memory_reserved_bytes=GIB, processes=processes)


def status(*held_gib, health=GpuState.OK, reasons=()):
    return GpuStatus(reading(*held_gib), GpuHealth(UUID, "RTX", health, reasons), 0.0)


class Shared:
    """A pool on a card of 16 GiB, of which 2 GiB are the desktop's."""

    def __init__(self, folder):
        self.folder = folder
        self.card = Card(
            UUID,
            memory_bytes=lambda: 14 * GIB,
            host_free=lambda: None,
            needs=LearnedNeeds(),
            min_residency_s=3600.0,
        )

    def engine(self, name, gib, *, asleep_gib=1, **table):
        table = {"start": "demand", "gpu": UUID, "gpu_memory_bytes": gib * GIB, **table}
        spec = fake_vllm(self.folder, name=name, **table)
        return replace(spec, need=replace(spec.need, asleep_bytes=asleep_gib * GIB))

    def see(self, *held_gib, times=1, **more):
        for _ in range(times):
            self.card.look(status(*held_gib, **more))


@pytest.fixture
def shared(tmp_path):
    return Shared(tmp_path)


def states(pool):
    return {status.name: status.state for status in pool.statuses()}


def test_more_counts_at_once_and_less_after_some_readings():
    others = OtherPrograms()
    assert (others.held_bytes, others.left_bytes) == (0, None)
    others.note(reading(1, ours_gib=8))
    assert (others.held_bytes, others.left_bytes) == (GIB, 15 * GIB)
    others.note(reading(12, 1))
    assert (others.held_bytes, others.pids) == (13 * GIB, (GAME, GAME + 1))
    for _ in range(CALM_READINGS - 1):
        others.note(reading(2))
        assert others.held_bytes == 13 * GIB
    others.note(reading(2))
    assert (others.held_bytes, others.pids) == (2 * GIB, (GAME,))


def test_others_cannot_leave_less_than_nothing():
    others = OtherPrograms()
    others.note(reading(12, 12))
    assert others.left_bytes == 0


async def test_for_a_game_engines_sleep_and_come_back_when_it_ends(shared):
    async with running_pool(shared.engine("strong", 12), cards=[shared.card]) as (pool, told):
        async with pool.lease("strong", PATIENT_S):
            pass
        shared.see(12)
        asleep = await until(told, EngineState.ASLEEP, "strong")
        with pytest.raises(
            EngineUnavailable,
            match=r"GPU-5070aaaa: 12\.0 GiB are in use by other programs \(pid 4711\); strong needs 12\.0 GiB\.",
        ):
            async with pool.lease("strong", PATIENT_S):
                pass
        assert pool.statuses()[0].pid == asleep.pid
        shared.see(0, times=CALM_READINGS)
        assert (await until(told, EngineState.READY, "strong")).pid == asleep.pid


async def test_where_sleep_is_not_enough_engines_end_and_come_back(shared):
    spec = shared.engine("strong", 12, asleep_gib=3, start="boot")
    async with running_pool(spec, cards=[shared.card]) as (pool, told):
        first = await until(told, EngineState.READY, "strong")
        shared.see(14)
        await until(told, EngineState.STOPPED, "strong")
        shared.see(times=CALM_READINGS)
        again = await until(told, EngineState.READY, "strong")
        assert again.pid != first.pid
        assert pool.statuses()[0].restarts == 0


async def test_what_is_reserved_for_the_desktop_is_not_counted_twice(shared):
    async with running_pool(shared.engine("strong", 14), cards=[shared.card]) as (pool, _):
        shared.see(2)
        async with pool.lease("strong", PATIENT_S):
            assert states(pool)["strong"] is EngineState.READY
        shared.see(2, times=2)
        async with pool.lease("strong", PATIENT_S):
            pass
        assert states(pool)["strong"] is EngineState.READY


async def test_one_in_use_gives_back_when_it_is_let_go_and_a_pinned_one_never(shared):
    specs = [shared.engine("strong", 9), shared.engine("ears", 4, pinned=True)]
    async with running_pool(*specs, cards=[shared.card]) as (pool, told):
        async with pool.lease("ears", PATIENT_S), pool.lease("strong", PATIENT_S):
            shared.see(10)
            await asyncio.sleep(0.05)
            assert set(states(pool).values()) == {EngineState.READY}
        await until(told, EngineState.ASLEEP, "strong")
        assert states(pool)["ears"] is EngineState.READY


async def test_one_that_had_no_room_at_boot_comes_up_when_the_others_are_done(shared):
    shared.see(12)
    specs = [shared.engine("strong", 12, start="boot"), shared.engine("asked", 1)]
    async with running_pool(*specs, cards=[shared.card]) as (pool, told):
        async with pool.lease("asked", PATIENT_S):  # the boot's wish was before this one
            assert states(pool)["strong"] is EngineState.STOPPED
        shared.see(times=CALM_READINGS)
        await until(told, EngineState.READY, "strong")


async def test_one_that_nobody_had_to_move_is_not_brought_back(shared):
    specs = [shared.engine("strong", 12), shared.engine("fast", 2)]
    async with running_pool(*specs, cards=[shared.card]) as (pool, told):
        async with pool.lease("fast", PATIENT_S), pool.lease("strong", PATIENT_S):
            pass
        pool.let_go("fast")
        await until(told, EngineState.ASLEEP, "fast")
        shared.see(16)
        await until(told, EngineState.STOPPED, "strong")
        shared.see(times=CALM_READINGS)
        await until(told, EngineState.READY, "strong")
        async with pool.lease("strong", PATIENT_S):
            pass
        assert states(pool)["fast"] is EngineState.STOPPED


LOST = {"health": GpuState.LOST, "reasons": ("it fell off the bus",)}


async def test_on_a_lost_card_engines_have_failed_at_once_and_come_back_with_it(shared):
    specs = [shared.engine("strong", 8), shared.engine("ears", 4, start="boot"), shared.engine("unused", 1)]
    async with running_pool(*specs, cards=[shared.card]) as (pool, _):
        async with pool.lease("strong", PATIENT_S), pool.lease("ears", PATIENT_S):
            pids = {one.pid for one in pool.statuses()}
            shared.see(**LOST)
            assert set(states(pool).values()) == {EngineState.FAILED}  # also those in use
        for name in states(pool):
            with pytest.raises(EngineStartError, match="GPU-5070aaaa is lost: it fell off the bus"):
                async with pool.lease(name, PATIENT_S):
                    pass
        while any(one.pid for one in pool.statuses()):
            await asyncio.sleep(0.02)
        assert set(states(pool).values()) == {EngineState.FAILED}
        shared.see(health=GpuState.UNKNOWN)
        assert set(states(pool).values()) == {EngineState.FAILED}
        shared.see()
        back = {"strong": EngineState.READY, "ears": EngineState.READY, "unused": EngineState.STOPPED}
        while states(pool) != back:
            await asyncio.sleep(0.02)
        assert not pids & {one.pid for one in pool.statuses() if one.pid}


async def test_a_card_that_is_back_at_once_finds_its_engines_still_ending(shared):
    async with running_pool(shared.engine("strong", 8), cards=[shared.card]) as (pool, told):
        async with pool.lease("strong", PATIENT_S):
            pid = pool.statuses()[0].pid
        shared.see(**LOST)
        shared.see()
        assert (await until(told, EngineState.FAILED, "strong")).pid == pid
        assert (await until(told, EngineState.READY, "strong")).pid not in {pid, None}


async def test_on_a_hot_card_nothing_is_woken_and_what_is_up_stays(shared):
    specs = [shared.engine("strong", 8), shared.engine("fast", 2)]
    async with running_pool(*specs, cards=[shared.card]) as (pool, _):
        async with pool.lease("strong", PATIENT_S):
            shared.see(health=GpuState.HOT, reasons=("93 °C, hot from 87 °C",))
        with pytest.raises(EngineUnavailable, match="GPU-5070aaaa: 93 °C, hot from 87 °C; nothing is started on it"):
            async with pool.lease("fast", PATIENT_S):
                pass
        async with pool.lease("strong", PATIENT_S):
            pass
        shared.see(health=GpuState.WARM)
        async with pool.lease("fast", PATIENT_S):
            assert set(states(pool).values()) == {EngineState.READY}


async def test_with_a_driver_of_another_version_nothing_is_started_and_nothing_ended(shared):
    specs = [shared.engine("strong", 8), shared.engine("fast", 2)]
    async with running_pool(*specs, cards=[shared.card]) as (pool, _):
        async with pool.lease("strong", PATIENT_S):
            pass
        shared.see(health=GpuState.DRIVER_MISMATCH, reasons=("start the machine again",))
        with pytest.raises(EngineUnavailable, match="GPU-5070aaaa: start the machine again"):
            async with pool.lease("fast", PATIENT_S):
                pass
        async with pool.lease("strong", PATIENT_S):
            assert states(pool)["strong"] is EngineState.READY
