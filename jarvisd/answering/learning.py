"""What routing learns while the daemon runs: how quick each engine is, and what this household asks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from jarvisd.bus import Bus
from jarvisd.events import EngineStateChanged, Routed
from jarvisd.routing.latency import Latency
from jarvisd.routing.mix import household_mix
from jarvisd.types import Kind

# The mix is that of so many turns: a few weeks of a talkative house.
MIX_TURNS = 500


class Learning:
    """`run` is a service. `earlier` gives the probabilities of the last turns, from the record; it blocks."""

    def __init__(self, latency: Latency, earlier: Callable[[], Sequence[Mapping[Kind, float]]]) -> None:
        self._latency = latency
        self._earlier = earlier
        self._turns: deque[Mapping[Kind, float]] = deque(maxlen=MIX_TURNS)
        self._mix = household_mix(())

    def mix(self) -> Mapping[Kind, float]:
        return self._mix

    async def run(self, bus: Bus) -> None:
        with bus.subscribe("routing", size=1024) as mailbox:
            self._take(await asyncio.to_thread(self._earlier))
            seen = ""
            async for event in mailbox:
                match event:
                    case EngineStateChanged(status):
                        self._latency.note(status)
                    case Routed(turn, route) if turn.id != seen and route.probabilities:
                        seen = turn.id
                        self._take([route.probabilities])

    def _take(self, turns: Sequence[Mapping[Kind, float]]) -> None:
        self._turns.extend(turns)
        self._mix = household_mix(self._turns)
