"""What waits to be sent. Knows nothing of the network.

Three kinds: a message that must arrive waits for an absent broker, up to a number and an age; a passing one is only
worth something now; of a retained one only the latest value counts, and it is due again after each connect.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

# Passing messages wait only for the ones in front of them.
PASSING_SIZE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Outgoing:
    topic: str
    payload: bytes
    qos: int = 1
    retained: bool = False
    passing: bool = False
    put_at: float = 0.0
    expires_at: float = math.inf


class Outbox:
    """Gives one message after the other; each stays until it is `done`. `dropped`, `expired`: lost ones that
    should have arrived, since the start.
    """

    def __init__(self, size: int, ttl_s: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self.dropped = 0
        self.expired = 0
        self._size = size
        self._ttl_s = ttl_s
        self._now = now
        self._queue: deque[Outgoing] = deque()
        self._retained: dict[str, Outgoing] = {}
        self._due: dict[str, Outgoing] = {}
        self._filled = asyncio.Event()

    def keep(self, topic: str, payload: bytes) -> None:
        """Must arrive. When too many wait, the oldest is given up."""
        if self.waiting >= self._size:
            self._give_up_oldest(passing=False)
            self.dropped += 1
        now = self._now()
        self._put(Outgoing(topic, payload, put_at=now, expires_at=now + self._ttl_s))

    def pass_on(self, topic: str, payload: bytes, qos: int) -> None:
        if len(self._queue) - self.waiting >= PASSING_SIZE:
            self._give_up_oldest(passing=True)
        self._put(Outgoing(topic, payload, qos=qos, passing=True))

    def retain(self, topic: str, payload: bytes) -> None:
        """The value of a retained topic from now on."""
        before = self._retained.get(topic)
        if before is None or before.payload != payload:
            self._retained[topic] = self._due[topic] = Outgoing(topic, payload, retained=True)
            self._filled.set()

    def renew(self) -> None:
        """After a connect the broker may have forgotten everything."""
        self._due = dict(self._retained)

    def drop_passing(self) -> None:
        self._queue = deque(message for message in self._queue if not message.passing)

    @property
    def waiting(self) -> int:
        """How many messages that must arrive have not."""
        return sum(not message.passing for message in self._queue)

    def head(self) -> Outgoing | None:
        """The next to send: retained values first, then the others as they came."""
        if self._due:
            return next(iter(self._due.values()))
        while self._queue and self._queue[0].expires_at < self._now():
            self._queue.popleft()
            self.expired += 1
        return self._queue[0] if self._queue else None

    async def next(self) -> Outgoing:
        while (message := self.head()) is None:
            self._filled.clear()
            await self._filled.wait()
        return message

    def done(self, message: Outgoing) -> None:
        """The broker has it. A retained value that has changed meanwhile stays due."""
        if self._due.get(message.topic) is message:
            del self._due[message.topic]
        elif self._queue and self._queue[0] is message:
            self._queue.popleft()

    def _put(self, message: Outgoing) -> None:
        self._queue.append(message)
        self._filled.set()

    def _give_up_oldest(self, *, passing: bool) -> None:
        oldest = next(message for message in self._queue if message.passing == passing)
        self._queue.remove(oldest)
