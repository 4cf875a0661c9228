"""What may leave the house, as types: a prompt for the cloud can only be made of words that say nothing about it.

Every piece of a prompt is a `Private` or a `Public` one, by where it comes from. `Public` has no constructor to call:
its pieces come from this file's own words, from the calendar, and from a text that was judged (`cleared`).
A type checker refuses a `Private` piece in `CloudPrompt.of`; at run time it raises.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from datetime import date
from typing import Literal, Protocol, TypeAlias, final

from jarvisd.errors import CloudRefused
from jarvisd.types import Language, Message

Role: TypeAlias = Literal["system", "user", "assistant"]


class Origin(enum.StrEnum):
    """Where a piece of a prompt comes from."""

    FIXED = "fixed"  # this file's own words
    DAY = "day"
    CLEARED = "cleared"  # said by somebody, and judged to say nothing about the household
    HOUSE = "house"  # the household's own configuration
    QUESTION = "question"  # said by somebody, and not judged, or judged private
    HISTORY = "history"
    MEMORY = "memory"
    SPEAKER = "speaker"
    HOME = "home"  # states of devices, who is there
    LOCATION = "location"
    TOOL = "tool"  # what a tool or a plugin told


PUBLIC_ORIGINS = frozenset({Origin.FIXED, Origin.DAY, Origin.CLEARED})
PrivateOrigin: TypeAlias = Literal[
    Origin.HOUSE,
    Origin.QUESTION,
    Origin.HISTORY,
    Origin.MEMORY,
    Origin.SPEAKER,
    Origin.HOME,
    Origin.LOCATION,
    Origin.TOOL,
]


@final
@dataclass(frozen=True, slots=True)
class Private:
    """Words that stay in the house."""

    text: str
    origin: PrivateOrigin
    role: Role = "system"


@final
class _Seal:
    """Only this file makes one, so only its functions make what needs one."""


_SEAL = _Seal()


@final
@dataclass(frozen=True, slots=True)
class Public:
    """Words that may leave. Made by `fixed_instructions`, `day_told` and `cleared` only."""

    text: str
    origin: Literal[Origin.FIXED, Origin.DAY, Origin.CLEARED]
    role: Role
    _seal: InitVar[_Seal]

    def __post_init__(self, _seal: _Seal) -> None:
        _only_with(_seal, self.origin)


# A piece of any prompt. One for a model in the house takes both kinds.
Fragment: TypeAlias = Private | Public


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether `text` says something about the household, and by what it is recognised, in words for a person."""

    text: str
    private: bool
    reasons: tuple[str, ...] = ()


def cleared(verdict: Verdict, role: Literal["user", "assistant"] = "user") -> Public:
    """A judged text as a piece that may leave. Raises CloudRefused when it was judged private."""
    if verdict.private:
        raise CloudRefused(
            f"This stays in the house: {', '.join(verdict.reasons) or 'it is private'}.", code="cloud_private"
        )
    return Public(verdict.text, Origin.CLEARED, role, _SEAL)


_INSTRUCTIONS: dict[Language, str] = {
    "en": "Answer in English, in one or two short spoken sentences, without lists or formatting.",
    "es": "Responde en español, en una o dos frases cortas para decir en voz alta, sin listas ni formato.",
}
_TODAY: dict[Language, str] = {"en": "Today is {day}.", "es": "Hoy es {day}."}


def fixed_instructions(language: Language) -> Public:
    """What a cloud is told before a question: never the household's own instructions, which may name it."""
    return Public(_INSTRUCTIONS[language], Origin.FIXED, "system", _SEAL)


def day_told(day: date, language: Language) -> Public:
    """The date without the time, which would tell the time zone."""
    return Public(_TODAY[language].format(day=day.isoformat()), Origin.DAY, "system", _SEAL)


@final
@dataclass(frozen=True, slots=True)
class CloudPrompt:
    """All that is sent to a cloud. Made by `CloudPrompt.of` only."""

    messages: tuple[Message, ...]
    _seal: InitVar[_Seal]

    def __post_init__(self, _seal: _Seal) -> None:
        _only_with(_seal, "prompt")

    @classmethod
    def of(cls, fragments: Sequence[Public]) -> CloudPrompt:
        """Raises CloudRefused for a piece that is not surely public, and for a prompt that asks nothing."""
        for fragment in fragments:
            if type(fragment) is not Public or fragment.origin not in PUBLIC_ORIGINS:
                origin = getattr(fragment, "origin", type(fragment).__name__)
                raise CloudRefused(f"This stays in the house: a part of it comes from {origin}.", code="cloud_private")
        if not any(fragment.role == "user" for fragment in fragments):
            raise CloudRefused("There is no question in this prompt.", code="cloud_private")
        system = " ".join(fragment.text for fragment in fragments if fragment.role == "system")
        said = [Message(fragment.role, fragment.text) for fragment in fragments if fragment.role != "system"]
        return cls(((Message("system", system),) if system else ()) + tuple(said), _SEAL)


def question_for_cloud(verdict: Verdict, language: Language, day: date, earlier: Sequence[Public] = ()) -> CloudPrompt:
    """The usual prompt: instructions, the day, what was said before, the question. Raises CloudRefused."""
    return CloudPrompt.of((fixed_instructions(language), day_told(day, language), *earlier, cleared(verdict)))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request before it leaves. `body` is what is sent, to the byte; `why` says why it may be.

    The two maxima are what it can cost at most.
    """

    turn_id: str
    engine: str
    body: bytes
    why: str
    prompt_tokens_max: int
    completion_tokens_max: int
    tier: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server says that it counted. None: it did not say."""

    prompt_tokens: int | None
    completion_tokens: int | None


class Spend(Protocol):
    """Money that is held for one request. Whoever says neither of these pays the whole amount."""

    def used(self, usage: Usage) -> None:
        """The request ended well, and cost this."""

    def free(self, note: str) -> None:
        """The request was refused before it could cost anything."""

    def failed(self, note: str) -> None:
        """It went wrong after it was sent; why, for the record. All that was held is paid."""


def _only_with(seal: object, what: str) -> None:
    if seal is not _SEAL:
        raise CloudRefused(f"A {what} that may leave the house is not made by hand.", code="cloud_private")
