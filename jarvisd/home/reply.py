"""What Home Assistant has to say of a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from jarvisd.types import Language

Outcome: TypeAlias = Literal["done", "answered", "failed", "unsure", "confirm", "refused"]


@dataclass(frozen=True, slots=True)
class HomeReply:
    """What to say. The turn is over with it, whatever the outcome.

    `done`: acted, and the states show it. `answered`: a question about the house. `failed`: not, or not all of it.
    `unsure`: it may have been done. `confirm`: nothing was done; `confirmation` is for `HomeAssistant.confirm` when
    the person says yes. `refused`: a confirmation that is too late. `entities`: those that were operated or asked
    about. `read_back` is False where no state can show what was done.
    """

    speech: str
    outcome: Outcome
    language: Language
    intent: str = ""
    entities: tuple[str, ...] = ()
    read_back: bool = False
    confirmation: str | None = None
    conversation_id: str | None = None

    @property
    def acted(self) -> bool:
        """Whether something was, or may have been, operated."""
        return self.outcome in {"done", "unsure"} or (self.outcome == "failed" and bool(self.entities))


@dataclass(frozen=True, slots=True)
class NotForHome:
    """Home Assistant did nothing and has no answer; `reason` says why, for the turn's record."""

    reason: str
