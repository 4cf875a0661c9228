"""What is asked of the models, and how their answer reaches a person."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from jarvisd.config import TierConfig
from jarvisd.routing.wishes import NO_WISHES, Wishes
from jarvisd.types import Delta, Endpoint, Finished, Language, Recalled, Route, Turn


@dataclass(frozen=True, slots=True)
class Question:
    """`text`: without the wishes that were said beside it. `follows`: the tier that answered before, in this room.
    `recalled`: what memory has to say to it; None where it has nothing to do with the question.
    """

    turn: Turn
    text: str
    language: Language
    wishes: Wishes = NO_WISHES
    follows: str | None = None
    recalled: Recalled | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to one tier. `look`: how likely each word was is wanted, too. `think`: it may think aloud first."""

    question: Question
    route: Route
    tier: TierConfig
    look: bool = False
    think: bool = True


class StreamAnswer(Protocol):
    """Streams one tier's answer: what may be said, then `Finished`. Raises EngineError, or CloudRefused."""

    def __call__(self, endpoint: Endpoint, asked: Asked) -> AsyncGenerator[Delta | Finished, None]: ...
