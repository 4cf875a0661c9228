"""The engines of the house: started together, leased by name, shown to whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from jarvisd.bus import Bus
from jarvisd.engines.engine import Engine
from jarvisd.engines.owner import ChildEngine, Pace, Probe
from jarvisd.engines.spec import EngineSpec
from jarvisd.errors import EngineError, EngineUnavailable
from jarvisd.events import EngineStateChanged
from jarvisd.types import Endpoint, EngineStatus


class EnginePool:
    """Leases engines. `probes` has one for each protocol that occurs; `run` is the service that owns the children."""

    def __init__(
        self, specs: Iterable[EngineSpec], probes: Mapping[str, Probe], bus: Bus, pace: Pace | None = None
    ) -> None:
        self._bus = bus
        self._engines = {spec.name: self._engine(spec, probes, pace or Pace()) for spec in specs}

    async def run(self) -> None:
        """Starts every engine of our own at once and keeps them alive; cancelled, it ends them all."""
        for engine in self._engines.values():
            self._tell(engine.status())
        async with asyncio.TaskGroup() as owners:
            for engine in self._engines.values():
                if isinstance(engine, ChildEngine):
                    owners.create_task(engine.run(), name=f"engine {engine.spec.name}")
            await asyncio.Event().wait()

    @asynccontextmanager
    async def lease(self, name: str, wait_s: float = 10.0) -> AsyncIterator[Endpoint]:
        """The endpoint of an engine while it is in use. An engine that is starting is waited for up to `wait_s`.

        Raises EngineStartError or EngineUnavailable, with what a person can do, when it cannot be used. An EngineError
        out of the block makes the engine's owner ask it for proof.
        """
        engine = self._find(name)
        engine.leases += 1
        try:
            await engine.ready(wait_s)
            engine.in_use += 1
            try:
                yield engine.spec.endpoint
            except EngineError as error:
                engine.doubt(error)
                raise
            else:
                engine.trust()
            finally:
                engine.in_use -= 1
        finally:
            engine.leases -= 1
            engine.released()

    def report_failure(self, name: str, error: EngineError) -> None:
        """An engine's answer was not what it should be: its owner asks it for proof, and restarts it without one."""
        self._find(name).doubt(error)

    def statuses(self) -> tuple[EngineStatus, ...]:
        return tuple(engine.status() for engine in self._engines.values())

    def _engine(self, spec: EngineSpec, probes: Mapping[str, Probe], pace: Pace) -> Engine:
        if spec.argv is None or spec.unusable:
            return Engine(spec, self._tell)
        return ChildEngine(spec, spec.argv, self._tell, probes[spec.protocol], pace)

    def _find(self, name: str) -> Engine:
        if name not in self._engines:
            raise EngineUnavailable(f"There is no engine {name}; add [engines.{name}] to the configuration.")
        return self._engines[name]

    def _tell(self, status: EngineStatus) -> None:
        self._bus.publish(EngineStateChanged(status))
