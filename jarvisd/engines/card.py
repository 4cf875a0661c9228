"""The owner of one card's memory: brings engines up one wish after another, and lets others make room for them."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from jarvisd.engines.closed import Closed
from jarvisd.engines.lodger import Lodger, now_s
from jarvisd.engines.lodging import HostFree, tenant
from jarvisd.engines.measured import Measuring, Resident
from jarvisd.engines.needs import LearnedNeeds
from jarvisd.engines.placement import Budget, Decision, NoRoom, Occupied, Room, Rung, Tenant, bed, gib, give_back, place
from jarvisd.engines.process import session_of
from jarvisd.engines.readings import CardReadings, Fresh
from jarvisd.types import GpuReading, GpuState, GpuStatus

_LOGGER = logging.getLogger(__name__)

# A card that was too full wanted at least so much more than there was.
OUT_OF_MEMORY_STEP_BYTES = 256 << 20
READING_LOOK_S = 0.05
# A rest smaller than the clock's own step must not become a wait of nothing, again and again.
SHORTEST_WAIT_S = 0.01
# For an engine that is only expected to be wanted, nobody goes who was used, or expected himself, within so long.
WARM_SPARES_S = 300.0
# Engines step down when they exceed what other programs leave by more than this part of the card: needs are estimates.
TOLERATED_PART = 1 / 64
# A measurement that exceeds what was known by less than this part teaches nothing.
NOTED_PART = 1 / 100
_HOW = {Rung.AWAKE: "of its card", Rung.ASLEEP_IN_RAM: "of its card asleep", Rung.ASLEEP_ON_DISK: "of its card asleep"}
# A card in one of these tells nothing new about its memory.
_UNREADABLE = frozenset({GpuState.UNKNOWN, GpuState.HUNG, GpuState.LOST, GpuState.DRIVER_MISMATCH})

Moves: TypeAlias = tuple[tuple[str, Rung], ...]


@dataclass(slots=True)
class _Wish:
    """An engine that shall come up. `for_good`: whether or not anybody waits; `alone`: with the card to itself.

    `spares_s`: only who was not used for so long is moved for it. More than 0: it comes up now or not at all.
    """

    engine: Lodger
    background: bool
    for_good: bool
    number: int
    spares_s: float = 0.0
    alone: bool = False

    @property
    def turn(self) -> tuple[bool, int]:
        """Questions of people come before work in the background, and otherwise who came first."""
        return (self.background, self.number)

    @property
    def at_boot(self) -> bool:
        """Whether nobody is moved for it at all."""
        return self.spares_s == math.inf


class Card:
    """Decides who may be on a card. `run` is its owner; engines come up nowhere else, so its memory is never exceeded.

    `memory_bytes` is asked each time: what engines may take in all, or None where that is not known. With `fresh`,
    memory is seen to be back after an engine was stopped, before the next one starts.
    """

    def __init__(
        self,
        uuid: str,
        *,
        memory_bytes: Callable[[], int | None],
        host_free: HostFree,
        needs: LearnedNeeds,
        min_residency_s: float,
        first_reading_s: float = 0.0,
        fresh: Fresh | None = None,
    ) -> None:
        self.uuid = uuid
        self._memory_bytes = memory_bytes
        self._host_free = host_free
        self._needs = needs
        self._min_residency_s = min_residency_s
        self._first_reading_s = first_reading_s
        self._engines: list[Lodger] = []
        self._wishes: dict[str, _Wish] = {}
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        self._unsaved = False
        self._told: dict[str, str] = {}
        # Engines that ran out of memory and were given the card alone: until they were ready, that is not done again.
        self._had_it_alone: set[str] = set()
        self._seen = CardReadings(uuid[:12], fresh)
        self._closed = Closed(uuid[:12])
        self._measuring = Measuring(session_of)
        # Engines that come back by themselves when the card is free and well again.
        self._owed: set[str] = set()
        self._was_released = False

    def add(self, engine: Lodger) -> None:
        self._engines.append(engine)

    def wish(self, engine: Lodger, *, background: bool, for_good: bool) -> None:
        known = self._wishes.get(engine.spec.name)
        if known is None:
            self._wishes[engine.spec.name] = _Wish(engine, background, for_good, next(self._numbers))
        else:
            known.background = known.background and background
            known.for_good = known.for_good or for_good
            known.spares_s = 0.0
        self._changed.set()

    def wish_at_boot(self, engine: Lodger) -> None:
        """Comes up where there is room; nobody is moved for it."""
        self._wishes[engine.spec.name] = _Wish(engine, True, True, next(self._numbers), spares_s=math.inf)
        self._changed.set()

    def warm(self, engine: Lodger) -> None:
        """Comes up ahead of time, where those have room who are in use; asked again later, it may be different."""
        if engine.spec.name not in self._wishes:
            self._wishes[engine.spec.name] = _Wish(engine, True, True, next(self._numbers), spares_s=WARM_SPARES_S)
            self._changed.set()

    def bed(self, engine: Lodger) -> Rung:
        return bed(self._tenant(engine), self._host_free())

    def moved(self) -> None:
        ready = {engine.spec.name for engine in self._engines if engine.is_ready}
        self._had_it_alone -= ready
        self._owed -= ready
        self._changed.set()

    def look(self, status: GpuStatus) -> None:
        """Takes a reading of the card: how it is, what other programs hold of it, and what engines do."""
        health, before, barred = status.health, self._limit(), self._no_start
        if health.state not in _UNREADABLE and status.reading.fault is None:
            self._seen.note(status.reading)
            self._measure(status.reading)
        if health.state not in _UNREADABLE:
            self._closed.find()
        was_lost = self._closed.lost
        self._closed.note(health)
        if self._closed.lost and not was_lost:
            self._lose()
        limit = self._limit()
        if (barred and not self._no_start) or (before is not None and limit is not None and limit > before):
            self._bring_back()
        if limit != before or barred != self._no_start:
            self._changed.set()

    def release(self, for_s: float, until_text: str) -> None:
        """Gives the card to somebody else: whoever is not in use ends now, pinned or not, and comes back after it."""
        self._closed.release(now_s() + for_s, until_text)
        for engine in self._engines:
            engine.bar(self._no_start)
        self._changed.set()

    def reclaim(self) -> None:
        """It is the engines' again: those that had to go come up where there is room."""
        self._closed.reclaim()
        self._return()
        self._changed.set()

    def out_of_memory(self, engine: Lodger) -> bool:
        """Learns that it takes more than there was for it; once, it may try again with the card to itself."""
        limit = self._memory_bytes()
        known = self._needs.of(engine.spec.need)
        more = known + OUT_OF_MEMORY_STEP_BYTES
        if self._needs.learn(engine.spec.need, more if limit is None else min(limit, more)):
            self._unsaved = True
        if engine.spec.name in self._had_it_alone:
            return False
        self._had_it_alone.add(engine.spec.name)
        _LOGGER.warning(
            "engine %s did not fit where %s were expected; it is started once more with its card to itself",
            engine.spec.name,
            gib(known),
        )
        self._wishes[engine.spec.name] = _Wish(
            engine, background=not engine.leases, for_good=True, number=next(self._numbers), alone=True
        )
        self._changed.set()
        return True

    async def run(self) -> None:
        """Fulfils wishes until cancelled."""
        await self._until_read()
        while True:
            self._changed.clear()
            retry_in_s = await self._fulfil()
            if self._unsaved:
                self._unsaved = False
                await asyncio.to_thread(self._needs.save)
            try:
                async with asyncio.timeout(retry_in_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _until_read(self) -> None:
        """Waits a moment for the card's size: without it, everything would be started at once."""
        for _ in range(round(self._first_reading_s / READING_LOOK_S)):
            if self._memory_bytes() is not None:
                return
            await asyncio.sleep(READING_LOOK_S)

    async def _fulfil(self) -> float | None:
        """Serves wishes in their turn; returns when time alone may help the first that has to wait."""
        self._find_engines()
        await self._give_back()
        if released_s := self._closed.released_s(now_s()):
            await self._leave()
        elif self._was_released:
            self._return()
        self._was_released = bool(released_s)
        while (wish := self._next()) is not None:
            decision = self._decide(wish)
            match decision:
                case Room(moves):
                    await self._make_room(wish, moves)
                case Occupied(reason, retry_in_s) if not wish.spares_s:
                    wish.engine.wait_for(reason)
                    return _soonest(retry_in_s, released_s)
                case Occupied(reason) | NoRoom(reason):
                    self._refuse(wish, reason)
            self._wishes.pop(wish.engine.spec.name, None)
        return _soonest(None, released_s)

    def _refuse(self, wish: _Wish, reason: str) -> None:
        """Told in the log once, however often it is asked for."""
        name = wish.engine.spec.name
        if wish.at_boot and (self._no_start or self._is_shared):
            self._owed.add(name)
        if self._told.get(name) != reason:
            self._told[name] = reason
            _LOGGER.log(logging.INFO if wish.spares_s else logging.WARNING, "%s", reason)
        wish.engine.refuse(reason)

    def _next(self) -> _Wish | None:
        """The first wish that somebody still has."""
        for name, wish in list(self._wishes.items()):
            if not wish.for_good and not wish.engine.leases:
                del self._wishes[name]
        return min(self._wishes.values(), key=lambda wish: wish.turn, default=None)

    def _decide(self, wish: _Wish) -> Decision:
        if self._no_start:
            return NoRoom(self._no_start)
        wanted = self._tenant(wish.engine)
        others = [self._tenant(engine) for engine in self._engines if engine is not wish.engine]
        budget = Budget(self._limit(), self._host_free(), self._min_residency_s, wish.spares_s)
        decision = place(wanted, others, budget, may_move=not wish.at_boot, alone=wish.alone)
        if isinstance(decision, NoRoom) and self._is_shared:
            without = place(wanted, others, replace(budget, card_bytes=self._memory_bytes()))
            return decision if isinstance(without, NoRoom) else NoRoom(self._why_no_room(wanted))
        return decision

    def _limit(self) -> int | None:
        """What engines may take now: not what other programs hold."""
        known = [count for count in (self._memory_bytes(), self._seen.others.left_bytes) if count is not None]
        return min(known, default=None)

    @property
    def _is_shared(self) -> bool:
        """Whether other programs hold some of what engines may take."""
        return self._seen.others.held_bytes > 0 and self._limit() != self._memory_bytes()

    def _why_no_room(self, wanted: Tenant) -> str:
        pids = self._seen.others.pids
        who = f"pid{'s' if len(pids) > 1 else ''} {', '.join(map(str, pids))}"
        held, needs = gib(self._seen.others.held_bytes), gib(wanted.awake_bytes)
        return f"{self._short}: {held} are in use by other programs ({who}); {wanted.name} needs {needs}."

    @property
    def _no_start(self) -> str:
        """Why nothing may come up on it, or nothing where it may."""
        return self._closed.why(now_s())

    @property
    def _short(self) -> str:
        """As much of its UUID as people need."""
        return self._closed.short

    def _lose(self) -> None:
        for engine in self._engines:
            if engine.rung is Rung.AWAKE:
                self._owed.add(engine.spec.name)
            engine.lose_card(self._no_start)

    def _find_engines(self) -> None:
        """On a card that is back, engines may come up whose processes from before the loss have ended."""
        found = [engine for engine in self._engines if engine.has_lost_card and engine.rung is Rung.STOPPED]
        if found and not self._closed.lost:
            for engine in found:
                engine.find_card()
            self._bring_back()

    def _bring_back(self) -> None:
        """Who had to go comes up again where there is room; nobody is moved for it."""
        for engine in self._engines:
            name = engine.spec.name
            if name in self._owed and name not in self._wishes and not engine.has_lost_card:
                self.wish_at_boot(engine)

    async def _give_back(self) -> None:
        """Makes way for other programs, as far as nobody uses the engines."""
        limit, own = self._limit(), self._memory_bytes()
        if limit is None or own is None or not self._is_shared:
            return
        budget = Budget(limit + int(own * TOLERATED_PART), self._host_free())
        moves = give_back([self._tenant(engine) for engine in self._engines], budget)
        awake = {engine.spec.name for engine in self._engines if engine.rung is Rung.AWAKE}
        self._owed |= awake & {name for name, _ in moves}
        await self._step_down(moves, f"other programs, which hold {gib(self._seen.others.held_bytes)} of {self._short}")

    def _return(self) -> None:
        for engine in self._engines:
            engine.bar("")
        self._bring_back()

    async def _leave(self) -> None:
        """Ends whoever is not in use, because a person wants the card."""
        leaving = [engine for engine in self._engines if engine.rung > Rung.STOPPED and not engine.leases]
        self._owed |= {engine.spec.name for engine in leaving if engine.rung is Rung.AWAKE}
        await self._step_down(
            tuple((engine.spec.name, Rung.STOPPED) for engine in leaving), f"whoever has {self._short}"
        )

    async def _make_room(self, wish: _Wish, moves: Moves) -> None:
        await self._step_down(moves, wish.engine.spec.name)
        wish.engine.go(Rung.AWAKE)

    async def _step_down(self, moves: Moves, whom: str) -> None:
        moving = [(engine, rung) for name, rung in moves for engine in self._engines if engine.spec.name == name]
        stopping = [engine for engine, rung in moving if rung is Rung.STOPPED]
        sessions = {pid for engine in stopping if (pid := engine.status().pid) is not None}
        held = sum(self._tenant(engine).held_bytes for engine in stopping)
        for engine, rung in moving:
            _LOGGER.info("engine %s makes room for %s: %s", engine.spec.name, whom, rung.name.lower())
            engine.go(rung)
        # A child that was told to go still has its memory, until it has gone.
        for engine, rung in moving:
            await engine.arrival(rung)
        if sessions:
            await self._seen.until_back(sessions, held)

    def _measure(self, reading: GpuReading) -> None:
        """Learns what engines hold that are where they shall be."""
        residents = [self._resident(engine) for engine in self._engines]
        needs = {engine.spec.name: engine.spec.need for engine in self._engines}
        limit = self._memory_bytes()
        for one in self._measuring.note(reading, residents):
            held = one.held_bytes if limit is None else min(limit, one.held_bytes)
            known = self._needs.at(needs[one.name], one.rung)
            if held > known * (1 + NOTED_PART) and self._needs.learn(needs[one.name], held, one.rung):
                self._unsaved = True
                self._changed.set()
                _LOGGER.info("engine %s takes %s %s, not %s", one.name, gib(held), _HOW[one.rung], gib(known))

    def _resident(self, engine: Lodger) -> Resident:
        known = self._needs.of(engine.spec.need)
        return Resident(engine.spec.name, engine.status().pid, engine.rung, engine.is_settled, known)

    def _tenant(self, engine: Lodger) -> Tenant:
        need = engine.spec.need
        return tenant(engine, self._needs.of(need), self._needs.at(need, Rung.ASLEEP_IN_RAM))


def _soonest(retry_in_s: float | None, released_s: float) -> float | None:
    """The shortest wait of those that there are."""
    waits = [wait for wait in (retry_in_s, released_s or None) if wait is not None]
    return max(min(waits), SHORTEST_WAIT_S) if waits else None
