"""What programs that are not ours leave of a card: pure, from one reading after the other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

from jarvisd.types import GpuReading

# Memory that others let go of is ours again after so many readings in a row: a game between two levels comes back.
CALM_READINGS = 3

_Held: TypeAlias = tuple[int, tuple[int, ...]]


@dataclass(slots=True)
class OtherPrograms:
    """Counts more at once, and less when the last readings all say so."""

    _lately: deque[_Held] = field(default_factory=lambda: deque(maxlen=CALM_READINGS))
    _card_bytes: int | None = None

    def note(self, reading: GpuReading) -> None:
        """Takes the next good reading."""
        pids = tuple(process.pid for process in reading.processes if not process.ours and process.memory_bytes)
        self._lately.append((reading.foreign_bytes, pids))
        if reading.memory_total_bytes is not None:
            self._card_bytes = reading.memory_total_bytes - (reading.memory_reserved_bytes or 0)

    @property
    def held_bytes(self) -> int:
        return self._most[0]

    @property
    def pids(self) -> tuple[int, ...]:
        return self._most[1]

    @property
    def left_bytes(self) -> int | None:
        """What they leave for engines; None where the card does not tell its size."""
        return None if self._card_bytes is None else max(0, self._card_bytes - self.held_bytes)

    @property
    def _most(self) -> _Held:
        return max(self._lately, default=(0, ()))
