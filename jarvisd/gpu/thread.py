"""A thread for calls that may never return: the event loop waits for them as long as it likes, and no longer."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")


class OneThread(Generic[T]):
    """Runs `work` on a daemon thread of its own when asked, one call after the other.

    Where `work` hangs, the thread does, and nothing else: a daemon thread does not hold up the end of the process.
    """

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self._work = work
        self._asked: queue.SimpleQueue[asyncio.Future[T] | None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def ask(self) -> asyncio.Future[T]:
        """The result of a call that begins when those before it have ended. Call it from the event loop."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked.put(future)
        return future

    def close(self) -> None:
        """No more is asked: the thread ends after what it does now."""
        self._asked.put(None)

    def _serve(self) -> None:
        while (future := self._asked.get()) is not None:
            try:
                settle = partial(future.set_result, self._work())
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                settle = partial(future.set_exception, error)
            self._tell(future, settle)

    @staticmethod
    def _tell(future: asyncio.Future[T], settle: Callable[[], None]) -> None:
        def unless_cancelled() -> None:
            if not future.done():
                settle()

        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            future.get_loop().call_soon_threadsafe(unless_cancelled)
