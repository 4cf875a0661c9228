"""Facts, told in the past tense. An event is never a request; whoever wants something done awaits a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from jarvisd.types import Answer, Detection, EngineStatus, GpuHealth, GpuState, Ring, Route, Transcript, Turn


@dataclass(frozen=True, slots=True)
class WakeDetected:
    detection: Detection
    source: str


@dataclass(frozen=True, slots=True)
class NothingSaid:
    """A wake word was heard and no speech followed within the time limit."""

    detection: Detection
    source: str


@dataclass(frozen=True, slots=True)
class TurnStarted:
    turn: Turn


@dataclass(frozen=True, slots=True)
class Transcribed:
    turn: Turn
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class Routed:
    turn: Turn
    route: Route


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """A piece of an answer while it is made. May be dropped under load; the whole comes with `Answered`."""

    turn: Turn
    text: str
    index: int


@dataclass(frozen=True, slots=True)
class Answered:
    turn: Turn
    answer: Answer


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """A turn ended without the answer that was asked for. An honest sentence was given instead."""

    turn: Turn
    stage: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TurnCancelled:
    """The speaker interrupted (a new wake word) or the asker went away."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class Rang:
    """A timer, an alarm or a reminder has rung. Whoever tells people about it does so once for each `ring.id`."""

    ring: Ring


@dataclass(frozen=True, slots=True)
class EngineStateChanged:
    status: EngineStatus


@dataclass(frozen=True, slots=True)
class GpuHealthChanged:
    """A graphics card is another state than it was, or was seen for the first time (`before` is None)."""

    before: GpuState | None
    health: GpuHealth


@dataclass(frozen=True, slots=True)
class ServiceCrashed:
    """A service of the daemon failed and is restarted after `retry_in_s`."""

    service: str
    error: str
    restarts: int
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class PluginDisabled:
    plugin: str
    hook: str
    reason: str


@dataclass(frozen=True, slots=True)
class ListeningChanged:
    """The ears opened or closed. `detail` says which source, or why there is none."""

    listening: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A model asked for a tool. `outcome`: "answered"; "done" (it acted, and the state was read back), "unconfirmed"
    (it acted, and nobody can tell), "failed"; "refused" (the person's words do not ask for it), "question" (it waits
    for the person's yes), "malformed" (no such tool, or arguments that do not fit).
    """

    turn: Turn
    tool: str
    source: str
    outcome: str
    arguments: str
    took_ms: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ToolServerChanged:
    """A server of tools came up or went down. `detail` says with which tools, or why."""

    server: str
    up: bool
    detail: str


@dataclass(frozen=True, slots=True)
class MqttLinkChanged:
    connected: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ConfigReloaded:
    applied: tuple[str, ...]
    needs_restart: tuple[str, ...] = ()


Event: TypeAlias = (
    WakeDetected
    | NothingSaid
    | TurnStarted
    | Transcribed
    | Routed
    | AnswerDelta
    | Answered
    | TurnFailed
    | TurnCancelled
    | Rang
    | EngineStateChanged
    | GpuHealthChanged
    | ServiceCrashed
    | PluginDisabled
    | ListeningChanged
    | ToolCalled
    | ToolServerChanged
    | MqttLinkChanged
    | ConfigReloaded
)
