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
            result, error = await finished
        except asyncio.CancelledError:
            if finished.cancelled():
                self._stuck[plugin] += 1
            raise
        if isinstance(error, Exception):
            raise error
        if error is not None:
            raise PluginError(f"raised {type(error).__name__}") from error
        return _not_awaitable(result)


async def _on_the_loop(
    function: Callable[..., Coroutine[Any, Any, object]], arguments: Mapping[str, object], limit_s: float
) -> object:
    """The outer limit cancels once more: an implementation that swallows the first time is then abandoned."""
    started = time.monotonic()
    contained = _within(limit_s, _drive(function(**arguments)))
    result = await _within(limit_s + CLEAN_UP_S, contained, "went on after its time was over; it was left behind")
    took_s = time.monotonic() - started
    if took_s > limit_s:  # too late for the timer: it never let the loop run
        raise PluginError(f"blocked the event loop for {took_s:.1f} s; write it as a plain def")
    return result


async def _within(limit_s: float, awaitable: Awaitable[object], complaint: str = "") -> object:
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            return await awaitable
    except TimeoutError:
        if not limit.expired():
            raise  # the function's own
        raise PluginError(complaint or f"took longer than {limit_s:g} s") from None


async def _drive(coroutine: Coroutine[Any, Any, object]) -> object:
    return await _Contained(coroutine)


class _Contained:
    """Awaits a foreign coroutine in the caller's own task, with two guarantees about cancellation.

    A cancelled caller ends as cancelled, whatever the coroutine makes of it; and a coroutine that goes on
    after a cancellation is left behind at the next one. Cancellations that the coroutine itself began and
    took back (its own `asyncio.timeout`, say) are its own affair: `Task.cancelling` tells them apart.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, object]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, object]:
        coroutine = self._coroutine
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        step: Callable[[], Any] = partial(coroutine.send, None)
        while True:
            try:
                waits_for = step()
            except StopIteration as stop:
                if task.cancelling() > before:
                    raise asyncio.CancelledError from None
                return _not_awaitable(stop.value)
            except (Exception, SystemExit, asyncio.CancelledError) as error:
                if task.cancelling() > before:
                    raise asyncio.CancelledError from error
                if isinstance(error, Exception):
                    raise
                raise PluginError(f"raised {type(error).__name__} by itself") from error
            try:
                value = yield waits_for
            except BaseException as error:
                if task.cancelling() > before + 1:
                    _abandon(coroutine)
                    raise
                step = partial(coroutine.throw, error)
            else:
                step = partial(coroutine.send, value)


def _abandon(coroutine: Coroutine[Any, Any, object]) -> None:
    try:
        coroutine.close()
    except (Exception, SystemExit) as error:  # it will not even be closed; nothing awaits it any more
        _LOGGER.debug("An abandoned plugin coroutine refuses to end", exc_info=error)


def _not_awaitable(result: object) -> object:
    if inspect.iscoroutine(result):
        result.close()
        raise PluginError("returned a coroutine; declare it with async def")
    if inspect.isawaitable(result):
        raise PluginError(f"returned something to await ({type(result).__name__}); return the result itself")
    return result
