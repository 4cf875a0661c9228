"""Whose energy it was that a card used, and what an engine adds to a card at rest. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jarvisd.types import EngineState, EngineUse, GpuReading

# A card goes on drawing power for a while after its last work, and after a model has come or gone.
SETTLE_S = 60.0
# Values of one quiet hour are as good as one: they are taken so far apart, and the last so many count.
SAMPLE_EVERY_S = 60.0
SAMPLES_KEPT = 31
SAMPLES_NEEDED = 3
# Above it somebody computes, whoever that is.
REST_PERCENT = 5

_UP = frozenset({EngineState.STARTING, EngineState.READY, EngineState.STOPPING})
_COMING_OR_GOING = frozenset({EngineState.STARTING, EngineState.STOPPING})


@dataclass(slots=True)
class Share:
    """Energy of an engine on one card, in joules: while it was in use, and while it was up and nothing was."""

    used_joules: float = 0.0
    idle_joules: float = 0.0


def shares(
    joules: float, before: Mapping[str, EngineUse], now: Mapping[str, EngineUse], *, others: bool
) -> dict[str, Share]:
    """Who used what a card drew between two looks at its engines, by name; nobody, where it is in no share.

    Those that were in use share all of it by the time for which they were. Otherwise those that are up share it
    evenly, unless `others`, programs that are not ours, have a part of the card.
    """
    used_s = {name: use.used_s - (before[name].used_s if name in before else 0.0) for name, use in now.items()}
    busy = {name: seconds for name, seconds in used_s.items() if seconds > 0}
    if busy:
        whole_s = sum(busy.values())
        return {name: Share(used_joules=joules * seconds / whole_s) for name, seconds in busy.items()}
    up = [name for name, use in now.items() if use.state in _UP]
    if others or not up:
        return {}
    return {name: Share(idle_joules=joules / len(up)) for name in up}


class RestPower:
    """What one card draws at rest, by what is on it. `samples` is where that is kept, and what was learned before."""

    def __init__(self, samples: dict[str, list[float]]) -> None:
        self._samples = samples
        self._tenants: str | None = None
        self._used_s: dict[str, float] = {}
        self._rests_since_s = 0.0
        self._sampled_s = float("-inf")

    def note(self, reading: GpuReading, uses: Iterable[EngineUse], *, others: bool) -> None:
        """A good reading, and the card's engines at that time."""
        uses, now_s = list(uses), reading.read_monotonic
        tenants = tenants_of(uses)
        busy = others or (reading.utilisation_percent or 0) > REST_PERCENT
        if busy or (not tenants and any(process.ours for process in reading.processes)):
            tenants = None  # computing, or an engine whose card nobody said
        used_s = {use.name: use.used_s for use in uses}
        if tenants is None or tenants != self._tenants or used_s != self._used_s:
            self._tenants, self._used_s, self._rests_since_s = tenants, used_s, now_s
            return
        settled = now_s - self._rests_since_s >= SETTLE_S and now_s - self._sampled_s >= SAMPLE_EVERY_S
        if settled and reading.power_watts is not None:
            self._sampled_s = now_s
            kept = [*self._samples.pop(tenants, []), reading.power_watts]
            self._samples[tenants] = kept[-SAMPLES_KEPT:]

    def idle_watts(self, name: str) -> float | None:
        return idle_watts(name, self._samples)


def tenants_of(uses: Iterable[EngineUse]) -> str | None:
    """Who has a process on the card, as "fast, strong (asleep)"; None while one comes or goes."""
    uses = list(uses)
    if any(use.state in _COMING_OR_GOING for use in uses):
        return None
    awake = [use.name for use in uses if use.state is EngineState.READY]
    asleep = [f"{use.name} (asleep)" for use in uses if use.state is EngineState.ASLEEP]
    return ", ".join(sorted(awake + asleep))


def idle_watts(name: str, samples: Mapping[str, Sequence[float]]) -> float | None:
    """What an engine adds to a card at rest: with it awake, less without it and all else the same; None: not known.

    By the fewest others, best none: what is awake beside it may keep the card from its lowest power anyway.
    """
    medians = {
        frozenset(tenants.split(", ") if tenants else ()): statistics.median(watts)
        for tenants, watts in samples.items()
        if len(watts) >= SAMPLES_NEEDED
    }
    for tenants in sorted((one for one in medians if name in one), key=lambda one: (len(one), sorted(one))):
        if tenants - {name} in medians:
            return max(0.0, medians[tenants] - medians[tenants - {name}])
    return None
