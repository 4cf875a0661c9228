"""The owner of one child process: brings it up, proves it ready, watches it, and brings it up again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

from jarvisd.engines.engine import Tell
from jarvisd.engines.leftovers import MARK, ChildRecords
from jarvisd.engines.lodger import Landlord, Lodger, now_s
from jarvisd.engines.placement import Rung
from jarvisd.engines.process import ChildProcess, remove_socket
from jarvisd.engines.reach import is_listening
from jarvisd.engines.spec import EngineSpec
from jarvisd.errors import EngineError, EngineStartError, EngineUnavailable
from jarvisd.supervisor import backoff_s
from jarvisd.types import Endpoint, EngineState, EngineStatus

_LOGGER = logging.getLogger(__name__)

# Asks an engine, named by its endpoint and model, for one real answer; raises EngineError when there is none.
Probe: TypeAlias = Callable[[Endpoint, str], Awaitable[None]]

# Puts an engine that is named by its endpoint to sleep, or wakes it; levels as vLLM counts them.
SleepCall: TypeAlias = Callable[[Endpoint, int], Awaitable[None]]

# A start is looked at this often, and later at this part of the time that has passed: never more than 5 % late.
FIRST_LOOK_S = 0.02
LAST_LOOK_S = 0.25
LOOK_PART = 0.05
# Of keep_alive_s, an engine that can sleep is awake for this part and asleep for the rest.
AWAKE_PART = 1 / 3
_LEVELS = {Rung.ASLEEP_IN_RAM: 1, Rung.ASLEEP_ON_DISK: 2}
_WHERE = {Rung.ASLEEP_IN_RAM: "Its weights wait in RAM.", Rung.ASLEEP_ON_DISK: "Its weights wait on the disk."}
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


@dataclass(frozen=True, slots=True)
class SleepCalls:
    """How an engine that can sleep is told to. Both raise EngineError unless it is then as it should be."""

    fall_asleep: SleepCall
    wake_up: SleepCall


class ChildEngine(Lodger):
    """An engine that is a child process of ours. `run` owns it; nobody else starts or stops it.

    A child that was ready and ends comes back as "starting", and whoever waits is served then. One that does not
    become ready, or that ends again and again, is "failed" until it has proven itself, and nobody waits for it; one
    that starts on demand is "stopped" again after a while, and may be tried anew.
    """

    def __init__(
        self,
        spec: EngineSpec,
        argv: tuple[str, ...],
        tell: Tell,
        probe: Probe,
        pace: Pace,
        landlord: Landlord,
        sleep_calls: SleepCalls | None = None,
        records: ChildRecords | None = None,
    ) -> None:
        super().__init__(spec, tell, landlord)
        self._argv = argv
        self._probe = probe
        self._pace = pace
        self._sleep_calls = sleep_calls
        self._records = records
        self._may_sleep = spec.can_sleep and sleep_calls is not None
        self._restarts = 0
        self._pid: int | None = None
        self._start_s: float | None = None
        self._proof_s = 0.0
        self._proven = False
        self._failures = 0
        self._doubted: EngineError | None = None
        self._told = ""

    def status(self) -> EngineStatus:
        status = super().status()
        return replace(status, restarts=self._restarts, pid=self._pid, start_s=self._start_s, pinned=self.pinned)

    def doubt(self, error: EngineError) -> None:
        """Its owner will ask it for proof, and restart it when it has none. Until then nobody is given it."""
        if self._state is EngineState.READY and self._doubted is None:
            self._doubted = error
            self._attention.set()

    def _may_be_used(self) -> bool:
        return super()._may_be_used() and self._doubted is None

    async def run(self) -> None:
        """Keeps the child where it shall be until cancelled; then it, and all that it started, has ended."""
        self._failures = 0
        try:
            while True:
                await self._until_wanted()
                if self._state is EngineState.STOPPED:
                    self._become(EngineState.STARTING)
                if await self._live():
                    continue
                delay_s = backoff_s(self._failures, self._pace.first_delay_s, self._pace.longest_delay_s)
                _LOGGER.debug("engine %s: next try in %.1f s", self.spec.name, delay_s)
                await asyncio.sleep(delay_s)
                self._restarts += 1
                if self.spec.on_demand and self._state is EngineState.FAILED:
                    self._aim = Rung.STOPPED  # the next try is the next lease's
        finally:
            self._become(EngineState.STOPPED)

    async def _until_wanted(self) -> None:
        while self._aim is not Rung.AWAKE:
            if self._state is EngineState.FAILED:
                self._become(EngineState.STOPPED, self._detail)
            await self._attention.wait()
            self._attention.clear()

    async def _live(self) -> bool:
        """One life of the child. Returns whether it ended as it should; only cancellation leaves with an exception."""
        child = None
        try:
            await self._make_way()
            group = self._records.control_group(self.spec.name) if self._records is not None else None
            child = ChildProcess.start(self.spec.name, self._argv, self._env(), self._attention.set, group)
            self._pid, self._rung = child.pid, Rung.AWAKE
            if self._records is not None:
                await asyncio.to_thread(self._records.keep, self.spec.name, child.pid)
            if await self._until_ready(child):
                await self._watch(child)
            self._become(EngineState.STOPPING)
        except EngineError as error:
            self._note_failure(error, out_of_memory=child is not None and child.ran_out_of_memory)
        except asyncio.CancelledError:
            self._closing = True
            self._become(EngineState.STOPPING)
            raise
        except Exception as error:
            # The boundary of an engine: a fault here must not take the others down.
            _LOGGER.exception("engine %s failed in the daemon", self.spec.name)
            self._note_failure(EngineUnavailable(f"{self.spec.name} failed inside jarvisd: {error!r}"))
        finally:
            self._ready_at = self._doubted = None
            self._proven = False
            if child is not None:
                await self._end(child)
            self._pid, self._rung = None, Rung.STOPPED
            self._wake_waiting()
            self._landlord.moved()
        if self._state is EngineState.STOPPING:
            self._become(EngineState.STOPPED)
        return self._state is EngineState.STOPPED or self._aim is not Rung.AWAKE

    def _env(self) -> dict[str, str]:
        mark = {MARK: self._records.mark} if self._records is not None else {}
        return {**self.spec.env, **mark}

    async def _make_way(self) -> None:
        """The address must be free: whatever else answers there would be taken for the child."""
        if await is_listening(self.spec.endpoint):
            where = self.spec.endpoint.socket_path or self.spec.endpoint.url
            raise EngineStartError(f"Something else already listens at {where}: end it, or give {self._name} another.")
        if self.spec.endpoint.socket_path is not None:
            await asyncio.to_thread(remove_socket, self.spec.endpoint.socket_path)

    async def _until_ready(self, child: ChildProcess) -> bool:
        """Returns whether it is ready: False when it shall not be any more."""
        started = now_s()
        trouble = ""
        try:
            async with asyncio.timeout(self.spec.start_timeout_s):
                while not child.ended:
                    if self._aim is not Rung.AWAKE:
                        return False
                    if await is_listening(self.spec.endpoint):
                        trouble = trouble or "it listens and does not answer"
                        try:
                            await self._prove()
                        except EngineError as error:
                            trouble = error.message
                        else:
                            self._note_ready(now_s() - started)
                            return True
                    await asyncio.sleep(min(LAST_LOOK_S, max(FIRST_LOOK_S, LOOK_PART * (now_s() - started))))
        except TimeoutError:
            limit_s = self.spec.start_timeout_s
            raise EngineStartError(
                f"{self._name} was not ready within {limit_s:g} s: {trouble or 'it does not listen'}"
            ) from None
        raise EngineStartError(child.how_it_ended())

    async def _watch(self, child: ChildProcess) -> None:
        """Returns when the child shall end. Raises EngineUnavailable when it has ended, or could not prove itself."""
        while True:
            await self._until_attention()
            if child.ended:
                raise EngineUnavailable(child.how_it_ended())
            if self._aim is Rung.STOPPED:
                return
            if self._aim is not self._rung:
                await self._change_rung(child)
            elif self._doubted is not None:
                await self._settle_doubt(child, self._doubted)

    async def _until_attention(self) -> None:
        """Waits until there is something to do; an engine that nobody uses goes to bed meanwhile."""
        try:
            async with asyncio.timeout_at(self._bedtime(AWAKE_PART)):
                await self._attention.wait()
        except TimeoutError:
            due = self._bedtime(AWAKE_PART)
            if due is None or due > now_s():  # it was used again meanwhile
                return
            _LOGGER.info("engine %s has not been used for %.0f s", self.spec.name, self.idle_s)
            if self._rung is Rung.AWAKE:
                self.retire()
            else:
                self._aim = Rung.STOPPED
        self._attention.clear()

    async def _change_rung(self, child: ChildProcess) -> None:
        """Falls asleep, or wakes up and proves it. One that does not fall asleep ends; not to wake is a failure."""
        calls, aim = self._sleep_calls, self._aim
        assert calls is not None  # nobody sends it to sleep otherwise
        began = now_s()
        try:
            async with asyncio.timeout(self.spec.start_timeout_s):
                if self._rung is not Rung.AWAKE:
                    self._become(EngineState.STARTING, "It wakes up.")
                    await calls.wake_up(self.spec.endpoint, _LEVELS[self._rung])
                    self._rung = Rung.AWAKE
                    await self._prove()
                    self._note_ready(now_s() - began)
                else:
                    await calls.fall_asleep(self.spec.endpoint, _LEVELS[aim])
                    self._rung, self._ready_at = aim, None
                    _LOGGER.info("engine %s is asleep after %.1f s", self.spec.name, now_s() - began)
                    self._become(EngineState.ASLEEP, _WHERE[aim])
        except (EngineError, TimeoutError) as error:
            why = error.message if isinstance(error, EngineError) else "it takes too long"
            if await child.wait(LAST_GASP_S):
                raise EngineUnavailable(child.how_it_ended()) from error
            if aim is Rung.AWAKE:
                raise EngineUnavailable(f"{self._name} does not wake up: {why}") from error
            _LOGGER.warning("engine %s does not fall asleep and is stopped: %s", self.spec.name, why)
            self._aim = Rung.STOPPED
        self._attention.set()  # meanwhile it may have been sent elsewhere

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
        began = now_s()
        await self._probe(self.spec.endpoint, self.spec.model)
        self._proof_s = now_s() - began

    async def _end(self, child: ChildProcess) -> None:
        await child.stop(self.spec.stop_timeout_s)
        if self._records is not None:
            await asyncio.to_thread(self._records.drop, self.spec.name)
        if self.spec.endpoint.socket_path is not None:
            with suppress(EngineStartError):
                await asyncio.to_thread(remove_socket, self.spec.endpoint.socket_path)

    def _note_ready(self, start_s: float) -> None:
        self._ready_at, self._start_s = now_s(), start_s
        self._used_at, self._proven = self._ready_at, True
        again = "again, " if self._told else ""
        _LOGGER.info("engine %s is ready %safter %.1f s", self.spec.name, again, start_s)
        self._told = ""
        self._become(EngineState.READY)

    def _note_failure(self, error: EngineError, *, out_of_memory: bool = False) -> None:
        was_ready = self._proven
        if self._ready_at is not None and now_s() - self._ready_at >= self._pace.stable_after_s:
            self._failures = 0
        self._failures += 1
        level = logging.DEBUG if error.message == self._told else logging.WARNING
        _LOGGER.log(level, "engine %s: %s", self.spec.name, error)
        self._told = error.message
        comes_back = was_ready and self._failures == 1
        if out_of_memory and self._landlord.out_of_memory(self):
            self._aim, comes_back = Rung.STOPPED, True
        self._become(EngineState.STARTING if comes_back else EngineState.FAILED, error.message)

    @property
    def _name(self) -> str:
        return f"Engine {self.spec.name}"
