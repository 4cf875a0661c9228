"""Who must make room on a card so that another engine fits: a pure decision about bytes, asked as often as need be."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

GIB = 1024**3


class Rung(enum.IntEnum):
    """How much of its card an engine holds. A step down frees memory, and coming back takes longer."""

    STOPPED = 0
    ASLEEP_ON_DISK = 1  # its process waits; the weights are read from the disk again
    ASLEEP_IN_RAM = 2  # its process waits; the weights wait in the host's memory
    AWAKE = 3


@dataclass(frozen=True, slots=True)
class Tenant:
    """An engine of a card. `rung` is where it is, or where it is going if that is higher.

    `asleep_bytes` stay on the card while it sleeps, `host_bytes` are then taken of the host's memory. `awake_s`: for
    how long it has been ready; `idle_s`: for how long nobody has used it. One that is leased or pinned is never moved.
    """

    name: str
    rung: Rung
    awake_bytes: int
    asleep_bytes: int = 0
    host_bytes: int = 0
    can_sleep: bool = False
    leased: bool = False
    pinned: bool = False
    awake_s: float = 0.0
    idle_s: float = 0.0
    never_with: frozenset[str] = field(default_factory=frozenset)

    def bytes_at(self, rung: Rung) -> int:
        """Bytes of the card that it holds on a rung."""
        return {Rung.STOPPED: 0, Rung.AWAKE: self.awake_bytes}.get(rung, self.asleep_bytes)

    @property
    def held_bytes(self) -> int:
        """What must be counted for it: a pinned engine keeps its place even while it is down."""
        return self.awake_bytes if self.pinned else self.bytes_at(self.rung)


@dataclass(frozen=True, slots=True)
class Budget:
    """What there is: None is no limit. `min_residency_s` keeps two engines from throwing each other out in turn.

    `min_idle_s`: who was used within so long is not moved either.
    """

    card_bytes: int | None = None
    host_bytes: int | None = None
    min_residency_s: float = 0.0
    min_idle_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Room:
    """It fits once these have come down to their rung, in this order."""

    moves: tuple[tuple[str, Rung], ...] = ()


@dataclass(frozen=True, slots=True)
class Occupied:
    """It would fit, but not now. `retry_in_s`: when time alone may change that; None: when an engine is let go."""

    reason: str
    retry_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class NoRoom:
    """It cannot fit, whoever makes room."""

    reason: str


Decision: TypeAlias = Room | Occupied | NoRoom


def place(
    wanted: Tenant, others: Sequence[Tenant], budget: Budget, *, may_move: bool = True, alone: bool = False
) -> Decision:
    """What must happen on the card before `wanted` may be awake.

    `may_move` False: nothing, or it is not placed. `alone`: everything that may be moved is stopped.
    """
    if (refusal := _never(wanted, others, budget)) is not None:
        return refusal
    free = [other for other in others if _movable(other, budget)] if may_move else []
    start = {other.name: other.rung for other in others}
    rungs = dict(start)
    if alone:
        rungs |= {other.name: Rung.STOPPED for other in free}
    else:
        _bring_down(wanted, others, free, budget, rungs)
    if not _fits(wanted, others, budget, rungs):
        return _occupied(wanted, others, budget, may_move=may_move)
    if alone and (
        left := [other for other in others if other.rung > Rung.STOPPED and not other.pinned and other.leased]
    ):
        return Occupied(f"{wanted.name} needs its card alone, and {_names(left)} is in use.")
    moves = [(name, rung) for name, rung in rungs.items() if rung < start[name]]
    return Room(tuple(moves))


def give_back(tenants: Sequence[Tenant], budget: Budget) -> tuple[tuple[str, Rung], ...]:
    """Who steps down, and how far, so that the others fit into what is left of the card: the longest unused first.

    Those that are leased or pinned stay, so that it may not be enough. Nobody's residency counts.
    """
    nobody = Tenant("", Rung.STOPPED, 0)
    at_once = replace(budget, min_residency_s=0.0)
    rungs = {tenant.name: tenant.rung for tenant in tenants}
    _bring_down(nobody, tenants, [tenant for tenant in tenants if _movable(tenant, at_once)], at_once, rungs)
    return tuple((tenant.name, rungs[tenant.name]) for tenant in tenants if rungs[tenant.name] < tenant.rung)


def bed(tenant: Tenant, host_free_bytes: int | None) -> Rung:
    """The rung on which an engine that is not needed waits: in RAM where that has room."""
    if not tenant.can_sleep:
        return Rung.STOPPED
    in_ram = host_free_bytes is None or tenant.host_bytes <= host_free_bytes
    return Rung.ASLEEP_IN_RAM if in_ram else Rung.ASLEEP_ON_DISK


def gib(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / GIB:.1f} GiB"


def _never(wanted: Tenant, others: Sequence[Tenant], budget: Budget) -> NoRoom | None:
    pinned = [other for other in others if other.pinned]
    if rivals := [other for other in pinned if _rivals(wanted, other)]:
        return NoRoom(f"{wanted.name} is never awake together with {_names(rivals)}, which is pinned.")
    if budget.card_bytes is None:
        return None
    kept = sum(other.awake_bytes for other in pinned)
    if wanted.awake_bytes + kept <= budget.card_bytes:
        return None
    reason = f"{wanted.name} needs {gib(wanted.awake_bytes)}, and its card has {gib(budget.card_bytes)}"
    return NoRoom(f"{reason}, of which {_names(pinned)} (pinned) keeps {gib(kept)}." if pinned else f"{reason}.")


def _bring_down(
    wanted: Tenant, others: Sequence[Tenant], free: Iterable[Tenant], budget: Budget, rungs: dict[str, Rung]
) -> None:
    """Sends engines to sleep, the longest unused first, and stops them only where sleep does not free enough."""
    by_idleness = sorted(free, key=lambda tenant: (-tenant.idle_s, tenant.name))
    host_free = budget.host_bytes
    for tenant in by_idleness:
        if tenant.rung is Rung.AWAKE and (_rivals(wanted, tenant) or not _fits(wanted, others, budget, rungs)):
            rungs[tenant.name] = rung = bed(tenant, host_free)
            if rung is Rung.ASLEEP_IN_RAM and host_free is not None:
                host_free -= tenant.host_bytes
    for tenant in by_idleness:
        if rungs[tenant.name] > Rung.STOPPED and not _fits(wanted, others, budget, rungs):
            rungs[tenant.name] = Rung.STOPPED
    for tenant in reversed(by_idleness):  # who was moved for nothing stays, the last used first
        moved, rungs[tenant.name] = rungs[tenant.name], tenant.rung
        if not _fits(wanted, others, budget, rungs):
            rungs[tenant.name] = moved


def _fits(wanted: Tenant, others: Sequence[Tenant], budget: Budget, rungs: dict[str, Rung]) -> bool:
    if any(rungs[other.name] is Rung.AWAKE and _rivals(wanted, other) for other in others):
        return False
    if budget.card_bytes is None:
        return True
    held = sum(replace(other, rung=rungs[other.name]).held_bytes for other in others)
    return wanted.awake_bytes + held <= budget.card_bytes


def _occupied(wanted: Tenant, others: Sequence[Tenant], budget: Budget, *, may_move: bool) -> Occupied:
    holding = [other for other in others if other.rung > Rung.STOPPED and not other.pinned]
    if not may_move or budget.min_idle_s > 0:
        return Occupied(f"{wanted.name} starts when it is asked: {_names(holding)} has the card.")
    in_use = [other for other in holding if other.leased]
    if in_use:
        return Occupied(f"{wanted.name} waits for its card: {_names(in_use)} is in use.", _rest_s(holding, budget))
    return Occupied(
        f"{wanted.name} waits for its card: {_names(holding)} has only just become ready.", _rest_s(holding, budget)
    )


def _rest_s(holding: Iterable[Tenant], budget: Budget) -> float | None:
    """Until the next of those that nobody uses may be moved."""
    rests = [budget.min_residency_s - tenant.awake_s for tenant in holding if not tenant.leased]
    return min((rest for rest in rests if rest > 0), default=None)


def _movable(tenant: Tenant, budget: Budget) -> bool:
    if tenant.pinned or tenant.leased or tenant.rung is Rung.STOPPED:
        return False
    if tenant.rung is not Rung.AWAKE:
        return True
    return tenant.awake_s >= budget.min_residency_s and tenant.idle_s >= budget.min_idle_s


def _rivals(one: Tenant, other: Tenant) -> bool:
    return other.name in one.never_with or one.name in other.never_with


def _names(tenants: Iterable[Tenant]) -> str:
    return " and ".join(tenant.name for tenant in tenants) or "nobody"
