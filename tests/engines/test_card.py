"""Cards shared by engines: real children on a card that is a folder, and random days in virtual time."""

import asyncio
import os
import random
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from jarvisd.bus import Bus
from jarvisd.config import GpuConfig
from jarvisd.engines.card import Card
from jarvisd.engines.cards import cards
from jarvisd.engines.lodger import Lodger
from jarvisd.engines.needs import CardNeed, LearnedNeeds
from jarvisd.engines.others import CALM_READINGS
from jarvisd.engines.placement import Rung
from jarvisd.engines.pool import EnginePool
from jarvisd.engines.spec import EngineSpec
from jarvisd.errors import EngineError, EngineStartError, EngineUnavailable
from jarvisd.types import Endpoint, EngineState, GpuHealth, GpuProcess, GpuReading, GpuState, GpuStatus
from tests.fakes.engines import fake_vllm, is_running, running_pool, until
from tests.fakes.virtual_time import run_in_virtual_time

UUID = "GPU-5070"
PATIENT_S = 30.0


def card(memory_bytes=1000, min_residency_s=0.0, needs=None, host_bytes=None) -> Card:
    return Card(
        UUID,
        memory_bytes=lambda: memory_bytes,
        host_free=lambda: host_bytes,
        needs=needs or LearnedNeeds(),
        min_residency_s=min_residency_s,
    )


