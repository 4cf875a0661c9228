import asyncio
import json
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from jarvisd.errors import EngineError, EngineReplyError, EngineUnavailable
from jarvisd.llm.chat import Delta, Finished, first_model, knows_tools, probe, stream_chat
from jarvisd.transport import request
from jarvisd.types import Endpoint, Message, Tool, ToolCall, ToolCalls
from tests.fakes.model_server import Server

ANSWER = "La capital de España es Madrid. "
PATIENT_S = 20.0


@asynccontextmanager
async def model_server(tmp_path, *misbehave: str, **options) -> AsyncIterator[tuple[Endpoint, Server]]:
    values = {"text": ANSWER, "tokens": 0, "token_delay": 0.0, "model": "fake", "good_requests": 0, "after": 0.0}
    server = Server(Namespace(misbehave=list(misbehave), **{**values, **options}))
    path = str(tmp_path / "m.sock")
    listening = await asyncio.start_unix_server(server.connected, path)
    try:
        yield Endpoint("http://localhost/v1", socket_path=path), server
    finally:
        listening.close()


def chat(endpoint: Endpoint, model: str = "fake", **changes):
    values = {"max_tokens": 50, "temperature": 0.5, "first_token_timeout_s": PATIENT_S, "idle_timeout_s": PATIENT_S}
    return stream_chat(endpoint, model, [Message("user", "¿Cuál es la capital de España?")], **{**values, **changes})


async def whole(answer) -> tuple[str, Finished]:
    async with aclosing(answer), asyncio.timeout(30):
        pieces = [piece async for piece in answer]
    *deltas, last = pieces
    assert isinstance(last, Finished)
    assert all(isinstance(delta, Delta) and delta.text for delta in deltas)
    return "".join(delta.text for delta in deltas), last


