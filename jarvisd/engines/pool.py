"""The engines of the house: started together, leased by name, shown to whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from jarvisd.bus import Bus
from jarvisd.engines.card import Card
from jarvisd.engines.engine import Engine
from jarvisd.engines.leftovers import ChildRecords
from jarvisd.engines.lodger import Lodger
from jarvisd.engines.lodging import HostFree, NoCard
from jarvisd.engines.owner import ChildEngine, Pace, Probe, SleepCalls
from jarvisd.engines.placement import Rung
from jarvisd.engines.spec import EngineSpec
from jarvisd.errors import EngineError, EngineUnavailable
from jarvisd.events import EngineStateChanged
from jarvisd.types import Endpoint, EngineStatus, EngineUse, GpuStatus


class EnginePool:
    """Leases engines. `probes` has one for each protocol that occurs; `run` is the service that owns the children.

    An engine whose card is in `cards` comes up when that has room for it, all others whenever they are wanted.
    `sleep_calls` are for engines that can sleep, `host_free` says how much of the host's memory they may sleep in.
    With `records`, what an earlier daemon's engines left behind is ended first.
    """

    def __init__(
        self,
        specs: Iterable[EngineSpec],
        probes: Mapping[str, Probe],
        bus: Bus,
        pace: Pace | None = None,
        *,
        cards: Iterable[Card] = (),
        sleep_calls: SleepCalls | None = None,
        host_free: HostFree = lambda: None,
        records: ChildRecords | None = None,
    ) -> None:
        self._bus = bus
        self._probes = probes
        self._pace = pace or Pace()
        self._sleep_calls = sleep_calls
        self._records = records
        self._cards = {card.uuid: card for card in cards}
        self._no_card = NoCard(host_free)
        self._engines = {spec.name: self._engine(spec) for spec in specs}
        # Nobody but a question or a person brings these up again.
        self._unloaded: set[str] = set()

    async def run(self) -> None:
        """Starts the engines that start at boot and keeps them alive; cancelled, it ends them all."""
        for engine in self._engines.values():
            self._tell(engine.status())
        if self._records is not None:
            await asyncio.to_thread(self._records.sweep)
        async with asyncio.TaskGroup() as owners:
            for engine in self._engines.values():
                if isinstance(engine, Lodger):
                    if not engine.spec.on_demand:
                        self._at_boot(engine)
                    owners.create_task(engine.run(), name=f"engine {engine.spec.name}")
            for card in self._cards.values():
                owners.create_task(card.run(), name=f"card {card.uuid}")
            await asyncio.Event().wait()

    @asynccontextmanager
    async def lease(self, name: str, wait_s: float = 10.0, *, background: bool = False) -> AsyncIterator[Endpoint]:
        """The endpoint of an engine while it is in use. One that is down is brought up, and waited for up to `wait_s`.

        Where several wait for the same card, `background` leaves others the precedence. Raises EngineStartError or
        EngineUnavailable, with what a person can do, when it cannot be used. An EngineError out of the block makes the
        engine's owner ask it for proof.
        """
        engine = self._find(name)
        self._unloaded.discard(name)
        engine.leases += 1
        try:
            engine.want(background=background)
            await engine.ready(wait_s)
            engine.begin_use()
            try:
                yield engine.spec.endpoint
            except EngineError as error:
                engine.doubt(error)
                raise
            else:
                engine.trust()
            finally:
                engine.end_use()
        finally:
            engine.leases -= 1
            engine.released()

    def report_failure(self, name: str, error: EngineError) -> None:
        """An engine's answer was not what it should be: its owner asks it for proof, and restarts it without one."""
        self._find(name).doubt(error)

    def statuses(self) -> tuple[EngineStatus, ...]:
        return tuple(engine.status() for engine in self._engines.values())

    def uses(self) -> tuple[EngineUse, ...]:
        """How the engines that have a card are used."""
        return tuple(
            EngineUse(engine.spec.name, engine.spec.need.card, engine.status().state, engine.used_s())
            for engine in self._engines.values()
            if engine.spec.need.card is not None
        )

    def want(self, name: str) -> None:
        """Brings an engine up for a use that is to come, without waiting for it."""
        self._unloaded.discard(name)
        self._find(name).want(background=True, for_good=True)

    def keep_warm(self, name: str) -> None:
        """Has it up from now on as if it had just been used, if nobody in use must go for it. Ask once a minute.

        One that a person unloaded stays down until it is used.
        """
        if name not in self._unloaded:
            self._find(name).warm()

    def warm(self, name: str) -> None:
        """Has it up from now on as if it had just been used, whoever must go for it."""
        self._unloaded.discard(name)
        engine = self._find(name)
        engine.want(background=True, for_good=True)
        engine.released()

    async def ready(self, name: str, wait_s: float) -> None:
        """Returns when an engine is ready; raises EngineError when it is not, or not in time."""
        await self._find(name).ready(wait_s)

    async def unload(self, name: str) -> None:
        """Ends an engine until it is needed again; returns when its process has ended.

        Raises EngineUnavailable for one that is in use, pinned, or lives elsewhere.
        """
        engine = self._find(name)
        if not isinstance(engine, Lodger):
            raise EngineUnavailable(f"{name} is not started by jarvisd, so it cannot be unloaded.")
        if engine.leases:
            raise EngineUnavailable(f"{name} is in use: unload it when it has answered.")
        if engine.pinned:
            raise EngineUnavailable(f"{name} is pinned: `jarvisd unpin {name}` first, or take pinned out of its table.")
        self._unloaded.add(name)
        engine.go(Rung.STOPPED)
        await engine.arrival(Rung.STOPPED)

    def pin(self, name: str, *, pinned: bool) -> None:
        """Lets an engine keep its place from now on, or not any more."""
        engine = self._find(name)
        if not isinstance(engine, Lodger):
            raise EngineUnavailable(f"{name} is not started by jarvisd, so it needs no pin.")
        if not pinned and engine.spec.pinned:
            raise EngineUnavailable(f"{name} is pinned by the configuration: take pinned out of its table.")
        engine.pin(pinned)

    def cards(self) -> tuple[str, ...]:
        """The UUIDs of the cards that engines may have."""
        return tuple(self._cards)

    def release_card(self, uuid: str, for_s: float, until_text: str) -> None:
        """Takes a card from the engines for a while."""
        self._cards[uuid].release(for_s, until_text)

    def reclaim_card(self, uuid: str) -> None:
        """Gives a released card back to the engines."""
        self._cards[uuid].reclaim()

    async def left(self, uuids: Iterable[str]) -> None:
        """Returns when every engine that nobody uses has left these cards."""
        for engine in self._on(uuids):
            if not engine.leases:
                await engine.arrival(Rung.STOPPED)

    def on_cards(self, uuids: Iterable[str]) -> tuple[str, ...]:
        """The engines that have a process on one of these cards."""
        return tuple(engine.spec.name for engine in self._on(uuids) if engine.rung > Rung.STOPPED)

    def _on(self, uuids: Iterable[str]) -> list[Lodger]:
        wanted = set(uuids)
        return [
            engine
            for engine in self._engines.values()
            if isinstance(engine, Lodger) and engine.spec.need.card in wanted
        ]

    def let_go(self, name: str) -> None:
        """An engine that nobody needs sleeps or ends now; one that is in use or pinned stays."""
        engine = self._find(name)
        if isinstance(engine, Lodger):
            engine.retire()

    def look(self, statuses: Iterable[GpuStatus]) -> None:
        """Takes a reading of the cards: engines make way for other programs, and leave a card that is lost."""
        for status in statuses:
            if (card := self._cards.get(status.reading.uuid)) is not None:
                card.look(status)

    def on_demand(self) -> tuple[EngineStatus, ...]:
        """The engines that come and go by use."""
        return tuple(engine.status() for engine in self._engines.values() if engine.spec.on_demand)

    def _engine(self, spec: EngineSpec) -> Engine:
        if spec.argv is None or spec.unusable:
            return Engine(spec, self._tell)
        card = self._cards.get(spec.need.card or "")
        landlord = card or self._no_card
        probe = self._probes[spec.protocol]
        engine = ChildEngine(spec, spec.argv, self._tell, probe, self._pace, landlord, self._sleep_calls, self._records)
        if card is not None:
            card.add(engine)
        return engine

    def _at_boot(self, engine: Lodger) -> None:
        card = self._cards.get(engine.spec.need.card or "")
        if card is not None:
            card.wish_at_boot(engine)
        else:
            engine.want()

    def _find(self, name: str) -> Engine:
        if name not in self._engines:
            raise EngineUnavailable(f"There is no engine {name}; add [engines.{name}] to the configuration.")
        return self._engines[name]

    def _tell(self, status: EngineStatus) -> None:
        self._bus.publish(EngineStateChanged(status))
