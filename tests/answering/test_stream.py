"""One tier's answer, from a server that speaks the real protocol."""

import asyncio
from argparse import Namespace
from contextlib import aclosing, asynccontextmanager

import pytest

from jarvisd.answering.question import Asked, Question
from jarvisd.answering.stream import SHORT_TOKENS, Streams
from jarvisd.bus import Bus
from jarvisd.config import RemoteEngine, RoutingConfig, TierConfig, ToolsConfig
from jarvisd.errors import CloudRefused
from jarvisd.llm.thinking import TooMuchThought
from jarvisd.outgoing import Verdict
from jarvisd.routing.wishes import Wishes
from jarvisd.tools.toolbox import Toolbox
from jarvisd.types import Delta, Endpoint, Finished, Route, Tool, ToolResult, Turn
from tests.fakes.model_server import Server

FAR = RemoteEngine(kind="remote", url="https://api.example.org/v1", model="m", cloud=True)


@asynccontextmanager
async def serving(tmp_path, text):
    values = {"text": text, "tokens": 0, "token_delay": 0.0, "model": "fake", "good_requests": 0, "after": 0.0}
    server = Server(Namespace(misbehave=[], **values))
    path = str(tmp_path / "m.sock")
    listening = await asyncio.start_unix_server(server.connected, path)
    try:
        yield Endpoint("http://localhost/v1", socket_path=path), server
    finally:
        listening.close()


def streams(*, private=False, spending=None, **settings):
    return Streams(
        models={"fake": "fake"},
        engines=lambda: {"fake": FAR},
        instructions=lambda: "Be kind.",
        settings=lambda: RoutingConfig(**settings),
        toolbox=Toolbox(ToolsConfig(), publish=Bus().publish),
        tools=ToolsConfig,
        judge=lambda text, language: Verdict(text, private, ("a name",)),
        spending=spending,
    )


def asked(*, tools=False, wishes=Wishes(), **how):  # noqa: B008 - frozen
    question = Question(Turn("cli", "en", 60.0), "how many ways", "en", wishes)
    tier = TierConfig(engine="fake", tools=tools, max_tokens=300)
    return Asked(question, Route("fake", "fake", "a test"), tier, **how)


async def heard(stream):
    async with aclosing(stream), asyncio.timeout(20):
        pieces = [piece async for piece in stream]
    assert isinstance(pieces[-1], Finished)
    return "".join(piece.text for piece in pieces if isinstance(piece, Delta))


async def test_thoughts_are_not_said(tmp_path):
    async with serving(tmp_path, "<think> 3 times 4, so 12 </think> Twelve ways.") as (endpoint, _):
        assert (await heard(streams().answer(endpoint, asked()))).strip() == "Twelve ways."


async def test_who_thinks_for_too_long_is_stopped(tmp_path):
    async with serving(tmp_path, "<think> " + "hm " * 50 + "</think> Twelve.") as (endpoint, _):
        with pytest.raises(TooMuchThought):
            await heard(streams(think_tokens=16).answer(endpoint, asked()))


async def test_who_has_used_up_all_words_for_thinking_has_not_answered(tmp_path):
    async with serving(tmp_path, "<think> and on and on") as (endpoint, _):
        with pytest.raises(TooMuchThought):
            await heard(streams().answer(endpoint, asked()))


async def test_what_is_asked_for(tmp_path):
    async with serving(tmp_path, "Twelve.") as (endpoint, server):
        await heard(streams().answer(endpoint, asked(look=True)))
        await heard(streams().answer(endpoint, asked(think=False)))
        await heard(streams().answer(endpoint, asked(wishes=Wishes(level="fast", short=True))))
        looked, unthinking, short = (one["body"] for one in server.asked)
    assert looked["logprobs"] is True
    assert looked["max_tokens"] == 300
    assert looked["messages"][0]["content"].startswith("Be kind.")
    assert unthinking["chat_template_kwargs"] == {"enable_thinking": False}
    assert "without thinking aloud" in unthinking["messages"][0]["content"]
    assert short["max_tokens"] == SHORT_TOKENS
    assert "one short sentence" in short["messages"][0]["content"]


@pytest.mark.parametrize(("private", "offered"), [(False, {"near", "far"}), (True, {"near"})])
async def test_private_questions_get_no_tool_that_tells_somebody_outside(tmp_path, private, offered):
    nothing = {"type": "object", "properties": {}}
    tools = [
        Tool("near", "Looks at home.", nothing, lambda arguments, context: ToolResult("x")),
        Tool("far", "Looks outside.", nothing, lambda arguments, context: ToolResult("x"), leaves_house=True),
    ]
    async with serving(tmp_path, "Twelve.") as (endpoint, server):
        made = streams(private=private)
        await made.toolbox.replace("test", tools)
        assert await heard(made.answer(endpoint, asked(tools=True)))
        (body,) = (one["body"] for one in server.asked)
    assert {tool["function"]["name"] for tool in body["tools"]} == offered


async def test_nothing_private_leaves_even_when_it_comes_so_far(tmp_path):
    async with serving(tmp_path, "Twelve.") as (endpoint, server):
        outside = Endpoint(endpoint.url, socket_path=endpoint.socket_path, cloud=True)
        with pytest.raises(CloudRefused, match="a name"):
            await heard(streams(private=True).answer(outside, asked()))
        assert server.asked == []
