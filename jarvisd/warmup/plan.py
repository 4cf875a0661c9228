"""Decides what to warm and what to let go: a pure function of the time, what was learned and set, and what is there.

What there is room for is not decided here: a card's owner knows its memory to the byte and at the moment of the move
(`jarvisd.engines.card`), and brings an engine up ahead of time only where nobody in use has to go for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from jarvisd.warmup.demand import SLOT_S, Habits, Learned
from jarvisd.warmup.hours import Hours, clock_text

# So long after its last use or its start an engine is left alone: the next question may be on its way.
GRACE_S = SLOT_S


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that may be warmed and let go. Times are of the local wall clock.

    `uses_s`: the last uses, ascending, as far back as `demand.recent` goes. `came_up_s`: when it came up, if it is up.
    `learned` is None where too little is known, or where nothing shall be learned.
    """

    name: str
    warm: bool
    busy: bool
    keep_alive_s: float
    uses_s: tuple[float, ...] = ()
    came_up_s: float | None = None
    learned: Learned | None = None

    def idle_s(self, now_s: float) -> float:
        """Since its last use, or since it came up if nobody has used it yet. Never negative."""
        known = [*self.uses_s[-1:], *([self.came_up_s] if self.came_up_s is not None else [])]
        return max(0.0, now_s - max(known, default=float("-inf")))


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


def plan(now_s: float, candidates: Sequence[Candidate], hours: Hours) -> tuple[Action, ...]:
    """What to do now (`now_s`: local wall clock), the most urgent first: others make room before somebody comes up.

    In quiet hours nothing is warmed. Otherwise what people have set goes before what was learned; an engine of which
    neither says anything is left to its keep-alive. One that is busy, or was needed just now, is never let go.
    """
    ranked: list[tuple[float, Action]] = []
    for one in candidates:
        if hours.is_quiet(now_s):
            ranked += [(0.0, action) for action in _let_go(now_s, one, "quiet hours")]
        elif (time := hours.time_for(one.name, now_s)) is not None:
            end = clock_text(time.end_s(now_s) or now_s)
            ranked.append((1.0, KeepWarm(one.name, f"warmup_times.{time.name}, until {end}")))
        elif one.learned is not None:
            ranked += _by_learning(now_s, one, one.learned)
        elif _hours_are_over(now_s, one, hours):
            ranked += [(0.0, action) for action in _let_go(now_s, one, "its hours are over")]
    return tuple(action for _, action in sorted(ranked, key=lambda pair: pair[0]))


def _by_learning(now_s: float, one: Candidate, learned: Learned) -> list[tuple[float, Action]]:
    reason = learned.why(now_s, one.uses_s)
    if not learned.keeps_warm(now_s, one.uses_s):
        return [(0.0, action) for action in _let_go(now_s, one, reason)]
    expected = learned.expected(now_s, one.uses_s) if isinstance(learned, Habits) else 0.0
    return [(2.0 + 1.0 / (1.0 + expected), KeepWarm(one.name, reason))]


def _let_go(now_s: float, one: Candidate, reason: str) -> list[LetGo]:
    if not one.warm or one.busy or one.idle_s(now_s) < GRACE_S:
        return []
    return [LetGo(one.name, reason)]


def _hours_are_over(now_s: float, one: Candidate, hours: Hours) -> bool:
    """Being kept up by its hours counts as use for its keep-alive; once they are over, only real use shall."""
    ended_ago_s = hours.ended_ago_s(one.name, now_s)
    return ended_ago_s is not None and ended_ago_s < one.keep_alive_s <= one.idle_s(now_s)