class House:
    """vLLM engines on one card of 1,000 bytes, which really runs out of memory."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.memory = folder / "card"
        self.memory.mkdir()

    def engine(self, name, takes, *options, says=None, asleep=100, **table) -> EngineSpec:
        options = (
            *("--card", str(self.memory), "--card-bytes", "1000"),
            *("--takes", str(takes), "--asleep-bytes", str(asleep), *options),
        )
        table = {"start": "demand", "gpu": UUID, "gpu_memory_bytes": says or takes, **table}
        spec = fake_vllm(self.folder, *options, name=name, **table)
        return replace(spec, need=replace(spec.need, asleep_bytes=asleep))

    @property
    def exceeded(self) -> bool:
        return (self.memory / "exceeded").exists()


@pytest.fixture(autouse=True)
async def limit():
    async with asyncio.timeout(55):
        yield


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def states(pool):
    return {status.name: status.state for status in pool.statuses()}


async def test_two_that_do_not_fit_together_take_turns_by_sleeping(house):
    specs = [house.engine("strong", 800), house.engine("reasoning", 800)]
    async with running_pool(*specs, cards=[card()]) as (pool, _):
        pids = set()
        for _ in range(2):
            for name, other in (("strong", "reasoning"), ("reasoning", "strong")):
                async with pool.lease(name, PATIENT_S):
                    assert states(pool)[name] is EngineState.READY
                    assert states(pool)[other] in {EngineState.ASLEEP, EngineState.STOPPED}
            pids |= {status.pid for status in pool.statuses()}
        assert len(pids) == 2
        assert not house.exceeded


async def test_one_that_sleeps_too_heavily_is_stopped_for_another(house):
    specs = [house.engine("strong", 800, asleep=400), house.engine("reasoning", 900)]
    async with running_pool(*specs, cards=[card()]) as (pool, _):
        async with pool.lease("strong", PATIENT_S):
            pass
        async with pool.lease("reasoning", PATIENT_S):
            assert states(pool) == {"strong": EngineState.STOPPED, "reasoning": EngineState.READY}
        assert not house.exceeded


async def use(pool, name, order=None, *, background=False):
    async with pool.lease(name, PATIENT_S, background=background):
        if order is not None:
            order.append(name)
        return True


async def test_what_is_in_use_stays_and_who_waits_is_told_why_and_then_served(house):
    specs = [house.engine("strong", 800), house.engine("reasoning", 800)]
    async with running_pool(*specs, cards=[card()]) as (pool, _), asyncio.TaskGroup() as group:
        async with pool.lease("strong", PATIENT_S):
            with pytest.raises(EngineUnavailable, match="reasoning waits for its card: strong is in use"):
                async with pool.lease("reasoning", 0.2):
                    pass
            assert states(pool)["strong"] is EngineState.READY
            served = group.create_task(use(pool, "reasoning"))
            await asyncio.sleep(0.05)
            assert not served.done()
        assert await served
        assert states(pool)["strong"] is EngineState.ASLEEP
    assert not house.exceeded


async def test_at_boot_the_first_that_fit_come_up_and_the_rest_when_asked(house):
    specs = [house.engine(name, 600, start="boot") for name in ("strong", "reasoning")]
    async with running_pool(*specs, cards=[card()]) as (pool, told):
        await until(told, EngineState.READY, "strong")
        assert pool.statuses()[1].detail == "reasoning starts when it is asked: strong has the card."
        async with pool.lease("reasoning", PATIENT_S):
            assert states(pool)["strong"] is EngineState.ASLEEP
    assert not house.exceeded


async def test_what_is_only_expected_moves_nobody_who_is_in_use_or_expected_too(house, monkeypatch):
    monkeypatch.setattr("jarvisd.engines.card.WARM_SPARES_S", 0.5)
    specs = [house.engine("strong", 800), house.engine("reasoning", 800)]
    async with running_pool(*specs, cards=[card()]) as (pool, told):
        pool.keep_warm("strong")
        await until(told, EngineState.READY, "strong")
        began = len(told)
        for _ in range(20):  # both are worth keeping: who was first stays, and nobody is moved to and fro
            pool.keep_warm("strong")
            pool.keep_warm("reasoning")
            await asyncio.sleep(0.05)
        assert states(pool) == {"strong": EngineState.READY, "reasoning": EngineState.STOPPED}
        assert pool.statuses()[1].detail == "reasoning starts when it is asked: strong has the card."
        assert len(told) - began == 1
        await asyncio.sleep(0.5)
        pool.keep_warm("reasoning")  # strong is not kept any more
        await until(told, EngineState.READY, "reasoning")
        assert states(pool)["strong"] is EngineState.ASLEEP
        pool.keep_warm("strong")
        async with pool.lease("strong", PATIENT_S):  # a question does not ask who is expected
            assert states(pool)["reasoning"] is EngineState.ASLEEP
    assert not house.exceeded


async def test_what_can_never_fit_is_refused_at_once_and_nothing_is_moved(house):
    specs = [house.engine("strong", 800), house.engine("giant", 2000)]
    async with running_pool(*specs, cards=[card()]) as (pool, _):
        async with pool.lease("strong", PATIENT_S):
            pass
        for _ in range(2):
            with pytest.raises(EngineUnavailable, match=r"giant needs .* and its card has"):
                async with pool.lease("giant", PATIENT_S):
                    pass
        assert states(pool) == {"strong": EngineState.READY, "giant": EngineState.STOPPED}


async def test_one_start_serves_all_who_wait_also_when_the_first_goes_away(house):
    async with running_pool(house.engine("strong", 800, "--after", "0.2"), cards=[card()]) as (pool, told):
        async with asyncio.TaskGroup() as group:
            first = group.create_task(use(pool, "strong"))
            second = group.create_task(use(pool, "strong"))
            await until(told, EngineState.STARTING, "strong")
            first.cancel()
        assert second.result()
        assert pool.statuses()[0].restarts == 0


async def test_a_voice_comes_before_what_was_waiting_in_the_background(house):
    specs = [house.engine(name, 800) for name in ("strong", "nightly", "voice")]
    order = []
    async with running_pool(*specs, cards=[card()]) as (pool, _):
        async with asyncio.TaskGroup() as group, pool.lease("strong", PATIENT_S):
            group.create_task(use(pool, "nightly", order, background=True))
            await asyncio.sleep(0.01)
            group.create_task(use(pool, "voice", order))
            await asyncio.sleep(0.01)
        assert order == ["voice", "nightly"]
    assert not house.exceeded


async def test_one_that_takes_more_than_it_said_is_given_the_card_alone_and_that_is_remembered(house, tmp_path):
    file = tmp_path / "needs.json"
    specs = [house.engine("ears", 300), house.engine("strong", 800, says=500)]
    async with running_pool(*specs, cards=[card(needs=LearnedNeeds(file))]) as (pool, told):
        async with pool.lease("ears", PATIENT_S):
            pass
        async with pool.lease("strong", PATIENT_S):
            assert states(pool) == {"ears": EngineState.STOPPED, "strong": EngineState.READY}
        ready = await until(told, EngineState.READY, "strong")
        assert ready.restarts == 0
    again = await asyncio.to_thread(LearnedNeeds, file)
    assert again.of(specs[1].need) == 1000  # all that the card has: nothing less is known to be enough


async def test_one_that_does_not_even_fit_alone_has_failed(house):
    spec = house.engine("strong", 1200, says=500)
    async with running_pool(spec, cards=[card()]) as (pool, _):
        with pytest.raises(EngineStartError, match="CUDA out of memory"):
            async with pool.lease("strong", PATIENT_S):
                pass


async def test_one_that_never_fits_throws_the_others_out_once_at_most(house):
    specs = [house.engine("giant", 1200, says=500, start="boot"), house.engine("ears", 300)]
    async with running_pool(*specs, cards=[card()]) as (pool, told):
        failed = await until(told, EngineState.FAILED, "giant")
        async with pool.lease("ears", PATIENT_S):
            pass
        ears = pool.statuses()[1]
        while pool.statuses()[0].restarts < failed.restarts + 3 and states(pool)["giant"] is not EngineState.STOPPED:
            await asyncio.sleep(0.02)
        assert (pool.statuses()[1].pid, states(pool)["ears"]) == (ears.pid, EngineState.READY)


async def test_at_boot_a_cards_size_is_waited_for(house):
    sizes = iter([None, None])
    specs = [house.engine(name, 600, start="boot") for name in ("strong", "reasoning")]
    made = cards({}, specs, LearnedNeeds(), host_free=lambda: None, total_bytes=lambda _: next(sizes, 1000))
    async with running_pool(*specs, cards=made) as (pool, told):
        await until(told, EngineState.READY, "strong")
        assert states(pool)["reasoning"] is EngineState.STOPPED
    assert not house.exceeded


def test_cards_are_those_configured_and_those_in_use():
    spec = EngineSpec("a", "vllm", "openai", Endpoint("x"), argv=("x",), need=CardNeed("GPU-b", 1))
    asked = []

    def total(uuid):
        asked.append(uuid)
        return 100

    made = cards(
        {"GPU-a": GpuConfig(memory_bytes=50, reserved_bytes=20)}, [spec], LearnedNeeds(), host_free=lambda: None,
        total_bytes=total,
    )  # fmt: skip
    assert [one.uuid for one in made] == ["GPU-a", "GPU-b"]
    assert [one._memory_bytes() for one in made] == [30, 100]
    assert asked == ["GPU-b"]


class ScriptedEngine(Lodger):
    """An engine without a process, which takes its time, and sometimes fails or ends by itself."""

    chance: random.Random
    check = staticmethod(lambda: None)

    async def run(self) -> None:
        while True:
            while self._aim is self._rung:
                await self._attention.wait()
                self._attention.clear()
            aim = self._aim
            if aim is Rung.AWAKE:
                up = self._rung is Rung.STOPPED
                self._rung = Rung.AWAKE
                self._become(EngineState.STARTING)
                self.check()
                await asyncio.sleep(self.chance.choice([0.1, 3.0, 40.0]) if up else 1.0)
                if self.chance.random() < 0.1:
                    await self.fail()
                    continue
                if self._aim is Rung.AWAKE:
                    self._ready_at = self._used_at = asyncio.get_running_loop().time()
                    self._become(EngineState.READY)
            else:
                self._ready_at = None
                self._become(EngineState.STOPPING)
                await asyncio.sleep(self.chance.choice([0.0, 0.5, 5.0]))
                self._rung = aim
                self._become(EngineState.STOPPED if aim is Rung.STOPPED else EngineState.ASLEEP)

    async def fail(self) -> None:
        self._ready_at = None
        self._become(EngineState.FAILED, "It broke.")
        await asyncio.sleep(1.0)
        self._aim = self._rung = Rung.STOPPED
        self._become(EngineState.STOPPED)


class ScriptedPool(EnginePool):
    def _engine(self, spec: EngineSpec):
        engine = ScriptedEngine(spec, self._tell, self._cards[UUID])
        self._cards[UUID].add(engine)
        return engine


def look(held: int, state: GpuState) -> GpuStatus:
    processes = (GpuProcess(4711, held),)
    reading = GpuReading(UUID, "RTX", 0.0, memory_total_bytes=1000, processes=processes)
    return GpuStatus(reading, GpuHealth(UUID, "RTX", state), 0.0)


def random_spec(chance, number, names):
    need = CardNeed(
        UUID, chance.randint(100, 900), asleep_bytes=chance.choice([0, 50]), host_bytes=chance.randint(0, 9)
    )
    return EngineSpec(
        names[number],
        "vllm",
        "openai",
        Endpoint("http://localhost/v1"),
        argv=("x",),
        need=need,
        can_sleep=chance.random() < 0.7,
        on_demand=chance.random() < 0.7,
        pinned=number == 0 and need.awake_bytes < 300,
        never_with=frozenset(name for name in names if name != names[number] and chance.random() < 0.1),
    )


async def random_day(seed: int) -> int:
    chance = random.Random(seed)
    names = [f"engine{number}" for number in range(chance.randint(2, 5))]
    specs = [random_spec(chance, number, names) for number in range(len(names))]
    shared = card(1000, chance.choice([0.0, 10.0]), host_bytes=chance.choice([None, 10]))
    pool = ScriptedPool(specs, {}, Bus(), cards=[shared])
    engines = [pool._find(name) for name in names]
    served = losses = 0

    def check() -> None:
        held = {engine.spec.name: engine for engine in engines if engine._rung is not Rung.STOPPED}
        taken = sum(
            one.spec.need.awake_bytes if one._rung is Rung.AWAKE else one.spec.need.asleep_bytes
            for one in held.values()
        )
        assert taken <= 1000, (seed, {name: one._rung for name, one in held.items()})
        awake = {name for name, one in held.items() if one._rung is Rung.AWAKE}
        assert not [name for name in awake if held[name].spec.never_with & awake], seed

    for engine in engines:
        engine.chance, engine.check = chance, check

    async def person() -> None:
        nonlocal served
        for _ in range(4):
            await asyncio.sleep(chance.choice([0.0, 1.0, 30.0]))
            name = chance.choice(names)
            with suppress(EngineError, TimeoutError):
                async with asyncio.timeout(chance.choice([0.5, 1000.0])):  # some go away
                    async with pool.lease(name, chance.choice([5.0, 900.0]), background=chance.random() < 0.3):
                        served += 1
                        before = losses
                        for _ in range(3):
                            state = pool._find(name).status().state
                            assert state in {EngineState.READY, EngineState.FAILED} or losses > before, seed
                            await asyncio.sleep(chance.choice([0.0, 2.0]))

    async def game() -> None:
        """Takes of the card and gives it back; on some days the card is hot or lost for a while."""
        nonlocal losses
        luck = random.Random(seed)
        for _ in range(luck.choice([0, 0, 3])):
            await asyncio.sleep(luck.choice([1.0, 30.0]))
            state = luck.choice([GpuState.OK, GpuState.OK, GpuState.HOT, GpuState.LOST])
            losses += state is GpuState.LOST
            shared.look(look(luck.randint(0, 900), state))
        for _ in range(CALM_READINGS):
            await asyncio.sleep(1.0)
            shared.look(look(0, GpuState.OK))

    async def habits() -> None:
        """Warms what is expected and lets go what is not."""
        luck = random.Random(seed + 1)
        for _ in range(6):
            await asyncio.sleep(luck.choice([0.0, 60.0, 400.0]))
            luck.choice([pool.keep_warm, pool.keep_warm, pool.let_go])(luck.choice(names))

    async with asyncio.TaskGroup() as group:
        running = group.create_task(pool.run())
        async with asyncio.TaskGroup() as people:
            people.create_task(game())
            people.create_task(habits())
            for _ in range(4):
                people.create_task(person())
        await asyncio.sleep(60.0)  # by then, what was up on a lost card has ended
        # Nobody waits any more, and nobody is lost: whoever is asked for now comes up, or says why not.
        for name in names:
            try:
                async with pool.lease(name, 900.0):
                    served += 1
            except EngineError as error:
                assert "needs" in error.message or "broke" in error.message or "pinned" in error.message, (seed, error)
        assert [engine.leases for engine in engines] == [0] * len(engines)
        running.cancel()
    return served


@pytest.mark.parametrize("batch", range(10))
def test_on_any_day_the_card_is_never_exceeded_and_nobody_waits_in_vain(batch):
    served = [run_in_virtual_time(random_day(seed)) for seed in range(100 * batch, 100 * batch + 100)]
    assert sum(served) > 500


async def random_quarter_of_an_hour(folder, seed: int) -> None:
    """People and accidents, with real children on a card that runs out of memory."""
    chance = random.Random(seed)
    house = House(folder)
    names = ["strong", "reasoning", "fast"]
    specs = [
        house.engine(
            name,
            takes,
            *(("--after", "0.05") if chance.random() < 0.5 else ()),
            start=chance.choice(["boot", "demand"]),
            sleep=chance.random() < 0.7,
            keep_alive_s=chance.choice([0.3, 3600.0]),
        )
        for name, takes in zip(names, (800, 700, 150), strict=True)
    ]
    served = []

    async def person(pool) -> None:
        for _ in range(3):
            await asyncio.sleep(chance.choice([0.0, 0.05]))
            with suppress(EngineError, TimeoutError):
                async with asyncio.timeout(chance.choice([0.1, PATIENT_S])):
                    async with pool.lease(chance.choice(names), PATIENT_S):
                        served.append(True)
                        await asyncio.sleep(0.02)

    async def accident(pool) -> None:
        for _ in range(2):
            await asyncio.sleep(chance.choice([0.1, 0.4]))
            if pids := [status.pid for status in pool.statuses() if status.pid is not None]:
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(pids), signal.SIGKILL)

    async with running_pool(*specs, cards=[card()]) as (pool, _):
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(person(pool))
            group.create_task(accident(pool))
        for name in names:  # after all that, each of them can still be had
            for _ in range(20):
                with suppress(EngineError):
                    async with pool.lease(name, PATIENT_S):
                        served.append(name)
                        break
                await asyncio.sleep(0.05)
        assert {name for name in served if name is not True} == set(names), seed
        assert [status.leases for status in pool.statuses()] == [0, 0, 0]
    assert not house.exceeded, seed
    assert processes_in(folder) == [], seed


def processes_in(folder) -> list[int]:
    """Processes that were started with a path in this folder and still run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(folder).encode() + b"/" in (process / "cmdline").read_bytes() and is_running(int(process.name)):
                found.append(int(process.name))
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_with_real_children_nothing_is_exceeded_lost_or_left(tmp_path, seed):
    await random_quarter_of_an_hour(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 300))
async def test_with_real_children_on_many_days(tmp_path, seed):
    await random_quarter_of_an_hour(tmp_path, seed)
