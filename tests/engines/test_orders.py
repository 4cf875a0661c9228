"""What people order: real children on a card that is a folder."""

import asyncio
from dataclasses import replace

import pytest

from jarvisd.engines.card import Card
from jarvisd.engines.needs import LearnedNeeds
from jarvisd.engines.orders import Orders
from jarvisd.engines.released import ReleasedCards
from jarvisd.engines.spec import EngineSpec
from jarvisd.errors import EngineUnavailable, OrderError
from jarvisd.types import Endpoint, EngineState, GpuHealth, GpuReading, GpuState, GpuStatus
from tests.fakes.engines import fake_vllm, running_pool, until

UUID = "GPU-5070aaaa-0000"
PATIENT_S = 30.0
REMOTE = EngineSpec("cloud", "remote", "openai", Endpoint("http://127.0.0.1:1/v1"))
STATUS = GpuStatus(GpuReading(UUID, "RTX 5070 Ti", 0.0), GpuHealth(UUID, "RTX 5070 Ti", GpuState.OK), 0.0)


@pytest.fixture(autouse=True)
async def limit():
    async with asyncio.timeout(50):
        yield


class House:
    def __init__(self, folder):
        self.folder = folder
        self.time_s = 1_000_000.0
        self.released = ReleasedCards(folder / "released.json")

    def engine(self, name, **table):
        table = {"start": "demand", "gpu": UUID, "gpu_memory_bytes": 800, **table}
        return replace(spec := fake_vllm(self.folder, name=name, **table), need=replace(spec.need, asleep_bytes=100))

    def pool(self, *specs):
        card = Card(
            UUID,
            memory_bytes=lambda: 1000,
            host_free=lambda: None,
            needs=LearnedNeeds(),
            min_residency_s=0.0,
        )
        return running_pool(*specs, cards=[card])

    def orders(self, pool):
        return Orders(
            pool,
            self.released,
            engine_of=lambda: {"best": "strong"},
            gpus=lambda: [STATUS],
            clock=lambda: self.time_s,
        )


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def state(pool, name="strong"):
    return next(status for status in pool.statuses() if status.name == name)


async def test_warm_waits_until_the_engine_of_a_tier_is_ready(house):
    async with house.pool(house.engine("strong")) as (pool, _):
        assert (await house.orders(pool).warm("best", PATIENT_S)).startswith("strong is ready after ")
        assert state(pool).state is EngineState.READY
        assert await house.orders(pool).warm("strong", PATIENT_S) == "strong is ready."


async def test_what_cannot_be_warm_is_told_with_the_figures(house):
    async with house.pool(house.engine("strong", gpu_memory_bytes=4 << 30)) as (pool, _):
        with pytest.raises(OrderError, match=r"strong is not ready: strong needs 4\.0 GiB, and its card has"):
            await house.orders(pool).warm("strong", PATIENT_S)


async def test_unknown_names_are_refused_with_those_there_are(house):
    async with house.pool(house.engine("strong")) as (pool, _):
        with pytest.raises(OrderError, match=r"no tier 'stong'\. Engines: strong; tiers: best"):
            await house.orders(pool).warm("stong", PATIENT_S)


async def test_unloaded_it_stays_down_for_the_warm_up_and_comes_back_for_a_question(house):
    async with house.pool(house.engine("strong")) as (pool, _):
        orders = house.orders(pool)
        await orders.warm("strong", PATIENT_S)
        assert (await orders.unload("strong")).startswith("strong is stopped.")
        assert state(pool).pid is None
        pool.keep_warm("strong")
        await asyncio.sleep(0.1)
        assert state(pool).state is EngineState.STOPPED
        async with pool.lease("strong", PATIENT_S):
            pass
        assert state(pool).state is EngineState.READY
        pool.keep_warm("strong")
        assert state(pool).state is EngineState.READY


async def test_what_is_in_use_pinned_or_elsewhere_is_not_unloaded(house):
    async with house.pool(house.engine("strong"), REMOTE) as (pool, _):
        orders = house.orders(pool)
        async with pool.lease("strong", PATIENT_S):
            with pytest.raises(EngineUnavailable, match="in use"):
                await orders.unload("strong")
        orders.pin("strong", pinned=True)
        with pytest.raises(EngineUnavailable, match="jarvisd unpin strong"):
            await orders.unload("strong")
        with pytest.raises(EngineUnavailable, match="not started by jarvisd"):
            await orders.unload("cloud")


