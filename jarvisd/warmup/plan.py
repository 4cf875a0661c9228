"""Decides what to warm and what to let go: a pure function of the time, what was learned, and what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from jarvisd.warmup.demand import Demand


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that may be warmed and let go. `last_use_s`: local wall clock. No `demand`: too little is known."""

    name: str
    warm: bool
    busy: bool
    last_use_s: float
    demand: Demand | None


@dataclass(frozen=True, slots=True)
class KeepWarm:
    """Bring it up if it is down, and keep it up until the next look."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class LetGo:
    name: str
    reason: str


Action: TypeAlias = KeepWarm | LetGo


def plan(now_s: float, candidates: Sequence[Candidate]) -> tuple[Action, ...]:
    """What to do now (`now_s`: local wall clock, as the uses).

    An engine of which too little is known is left to its keep-alive, one that is busy is never let go.
    """
    actions: list[Action] = []
    for one in candidates:
        if one.demand is None:
            continue
        expected = one.demand.expected(now_s, now_s - one.last_use_s)
        reason = f"{expected:.3f} uses expected in five minutes; from {one.demand.threshold:.3f} on it is worth it"
        if expected >= one.demand.threshold:
            actions.append(KeepWarm(one.name, reason))
        elif one.warm and not one.busy:
            actions.append(LetGo(one.name, reason))
    return tuple(actions)
