"""Is there anything to hear? The cheapest stage of the cascade, run for every chunk."""

from __future__ import annotations

import math

import numpy as np

from jarvisd.types import CHUNK_SAMPLES

# So far above the room's own noise, something stirs. Steady noise varies by less than 1 dB over a chunk.
_STIR_DB = 3.0
# The floor follows quieter chunks at once by half, and climbs so slowly that no sentence lifts it: a fan
# that is switched on is got used to in half a minute.
_CLIMB_DB = 0.05
# Below this there is only digital silence, and every sound would be infinitely louder.
_QUIETEST_DB = 0.0
# Until the floor is known, everything stirs: a recording may begin in the middle of a word.
_SETTLING_CHUNKS = 25
_DECIMATION = 4


class LevelMeter:
    """One stream's noise floor, in dB of the sound between about 200 and 2,000 Hz."""

    def __init__(self) -> None:
        self.floor_db = math.inf
        self._seen = 0

    def stirs(self, pcm: bytes) -> bool:
        """Does this chunk stand out from the room's noise?"""
        level_db = band_level_db(pcm)
        if level_db < self.floor_db:
            self.floor_db = level_db if self.floor_db == math.inf else (self.floor_db + level_db) / 2
        else:
            self.floor_db += _CLIMB_DB
        self._seen += 1
        return self._seen <= _SETTLING_CHUNKS or level_db > self.floor_db + _STIR_DB


def band_level_db(pcm: bytes) -> float:
    """Power of a chunk where voices are: hiss is averaged away, rumble is lost in the differences."""
    coarse = np.frombuffer(pcm, "<i2").reshape(CHUNK_SAMPLES // _DECIMATION, _DECIMATION).sum(axis=1, dtype=np.float32)
    change = coarse[1:] - coarse[:-1]
    power = float(change @ change) / CHUNK_SAMPLES
    return max(_QUIETEST_DB, 10 * math.log10(power + 1e-9))
