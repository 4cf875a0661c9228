"""One tier's answer as it comes: in the house with tools and without thoughts, or outside with what may leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date, datetime

from jarvisd.answering.question import Asked, Question
from jarvisd.config import EngineConfig, RemoteEngine, RoutingConfig, ToolsConfig
from jarvisd.llm.chat import stream_chat
from jarvisd.llm.cloud import CloudCall, Spending, stream_cloud
from jarvisd.llm.prompt import question_messages
from jarvisd.llm.thinking import ThoughtFilter, TooMuchThought
from jarvisd.memory.grounding import Grounding, shown
from jarvisd.outgoing import Verdict, question_for_cloud
from jarvisd.tools.loop import answer_with_tools
from jarvisd.tools.toolbox import Toolbox
from jarvisd.types import Delta, Endpoint, Finished, Language, Message, Piece, Recalled, Thought, Tool, ToolContext

# The first question that may call tools waits so long for the servers that offer some.
TOOLS_WAIT_S = 1.5
# Enough for one sentence, where a short answer was asked for.
SHORT_TOKENS = 80
CHARACTERS_A_TOKEN = 4
_SHORTLY: Mapping[Language, str] = {
    "en": "Answer in one short sentence.",
    "es": "Responde en una sola frase corta.",
}
_NO_THOUGHT: Mapping[Language, str] = {
    "en": "Answer at once, with the result alone, without thinking aloud.",
    "es": "Responde ya, solo con el resultado, sin pensar en voz alta.",
}


@dataclass(frozen=True, slots=True)
class Streams:
    """`models`: the names to ask engines for. `judge` says whether a text may leave the house; `spending` pays."""

    models: Mapping[str, str]
    engines: Callable[[], Mapping[str, EngineConfig]]
    instructions: Callable[[], str]
    settings: Callable[[], RoutingConfig]
    toolbox: Toolbox
    tools: Callable[[], ToolsConfig]
    judge: Callable[[str, Language], Verdict]
    spending: Spending
    want_tools: Callable[[float], Awaitable[None]] | None = None
    recall_tokens: Callable[[], int] = lambda: 600

    def answer(self, endpoint: Endpoint, asked: Asked) -> AsyncGenerator[Delta | Finished, None]:
        """Streams what may be said, then `Finished`. Leave it with `aclosing`. Raises EngineError or TooMuchThought."""
        if endpoint.cloud:
            return _spoken_only(self._outside(endpoint, asked))
        if asked.tier.tools and not asked.look:
            answer = self._with_tools(endpoint, asked)
        else:
            answer = _spoken_only(self._inside(endpoint, asked, self._messages(asked), ()))
        return answer if asked.question.recalled is None else _grounded(answer, asked.question, asked.question.recalled)

    async def _with_tools(self, endpoint: Endpoint, asked: Asked) -> AsyncGenerator[Delta | Finished, None]:
        question = asked.question
        if self.want_tools is not None:
            await self.want_tools(TOOLS_WAIT_S)

        def ask(messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncGenerator[Piece, None]:
            return self._inside(endpoint, asked, messages, tools)

        answer = answer_with_tools(
            ask,
            self._messages(asked),
            self.toolbox,
            ToolContext(question.turn, question.language, question.text),
            self.tools(),
            private=self._is_private(question),
        )
        async with aclosing(answer):
            async for piece in answer:
                yield piece  # noqa: ASYNC119 - left with aclosing, as is said above

    async def _inside(
        self, endpoint: Endpoint, asked: Asked, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncGenerator[Piece, None]:
        """A model's words without its thoughts, which may take so long and no longer."""
        tier, settings = asked.tier, self.settings()
        thoughts, pieces = ThoughtFilter(), 0
        by_s = asyncio.get_running_loop().time() + settings.think_s
        stream = stream_chat(
            endpoint,
            self.models[tier.engine],
            messages,
            max_tokens=_max_tokens(asked),
            temperature=tier.temperature,
            first_token_timeout_s=tier.first_token_timeout_s,
            tools=tools,
            logprobs=asked.look,
            think=asked.think,
        )
        async with aclosing(stream):
            async for piece in stream:
                if isinstance(piece, Delta):
                    text = thoughts.feed(piece.text)
                    if text:
                        yield replace(piece, text=text)  # noqa: ASYNC119 - left with aclosing, as is said above
                elif isinstance(piece, Thought):
                    pieces += 1
                elif isinstance(piece, Finished) and thoughts.thinking:
                    raise TooMuchThought  # it has used up all its words for that
                else:
                    if rest := thoughts.end():
                        yield Delta(rest)  # noqa: ASYNC119 - left with aclosing, as is said above
                    yield piece  # noqa: ASYNC119 - left with aclosing, as is said above
                thinking = thoughts.thinking or isinstance(piece, Thought)
                too_long = pieces + thoughts.pieces_thought > settings.think_tokens
                if thinking and (too_long or asyncio.get_running_loop().time() > by_s):
                    raise TooMuchThought

    def _outside(self, endpoint: Endpoint, asked: Asked) -> AsyncGenerator[Piece, None]:
        question, tier = asked.question, asked.tier
        engine = self.engines()[tier.engine]
        assert isinstance(engine, RemoteEngine)  # only they have an endpoint outside
        prompt = question_for_cloud(self.judge(question.text, question.language), question.language, date.today())
        call = CloudCall(
            question.turn.id,
            tier.engine,
            asked.route.reason,
            _max_tokens(asked),
            tier.temperature,
            tier.first_token_timeout_s,
            tier=asked.route.tier,
        )
        return stream_cloud(prompt, endpoint, engine, call, self.spending)

    def _messages(self, asked: Asked) -> tuple[Message, ...]:
        question, instructions = asked.question, self.instructions()
        if question.wishes.short:
            instructions = f"{instructions} {_SHORTLY[question.language]}"
        if not asked.think:
            instructions = f"{instructions} {_NO_THOUGHT[question.language]}"
        recalled, memories = question.recalled, ""
        if recalled is not None:
            most = self.recall_tokens() * CHARACTERS_A_TOKEN
            memories = shown(recalled, question.language, datetime.now(), most)
        only = recalled is not None and recalled.asked
        return question_messages(question.text, instructions, question.language, memories=memories, only_memories=only)

    def _is_private(self, question: Question) -> bool:
        return (
            question.wishes.cloud is False
            or question.recalled is not None
            or self.judge(question.text, question.language).private
        )


def _max_tokens(asked: Asked) -> int:
    return min(asked.tier.max_tokens, SHORT_TOKENS) if asked.question.wishes.short else asked.tier.max_tokens


async def _grounded(
    stream: AsyncGenerator[Delta | Finished, None], question: Question, recalled: Recalled
) -> AsyncGenerator[Delta | Finished, None]:
    """Sentence by sentence, what may be said of memories."""
    grounding = Grounding(question.text, recalled)
    async with aclosing(stream):
        async for piece in stream:
            if isinstance(piece, Delta):
                if text := grounding.feed(piece.text):
                    yield replace(piece, text=text)  # noqa: ASYNC119 - left with aclosing, as is said above
                continue
            if rest := grounding.end():
                yield Delta(rest)  # noqa: ASYNC119 - left with aclosing, as is said above
            yield replace(piece, cited=tuple(grounding.cited))  # noqa: ASYNC119 - left with aclosing, as is said above


async def _spoken_only(stream: AsyncGenerator[Piece, None]) -> AsyncGenerator[Delta | Finished, None]:
    async with aclosing(stream):
        async for piece in stream:
            if isinstance(piece, Delta | Finished):
                yield piece  # noqa: ASYNC119 - left with aclosing, as is said above
