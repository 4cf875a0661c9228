"""How long each engine takes to its first word: learned from its answers, and from how it is now."""

from __future__ import annotations

from dataclasses import dataclass, field

from jarvisd.types import EngineState, EngineStatus

# A new answer counts so much against all before it.
LEARNED_PART = 0.2
# Until an engine has answered or started for the first time, it is taken to be like this.
FIRST_WORD_S = 0.8
WAKE_S = 3.0
START_S = 30.0
# Somebody else's answer that is under way takes about so long yet.
BUSY_S = 2.0


@dataclass(slots=True)
class Latency:
    """Exponentially weighted means by engine, in seconds."""

    _first_word_s: dict[str, float] = field(default_factory=dict)
    _wake_s: dict[str, float] = field(default_factory=dict)
    _start_s: dict[str, float] = field(default_factory=dict)
    _last: dict[str, EngineState] = field(default_factory=dict)
    _woken: set[str] = field(default_factory=set)

    def answered(self, engine: str, first_word_s: float) -> None:
        """An engine that was ready gave its first word after so long."""
        _learn(self._first_word_s, engine, first_word_s)

    def note(self, status: EngineStatus) -> None:
        """Takes each change of an engine: what it took to become ready is remembered apart for sleep and stop."""
        before = self._last.get(status.name)
        if status.state is EngineState.READY and status.start_s is not None and before is EngineState.STARTING:
            _learn(self._wake_s if status.name in self._woken else self._start_s, status.name, status.start_s)
        if status.state is EngineState.STARTING:
            (self._woken.add if before is EngineState.ASLEEP else self._woken.discard)(status.name)
        self._last[status.name] = status.state

    def first_word_s(self, engine: str) -> float:
        return self._first_word_s.get(engine, FIRST_WORD_S)

    def eta_s(self, status: EngineStatus | None, engine: str) -> float:
        """Expected seconds to the first word of an answer that is asked for now."""
        if status is None:
            return self._coming_up_s(engine) + self.first_word_s(engine)
        wait_s = {
            EngineState.READY: BUSY_S * (status.leases > 0),
            EngineState.ASLEEP: self._wake_s.get(engine, WAKE_S),
            EngineState.STARTING: self._coming_up_s(engine) / 2,  # nobody knows how much of it has passed
        }.get(status.state, self._coming_up_s(engine))
        return wait_s + self.first_word_s(engine)

    def _coming_up_s(self, engine: str) -> float:
        return self._start_s.get(engine, START_S)


def _learn(means: dict[str, float], engine: str, value_s: float) -> None:
    before = means.get(engine)
    means[engine] = value_s if before is None else before + LEARNED_PART * (value_s - before)
