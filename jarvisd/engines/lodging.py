"""An engine as placement sees it, and where engines are whose card nobody counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from jarvisd.engines.lodger import Lodger
from jarvisd.engines.placement import Rung, Tenant, bed

HostFree: TypeAlias = Callable[[], int | None]


class NoCard:
    """Where engines are without a card whose memory anybody counts: they start when they are wanted."""

    def __init__(self, host_free: HostFree) -> None:
        self._host_free = host_free

    def wish(self, engine: Lodger, *, background: bool, for_good: bool) -> None:  # noqa: ARG002 - nobody has to wait
        engine.go(Rung.AWAKE)

    def warm(self, engine: Lodger) -> None:
        engine.go(Rung.AWAKE)

    def bed(self, engine: Lodger) -> Rung:
        need = engine.spec.need
        return bed(tenant(engine, need.awake_bytes, need.asleep_bytes), self._host_free())

    def moved(self) -> None:
        """Nobody waits for room here."""

    def out_of_memory(self, engine: Lodger) -> bool:  # noqa: ARG002 - whoever it is, nobody can make room
        return False


def tenant(engine: Lodger, awake_bytes: int, asleep_bytes: int) -> Tenant:
    """An engine as placement sees it: what it takes is what is known by now."""
    spec = engine.spec
    return Tenant(
        name=spec.name,
        rung=engine.rung,
        awake_bytes=awake_bytes,
        asleep_bytes=asleep_bytes,
        host_bytes=spec.need.host_bytes,
        can_sleep=engine.can_sleep,
        leased=engine.leases > 0,
        pinned=engine.pinned,
        awake_s=engine.awake_s,
        idle_s=engine.idle_s,
        never_with=spec.never_with,
    )
