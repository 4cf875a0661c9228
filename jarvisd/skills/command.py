"""What was understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jarvisd.types import Language


@dataclass(frozen=True, slots=True)
class Command:
    """A wish that a skill fulfils without any model, for example timer.set with duration_s = 600.

    Slots, each only where it was said: `duration_s`, `of_s` (the timer that was set to it), `name`, `text`,
    `at` (a Moment), `days` (as in SHORT_DAYS), `day` (as in Moment.day, or a holiday), `percent`, `period`, `all`,
    `wake`. The `text` of memory.keep and memory.prefer is exactly as it was said, its punctuation included; that of
    memory.forget_about and memory.tell is what they are about, and memory.private_on has a `duration_s`.
    """

    skill: str
    intent: str
    language: Language
    slots: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.skill}.{self.intent}"

    @property
    def stops(self) -> bool:
        """Whether the speaker wants silence: whatever is said now ends."""
        return self.name == "talk.stop"
