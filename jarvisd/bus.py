"""Tells facts to whoever listens. Publishing cannot fail and cannot wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from jarvisd.events import Event

MAILBOX_SIZE = 256


class Mailbox:
    """One subscriber's bounded mailbox: iterate it to receive. When full, the oldest is dropped and counted."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.dropped = 0
        self._closed = False
        self._events: deque[Event] = deque(maxlen=size)
        self._filled = asyncio.Event()

    def put(self, event: Event) -> None:
        if len(self._events) == self._events.maxlen:
            self.dropped += 1
        self._events.append(event)
        self._filled.set()

    def close(self) -> None:
        """No more events come: iteration ends once those waiting were taken."""
        self._closed = True
        self._filled.set()

    def __len__(self) -> int:
        return len(self._events)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._filled.clear()
            await self._filled.wait()
        return self.pop()

    def pop(self) -> Event:
        """The oldest event; IndexError if there is none."""
        return self._events.popleft()


class Bus:
    """In-process events: one loop, many subscribers, no replies."""

    def __init__(self) -> None:
        self._mailboxes: list[Mailbox] = []

    def publish(self, event: Event) -> None:
        for mailbox in self._mailboxes:
            mailbox.put(event)

    @contextmanager
    def subscribe(self, name: str, size: int = MAILBOX_SIZE) -> Iterator[Mailbox]:
        """A mailbox that receives every event published while the `with` block runs."""
        mailbox = Mailbox(name, size)
        self._mailboxes.append(mailbox)
        try:
            yield mailbox
        finally:
            self._mailboxes.remove(mailbox)

    def dropped(self) -> dict[str, int]:
        """Events lost by slow subscribers, by their names."""
        return {mailbox.name: mailbox.dropped for mailbox in self._mailboxes if mailbox.dropped}
