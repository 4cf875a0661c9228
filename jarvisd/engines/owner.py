"""The owner of one child process: brings it up, proves it ready, watches it, and brings it up again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NoReturn, TypeAlias

from jarvisd.engines.engine import Engine, Tell
from jarvisd.engines.process import ChildProcess, remove_socket
from jarvisd.engines.reach import is_listening
from jarvisd.engines.spec import EngineSpec
from jarvisd.errors import EngineError, EngineStartError, EngineUnavailable
from jarvisd.supervisor import backoff_s
from jarvisd.types import Endpoint, EngineState, EngineStatus

_LOGGER = logging.getLogger(__name__)

# Asks an engine, named by its endpoint and model, for one real answer; raises EngineError when there is none.
Probe: TypeAlias = Callable[[Endpoint, str], Awaitable[None]]

# A start is looked at this often, and later at this part of the time that has passed: never more than 5 % late.
FIRST_LOOK_S = 0.02
LAST_LOOK_S = 0.25
LOOK_PART = 0.05
# Between the moment a dying process drops its connections and the moment it has ended.
LAST_GASP_S = 0.3
# A proof may take this many times longer than at the start, when nobody else was using the machine.
PROOF_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How quickly a failing engine is tried again, and how long a doubted one has to prove itself."""

    first_delay_s: float = 0.5
    longest_delay_s: float = 60.0
    stable_after_s: float = 60.0
    proof_timeout_s: float = 10.0


