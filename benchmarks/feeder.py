"""Plays a microphone: raw 16 kHz mono s16le on standard output, at a microphone's speed, for ever.

`quiet`: the noise of a quiet room, about -60 dBFS. `speech`: recorded sentences without a wake word, end to end.
"""

from __future__ import annotations

import sys
import time
import wave
from pathlib import Path

import numpy as np

from jarvisd.types import CHUNK_S, CHUNK_SAMPLES, SAMPLE_RATE_HZ

RECORDINGS = Path(__file__).parent.parent / "demo/recordings"
# Behind the wake word and the pause in the recording of that name.
QUESTION = ("3-open-question.wav", 1.6)
QUIET_RMS = 30.0


def quiet() -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, QUIET_RMS, SAMPLE_RATE_HZ * 20)
    return noise.astype(np.int16)


def speech() -> np.ndarray:
    """The question of a recording over and over, cut to where somebody speaks."""
    name, behind_wake_word_s = QUESTION
    with wave.open(str(RECORDINGS / name), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
    samples = samples[int(behind_wake_word_s * SAMPLE_RATE_HZ) :]
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 500)
    return np.tile(samples[loud[0] : loud[-1]], 8)


def main() -> None:
    samples = {"quiet": quiet, "speech": speech}[sys.argv[1]]()
    began = time.monotonic()
    sent = 0
    while True:
        at = sent * CHUNK_SAMPLES % (len(samples) - CHUNK_SAMPLES)
        sys.stdout.buffer.write(samples[at : at + CHUNK_SAMPLES].tobytes())
        sys.stdout.buffer.flush()
        sent += 1
        time.sleep(max(0.0, began + sent * CHUNK_S - time.monotonic()))


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(0)
