"""A question and its answer, and what rings without one."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from jarvisd.types.words import Kind, Language, Source


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

    `request_id` is the asker's own correlation id (MQTT, CLI), echoed in the answer. `person`: who asks, where the
    channel says so; memories are kept and found by it.
    """

    source: Source
    language: Language | None
    deadline_s: float
    room: str | None = None
    request_id: str | None = None
    person: str | None = None
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


Via: TypeAlias = Literal["model", "skill", "home", "plugin", "memory", "jarvisd"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said back.

    `answered_by` is a plugin's name, an engine's name, or "jarvisd" for its own honest sentences.
    `via` is the way it came: a tier's model, a skill, Home Assistant, a plugin, memory, or the daemon itself. `tier` is
    set for a model, and `route` says why it was that one. `demonstration` marks words of a model that is not meant to
    be believed. `error_code` is set when the text is the daemon's own sentence about a turn that failed. `timings_ms`
    has milliseconds by stage.
    `cost_micros`: millionths of the currency that was spent on it. `offers_more`: it ends in the offer to think again.
    `cited`: ids of the memories that it quotes. `recalled`: how memory was searched for it, and how much was found.
    `remembered`: the exchange is on disk, and no crash loses it. `private`: nothing of it is kept, here or elsewhere.
    """

    text: str
    language: Language
    answered_by: str
    question: str = ""
    demonstration: bool = False
    error_code: str | None = None
    via: Via = "jarvisd"
    tier: str = ""
    route: Route | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_micros: int = 0
    offers_more: bool = False
    cited: tuple[str, ...] = ()
    recalled: str = ""
    remembered: bool = False
    private: bool = False
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
