"""What is said to a language model, and what it is made of that comes back; the tools that it may call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from jarvisd.types.turns import Turn
from jarvisd.types.words import Language


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

    `completion_tokens` has all that the server counts on its side, what it thought included. `cited`: ids of the
    memories that the answer quotes.
    """

    reason: str
    model: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cited: tuple[str, ...] = ()


# What a model's answer is made of.
Piece: TypeAlias = Delta | Thought | ToolCalls | Finished


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
