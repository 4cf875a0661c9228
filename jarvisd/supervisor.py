"""Runs the daemon's services: each a named task with an owner, restarted when it fails, stopped in stages.

A service is a coroutine function that runs until it is cancelled. One that returns has finished its work; one
that raises is started again after a growing, random delay. A service that keeps failing gives the process up:
`Supervisor.run` then raises, the process exits non-zero, and systemd decides.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from jarvisd.bus import Bus
from jarvisd.errors import JarvisError
from jarvisd.events import ServiceCrashed

_LOGGER = logging.getLogger(__name__)

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 60.0
# A service that ran this long before it failed starts again from the first delay.
STABLE_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Service:
    """One long-lived task.

    `stage` orders shutdown: the lowest stage stops first. `stop_timeout_s` is the time one stage's service has to
    end after its cancellation. An `essential` service that fails `give_up_after` times in a row ends the daemon;
    others (a missing microphone) are retried for ever.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    stage: int
    stop_timeout_s: float = 5.0
    essential: bool = False
    give_up_after: int = 5


class Supervisor:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._stopping = asyncio.Event()
        self._failing: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self._essential: frozenset[str] = frozenset()
        self._gave_up: JarvisError | None = None

    def stop(self) -> None:
        """Ask `run` to stop every service, stage by stage, and return."""
        self._stopping.set()

    def failing(self) -> dict[str, str]:
        """Services that are waiting to be restarted, with their last error."""
        return dict(self._failing)

    def essentials_run(self) -> bool:
        """Whether no essential service is down: what the watchdog vouches for."""
        return self._essential.isdisjoint(self._failing)

    async def run(self, services: Sequence[Service]) -> None:
        """Run until `stop` is called. Raises JarvisError when an essential service cannot be kept running."""
        self._essential = frozenset(service.name for service in services if service.essential)
        # The one place where tasks are made without a TaskGroup: a group would wait for ever for a service
        # that does not end, and a stage must go on without it.
        tasks = {
            service.name: asyncio.create_task(self._keep_running(service), name=service.name)  # noqa: TID251
            for service in services
        }
        try:
            await self._stopping.wait()
        finally:
            await _stop_in_stages(services, tasks)
        if self._gave_up is not None:
            raise self._gave_up

    async def _keep_running(self, service: Service) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            started = loop.time()
            self._failing.pop(service.name, None)
            try:
                await service.run()
                return
            except Exception as error:  # noqa: BLE001 - the boundary of a service: reported and restarted
                failures = 1 if loop.time() - started > STABLE_AFTER_S else failures + 1
                delay_s = backoff_s(failures)
                self._report(service, error, failures, delay_s)
                if service.essential and failures >= service.give_up_after:
                    self._gave_up = JarvisError(
                        f"{service.name} failed {failures} times in a row, last with: {error}", code="gave_up"
                    )
                    self.stop()
                    return
            await asyncio.sleep(delay_s)

    def _report(self, service: Service, error: Exception, failures: int, delay_s: float) -> None:
        said = str(error) or type(error).__name__
        known = self._told.get(service.name) == said
        self._failing[service.name] = self._told[service.name] = said
        expected = isinstance(error, JarvisError)
        # The same expected trouble over and over is told once; a bug always shows its traceback.
        _LOGGER.log(
            logging.DEBUG if known and expected else logging.ERROR,
            "%s failed: %s; trying again in %.1f s",
            service.name,
            said,
            delay_s,
            exc_info=None if expected else error,
        )
        self._bus.publish(ServiceCrashed(service.name, said, failures, delay_s))


def backoff_s(failures: int, first_s: float = FIRST_DELAY_S, longest_s: float = LONGEST_DELAY_S) -> float:
    """Delay before another try: doubles with each failure, with up to a quarter added or taken at random."""
    delay_s = min(longest_s, first_s * 2.0 ** min(failures - 1, 30))
    return delay_s * random.uniform(0.75, 1.25)


async def _stop_in_stages(services: Sequence[Service], tasks: dict[str, asyncio.Task[None]]) -> None:
    for stage in sorted({service.stage for service in services}):
        group = [service for service in services if service.stage == stage]
        pending = {tasks[service.name] for service in group if not tasks[service.name].done()}
        for task in pending:
            task.cancel()
        if not pending:
            continue
        limit_s = max(service.stop_timeout_s for service in group)
        _, late = await asyncio.wait(pending, timeout=limit_s)
        for task in late:
            _LOGGER.warning("%s did not stop within %.0f s; going on without it", task.get_name(), limit_s)
