"""The nouns of the house: frozen values that rooms hand to each other.

All audio between rooms is 16 kHz, mono, signed 16 bit little endian ("s16le").
Positions in a stream (`*_at_s`) count seconds of audio since the source was opened: a clock made of
samples, so that a file read as fast as possible and a microphone give the same numbers.
"""

from __future__ import annotations

import enum
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

SAMPLE_RATE_HZ = 16_000
SAMPLE_BYTES = 2
CHUNK_SAMPLES = 1_280  # 80 ms: the step of openWakeWord's embedding model
CHUNK_BYTES = CHUNK_SAMPLES * SAMPLE_BYTES
CHUNK_S = CHUNK_SAMPLES / SAMPLE_RATE_HZ

Language: TypeAlias = Literal["es", "en"]
# What a question is: for the house's devices, a short fact or chat, an explanation or a text, a problem to think about.
Kind: TypeAlias = Literal["home", "fast", "strong", "reasoning"]
# Which of them a tier is meant for.
Level: TypeAlias = Literal["fast", "strong", "reasoning"]
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
    """Who shall answer, and why, in words.

    `probabilities` is what the question was taken for, `margin` how much worse the next tier would have been (a regret,
    0 to 1 and more), `eta_s` when its first word was expected. `cloud`: it is asked outside the house. `cold`: its
    engine had to start or wake up. `wanted`: the tier that would have been asked had it been warm.
    """

    tier: str
    engine: str
    reason: str
    probabilities: Mapping[Kind, float] = field(default_factory=dict)
    margin: float = 0.0
    eta_s: float = 0.0
    cloud: bool = False
    cold: bool = False
    wanted: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that a model wants called. `arguments` is JSON as the model wrote it: not yet believed."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation with a model. `tool_calls`: what the assistant asked for; `tool_call_id`: the one
    that a "tool" message answers.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of a model's answer; never empty. `logprobs`: of its tokens, where they were asked for."""

    text: str
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of what a model thinks before it answers, where its server tells that apart. Never spoken."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """The functions that a model wants called before it goes on; comes after its text and before `Finished`."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of an answer: always the last piece. `reason` is "stop", "length" (max_tokens) or the server's own.

    `completion_tokens` has all that the server counts on its side, what it thought included.
    """

    reason: str
    model: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


# What a model's answer is made of.
Piece: TypeAlias = Delta | Thought | ToolCalls | Finished


Via: TypeAlias = Literal["model", "skill", "home", "plugin", "jarvisd"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said back.

    `answered_by` is a plugin's name, an engine's name, or "jarvisd" for its own honest sentences.
    `via` is the way it came: a tier's model, a skill, Home Assistant, a plugin, or the daemon itself. `tier` is set for
    a model. `demonstration` marks words of a model that is not meant to be believed. `error_code` is set when the
    text is the daemon's own sentence about a turn that failed. `timings_ms` has milliseconds by stage.
    `cost_micros`: millionths of the currency that was spent on it.
    """

    text: str
    language: Language
    answered_by: str
    question: str = ""
    demonstration: bool = False
    error_code: str | None = None
    via: Via = "jarvisd"
    tier: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_micros: int = 0
    timings_ms: Mapping[str, float] = field(default_factory=dict)


RingKind: TypeAlias = Literal["timer", "alarm", "reminder"]


@dataclass(frozen=True, slots=True)
class Ring:
    """A timer, an alarm or a reminder is due. `text`: the timer's name, or what to be reminded of; may be empty.

    `id` never changes: whoever has seen it has told it. `again`: it may have been told before, by a process that was
    killed meanwhile. `due_s`: Unix time; `late_s`: how much later it rang. `sentence`: what to say, in `language`.
    """

    id: str
    kind: RingKind
    text: str
    room: str | None
    language: Language
    due_s: float
    late_s: float
    again: bool
    sentence: str


