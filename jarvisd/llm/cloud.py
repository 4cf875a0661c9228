"""Asks a language model outside the house: the only way there, and it takes a `CloudPrompt` and nothing else.

What leaves is recorded and paid for before it leaves (`Spending`). What a server does after that ends in text or in an
EngineError, as everywhere; and in a bill that is known, or taken to be the highest that was allowed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from jarvisd.config import RemoteEngine
from jarvisd.errors import CloudRefused, EngineReplyError, EngineUnavailable
from jarvisd.llm.chat import IDLE_TIMEOUT_S, Clock, Finished, Piece, stream_body
from jarvisd.outgoing import CloudPrompt, Outgoing, Spend, Usage
from jarvisd.transport import REFUSED
from jarvisd.types import Endpoint

# A token is at least one byte of text. Servers add their own to each message, and some a few hundred of their own.
_TOKENS_A_MESSAGE = 64
_TOKENS_A_REQUEST = 256

Spending: TypeAlias = Callable[[Outgoing], AbstractAsyncContextManager[Spend]]


@dataclass(frozen=True, slots=True)
class CloudCall:
    """One question to one engine: whose, why it may leave, and how long the answer may be."""

    turn_id: str
    engine: str
    why: str
    max_tokens: int
    temperature: float
    first_token_timeout_s: float | None
    tier: str = ""
    idle_timeout_s: float = IDLE_TIMEOUT_S


async def stream_cloud(
    prompt: CloudPrompt, endpoint: Endpoint, engine: RemoteEngine, call: CloudCall, spending: Spending
) -> AsyncGenerator[Piece, None]:
    """Yields the answer's pieces and then `Finished`, as `stream_chat` does. Leave it with `aclosing`.

    Raises CloudRefused when nothing may be sent, EngineUnavailable or EngineReplyError when it was sent in vain.
    """
    if type(prompt) is not CloudPrompt:
        raise CloudRefused("This prompt was not made for a cloud.", code="cloud_private")
    outgoing = outgoing_request(prompt, engine, call)
    async with spending(outgoing) as spend:
        try:
            clock = Clock(call.first_token_timeout_s, call.idle_timeout_s)
            async with aclosing(stream_body(endpoint, outgoing.body, clock)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Finished):
                        spend.used(Usage(piece.prompt_tokens, piece.completion_tokens))
                    yield piece  # noqa: ASYNC119 - left with aclosing, as is said above
        except EngineUnavailable as error:
            spend.free(error.message)
            raise
        except EngineReplyError as error:
            if error.code == REFUSED:
                spend.free(error.message)
            raise


def outgoing_request(prompt: CloudPrompt, engine: RemoteEngine, call: CloudCall) -> Outgoing:
    """The request to the byte, and the most that it can cost."""
    body: dict[str, Any] = {
        **engine.extra_body,
        "model": engine.model,
        "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
        _limit_name(engine): call.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if engine.send_temperature:
        body["temperature"] = call.temperature
    text_bytes = sum(len(message.content.encode()) for message in prompt.messages)
    return Outgoing(
        turn_id=call.turn_id,
        engine=call.engine,
        body=json.dumps(body, ensure_ascii=False).encode(),
        why=call.why,
        prompt_tokens_max=text_bytes + _TOKENS_A_MESSAGE * len(prompt.messages) + _TOKENS_A_REQUEST,
        completion_tokens_max=call.max_tokens,
        tier=call.tier,
    )


def _limit_name(engine: RemoteEngine) -> str:
    """What the server calls the longest answer: OpenAI's newer models refuse the name that all others know."""
    if engine.token_limit != "auto":
        return engine.token_limit
    return "max_completion_tokens" if urlsplit(engine.url).hostname == "api.openai.com" else "max_tokens"
