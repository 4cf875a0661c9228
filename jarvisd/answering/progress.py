"""What is known of a running turn: its clock, its language, and how much of its answer was said."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from jarvisd.events import AnswerDelta
from jarvisd.types import Language, Turn

Say: TypeAlias = Callable[[str], Awaitable[None]]


@dataclass(slots=True)
class Progress:
    """`began`: `time.monotonic()` at the end of the question, from which the timings of the whole turn count.

    `spoke`: some of an answer was said, so that no other one can take its place.
    """

    turn: Turn
    say_to: Say | None
    began: float
    language: Language
    publish: Callable[[AnswerDelta], None]
    timings_ms: dict[str, float] = field(default_factory=dict)
    stage: str = "start"
    question: str = ""
    spoke: bool = False
    _deltas: int = 0

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        self.stage = stage
        started = time.monotonic()
        try:
            yield
        finally:
            self.mark(stage, started)

    def mark(self, name: str, started: float | None = None) -> None:
        """Notes the milliseconds since `started`, or since the end of the question."""
        since = self.began if started is None else started
        self.timings_ms[name] = round((time.monotonic() - since) * 1000, 1)

    async def say(self, text: str) -> None:
        """Says a piece of the answer."""
        if not self.spoke:
            self.mark("first_word")
        self.spoke = True
        await self.fill(text)

    async def fill(self, text: str) -> None:
        """Says something that is no part of an answer, while that is made."""
        self.publish(AnswerDelta(self.turn, text, self._deltas))
        self._deltas += 1
        if self.say_to is not None:
            await self.say_to(text)
