"""Dangerous actions wait here until the person has said yes, or the PIN: one for each room, and not for long.

A confirmation comes from the next turn of the same room and the same kind of source, in the person's words; never from
a model, and never from what a tool has found.
"""

from __future__ import annotations

import enum
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from jarvisd.config import ToolsConfig
from jarvisd.errors import ConfigError
from jarvisd.secrets import places
from jarvisd.tools.words import digits_in, is_digit, plain, word_set
from jarvisd.types import Tool, Turn

MAX_WRONG_PINS = 3
LOCKED_S = 300.0
# So long after its end a yes is still told that it came too late.
REMEMBERED_S = 300.0

_YES = word_set("si confirmo confirmado hazlo adelante afirmativo correcto yes yeah yep confirm confirmed affirmative")
_NO = word_set("no nope cancela cancelalo cancelar cancel dejalo olvidalo para stop never nunca nada")
# A yes in so many words, and nothing else.
_WEAK_YES = frozenset({"do it", "go ahead", "vale", "ok", "okay", "claro", "de acuerdo"})
_AROUND = word_set(
    """claro por favor vale ok okay venga dale jarvis oye hey lo la hacer ya de acuerdo eso es sure please do it go
    ahead right thats correct i the una gracias thanks mind dejemoslo mejor pues seguro segura quiero que hagas
    ejecutalo proceed"""
)
_AROUND_PIN = word_set("el mi pin codigo clave es the my is code its number numero y and")

Place: TypeAlias = tuple[str, str | None]


class Reply(enum.Enum):
    """What a turn means for an action that waits."""

    YES = "yes"
    NO = "no"
    PIN = "pin"
    OTHER = "other"


def read_pin(config: ToolsConfig, read_secret: Callable[[str], str | None]) -> str | None:
    """The PIN that the configuration names, or None where it names none. Raises ConfigError: a PIN that cannot be
    read must not become a house without one.
    """
    if config.pin_credential is None:
        return None
    pin = read_secret(config.pin_credential)
    if pin is None:
        where = places(config.pin_credential)
        raise ConfigError(f"tools.pin_credential: the secret {config.pin_credential} is not set; give it {where}")
    if not (pin.isascii() and pin.isdigit() and 4 <= len(pin) <= 12):
        raise ConfigError(f"tools.pin_credential: the secret {config.pin_credential} is no PIN of 4 to 12 digits")
    return pin


def understand(said: str) -> Reply:
    """Nothing but a yes, a no or a PIN counts as one: "yes, and what is the time" is something else."""
    words = plain(said).split()
    rest = set(words) - _AROUND
    if not rest:
        return Reply.YES if " ".join(words) in _WEAK_YES else Reply.OTHER
    if rest & _NO:
        return Reply.NO if rest <= _NO | _YES else Reply.OTHER
    if any(is_digit(word) for word in rest) and all(is_digit(word) or word in _YES | _AROUND_PIN for word in rest):
        return Reply.PIN
    return Reply.YES if rest <= _YES else Reply.OTHER


@dataclass(frozen=True, slots=True)
class Pending:
    """An action that waits, with arguments that were already checked."""

    tool: Tool
    arguments: Mapping[str, Any]
    expires_s: float


class Confirmations:
    """The one owner of what waits. `pin`: what must be said; None: a yes is enough."""

    def __init__(self, *, within_s: float, pin: str | None, clock: Callable[[], float]) -> None:
        self.within_s = within_s
        self._pin = pin
        self._clock = clock
        self._pending: dict[Place, Pending] = {}
        self._wrong = 0
        self._locked_until_s = 0.0

    @property
    def needs_pin(self) -> bool:
        return self._pin is not None

    def put(self, turn: Turn, tool: Tool, arguments: Mapping[str, Any]) -> None:
        """From now on this action waits; one that waited before in the same place is forgotten."""
        self._pending[_place(turn)] = Pending(tool, arguments, self._clock() + self.within_s)

    def waits(self, turn: Turn) -> bool:
        """Whether the next turn of this place may be a confirmation: its words are then not for a log or a memory."""
        pending = self._pending.get(_place(turn))
        return pending is not None and self._clock() < pending.expires_s

    def reply(self, turn: Turn, said: str) -> tuple[str, Pending | None] | None:
        """What becomes of the waiting action: "confirmed" with the action, or the name of a sentence to say.

        None when nothing waits, or when the turn is about something else: then nothing waits any more.
        """
        place = _place(turn)
        pending = self._pending.pop(place, None)
        meaning = understand(said)
        if pending is None or meaning is Reply.OTHER:
            return None
        now = self._clock()
        if now >= pending.expires_s:
            return ("too_late", None) if now < pending.expires_s + REMEMBERED_S else None
        if meaning is Reply.NO:
            return "declined", None
        if self._pin is None:
            return ("confirmed", pending) if meaning is Reply.YES else None
        return self._with_pin(place, pending, said, meaning)

    def _with_pin(self, place: Place, pending: Pending, said: str, meaning: Reply) -> tuple[str, Pending | None]:
        if self._clock() < self._locked_until_s:
            return "locked", None
        if meaning is Reply.YES:  # yes, and now the PIN
            self._pending[place] = pending
            return "say_pin", None
        if hmac.compare_digest(digits_in(plain(said)), self._pin or ""):
            self._wrong = 0
            return "confirmed", pending
        self._wrong += 1
        if self._wrong >= MAX_WRONG_PINS:
            self._wrong, self._locked_until_s = 0, self._clock() + LOCKED_S
            return "locked", None
        self._pending[place] = pending
        return "wrong_pin", None


def _place(turn: Turn) -> Place:
    return turn.source, turn.room