async def test_an_answer_comes_in_pieces_and_then_its_end(tmp_path):
    async with model_server(tmp_path) as (endpoint, server):
        text, end = await whole(chat(endpoint))
    assert text == ANSWER
    assert end == Finished("stop", model="fake", prompt_tokens=7, completion_tokens=6)
    assert server.asked[0]["body"] == {
        "model": "fake",
        "messages": [{"role": "user", "content": "¿Cuál es la capital de España?"}],
        "max_tokens": 50,
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_an_answer_that_reached_its_limit_says_so(tmp_path):
    async with model_server(tmp_path) as (endpoint, _):
        text, end = await whole(chat(endpoint, max_tokens=2))
    assert (text, end.reason) == ("La capital ", "length")


@pytest.mark.parametrize("manner", ["crlf", "bytewise", "multi-line", "no-usage"])
async def test_however_a_server_writes_its_stream_the_text_is_the_same(tmp_path, manner):
    async with model_server(tmp_path, manner) as (endpoint, _):
        text, end = await whole(chat(endpoint))
    assert text == ANSWER
    assert end.completion_tokens == (None if manner == "no-usage" else 6)


async def test_a_server_that_keeps_the_connection_after_the_end_is_left(tmp_path):
    async with model_server(tmp_path, "lingers") as (endpoint, _):
        text, end = await whole(chat(endpoint))
    assert (text, end.reason) == (ANSWER, "stop")


async def test_an_answer_without_a_word_is_an_answer(tmp_path):
    async with model_server(tmp_path, "empty") as (endpoint, _):
        assert await whole(chat(endpoint)) == ("", Finished("stop", "fake", 7, 0))


@pytest.mark.parametrize(
    ("misbehave", "error", "sentence"),
    [
        ("silent-truncation", EngineReplyError, "ended its answer without saying that it was complete"),
        ("cut", EngineReplyError, "ended its answer without saying that it was complete"),
        ("error-midway", EngineReplyError, "gave up in mid-answer: EngineCore died unexpectedly"),
        ("garbage", EngineReplyError, "stream is not understood"),
        ("bad-utf8", EngineReplyError, "stream is not understood"),
        ("no-event-end", EngineReplyError, "an event of more than 262144 bytes"),
        ("endless", EngineReplyError, "did not stop after 100000 characters"),
        ("html", EngineReplyError, r"did not stream, but sent text/html"),
        ("not-streamed", EngineReplyError, "did not stream, but sent application/json"),
        ("status-500", EngineReplyError, "HTTP 500 Internal Server Error: CUDA error: an illegal memory access"),
        ("status-401", EngineReplyError, "wants another API key .HTTP 401 Unauthorized: Incorrect API key provided"),
        ("status-503", EngineUnavailable, "busy .HTTP 503 Service Unavailable: all slots are busy"),
    ],
)
async def test_whatever_a_server_does_wrong_becomes_an_error_with_a_sentence(tmp_path, misbehave, error, sentence):
    async with model_server(tmp_path, misbehave) as (endpoint, _):
        with pytest.raises(error, match=sentence):
            await whole(chat(endpoint))


async def test_what_was_said_before_a_cut_was_given(tmp_path):
    heard = []
    async with model_server(tmp_path, "cut") as (endpoint, _), aclosing(chat(endpoint)) as answer:
        with pytest.raises(EngineReplyError):
            async for piece in answer:
                heard.append(piece.text)  # noqa: PERF401 - kept although the loop ends in an error
    assert "".join(heard) == "La capital de "


async def test_a_connection_that_breaks_in_mid_answer_is_told(tmp_path):
    async def broken(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nda"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(broken, tmp_path / "m.sock")
    async with server:
        with pytest.raises(EngineReplyError, match="broke off"):
            await whole(chat(Endpoint("http://localhost/v1", socket_path=str(tmp_path / "m.sock"))))


async def test_a_server_that_speaks_something_else_is_told(tmp_path):
    async def odd(reader, writer):
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(odd, tmp_path / "m.sock")
    async with server:
        with pytest.raises(EngineReplyError, match="broke off"):
            await whole(chat(Endpoint("http://localhost/v1", socket_path=str(tmp_path / "m.sock"))))


@pytest.mark.parametrize("misbehave", ["hang", "pings", "asleep-200"])
async def test_a_model_that_never_says_a_word_is_given_up_in_time(tmp_path, misbehave):
    async with model_server(tmp_path, misbehave) as (endpoint, _):
        with pytest.raises(EngineReplyError, match=r"gave no word within 0\.05 s"):
            await whole(chat(endpoint, first_token_timeout_s=0.05))


async def test_a_model_that_falls_silent_in_mid_answer_is_given_up(tmp_path):
    async with model_server(tmp_path, "hang-midway") as (endpoint, _):
        with pytest.raises(EngineReplyError, match=r"fell silent for 0\.05 s in mid-answer"):
            await whole(chat(endpoint, idle_timeout_s=0.05))


async def test_the_listeners_time_is_not_the_models(tmp_path):
    async with (
        model_server(tmp_path) as (endpoint, _),
        aclosing(chat(endpoint, idle_timeout_s=0.4, max_tokens=2)) as answer,
    ):
        text = ""
        async for piece in answer:
            if isinstance(piece, Delta):
                text += piece.text
                await asyncio.sleep(0.5)
    assert text == "La capital "


@pytest.mark.parametrize("misbehave", ["hang-midway", "hang"])
async def test_who_stops_listening_hangs_up_so_that_the_server_stops(tmp_path, misbehave):
    async with model_server(tmp_path, misbehave) as (endpoint, server), asyncio.TaskGroup() as group:
        listening = group.create_task(whole(chat(endpoint)))
        await server.was_asked.wait()
        listening.cancel()
        async with asyncio.timeout(20):
            await server.abandoned.wait()


async def test_leaving_after_the_first_piece_hangs_up(tmp_path):
    async with model_server(tmp_path, "hang-midway") as (endpoint, server):
        async with aclosing(chat(endpoint)) as answer:
            assert await anext(answer) == Delta("La ")
        async with asyncio.timeout(20):
            await server.abandoned.wait()


async def test_without_a_model_name_the_first_that_is_listed_is_asked(tmp_path):
    async with model_server(tmp_path, model="smollm2") as (endpoint, server):
        await whole(chat(endpoint, model=""))
        assert server.asked[0]["body"]["model"] == "smollm2"
        assert await first_model(endpoint) == "smollm2"


async def test_a_server_that_lists_no_model_is_told(tmp_path):
    async with model_server(tmp_path, model="") as (endpoint, _):
        with pytest.raises(EngineReplyError, match="lists no model: name one in the configuration"):
            await whole(chat(endpoint, model=""))


async def test_the_key_is_sent_and_the_server_is_found_on_a_port():
    server = Server(
        Namespace(misbehave=[], text="Yes.", tokens=0, token_delay=0.0, model="m", good_requests=0, after=0.0)
    )
    async with await asyncio.start_server(server.connected, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        await whole(chat(Endpoint(f"http://127.0.0.1:{port}/v1", api_key="sesame")))
    assert "authorization: bearer sesame" in server.asked[0]["head"].lower()
    assert f"host: 127.0.0.1:{port}" in server.asked[0]["head"].lower()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "https://127.0.0.1:9/v1", "http://no-such-host.invalid/v1"])
async def test_where_there_is_no_server_it_is_unavailable(url):
    with pytest.raises(EngineUnavailable, match="No model server can be reached at"):
        await whole(chat(Endpoint(url)))


async def test_a_socket_that_is_not_there_is_unavailable(tmp_path):
    path = str(tmp_path / "none.sock")
    with pytest.raises(EngineUnavailable, match=path):
        await whole(chat(Endpoint("http://localhost/v1", socket_path=path)))


async def test_a_path_that_the_server_has_not_is_told_with_its_message(tmp_path):
    async with model_server(tmp_path) as (endpoint, _):
        with pytest.raises(EngineReplyError, match="HTTP 404 Not Found: no GET /v1/nothing"):
            async with request(endpoint, "GET", "/nothing"):
                pass


async def test_an_error_page_of_any_length_is_not_read_to_its_end(tmp_path):
    async def endless(reader, writer):
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n")
        while not reader.at_eof():
            writer.write(b"<p>no</p>" * 10_000)
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(endless, tmp_path / "m.sock")
    async with server, asyncio.timeout(20):
        with pytest.raises(EngineReplyError, match="more than 262144 bytes"):
            await whole(chat(Endpoint("http://localhost/v1", socket_path=str(tmp_path / "m.sock"))))


async def test_the_probe_is_one_token(tmp_path):
    async with model_server(tmp_path) as (endpoint, server):
        await probe(endpoint, "fake")
    assert server.asked[0]["body"]["max_tokens"] == 1
    json.dumps(server.asked[0]["body"])


async def test_the_probe_fails_as_a_question_would(tmp_path):
    async with model_server(tmp_path, "silent-truncation") as (endpoint, _):
        with pytest.raises(EngineError):
            await probe(endpoint, "fake")


ADD = Tool("add", "Adds.", {"type": "object"}, lambda arguments, context: None)
CALL = [
    {"index": 0, "id": "a", "type": "function", "function": {"name": "add", "arguments": ""}},
    {"index": 0, "function": {"arguments": '{"x": '}},
    {"index": 0, "function": {"arguments": "1}"}},
]


@pytest.mark.parametrize("manner", [(), ("bytewise",), ("multi-line",), ("no-usage",)])
async def test_calls_come_whole_after_the_words_and_before_the_end(tmp_path, manner):
    async with (
        model_server(tmp_path, *manner, calls=json.dumps(CALL)) as (endpoint, server),
        aclosing(chat(endpoint, tools=[ADD])) as answer,
    ):
        *deltas, calls, end = [piece async for piece in answer]
    assert "".join(delta.text for delta in deltas) == ANSWER
    assert calls == ToolCalls((ToolCall("a", "add", '{"x": 1}'),))
    assert isinstance(end, Finished)
    body = server.asked[0]["body"]
    assert body["tools"] == [
        {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}}
    ]
    assert body["tool_choice"] == "auto"


