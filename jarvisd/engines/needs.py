"""What engines take of a card: what is worked out, and what was learned the hard way and is kept."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jarvisd.engines.placement import Rung

_LOGGER = logging.getLogger(__name__)

FILE_NAME = "card-needs.json"


@dataclass(frozen=True, slots=True)
class CardNeed:
    """An engine's place on a card. `card`: its UUID, None for an engine whose card is not known.

    `awake_bytes` is 0 where nobody knows it. `asleep_bytes` and `host_bytes` are for engines that can sleep. `key`
    names what was measured: the same card, model and arguments.
    """

    card: str | None = None
    awake_bytes: int = 0
    asleep_bytes: int = 0
    host_bytes: int = 0
    key: str = ""


NO_CARD = CardNeed()


def need_key(card: str | None, argv: Sequence[str], place: str) -> str:
    """The name of a measurement: the card and all arguments but `place`, where the engine listens."""
    said = "\0".join(argument for argument in argv if argument != place)
    return f"{card} {hashlib.sha256(said.encode()).hexdigest()[:16]}"


class LearnedNeeds:
    """Bytes by key, kept in a file; the larger of what is worked out and what was learned counts."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._bytes = _read(file) if file is not None else {}

    def of(self, need: CardNeed) -> int:
        """Bytes that the engine takes while it is awake."""
        return max(need.awake_bytes, self._bytes.get(need.key, 0))

    def at(self, need: CardNeed, rung: Rung) -> int:
        """Bytes that it takes on a rung."""
        if rung is Rung.AWAKE:
            return self.of(need)
        return 0 if rung is Rung.STOPPED else max(need.asleep_bytes, self._bytes.get(_key(need, rung), 0))

    def learn(self, need: CardNeed, count: int, rung: Rung = Rung.AWAKE) -> bool:
        """Returns whether that is more than was known."""
        if count <= self.at(need, rung):
            return False
        self._bytes[_key(need, rung)] = count
        return True

    def save(self) -> None:
        """Writes the file; blocks. A disk that is full costs the knowledge, not the engine."""
        if self._file is None:
            return
        new = self._file.with_suffix(".new")
        try:
            new.write_text(json.dumps(self._bytes, indent=1, sort_keys=True))
            new.replace(self._file)
        except OSError as error:
            _LOGGER.warning("what engines need of their cards cannot be kept in %s: %s", self._file, error.strerror)


def _key(need: CardNeed, rung: Rung) -> str:
    return need.key if rung is Rung.AWAKE else f"{need.key} asleep"


def _read(file: Path) -> dict[str, int]:
    """Nothing, where the file is missing or damaged: it is learned again."""
    try:
        learned = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _LOGGER.warning("%s is not understood and begun anew: %s", file, error)
        return {}
    if not isinstance(learned, dict):
        return {}
    return {key: count for key, count in learned.items() if isinstance(count, int) and count > 0}
