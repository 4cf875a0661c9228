"""Asks a language model in the OpenAI chat protocol, and receives the answer piece by piece.

Whatever a server does ends in text or in an EngineError: a stream that stops without a reason for stopping was cut,
however politely.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any, TypeVar

from jarvisd.errors import CloudRefused, EngineReplyError
from jarvisd.llm.calls import CallPieces, as_message, as_tool
from jarvisd.llm.sse import EventStream
from jarvisd.transport import ModelResponse, request, server_message
from jarvisd.types import Delta as Delta
from jarvisd.types import Endpoint, Message, Thought, Tool, ToolCalls
from jarvisd.types import Finished as Finished
from jarvisd.types import Piece as Piece

# Slow models give a word a second; silence for so long in mid-answer is a hang.
IDLE_TIMEOUT_S = 15.0
# After the end of the text a server may still tell how many tokens it was; nobody waits longer for that.
USAGE_TIMEOUT_S = 1.0
# An answer is spoken: nobody listens to so much, and a server that never ends is not served with memory.
MAX_ANSWER_CHARACTERS = 100_000

T = TypeVar("T")


async def stream_chat(
    endpoint: Endpoint,
    model: str,
    messages: Sequence[Message],
    *,
    max_tokens: int,
    temperature: float,
    first_token_timeout_s: float | None,
    idle_timeout_s: float = IDLE_TIMEOUT_S,
    tools: Sequence[Tool] = (),
    tool_choice: str = "auto",
    logprobs: bool = False,
    think: bool = True,
) -> AsyncGenerator[Piece, None]:
    """Yields the answer's pieces and then `Finished`. Leave it with `aclosing`: the server then stops at once.

    An empty `model` asks for the first that the server lists. `first_token_timeout_s` counts from now to the first
    text or call, `idle_timeout_s` between them. With `tools` the model may ask for calls of them: `ToolCalls`, once,
    before the end. `logprobs`: how likely each piece was is told with it, where the server can. `think` False asks a
    model that thinks aloud not to (Qwen3's switch; others do not know it). Raises EngineUnavailable or
    EngineReplyError.
    """
    if endpoint.cloud:
        raise CloudRefused(
            "This model is outside the house: only what was cleared is sent there.", code="cloud_private"
        )
    clock = Clock(first_token_timeout_s, idle_timeout_s)
    model = model or await clock.within(first_model(endpoint))
    body = {
        "model": model,
        "messages": [as_message(message) for message in messages],
        "max_tokens": max_tokens,
        "temperature": temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if tools:
        body |= {"tools": [as_tool(tool) for tool in tools], "tool_choice": tool_choice}
    if logprobs:
        body["logprobs"] = True
    if not think:
        body["chat_template_kwargs"] = {"enable_thinking": False}
    async with aclosing(stream_body(endpoint, body, clock)) as pieces:
        async for piece in pieces:
            yield piece  # noqa: ASYNC119 - left with aclosing, as is said above


async def stream_body(endpoint: Endpoint, body: dict[str, Any] | bytes, clock: Clock) -> AsyncGenerator[Piece, None]:
    """The answer to a request as it stands; otherwise like `stream_chat`."""
    answer = _Answer()
    async with AsyncExitStack() as stack:
        opening = stack.enter_async_context(request(endpoint, "POST", "/chat/completions", body))
        response = await clock.within(opening)
        events = _Events(response, await stack.enter_async_context(aclosing(response.pieces())))
        while (event := await _next(events, clock, answer)) is not None:
            called = answer.calls.characters
            if text := answer.take(event):
                yield Delta(text, answer.logprobs)  # noqa: ASYNC119 - left with aclosing, as is said above
                clock.spoke()  # now, not before: the listener's time is not the model's
            elif answer.thought:
                yield Thought(answer.thought)  # noqa: ASYNC119 - left with aclosing, as is said above
                clock.spoke()
            elif answer.calls.characters > called:
                clock.spoke()
    end = answer.finished()
    if calls := answer.calls.whole():
        yield ToolCalls(calls)
    yield end


async def probe(endpoint: Endpoint, model: str = "") -> None:
    """Raises EngineError unless the model gives one token. Takes as long as it takes: the caller has the clock."""
    answer = stream_chat(
        endpoint, model, (Message("user", "Hi"),), max_tokens=1, temperature=0.0, first_token_timeout_s=None
    )
    async with aclosing(answer):
        async for _ in answer:
            pass


async def first_model(endpoint: Endpoint) -> str:
    """The name of the first model that a server lists."""
    async with request(endpoint, "GET", "/models") as response:
        listed = await response.json()
    try:
        return str(listed["data"][0]["id"])
    except (KeyError, IndexError, TypeError):
        raise EngineReplyError("The model server lists no model: name one in the configuration.") from None


async def knows_tools(endpoint: Endpoint) -> bool | None:
    """Whether a llama.cpp server's chat template writes tools into the prompt; None where a server does not say.

    One whose template does not drops them without a word, and the model answers as if there were none.
    """
    try:
        async with request(replace(endpoint, url=endpoint.url.removesuffix("/v1")), "GET", "/props") as response:
            said = await response.json()
    except EngineReplyError:
        return None
    capabilities = said.get("chat_template_caps") if isinstance(said, dict) else None
    knows = capabilities.get("supports_tools") if isinstance(capabilities, dict) else None
    return knows if isinstance(knows, bool) else None


class Clock:
    """How long the next text may take: the first one from the beginning, every other from the one before."""

    def __init__(self, first_s: float | None, idle_s: float) -> None:
        self._limit_s = first_s
        self._idle_s = idle_s
        self._trouble = f"The model gave no word within {first_s or 0:g} s."
        self._by = None if first_s is None else asyncio.get_running_loop().time() + first_s

    def spoke(self) -> None:
        self._trouble = f"The model fell silent for {self._idle_s:g} s in mid-answer."
        self._by = asyncio.get_running_loop().time() + self._idle_s

    async def within(self, coming: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout_at(self._by):
                return await coming
        except TimeoutError:
            raise EngineReplyError(self._trouble) from None


class _Answer:
    """What has been received of an answer."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.done = False
        self.calls = CallPieces()
        # Of the last event: what was thought in it, and how likely its tokens were.
        self.thought = ""
        self.logprobs: tuple[float, ...] = ()
        self._characters = 0
        self._model = ""
        self._usage: dict[str, Any] = {}

    def take(self, event: str) -> str:
        """The text in an event. Raises EngineReplyError for what is no part of an answer."""
        if event.strip() == "[DONE]":
            self.done = True
            return ""
        try:
            chunk = json.loads(event)
            if not isinstance(chunk, dict):
                raise TypeError("not an object")
            if chunk.get("error"):
                raise EngineReplyError(f"The model server gave up in mid-answer: {server_message(chunk)}")
            self._model = chunk.get("model") or self._model
            self._usage = chunk.get("usage") or self._usage
            self.thought, self.logprobs = "", ()
            text = "".join(self._choice(choice) for choice in chunk.get("choices") or ())
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise EngineReplyError(f"The model server's stream is not understood ({error}).") from error
        self._characters += len(text) + len(self.thought)
        if self._characters + self.calls.characters > MAX_ANSWER_CHARACTERS:
            raise EngineReplyError(f"The model did not stop after {MAX_ANSWER_CHARACTERS} characters.")
        return text

    def finished(self) -> Finished:
        """The end. Raises EngineReplyError when the server did not say why it ended."""
        if self.reason is None:
            raise EngineReplyError("The model server ended its answer without saying that it was complete.")
        return Finished(
            reason=self.reason,
            model=str(self._model),
            prompt_tokens=_count(self._usage, "prompt_tokens"),
            completion_tokens=self._completion_tokens(),
        )

    def _completion_tokens(self) -> int | None:
        """With the tokens of thinking, which some servers count in the total only."""
        written, total, prompt = (
            _count(self._usage, key) for key in ("completion_tokens", "total_tokens", "prompt_tokens")
        )
        return written if written is None or total is None or prompt is None else max(written, total - prompt)

    def _choice(self, choice: dict[str, Any]) -> str:
        if choice.get("finish_reason"):
            self.reason = str(choice["finish_reason"])
        delta = choice.get("delta") or {}
        for piece in delta.get("tool_calls") or ():
            self.calls.take(piece)
        self.thought = str(delta.get("reasoning_content") or delta.get("reasoning") or "")
        tokens = (choice.get("logprobs") or {}).get("content") or ()
        self.logprobs = tuple(float(token["logprob"]) for token in tokens)
        content = delta.get("content") or ""
        if not isinstance(content, str):
            raise TypeError(f"a piece of text is {type(content).__name__}")
        return content


class _Events:
    """The data of the events in a response, one by one."""

    def __init__(self, response: ModelResponse, pieces: AsyncGenerator[bytes, None]) -> None:
        self._response = response
        self._pieces = pieces
        self._stream = EventStream()
        self._ready: deque[str] = deque()
        self._ended = False

    async def next(self) -> str | None:
        """The next event's data, or None at the end of the stream."""
        kind = self._response.content_type
        if kind and "event-stream" not in kind:
            said = server_message(await self._response.json()) if "json" in kind else ""
            raise EngineReplyError(f"The model server did not stream, but sent {kind}" + (f": {said}" if said else "."))
        try:
            while not self._ready and not self._ended:
                piece = await anext(self._pieces, None)
                self._ended = piece is None
                self._ready += self._stream.end() if piece is None else self._stream.feed(piece)
        except ValueError as error:  # no UTF-8, or an event without an end
            raise EngineReplyError(f"The model server's stream is not understood ({error}).") from error
        return self._ready.popleft() if self._ready else None


async def _next(events: _Events, clock: Clock, answer: _Answer) -> str | None:
    """The next event, or None at the end of the stream or of what is worth waiting for."""
    if answer.done:
        return None
    if answer.reason is None:
        return await clock.within(events.next())
    try:
        async with asyncio.timeout(USAGE_TIMEOUT_S):
            return await events.next()
    except (TimeoutError, EngineReplyError):
        return None  # the text is complete; only the count of its tokens is missing


def _count(usage: dict[str, Any], key: str) -> int | None:
    count = usage.get(key) if isinstance(usage, dict) else None
    return count if isinstance(count, int) else None
