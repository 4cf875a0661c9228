"""An engine that comes and goes on a card: where it shall be, where it is, and whoever decides about that."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from typing import Protocol

from jarvisd.engines.engine import Engine, Tell
from jarvisd.engines.placement import Rung
from jarvisd.engines.spec import EngineSpec
from jarvisd.errors import EngineUnavailable
from jarvisd.types import EngineState


class Landlord(Protocol):
    """Who decides when an engine may be up."""

    def wish(self, engine: Lodger, *, background: bool, for_good: bool) -> None:
        """Brings the engine up as soon as that may be. `for_good`: also when nobody waits for it any more."""

    def warm(self, engine: Lodger) -> None:
        """Brings the engine up now if nobody in use must go for it; otherwise it stays as it is."""

    def bed(self, engine: Lodger) -> Rung:
        """Where an engine waits that is not needed."""

    def moved(self) -> None:
        """Something about an engine is different: its place, its state, or its leases."""

    def out_of_memory(self, engine: Lodger) -> bool:
        """The card was too full for it. Returns whether it will be started again once there is room."""


class Lodger(Engine, ABC):
    """Others say with `go` where it shall be; its owner brings it there: awake, asleep or stopped."""

    def __init__(self, spec: EngineSpec, tell: Tell, landlord: Landlord) -> None:
        super().__init__(spec, tell)
        self._state = EngineState.STOPPED
        self._landlord = landlord
        self._aim = self._rung = Rung.STOPPED
        self._may_sleep = spec.can_sleep
        self._ready_at: float | None = None
        self._used_at = 0.0
        self._closing = False
        self._pinned_now = False
        self._barred = ""
        self._refused = ""
        self._waits = ""
        self._lost = ""
        self._attention = asyncio.Event()

    @abstractmethod
    async def run(self) -> None:
        """Brings it to where it shall be, until cancelled."""

    def released(self) -> None:
        self._used_at = now_s()
        self._attention.set()
        self._landlord.moved()

    def want(self, *, background: bool = False, for_good: bool = False) -> None:
        self._refused = ""
        if self._aim is not Rung.AWAKE and self._state is not EngineState.FAILED:
            self._landlord.wish(self, background=background, for_good=for_good)

    def warm(self) -> None:
        if self._aim is Rung.AWAKE:
            self.released()
        elif self._state is not EngineState.FAILED:
            self._landlord.warm(self)

    def go(self, rung: Rung) -> None:
        """Where it shall be from now on. Nobody is given an engine that is to go down."""
        self._aim, self._waits = Rung.STOPPED if self._lost else rung, ""
        self._attention.set()

    def retire(self) -> None:
        """A step down, if nobody uses it: asleep where it can, otherwise stopped."""
        if not self.leases and not self.pinned and self._rung > Rung.STOPPED and self._aim is Rung.AWAKE:
            self.go(self._landlord.bed(self))

    def refuse(self, reason: str) -> None:
        """It will not be brought up: whoever waits for it is told why."""
        told, self._refused, self._waits = self._detail == reason, reason, ""
        if told and not self.leases:
            return  # asked once a minute, nobody needs to hear it again
        self._become(EngineState.STOPPED if self._rung is Rung.STOPPED else self._state, reason)

    def bar(self, reason: str) -> None:
        """Nobody is given it from now on, and who waits is told why; who has it keeps it. Nothing: it is free again."""
        self._barred = reason
        self._wake_waiting()

    def lose_card(self, reason: str) -> None:
        """Its card is gone: it ends, used or not, and stays failed and down until `find_card`."""
        self._lost = reason
        self.go(Rung.STOPPED)
        self._become(EngineState.FAILED)

    def find_card(self) -> None:
        """Its card is back, and its process of that time has ended: it may be wanted again."""
        self._lost = ""
        self._become(EngineState.STOPPED)

    def wait_for(self, reason: str) -> None:
        """It is brought up later; who gives up waiting is told why it took so long."""
        self._waits = reason

    async def arrival(self, rung: Rung) -> None:
        """Waits until it holds no more of its card than on this rung."""
        while self._rung > rung:
            await self._changed.wait()

    @property
    def rung(self) -> Rung:
        """What must be counted for it: where it is, or where it is going if that is higher."""
        return max(self._aim, self._rung)

    @property
    def pinned(self) -> bool:
        """Whether it keeps its place: by the configuration, or because a person said so."""
        return self.spec.pinned or self._pinned_now

    def pin(self, pinned: bool) -> None:
        self._pinned_now = pinned
        self._attention.set()
        self._tell(self.status())
        self._landlord.moved()

    @property
    def is_settled(self) -> bool:
        """Whether it is where it shall be, and was proven there."""
        return self._aim is self._rung and (self._rung is Rung.STOPPED or self.is_ready or self.is_asleep)

    @property
    def is_asleep(self) -> bool:
        return self._state is EngineState.ASLEEP

    @property
    def is_ready(self) -> bool:
        """Whether it is ready and shall stay so."""
        return self._ready_at is not None and self._aim is Rung.AWAKE

    @property
    def has_lost_card(self) -> bool:
        return bool(self._lost)

    @property
    def can_sleep(self) -> bool:
        """Whether it could fall asleep now: one that only starts can only be stopped."""
        return self._may_sleep and (self._ready_at is not None or self.is_asleep)

    @property
    def awake_s(self) -> float:
        """For how long it has been ready. One that failed has no claim to its place."""
        if self._state is EngineState.FAILED:
            return math.inf
        return now_s() - self._ready_at if self._ready_at is not None else 0.0

    @property
    def idle_s(self) -> float:
        """For how long nobody has used it."""
        return now_s() - self._used_at

    def _may_be_used(self) -> bool:
        if self._barred:
            raise EngineUnavailable(self._barred)
        if self._refused and self._aim is not Rung.AWAKE:
            raise EngineUnavailable(self._refused)
        if self._state is EngineState.STOPPING and not self._closing:
            return False  # it made room for another, and comes back in its turn
        return super()._may_be_used() and self._aim is Rung.AWAKE

    def _why_not_yet(self) -> str:
        return self._waits or super()._why_not_yet()

    def _become(self, state: EngineState, detail: str = "") -> None:
        if self._lost:  # whatever its process does meanwhile
            state, detail = EngineState.FAILED, self._lost
        super()._become(state, detail)
        self._landlord.moved()

    def _bedtime(self, awake_part: float) -> float | None:
        """When it goes a step down if nobody uses it until then; None: never, or not now."""
        if not self.spec.on_demand or self.pinned or self.leases:
            return None
        sleeps_first = self._may_sleep and self._rung is Rung.AWAKE
        return self._used_at + self.spec.keep_alive_s * (awake_part if sleeps_first else 1.0)


def now_s() -> float:
    """The loop's clock."""
    return asyncio.get_running_loop().time()