class ChildEngine(Engine):
    """An engine that is a child process of ours. `run` owns it; nobody else starts or stops it.

    A child that was ready and ends comes back as "starting", and whoever waits is served then. One that does not
    become ready, or that ends again and again, is "failed" until it has proven itself, and nobody waits for it.
    """

    def __init__(self, spec: EngineSpec, argv: tuple[str, ...], tell: Tell, probe: Probe, pace: Pace) -> None:
        super().__init__(spec, tell)
        self._state = EngineState.STOPPED
        self._argv = argv
        self._probe = probe
        self._pace = pace
        self._restarts = 0
        self._pid: int | None = None
        self._start_s: float | None = None
        self._proof_s = 0.0
        self._failures = 0
        self._ready_at: float | None = None
        self._doubted: EngineError | None = None
        self._attention = asyncio.Event()
        self._told = ""

    def status(self) -> EngineStatus:
        return replace(super().status(), restarts=self._restarts, pid=self._pid, start_s=self._start_s)

    def doubt(self, error: EngineError) -> None:
        """Its owner will ask it for proof, and restart it when it has none. Until then nobody is given it."""
        if self._state is EngineState.READY and self._doubted is None:
            self._doubted = error
            self._attention.set()

    def released(self) -> None:
        self._attention.set()

    def _may_be_used(self) -> bool:
        return super()._may_be_used() and self._doubted is None

    async def run(self) -> NoReturn:
        """Keeps the child alive until cancelled; then it, and all that it started, has ended."""
        self._failures = 0
        self._become(EngineState.STARTING)
        try:
            while True:
                await self._live()
                delay_s = backoff_s(self._failures, self._pace.first_delay_s, self._pace.longest_delay_s)
                _LOGGER.debug("engine %s: next try in %.1f s", self.spec.name, delay_s)
                await asyncio.sleep(delay_s)
                self._restarts += 1
        finally:
            self._become(EngineState.STOPPED)

    async def _live(self) -> None:
        """One life of the child, from its start to its end. Only cancellation leaves it with an exception."""
        child = None
        try:
            await self._make_way()
            child = ChildProcess.start(self.spec.name, self._argv, self.spec.env, self._attention.set)
            self._pid = child.pid
            await self._until_ready(child)
            await self._watch(child)
        except EngineError as error:
            self._note_failure(error)
        except asyncio.CancelledError:
            self._become(EngineState.STOPPING)
            raise
        except Exception as error:
            # The boundary of an engine: a fault here must not take the others down.
            _LOGGER.exception("engine %s failed in the daemon", self.spec.name)
            self._note_failure(EngineUnavailable(f"{self.spec.name} failed inside jarvisd: {error!r}"))
        finally:
            self._ready_at = self._doubted = None
            if child is not None:
                await self._end(child)
            self._pid = None

    async def _make_way(self) -> None:
        """The address must be free: whatever else answers there would be taken for the child."""
        if await is_listening(self.spec.endpoint):
            where = self.spec.endpoint.socket_path or self.spec.endpoint.url
            raise EngineStartError(f"Something else already listens at {where}: end it, or give {self._name} another.")
        if self.spec.endpoint.socket_path is not None:
            await asyncio.to_thread(remove_socket, self.spec.endpoint.socket_path)

    async def _until_ready(self, child: ChildProcess) -> None:
        started = _now()
        trouble = ""
        try:
            async with asyncio.timeout(self.spec.start_timeout_s):
                while not child.ended:
                    if await is_listening(self.spec.endpoint):
                        trouble = trouble or "it listens and does not answer"
                        try:
                            await self._prove()
                        except EngineError as error:
                            trouble = error.message
                        else:
                            return self._note_ready(_now() - started)
                    await asyncio.sleep(min(LAST_LOOK_S, max(FIRST_LOOK_S, LOOK_PART * (_now() - started))))
        except TimeoutError:
            limit_s = self.spec.start_timeout_s
            raise EngineStartError(
                f"{self._name} was not ready within {limit_s:g} s: {trouble or 'it does not listen'}"
            ) from None
        raise EngineStartError(child.how_it_ended())

    async def _watch(self, child: ChildProcess) -> NoReturn:
        """Raises EngineUnavailable when the child has ended, or was doubted and could not prove itself."""
        while True:
            await self._attention.wait()
            self._attention.clear()
            if child.ended:
                raise EngineUnavailable(child.how_it_ended())
            if self._doubted is not None:
                await self._settle_doubt(child, self._doubted)

    async def _settle_doubt(self, child: ChildProcess, doubt: EngineError) -> None:
        limit_s = max(self._pace.proof_timeout_s, PROOF_PATIENCE * self._proof_s)
        try:
            async with asyncio.timeout(limit_s):
                await self._prove()
        except (EngineError, TimeoutError) as error:
            if await child.wait(LAST_GASP_S):
                return
            # Somebody may be using it, and it may serve one at a time: then this is asked again when they are done.
            if self.in_use == 0:
                raise EngineUnavailable(f"{self._name} does not answer any more: {doubt.message}") from error
        else:
            _LOGGER.info("engine %s answers, after: %s", self.spec.name, doubt)
            self._doubted = None
            self._wake_waiting()

    async def _prove(self) -> None:
        began = _now()
        await self._probe(self.spec.endpoint, self.spec.model)
        self._proof_s = _now() - began

    async def _end(self, child: ChildProcess) -> None:
        await child.stop(self.spec.stop_timeout_s)
        if self.spec.endpoint.socket_path is not None:
            with suppress(EngineStartError):
                await asyncio.to_thread(remove_socket, self.spec.endpoint.socket_path)

    def _note_ready(self, start_s: float) -> None:
        self._ready_at, self._start_s = _now(), start_s
        again = "again, " if self._told else ""
        _LOGGER.info("engine %s is ready %safter %.1f s", self.spec.name, again, start_s)
        self._told = ""
        self._become(EngineState.READY)

    def _note_failure(self, error: EngineError) -> None:
        was_ready = self._ready_at is not None
        if self._ready_at is not None and _now() - self._ready_at >= self._pace.stable_after_s:
            self._failures = 0
        self._failures += 1
        level = logging.DEBUG if error.message == self._told else logging.WARNING
        _LOGGER.log(level, "engine %s: %s", self.spec.name, error)
        self._told = error.message
        comes_back = was_ready and self._failures == 1
        self._become(EngineState.STARTING if comes_back else EngineState.FAILED, error.message)

    @property
    def _name(self) -> str:
        return f"Engine {self.spec.name}"


def _now() -> float:
    return asyncio.get_running_loop().time()
