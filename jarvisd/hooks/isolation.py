"""Calls one foreign function under a time limit, so that nothing that it does reaches the caller.

Whatever the function does, `Isolation.call` ends: it returns the result, raises what the function raised,
raises PluginError for a function that is too slow or misbehaves, or passes on the caller's own cancellation.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

from jarvisd.errors import PluginError

_LOGGER = logging.getLogger(__name__)

# A thread cannot be ended from outside. With so many stuck ones a plugin is not called again.
MAX_STUCK_THREADS = 4
# Time that a cancelled implementation has to clean up before it is abandoned.
CLEAN_UP_S = 0.5

_Outcome: TypeAlias = tuple[object, BaseException | None]


class Isolation:
    """Runs implementations, and remembers whose threads are stuck."""

    def __init__(self) -> None:
        self._stuck: Counter[str] = Counter()

    async def call(
        self, plugin: str, function: Callable[..., object], arguments: Mapping[str, object], limit_s: float
    ) -> object:
        if inspect.iscoroutinefunction(function):
            return await _on_the_loop(function, arguments, limit_s)
        if self._stuck[plugin] >= MAX_STUCK_THREADS:
            raise PluginError(f"{self._stuck[plugin]} earlier calls still hang")
        return await _within(limit_s, self._on_a_thread(plugin, partial(function, **arguments)))

    async def _on_a_thread(self, plugin: str, function: Callable[[], object]) -> object:
        loop = asyncio.get_running_loop()
        finished: asyncio.Future[_Outcome] = loop.create_future()

        def finish(outcome: _Outcome) -> None:
            if finished.cancelled():
                self._stuck[plugin] -= 1
            else:
                finished.set_result(outcome)

        def work() -> None:
            outcome: _Outcome
            try:
                outcome = (function(), None)
            except BaseException as error:  # noqa: BLE001 - raised again where the call is awaited
                outcome = (None, error)
            with suppress(RuntimeError):  # the loop has ended meanwhile: nobody waits
                loop.call_soon_threadsafe(finish, outcome)

        # A fresh daemon thread: a stuck one delays neither the others nor the end of the process.
        threading.Thread(target=work, name=f"plugin-{plugin}", daemon=True).start()
        try:
            outcome = await finished
        except asyncio.CancelledError:
            if finished.cancelled():
                self._stuck[plugin] += 1
            raise
        return _result(outcome)


async def _on_the_loop(
    function: Callable[..., Coroutine[Any, Any, object]], arguments: Mapping[str, object], limit_s: float
) -> object:
    """In a task of its own, so that no cancellation inside the function can be taken for one of the caller's."""
    call = _Call(function(**arguments))
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(call.outcome())
        try:
            await asyncio.wait([task], timeout=limit_s)
        finally:
            in_time = task.done()
            if not in_time:
                call.stop(task)
                asyncio.get_running_loop().call_later(CLEAN_UP_S, call.stop, task)
    took_s = time.monotonic() - started
    if call.abandoned:
        raise PluginError("went on after its time was over; it was left behind")
    if not in_time:
        raise PluginError(f"took longer than {limit_s:g} s")
    if took_s > limit_s:  # it never let the loop run, so no timer could stop it
        raise PluginError(f"blocked the event loop for {took_s:.1f} s; write it as a plain def")
    return _result(task.result())


async def _within(limit_s: float, awaitable: Awaitable[object]) -> object:
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            return await awaitable
    except TimeoutError:
        if not limit.expired():
            raise  # the function's own
        raise PluginError(f"took longer than {limit_s:g} s") from None


class _Call:
    """Drives a foreign coroutine step by step: one that goes on after it was stopped is left behind at the
    second `stop`, where a plain task would have to be waited for.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, object]) -> None:
        self.abandoned = False
        self._coroutine = coroutine
        self._stops = 0

    def stop(self, task: asyncio.Task[Any]) -> None:
        self._stops += 1
        task.cancel()

    async def outcome(self) -> _Outcome:
        try:
            return await self, None
        except (Exception, SystemExit) as error:  # noqa: BLE001 - raised again where the call is awaited
            return None, error
        except asyncio.CancelledError as error:
            if self._stops:
                raise
            return None, error

    def __await__(self) -> Generator[Any, Any, object]:
        step: Callable[[], Any] = partial(self._coroutine.send, None)
        while True:
            try:
                waits_for = step()
            except StopIteration as stop:
                return stop.value
            try:
                value = yield waits_for
            except BaseException as error:
                if self._stops > 1:
                    self._abandon()
                    raise
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, value)

    def _abandon(self) -> None:
        self.abandoned = True
        try:
            self._coroutine.close()
        except (Exception, SystemExit) as error:  # it will not even be closed; nothing awaits it any more
            _LOGGER.debug("An abandoned plugin coroutine refuses to end", exc_info=error)


def _result(outcome: _Outcome) -> object:
    result, error = outcome
    if isinstance(error, Exception):
        raise error
    if error is not None:
        raise PluginError(f"raised {type(error).__name__}") from error
    if inspect.iscoroutine(result):
        result.close()
        raise PluginError("returned a coroutine; declare it with async def")
    if inspect.isawaitable(result):
        raise PluginError(f"returned something to await ({type(result).__name__}); return the result itself")
    return result
