"""Collects published events and lets a test wait for one."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from jarvisd.events import Event

_E = TypeVar("_E", bound=Event)


class Facts:
    def __init__(self) -> None:
        self.seen: list[Event] = []
        self._more = asyncio.Event()

    def publish(self, event: Event) -> None:
        self.seen.append(event)
        self._more.set()

    async def until(self, kind: type[_E], such: Callable[[_E], bool] = lambda event: True) -> _E:
        """The first event of that kind that is so, of those not yet waited for; earlier ones are passed over."""
        async with asyncio.timeout(30):
            while True:
                while self.seen:
                    event = self.seen.pop(0)
                    if isinstance(event, kind) and such(event):
                        return event
                self._more.clear()
                await self._more.wait()