async def test_a_pin_keeps_its_place_until_it_is_taken_back(house):
    async with house.pool(house.engine("strong"), house.engine("reasoning")) as (pool, mailbox):
        orders = house.orders(pool)
        assert "jarvisd unpin strong" in orders.pin("best", pinned=True)
        await until(mailbox, EngineState.READY, "strong")
        assert state(pool).pinned
        with pytest.raises(EngineUnavailable, match=r"strong \(pinned\) keeps"):
            async with pool.lease("reasoning", PATIENT_S):
                raise AssertionError("there is no room for it")
        orders.pin("strong", pinned=False)
        async with pool.lease("reasoning", PATIENT_S):
            assert state(pool).state is EngineState.ASLEEP


async def test_what_the_configuration_pins_no_order_unpins(house):
    async with house.pool(house.engine("strong", pinned=True)) as (pool, _):
        with pytest.raises(EngineUnavailable, match="pinned by the configuration"):
            house.orders(pool).pin("strong", pinned=False)


async def test_a_released_card_is_empty_and_its_engines_come_back_after_it(house):
    async with house.pool(house.engine("strong", pinned=True)) as (pool, mailbox):
        orders = house.orders(pool)
        await orders.warm("strong", PATIENT_S)
        said = await orders.release("5070", 1.5)
        assert said.startswith("RTX 5070 Ti is yours until ")
        assert state(pool).state is EngineState.STOPPED
        with pytest.raises(
            EngineUnavailable, match=r"GPU-5070aaaa is released until .*`jarvisd gpu reclaim` ends that"
        ):
            async with pool.lease("strong", PATIENT_S):
                raise AssertionError("the card is somebody else's")
        await until(mailbox, EngineState.READY, "strong")


async def test_who_is_in_use_answers_first_and_leaves_then(house):
    async with house.pool(house.engine("strong")) as (pool, mailbox):
        orders = house.orders(pool)
        async with pool.lease("strong", PATIENT_S):
            assert (await orders.release("", 3600.0)).endswith("Still in use, and ended after it: strong.")
            assert state(pool).state is EngineState.READY
        await until(mailbox, EngineState.STOPPED, "strong")


async def test_reclaimed_it_is_the_engines_again_at_once(house):
    async with house.pool(house.engine("strong")) as (pool, mailbox):
        orders = house.orders(pool)
        await orders.warm("strong", PATIENT_S)
        await orders.release(UUID[:8], 3600.0)
        assert await orders.reclaim("") == "RTX 5070 Ti: the engines may use it again."
        await until(mailbox, EngineState.READY, "strong")
        assert await orders.reclaim("") == "No card was released."


async def test_a_release_outlives_a_restart_and_ends_at_its_hour(house):
    async with house.pool(house.engine("strong")) as (pool, _):
        await house.orders(pool).release("", 3600.0)
    house.time_s += 600
    async with house.pool(house.engine("strong", start="boot")) as (pool, mailbox):
        await house.orders(pool).remember()
        with pytest.raises(EngineUnavailable, match="is released until"):
            async with pool.lease("strong", PATIENT_S):
                raise AssertionError("the card is somebody else's")
        await house.orders(pool).remember()
    house.time_s += 3600
    async with house.pool(house.engine("strong", start="boot")) as (pool, mailbox):
        await house.orders(pool).remember()
        await until(mailbox, EngineState.READY, "strong")


@pytest.mark.parametrize("text", ["{", "[1]", '{"GPU-5070aaaa-0000": "soon"}', "\x00"])
def test_a_damaged_record_releases_nothing_and_is_told(house, text, caplog):
    (house.folder / "released.json").write_text(text)
    assert house.released.read() == {}
    assert "is not understood, so no card is released" in caplog.text


async def test_a_card_that_is_not_there_and_a_time_that_is_none_are_refused(house):
    async with house.pool(house.engine("strong")) as (pool, _):
        orders = house.orders(pool)
        with pytest.raises(OrderError, match="'4090' is no card of these: GPU-5070aaaa-0000 RTX 5070 Ti"):
            await orders.release("4090", 60.0)
        for seconds in (0.0, -1.0, 1e9, float("nan")):
            with pytest.raises(OrderError, match="one second to seven days"):
                await orders.release("", seconds)
    async with running_pool(REMOTE) as (pool, _):
        with pytest.raises(OrderError, match="No engine has a card"):
            await house.orders(pool).release("", 60.0)
