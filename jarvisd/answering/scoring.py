"""The scorer as this household has it: the shipped weights, and what was learned from corrected turns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jarvisd.errors import ModelError
from jarvisd.routing.refit import Refit, Turn, load_probe, read_correction, refit, write_correction
from jarvisd.routing.scorer import KINDS, Correction, Scorer, Weights
from jarvisd.types import Kind, Language

_LOGGER = logging.getLogger(__name__)

FILE_NAME = "router-correction.json"
# As many changed sentences are told.
SHOWN_CHANGES = 3


class HouseholdScorer:
    """`corrected` gives all turns that a person has corrected, with what they really were; it blocks.

    Making one reads files.
    """

    def __init__(self, file: Path, corrected: Callable[[], Sequence[Turn]]) -> None:
        self._file = file
        self._corrected = corrected
        self._weights = Weights.load("kinds")
        self._scorer = Scorer(self._weights, self._read())

    def probabilities(self, text: str, language: Language | None) -> Mapping[Kind, float]:
        """What a text is, as in a household that asks all kinds alike."""
        said = self._scorer.probabilities(text, language)
        return {kind: said[kind] for kind in KINDS}

    async def refit(self) -> str:
        """Learns anew from all corrections, and says what that changed. Never silently."""
        result = await asyncio.to_thread(self._refit)
        self._scorer = Scorer(self._weights, result.correction)
        return _told(result)

    def _refit(self) -> Refit:
        result = refit(self._weights, self._corrected(), load_probe())
        try:
            write_correction(self._file, result.correction, self._weights)
        except OSError as error:
            _LOGGER.warning("what was corrected cannot be kept in %s (%s)", self._file, error.strerror)
        return result

    def _read(self) -> Correction | None:
        try:
            return read_correction(self._file, self._weights)
        except ModelError as error:
            _LOGGER.warning("%s", error.message)
            return None


def _told(result: Refit) -> str:
    if not result.correction.rows:
        return "The shipped weights hold."
    said = ["Learned." if not result.not_learned else f"Not learned: {_sentences(result.not_learned)}."]
    if result.changes:
        others = "; ".join(f"“{one.text}” {one.before} → {one.after}" for one in result.changes[:SHOWN_CHANGES])
        said.append(f"Of the sentences to check with, {len(result.changes)} changed: {others}.")
    else:
        said.append("None of the sentences to check with changed.")
    return " ".join(said)


def _sentences(turns: Sequence[Turn]) -> str:
    return ", ".join(f"“{turn.text}”" for turn in turns)
