"""What must not happen by mistake: which entities want a confirmation, and confirmations that count once."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

from jarvisd.home.house import fold

CONFIRM_WITHIN_S = 60.0
MAX_OPEN_QUESTIONS = 20

_ALWAYS = frozenset({"lock", "alarm_control_panel", "valve", "siren"})
_CLASSES = frozenset({"garage", "garage_door", "gate", "door", "lock"})
# Many garages and gates come as a cover without a class, or as a plain switch or button.
_PLAIN = frozenset({"cover", "switch", "button", "input_button", "input_boolean", "script", "scene"})
_NAMED = re.compile(
    r"\b(garage doors?|gates?|doors?|locks?|unlock|alarms?|sirens?|puertas?|porton(es)?|cancela|verja|cerraduras?|"
    r"cerrojos?|alarmas?|sirenas?|desbloque\w*)\b"
)
_COVER_NAMED = re.compile(r"\b(garage|garaje|cochera)\b")

T = TypeVar("T")


def is_dangerous(entity_id: str, name: str, device_class: str, more: Collection[str] = ()) -> bool:
    """Whether an action on it wants a confirmation: by its kind, its class, its name, or because the house says so."""
    domain = entity_id.partition(".")[0]
    if domain in _ALWAYS or entity_id in more:
        return True
    if domain not in _PLAIN:
        return False
    said = fold(f"{entity_id} {name}".replace("_", " ").replace(".", " "))
    return (
        device_class in _CLASSES
        or _NAMED.search(said) is not None
        or (domain == "cover" and _COVER_NAMED.search(said) is not None)
    )


def is_harmless(domain: str, kind: str) -> bool:
    """Locking is the one thing about a lock that needs no yes. Closing a garage may hit somebody."""
    return domain == "lock" and kind == "on"


@dataclass(frozen=True, slots=True)
class _Question(Generic[T]):
    matter: T
    until: float


class Confirmations(Generic[T]):
    """Questions that wait for a yes. A token is for the program that asks the person, never for a model."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, _Question[T]] = {}

    def ask(self, matter: T) -> str:
        """A token for `matter`."""
        now = self._clock()
        self._open = {token: one for token, one in self._open.items() if one.until > now}
        while len(self._open) >= MAX_OPEN_QUESTIONS:
            self._open.pop(next(iter(self._open)))
        token = secrets.token_urlsafe(16)
        self._open[token] = _Question(matter, now + CONFIRM_WITHIN_S)
        return token

    def redeem(self, token: str) -> T | None:
        """What the token was for: once, and within a minute."""
        question = self._open.pop(token, None)
        return question.matter if question is not None and question.until > self._clock() else None
