"""Sound, and what is heard in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

SAMPLE_RATE_HZ = 16_000
SAMPLE_BYTES = 2
CHUNK_SAMPLES = 1_280  # 80 ms: the step of openWakeWord's embedding model
CHUNK_BYTES = CHUNK_SAMPLES * SAMPLE_BYTES
CHUNK_S = CHUNK_SAMPLES / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """80 ms of sound. `pcm`: 2,560 bytes s16le; `at_s`: stream position of its first sample."""

    pcm: bytes
    at_s: float


@dataclass(frozen=True, slots=True)
class Detection:
    """A wake word was heard. `score` in 0..1; `at_s`: end of the chunk that crossed the threshold."""

    wake_word: str
    score: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said after a wake word, with the pre-roll in front.

    `speech_end_at_s` is where speech ended, `end_at_s` where the endpointer decided so: the difference is
    the chosen silence. `ended_by` says why it ended. `speech_s` is how much of it voice activity called speech.
    `captured_monotonic` is `time.monotonic()` when the endpointer decided.
    """

    pcm: bytes
    detection: Detection
    start_at_s: float
    speech_end_at_s: float
    end_at_s: float
    speech_s: float
    ended_by: Literal["silence", "max_length", "end_of_stream"]
    captured_monotonic: float


@dataclass(frozen=True, slots=True)
class NoSpeech:
    """A wake word, then nothing that voice activity calls speech."""

    detection: Detection
    waited_s: float


# What a listener yields, in the order in which it happens.
Heard: TypeAlias = Detection | Utterance | NoSpeech
