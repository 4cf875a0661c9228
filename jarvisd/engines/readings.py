"""What a card itself says of its memory, and waiting for it to say that memory is free again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from jarvisd.engines.others import OtherPrograms
from jarvisd.engines.process import session_of
from jarvisd.types import GpuReading

_LOGGER = logging.getLogger(__name__)

# Returns once a reading of the cards was taken that began after the call, or when none is to be had.
Fresh: TypeAlias = Callable[[], Awaitable[None]]

# Memory of a process that has ended is the card's again within so long; what is not counts as another program's then.
MEMORY_BACK_S = 5.0
LOOK_S = 0.05
# Where the driver tells no processes apart, so much of what an engine was counted for must be free again.
BACK_PART = 0.8


class CardReadings:
    """The last good reading of a card, and what other programs hold by the last few. `short`: the card for people."""

    def __init__(self, short: str, fresh: Fresh | None) -> None:
        self.others = OtherPrograms()
        self._short = short
        self._fresh = fresh
        self._last: GpuReading | None = None

    def note(self, reading: GpuReading) -> None:
        """Takes the next good reading."""
        self._last = reading
        self.others.note(reading)

    async def until_back(self, sessions: set[int], held_bytes: int) -> None:
        """Waits until the memory of children that have ended is free, as far as the card can be asked.

        `sessions` are theirs, `held_bytes` what they were counted for.
        """
        before = self._last
        if self._fresh is None or before is None:
            return
        try:
            async with asyncio.timeout(MEMORY_BACK_S):
                await self._fresh()
                while _still_held(self._last, before, sessions, held_bytes):
                    await asyncio.sleep(LOOK_S)
                    await self._fresh()
        except TimeoutError:
            _LOGGER.warning("%s: memory of engines that have ended is not free after %g s", self._short, MEMORY_BACK_S)


def _still_held(now: GpuReading | None, before: GpuReading, sessions: set[int], held_bytes: int) -> bool:
    """Whether memory of these sessions is in use: by their processes, or by what is in use in all."""
    if now is None or now is before:
        return False  # the card does not answer any more: nothing to wait for
    if any(process.memory_bytes for process in (*before.processes, *now.processes)):
        return any(process.memory_bytes and session_of(process.pid) in sessions for process in now.processes)
    if now.memory_used_bytes is None or before.memory_used_bytes is None:
        return False
    return before.memory_used_bytes - now.memory_used_bytes < held_bytes * BACK_PART
