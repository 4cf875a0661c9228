"""An event loop whose clock jumps to the next timer instead of waiting: a day of timers in less than a second."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _NoWaitSelector(selectors.DefaultSelector):
    """Never sleeps: the time it was asked to wait is added to the loop's clock. Work on threads takes no time."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1_000.0
        self.threads = 0

    def select(self, timeout: float | None = None):
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.threads or timeout is None:  # nothing is scheduled: wait for a real descriptor (a thread, a socket)
            return super().select(1.0)
        self.now_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _NoWaitSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s

    def run_in_executor(self, executor, func, *args):
        def ended(_) -> None:
            self._virtual.threads -= 1

        self._virtual.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(ended)
        return future


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