class EngineState(enum.StrEnum):
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    ASLEEP = "asleep"  # loaded and off its card; wakes within seconds
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """A snapshot to show, never to act upon. `detail`: why it is so, and what a person can do.

    `on_demand`: stopped is how it waits for its first question. `pinned`: it keeps its place.
    """

    name: str
    kind: str
    state: EngineState
    detail: str = ""
    restarts: int = 0
    leases: int = 0
    pid: int | None = None
    start_s: float | None = None
    on_demand: bool = False
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine listens. `url`: `unix:///path`, `tcp://host:port` (Wyoming) or `http(s)://...` (OpenAI).

    For OpenAI HTTP over a Unix socket, `socket_path` is set and `url` is the base as sent in requests.
    `cloud`: outside the house; only `jarvisd.llm.cloud` may send anything there.
    """

    url: str
    socket_path: str | None = None
    api_key: str | None = field(default=None, repr=False)
    cloud: bool = False


class GpuState(enum.StrEnum):
    """How a card is, in one word; from `OK` on, each is worse for who wants to use it than those before it."""

    OK = "ok"
    WARM = "warm"
    FOREIGN = "foreign"  # others hold memory of it
    FULL = "full"
    THROTTLED = "throttled"
    HOT = "hot"
    UNKNOWN = "unknown"  # it cannot be read now, for a reason of its own
    HUNG = "hung"  # the driver does not answer
    LOST = "lost"
    DRIVER_MISMATCH = "driver_mismatch"  # driver and library have different versions: until the machine starts again


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that uses a card. `memory_bytes` is None where the driver does not say; `ours`: this daemon's."""

    pid: int
    memory_bytes: int | None
    ours: bool = False


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One look at one card. None: the card does not tell it, or could not be read (`fault`, NVML's error code).

    `uuid` is the card's identity: its number changes with what else is there. `memory_used_bytes` is without what
    the driver holds for itself (`memory_reserved_bytes`) where that is told apart. `energy_joules` counts since the
    driver was loaded. `throttle_reasons`: why the clocks are lower than they could be. `xid`: the last critical
    error that the driver reported for it since the daemon began to look.
    """

    uuid: str
    name: str
    read_monotonic: float
    fault: int | None = None
    capability: tuple[int, int] | None = None
    driver_version: str = ""
    memory_total_bytes: int | None = None
    memory_used_bytes: int | None = None
    memory_free_bytes: int | None = None
    memory_reserved_bytes: int | None = None
    processes: tuple[GpuProcess, ...] = ()
    utilisation_percent: int | None = None
    temperature_celsius: int | None = None
    slowdown_celsius: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    energy_joules: float | None = None
    graphics_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    throttle_reasons: tuple[str, ...] = ()
    fan_percent: int | None = None
    pcie_generation: int | None = None
    pcie_width: int | None = None
    xid: int | None = None

    @property
    def foreign_bytes(self) -> int:
        """Memory that is known to be held by processes that are not ours."""
        return sum(process.memory_bytes or 0 for process in self.processes if not process.ours)


@dataclass(frozen=True, slots=True)
class GpuHealth:
    """`state` is the worst of what is so; `reasons` says all of it, the worst first, in words."""

    uuid: str
    name: str
    state: GpuState
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineUse:
    """An engine on a card: how it is, and how long it has been in use since the daemon began."""

    name: str
    card: str
    state: EngineState
    used_s: float


@dataclass(frozen=True, slots=True)
class EngineEnergy:
    """What an engine has used of a card: while it was in use, and while it was only up.

    `idle_watts`: what it adds to the card at rest; None until the card was seen at rest with it and without it.
    """

    name: str
    used_kwh: float
    idle_kwh: float
    idle_watts: float | None = None


@dataclass(frozen=True, slots=True)
class GpuStatus:
    """A snapshot to show. `energy_kwh`: used since the daemon first saw the card; `engines`: theirs of it."""

    reading: GpuReading
    health: GpuHealth
    energy_kwh: float
    engines: tuple[EngineEnergy, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolContext:
    """On whose behalf a tool is called. `said`: the person's own words of this turn, as they were understood."""

    turn: Turn
    language: Language
    said: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool found out or did, as text for the model: data, never instructions.

    `confirmed`, for tools that act: True when the state was read back and is as it was wanted, False when it is not,
    None when nobody can tell. `failed`: it could not do it; the text says why.
    """

    text: str
    confirmed: bool | None = None
    failed: bool = False


RunTool: TypeAlias = Callable[[Mapping[str, Any], ToolContext], Awaitable[ToolResult] | ToolResult]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that language models may call.

    `parameters` is a JSON schema of an object; `description`, in English, is for the model. `run` gets arguments
    that fit the schema; a plain function runs on a thread of its own.

    `acts`: it changes something outside of the conversation, so it is only called when the person's own words ask for
    it. `dangerous`: and only after the person has confirmed it. `words` are those words, one of which must be said
    (beginnings count: "appoint" is in "appointment"); without any, they are taken from the tool's name. `things` are
    the arguments that name what is acted upon, all texts and numbers by default: each must be in the person's words.
    `names` gives what such an argument is called in the house, where that is not what the model writes ("light.k1").

    `leaves_house`: calling it tells somebody outside what is asked; never offered in private turns. `source`: the
    plugin or server that offers it, filled in by who registers it.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: RunTool
    acts: bool = False
    dangerous: bool = False
    leaves_house: bool = False
    words: tuple[str, ...] = ()
    things: tuple[str, ...] | None = None
    names: Callable[[str, Any], tuple[str, ...]] | None = None
    source: str = "jarvisd"
