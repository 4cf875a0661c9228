"""What is kept, and for how long. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from jarvisd.config import MemoryConfig
from jarvisd.types import Answer, Memory, MemoryKind, Turn, Via

DAY_S = 86_400.0
# A sentence of the daemon's own that answers nothing: the question is kept without it.
_NOT_SAID = frozenset({"nothing_heard", "no_transcription", "transcription_not_configured"})
_KINDS: dict[Via, MemoryKind] = {
    "model": "turn", "skill": "command", "home": "command", "plugin": "command", "memory": "recall", "jarvisd": "turn",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Retention:
    """Memories of these kinds go when they were said before `before_s` (Unix time) and are not pinned."""

    kinds: tuple[MemoryKind, ...]
    before_s: float


def exchange(turn: Turn, answer: Answer, at_s: float) -> Memory | None:
    """What is kept of a turn; None for one in which nothing was said, or that is private."""
    if answer.private or not answer.question.strip() or answer.error_code in _NOT_SAID:
        return None
    return Memory(
        id=turn.id,
        at_s=at_s,
        said=answer.question,
        answered="" if answer.error_code else answer.text,
        language=answer.language,
        kind="recall" if answer.cited else _KINDS[answer.via],
        person=turn.person,
        room=turn.room,
        tier=answer.tier,
        sources=answer.cited,
    )


def retention(config: MemoryConfig, now_s: float) -> list[Retention]:
    """What goes now. Facts stay until they are forgotten."""
    limits: list[tuple[tuple[MemoryKind, ...], float]] = [
        (("command",), config.keep_commands_days),
        (("turn", "recall"), config.keep_turns_days),
    ]
    return [Retention(kinds, now_s - days * DAY_S) for kinds, days in limits if days > 0]
