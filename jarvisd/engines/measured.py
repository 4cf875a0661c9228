"""What engines really take of a card: pure, from one reading after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from jarvisd.engines.placement import Rung
from jarvisd.types import GpuReading

CREDIBLE_FACTOR = 1.5
# The process that leads the session of a process; None where it has ended or may not be asked.
SessionOf = Callable[[int], int | None]


@dataclass(frozen=True, slots=True)
class Resident:
    """An engine as it was when a reading was taken. `pid`: its child's, which leads a session of its own.

    `settled`: it is where it shall be, and has been proven there. `known_bytes`: what it was believed to take awake.
    """

    name: str
    pid: int | None
    rung: Rung
    settled: bool
    known_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """So many bytes of the card does an engine hold on this rung."""

    name: str
    rung: Rung
    held_bytes: int


@dataclass(slots=True)
class Measuring:
    """Finds out what engines hold. By their processes where the driver tells those apart (it does not in some
    containers); otherwise by how much more of the card was in use once one of them, and nothing else, had changed.
    """

    session_of: SessionOf
    _before: dict[str, Rung] | None = field(default=None)
    _before_bytes: int = 0

    def note(self, reading: GpuReading, residents: Sequence[Resident]) -> tuple[Measured, ...]:
        """Takes the next good reading, and how the engines are."""
        by_process = tuple(self._by_process(reading, residents))
        known = {one.name for one in by_process}
        by_difference = [one for one in self._by_difference(reading, residents) if one.name not in known]
        return (*by_process, *by_difference)

    def _by_process(self, reading: GpuReading, residents: Sequence[Resident]) -> Iterator[Measured]:
        held: dict[int, int] = {}
        for process in reading.processes:
            if process.memory_bytes and (session := self.session_of(process.pid)) is not None:
                held[session] = held.get(session, 0) + process.memory_bytes
        for one in residents:
            if one.settled and one.rung > Rung.STOPPED and one.pid in held:
                yield Measured(one.name, one.rung, held[one.pid])

    def _by_difference(self, reading: GpuReading, residents: Sequence[Resident]) -> Iterator[Measured]:
        if reading.memory_used_bytes is None or not all(one.settled for one in residents):
            return
        rungs = {one.name: one.rung for one in residents}
        ours_bytes = reading.memory_used_bytes - reading.foreign_bytes
        before, before_bytes = self._before, self._before_bytes
        self._before, self._before_bytes = rungs, ours_bytes
        if before is None or before.keys() != rungs.keys():
            return
        changed = [name for name, rung in rungs.items() if before[name] is not rung]
        if len(changed) != 1 or before[changed[0]] is not Rung.STOPPED:
            return
        (known,) = (one.known_bytes for one in residents if one.name == changed[0])
        # Much more than was worked out is more likely another program's, which the driver does not tell apart either.
        grown_bytes = ours_bytes - before_bytes
        if grown_bytes > 0 and (not known or grown_bytes <= known * CREDIBLE_FACTOR):
            yield Measured(changed[0], rungs[changed[0]], grown_bytes)
