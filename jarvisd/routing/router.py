"""Which tier answers: a pure function from the tiers and the engines' states to an order of attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jarvisd.config import TierConfig
from jarvisd.types import EngineState, EngineStatus, Route


def routes(
    order: Sequence[str], tiers: Mapping[str, TierConfig], engines: Mapping[str, EngineStatus]
) -> tuple[Route, ...]:
    """Attempts in the order in which they should be made: ready engines and sleeping ones, then those that start.

    Among equals, the tiers' order decides.
    Failed and stopped engines come last: asking them tells the person why they cannot answer.
    """
    attempts = []
    for rank, name in enumerate(order):
        status = engines.get(tiers[name].engine)
        state = status.state if status else EngineState.STOPPED
        attempts.append((_LATENESS[state], rank, _route(name, tiers[name].engine, state)))
    return tuple(route for _, _, route in sorted(attempts, key=lambda attempt: attempt[:2]))


_LATENESS = {
    EngineState.READY: 0,
    EngineState.ASLEEP: 0,  # wakes within seconds: worth it for the better answer
    EngineState.STARTING: 1,
    EngineState.STOPPING: 2,
    EngineState.STOPPED: 2,
    EngineState.FAILED: 2,
}


def _route(tier: str, engine: str, state: EngineState) -> Route:
    return Route(tier=tier, engine=engine, reason=f"{tier}: its engine {engine} is {state.value}")
