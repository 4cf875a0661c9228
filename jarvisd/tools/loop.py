"""A model that may call tools: it speaks or calls, reads what came of it, and speaks or calls again, not for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from jarvisd.config import ToolsConfig
from jarvisd.errors import EngineError
from jarvisd.quoting import as_data
from jarvisd.tools.honesty import SpokenRule
from jarvisd.tools.toolbox import Outcome, Toolbox
from jarvisd.types import Delta, Finished, Message, Piece, Tool, ToolCall, ToolCalls, ToolContext

_LOGGER = logging.getLogger(__name__)

# More at once are told to the model as too many.
MAX_CALLS_OF_ONE_ROUND = 4
# A model is told once what is wrong with its calls; the second time it goes on without tools.
MAX_MALFORMED_ROUNDS = 1


class Ask(Protocol):
    """Streams a model's answer to messages; it may call the tools, if there are any."""

    def __call__(self, messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncGenerator[Piece, None]: ...


@dataclass(slots=True)
class _Round:
    """What a model said and asked for before it stopped."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finished: Finished | None = None
    broke_off: bool = False


@dataclass(slots=True)
class _Progress:
    by_s: float
    rule: SpokenRule
    answered: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    malformed_rounds: int = 0
    tokens: int | None = None
    said: str = ""

    def joined(self, text: str) -> str:
        """A new beginning, set apart from what was said before it."""
        return f" {text}" if self.said and not self.said[-1].isspace() else text


async def answer_with_tools(
    ask: Ask, messages: Sequence[Message], toolbox: Toolbox, context: ToolContext, config: ToolsConfig, *, private: bool
) -> AsyncGenerator[Delta | Finished, None]:
    """Yields what is to be said and then `Finished`, with all tokens together. Leave it with `aclosing`.

    What is said has passed the rule of `SpokenRule`. Errors of the model's engine go through, unless something was
    done already: then the daemon tells what, and nobody else is asked to do it again.
    """
    tools = toolbox.offered(private=private)
    history = list(messages)
    progress = _Progress(
        asyncio.get_running_loop().time() + config.limit_s, SpokenRule(context.said, context.language, tools)
    )
    for number in range(config.rounds + 1):
        offered = tools if _may_call(progress, number, config) else ()
        current = _Round()
        async with aclosing(_speak(ask(history, offered), progress, current)) as pieces:
            async for piece in pieces:
                yield piece  # noqa: ASYNC119 - left with aclosing, as is said above
        if current.broke_off or not current.calls or not offered:
            if rest := _last_words(progress, current):
                yield Delta(rest)
            yield _end(progress, current)
            return
        history.append(Message("assistant", current.text, tool_calls=current.calls))
        outcomes = await _call_all(toolbox, context, current.calls, progress, private=private)
        history += [
            Message("tool", outcome.message, tool_call_id=call.id)
            for call, outcome in zip(current.calls, outcomes, strict=True)
        ]
        if closing := _closing(outcomes, progress):
            yield Delta(progress.joined(closing))
            yield _end(progress, current)
            return
        if rest := progress.rule.end():
            progress.said = rest
            yield Delta(rest)


async def _speak(
    stream: AsyncGenerator[Piece, None], progress: _Progress, current: _Round
) -> AsyncGenerator[Delta, None]:
    """One round of the model: what of its words may be said; all of it is kept in `current`."""
    begins = True
    async with aclosing(_until_it_breaks(stream, progress, current)) as pieces:
        async for piece in pieces:
            match piece:
                case Delta():
                    current.text += piece.text
                    said = progress.rule.take(piece.text)
                    if begins and progress.said:
                        said = progress.joined(said.lstrip()) if said.strip() else ""
                    if said:
                        begins, progress.said = False, said
                        yield Delta(said)  # noqa: ASYNC119 - left with aclosing
                case ToolCalls():
                    current.calls = piece.calls
                case Finished():
                    current.finished = piece
                    if piece.completion_tokens is not None:
                        progress.tokens = (progress.tokens or 0) + piece.completion_tokens


async def _until_it_breaks(
    stream: AsyncGenerator[Piece, None], progress: _Progress, current: _Round
) -> AsyncGenerator[Piece, None]:
    try:
        async with aclosing(stream):
            async for piece in stream:
                yield piece  # noqa: ASYNC119 - left with aclosing
    except EngineError as error:
        if not progress.rule.acted:
            raise
        _LOGGER.warning("the model broke off after it had acted: %s", error)
        current.broke_off = True


def _last_words(progress: _Progress, current: _Round) -> str:
    """What is held of the model's words; or the daemon's own, where something was done and the model tells nothing."""
    rest = "" if current.broke_off else progress.rule.end()
    if current.broke_off or (progress.rule.acted and not progress.said and not rest):
        rest = progress.joined(progress.rule.outcome())
    return rest


def _may_call(progress: _Progress, number: int, config: ToolsConfig) -> bool:
    in_time = asyncio.get_running_loop().time() < progress.by_s
    return in_time and number < config.rounds and progress.malformed_rounds <= MAX_MALFORMED_ROUNDS


async def _call_all(
    toolbox: Toolbox, context: ToolContext, calls: Sequence[ToolCall], progress: _Progress, *, private: bool
) -> list[Outcome]:
    """One after the other: of two actions, the second may build upon the first. The same call is made once."""
    outcomes: list[Outcome] = []
    for call in calls:
        same = (call.name, call.arguments)
        if any(outcome.question for outcome in outcomes):
            outcome = Outcome(as_data("jarvisd", "not called: the person is asked something first"))
        elif len(outcomes) >= MAX_CALLS_OF_ONE_ROUND:
            outcome = Outcome(as_data("jarvisd", f"not called: at most {MAX_CALLS_OF_ONE_ROUND} calls at once"))
        elif same in progress.answered:
            outcome = progress.answered[same]
        else:
            outcome = progress.answered[same] = await toolbox.call(call, context, private=private)
            if outcome.acted and outcome.result is not None:
                progress.rule.acted.append(outcome.result)
            elif outcome.result is not None and outcome.result.failed:
                progress.rule.watch()
        outcomes.append(outcome)
    if any(outcome.malformed for outcome in outcomes):
        progress.malformed_rounds += 1
    return outcomes


def _closing(outcomes: Sequence[Outcome], progress: _Progress) -> str | None:
    """What the daemon says itself to end the turn: a question, or the truth about actions that nobody saw done."""
    question = next((outcome.question for outcome in outcomes if outcome.question), None)
    if question is not None:
        return question
    return None if progress.rule.may_speak else progress.rule.outcome()


def _end(progress: _Progress, current: _Round) -> Finished:
    last = current.finished or Finished("stop")
    return Finished(last.reason, last.model, last.prompt_tokens, progress.tokens)
