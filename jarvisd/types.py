"""The nouns of the house: frozen values that rooms hand to each other.

All audio between rooms is 16 kHz, mono, signed 16 bit little endian ("s16le").
Positions in a stream (`*_at_s`) count seconds of audio since the source was opened: a clock made of
samples, so that a file read as fast as possible and a microphone give the same numbers.
"""

from __future__ import annotations

import enum
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

SAMPLE_RATE_HZ = 16_000
SAMPLE_BYTES = 2
CHUNK_SAMPLES = 1_280  # 80 ms: the step of openWakeWord's embedding model
CHUNK_BYTES = CHUNK_SAMPLES * SAMPLE_BYTES
CHUNK_S = CHUNK_SAMPLES / SAMPLE_RATE_HZ

Language: TypeAlias = Literal["es", "en"]
Source: TypeAlias = Literal["microphone", "file", "cli", "mqtt", "http", "plugin"]


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


@dataclass(frozen=True, slots=True)
class Transcript:
    """Text of an utterance, or what was typed. `language` is one of the household's, or None if unknown.

    `no_speech_probability` in 0..1 where the recogniser gives it. `engine` is None for typed text.
    """

    text: str
    language: Language | None = None
    engine: str | None = None
    no_speech_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer. `deadline_s` is the longest a turn may take, from `started_monotonic`.

    `request_id` is the asker's own correlation id (MQTT, CLI), echoed in the answer.
    """

    source: Source
    language: Language | None
    deadline_s: float
    room: str | None = None
    request_id: str | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    started_monotonic: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Route:
    """Who shall answer, and why, in words."""

    tier: str
    engine: str
    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said back.

    `answered_by` is a plugin's name, an engine's name, or "jarvisd" for its own honest sentences.
    `demonstration` marks words of a model that is not meant to be believed. `error_code` is set when the
    text is the daemon's own sentence about a turn that failed. `timings_ms` has milliseconds by stage.
    """

    text: str
    language: Language
    answered_by: str
    question: str = ""
    demonstration: bool = False
    error_code: str | None = None
    completion_tokens: int | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)


class EngineState(enum.StrEnum):
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """A snapshot to show, never to act upon. `detail`: why it is so, and what a person can do."""

    name: str
    kind: str
    state: EngineState
    detail: str = ""
    restarts: int = 0
    leases: int = 0
    pid: int | None = None
    start_s: float | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine listens. `url`: `unix:///path`, `tcp://host:port` (Wyoming) or `http(s)://...` (OpenAI).

    For OpenAI HTTP over a Unix socket, `socket_path` is set and `url` is the base as sent in requests.
    """

    url: str
    socket_path: str | None = None
    api_key: str | None = field(default=None, repr=False)
