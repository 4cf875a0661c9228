"""Tells the time and the date in Spanish and English, without any model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from jarvisd import hookimpl
from jarvisd.types import Transcript, Turn

from .questions import understand
from .spoken import say


def _local_now() -> datetime:
    return datetime.now().astimezone()


class Plugin:
    """`now` is where the time comes from: by default the machine's clock in its own time zone."""

    def __init__(self, now: Callable[[], datetime] = _local_now) -> None:
        self._now = now

    @hookimpl
    async def handle_command(self, transcript: Transcript, turn: Turn) -> str | None:
        question = understand(transcript.text, spoken=turn.source in {"microphone", "file"})
        return None if question is None else say(question, self._now())