async def test_a_call_without_words_is_an_answer(tmp_path):
    async with (
        model_server(tmp_path, "empty", calls=json.dumps(CALL)) as (endpoint, _),
        aclosing(chat(endpoint, tools=[ADD])) as answer,
    ):
        assert [type(piece) for piece in [piece async for piece in answer]] == [ToolCalls, Finished]


@pytest.mark.parametrize("calls", ['["x"]', '[{"function": {"name": 3}}]', '[{"function": [1]}]'])
async def test_calls_that_are_none_are_told(tmp_path, calls):
    async with model_server(tmp_path, calls=calls) as (endpoint, _):
        with pytest.raises(EngineReplyError, match="stream is not understood"):
            await whole(chat(endpoint, tools=[ADD]))


async def test_calls_without_an_end_are_given_up(tmp_path):
    calls = json.dumps([{"index": 0, "function": {"arguments": "x" * 60_000}}] * 2)
    async with model_server(tmp_path, calls=calls) as (endpoint, _):
        with pytest.raises(EngineReplyError, match="did not stop after 100000 characters"):
            await whole(chat(endpoint, tools=[ADD]))


async def test_a_server_that_does_not_say_whether_it_knows_tools(tmp_path):
    async with model_server(tmp_path) as (endpoint, _):
        assert await knows_tools(endpoint) is None
