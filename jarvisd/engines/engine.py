"""An engine as the pool sees it: a state that is told, and leases that are counted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from jarvisd.engines.spec import EngineSpec
from jarvisd.errors import EngineError, EngineStartError, EngineUnavailable
from jarvisd.types import EngineState, EngineStatus

_LOGGER = logging.getLogger(__name__)

Tell = Callable[[EngineStatus], None]


class Engine:
    """An engine that lives elsewhere: taken to be ready, because only its answers can tell.

    `leases` counts whoever uses it or waits for it; `in_use` only those who were given it.
    """

    def __init__(self, spec: EngineSpec, tell: Tell) -> None:
        self.spec = spec
        self.leases = 0
        self.in_use = 0
        self._used_s = 0.0
        self._in_use_since_s = 0.0
        self._tell = tell
        self._changed = asyncio.Event()
        self._state = EngineState.FAILED if spec.unusable else EngineState.READY
        self._detail = spec.unusable

    def status(self) -> EngineStatus:
        return EngineStatus(
            self.spec.name, self.spec.kind, self._state, self._detail, leases=self.leases, on_demand=self.spec.on_demand
        )

    def begin_use(self) -> None:
        """Somebody was given it."""
        if self.in_use == 0:
            self._in_use_since_s = time.monotonic()
        self.in_use += 1

    def end_use(self) -> None:
        self.in_use -= 1
        if self.in_use == 0:
            self._used_s += time.monotonic() - self._in_use_since_s

    def used_s(self) -> float:
        """How long it has been in use, by one or by several at once."""
        return self._used_s + (time.monotonic() - self._in_use_since_s if self.in_use else 0.0)

    def want(self, *, background: bool = False, for_good: bool = False) -> None:
        """Somebody needs it: one that is down is brought up. One that lives elsewhere is up."""

    def warm(self) -> None:
        """It is expected to be needed: brought up where that costs nobody his place, and kept as if it were used."""

    async def ready(self, wait_s: float) -> None:
        """Returns when the engine may be used; raises EngineError with what a person can do when it may not."""
        if self._may_be_used():
            return
        try:
            async with asyncio.timeout(wait_s):
                while not self._may_be_used():
                    await self._changed.wait()
        except TimeoutError:
            raise EngineUnavailable(self._why_not_yet()) from None

    def doubt(self, error: EngineError) -> None:
        """An answer was not what it should be."""
        if self._state is EngineState.READY:
            self._become(EngineState.READY, f"Its last answer failed: {error.message}")

    def trust(self) -> None:
        """An answer was what it should be."""
        if self._detail and self._state is EngineState.READY:
            self._become(EngineState.READY)

    def released(self) -> None:
        """Somebody who used it does not any more."""

    def _may_be_used(self) -> bool:
        match self._state:
            case EngineState.FAILED:
                raise EngineStartError(self._detail)
            case EngineState.STOPPING:
                raise EngineUnavailable(f"{self.spec.name} is being stopped.")
        return self._state is EngineState.READY

    def _why_not_yet(self) -> str:
        return f"{self.spec.name} is {self._state.value}; try again in a moment."

    def _become(self, state: EngineState, detail: str = "") -> None:
        self._state, self._detail = state, detail
        self._tell(self.status())
        self._wake_waiting()

    def _wake_waiting(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
