"""The record of turns."""

from __future__ import annotations

from jarvisd.config.section import Section, key


class TurnsConfig(Section):
    """What is kept of past turns, for `jarvisd stats` and for learning from corrections. It never leaves the house."""

    keep_text_days: int = key(
        30, "The texts of questions are kept so long; 0: never. Of corrected ones longer.", live=True, ge=0, le=3650
    )
    keep_days: int = key(
        400, "Everything else of a turn (who answered, how long it took) is kept so long.", live=True, ge=1, le=3650
    )
