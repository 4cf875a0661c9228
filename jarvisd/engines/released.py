"""Cards that a person has for himself until a certain hour, which a restart does not change."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

_LOGGER = logging.getLogger(__name__)

FILE_NAME = "released-cards.json"


class ReleasedCards:
    """Until when (Unix time) each card is released, by UUID, kept in a file. Both methods block."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> dict[str, float]:
        """Nothing, where the file is missing or damaged: then a card is the engines'."""
        try:
            said = json.loads(self._file.read_text())
            return {str(uuid): float(until_s) for uuid, until_s in said.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            _LOGGER.warning("%s is not understood, so no card is released: %s", self._file, error)
            return {}

    def write(self, until_s: Mapping[str, float]) -> None:
        """A disk that is full costs that a restart forgets it."""
        new = self._file.with_suffix(".new")
        try:
            new.write_text(json.dumps(dict(until_s)))
            new.replace(self._file)
        except OSError as error:
            _LOGGER.warning("which cards are released cannot be kept in %s: %s", self._file, error.strerror)
