"""What routing learns from what is told."""

import asyncio

import pytest

from jarvisd.answering.learning import Learning
from jarvisd.bus import Bus
from jarvisd.events import EngineStateChanged, Routed
from jarvisd.routing.latency import FIRST_WORD_S, Latency
from jarvisd.routing.mix import TYPICAL
from jarvisd.types import EngineState, EngineStatus, Route, Turn

REASONING = {"home": 0.0, "fast": 0.0, "strong": 0.0, "reasoning": 1.0}


async def test_the_mix_comes_from_the_record_and_then_from_each_turn_once():
    bus, learning = Bus(), Learning(Latency(), lambda: [REASONING] * 100)
    assert learning.mix() == pytest.approx(TYPICAL)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(learning.run(bus))
        async with asyncio.timeout(10):
            while len(learning._turns) < 100:
                await asyncio.sleep(0.01)
            before = learning.mix()["fast"]
            turn = Turn("cli", "en", 60.0)
            for tier in ("fast", "strong"):  # the second is an escalation of the same turn
                bus.publish(Routed(turn, Route(tier, tier, "why", probabilities={**REASONING, "fast": 1.0})))
            while learning.mix()["fast"] == before:
                await asyncio.sleep(0.01)
        running.cancel()
    assert len(learning._turns) == 101


async def test_starts_of_engines_are_learned():
    bus, latency = Bus(), Latency()
    stopped = EngineStatus("big", "vllm", EngineState.STOPPED)
    before_s = latency.eta_s(stopped, "big")
    learning = Learning(latency, list)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(learning.run(bus))
        await asyncio.sleep(0.05)
        for state, start_s in ((EngineState.STARTING, None), (EngineState.READY, 7.0), (EngineState.STOPPED, 7.0)):
            bus.publish(EngineStateChanged(EngineStatus("big", "vllm", state, start_s=start_s)))
        async with asyncio.timeout(10):
            while latency.eta_s(stopped, "big") == before_s:
                await asyncio.sleep(0.01)
        running.cancel()
    assert latency.eta_s(stopped, "big") == 7.0 + FIRST_WORD_S
