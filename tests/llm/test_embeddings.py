"""Asking for vectors, of servers that do well and others."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager

import numpy as np
import pytest

from jarvisd.errors import EngineReplyError, EngineUnavailable
from jarvisd.llm.embeddings import REQUEST_TEXTS, embed, probe
from jarvisd.types import Endpoint


@asynccontextmanager
async def server(tmp_path, reply, models=("fake",), status=200, asked=None):
    """A server that answers each request for vectors with what `reply` makes of it."""

    async def connected(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next((int(line[15:]) for line in head.splitlines() if line.startswith("content-length:")), 0)
        body = json.loads(await reader.readexactly(length) or "null")
        if " /v1/models " in head:
            answer = {"data": [{"id": name} for name in models]}
        else:
            if asked is not None:
                asked.append(body)
            answer = reply(body)
            if answer is None:
                await reader.read()
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n" % status)
        writer.write(b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(content) + content)
        writer.close()

    path = str(tmp_path / "m.sock")
    listening = await asyncio.start_unix_server(connected, path)
    try:
        yield Endpoint("http://localhost/v1", socket_path=path)
    finally:
        listening.close()


def vector(text):
    return [float(len(text)), float(text.count("a")), 1.0]


def floats(body):
    data = [{"index": at, "embedding": vector(text)} for at, text in enumerate(body["input"])]
    return {"data": data, "usage": {"prompt_tokens": 2 * len(data)}}


def in_base64(body):
    data = [
        {"index": at, "embedding": base64.b64encode(np.array(vector(text), "<f4").tobytes()).decode()}
        for at, text in enumerate(body["input"])
    ]
    return {"data": data[::-1]}


@pytest.mark.parametrize(("reply", "tokens"), [(floats, 2 * 70), (in_base64, None)])
async def test_many_texts_are_asked_for_in_parts_and_come_in_their_order(tmp_path, reply, tokens):
    texts, asked = ["x" * length for length in range(1, 71)], []
    async with server(tmp_path, reply, asked=asked) as endpoint:
        found = await embed(endpoint, "", texts)
    assert (found.vectors.dtype, found.tokens) == (np.float32, tokens)
    assert found.vectors.tolist() == [vector(text) for text in texts]
    assert [len(one["input"]) for one in asked] == [REQUEST_TEXTS, REQUEST_TEXTS, 70 - 2 * REQUEST_TEXTS]
    assert {(one["model"], one["encoding_format"]) for one in asked} == {("fake", "base64")}


async def test_no_texts_need_no_server():
    found = await embed(Endpoint("http://localhost/v1", socket_path="/no/such.sock"), "fake", [])
    assert (found.vectors.shape, found.tokens) == ((0, 0), 0)


def of_the_first_only(body):
    return {"data": floats(body)["data"][:1]}


def changed(**row):
    return lambda body: {"data": [one | row for one in floats(body)["data"]]}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (of_the_first_only, "one vector for each text"),
        (changed(index=0), "one vector for each text"),
        (changed(embedding="%%%"), "one vector for each text"),
        (changed(embedding="AAA="), "one vector for each text"),
        (changed(embedding=[]), "one vector for each text"),
        (changed(embedding=["a"]), "one vector for each text"),
        (changed(embedding=None), "one vector for each text"),
        (changed(embedding=[float("nan"), 1.0]), "no numbers"),
        (lambda body: {"data": [{"index": at, "embedding": [1.0] * (at + 1)} for at in range(2)]}, "one vector for"),
        (lambda body: [], "one vector for each text"),
        (lambda body: {"error": {"message": "busy"}}, "one vector for each text"),
        (lambda body: b"<html>", "not JSON"),
        (lambda body: b'"' + b"x" * (9 << 20) + b'"', "more than 8388608 bytes"),
    ],
)
async def test_what_is_not_a_vector_for_each_text_is_refused(tmp_path, reply, said):
    async with server(tmp_path, reply) as endpoint:
        with pytest.raises(EngineReplyError, match=said):
            await embed(endpoint, "fake", ["one", "three"])


async def test_a_server_that_changes_its_mind_about_the_length_is_refused(tmp_path):
    def shrinking(body):
        return {"data": [{"index": at, "embedding": [1.0] * len(body["input"])} for at in range(len(body["input"]))]}

    async with server(tmp_path, shrinking) as endpoint:
        with pytest.raises(EngineReplyError, match="different lengths"):
            await embed(endpoint, "fake", ["text"] * (REQUEST_TEXTS + 1))


async def test_one_that_refuses_is_quoted_and_one_that_hangs_is_left(tmp_path):
    async with server(tmp_path, lambda body: {"error": {"message": "input must not be empty"}}, status=400) as endpoint:
        with pytest.raises(EngineReplyError, match="400 Bad Request: input must not be empty"):
            await embed(endpoint, "fake", [""])
    async with server(tmp_path, lambda body: None) as endpoint:
        with pytest.raises(EngineReplyError, match=r"no vectors within 0\.05 s"):
            await embed(endpoint, "fake", ["a"], timeout_s=0.05)
    with pytest.raises(EngineUnavailable, match="No model server can be reached"):
        await embed(Endpoint("http://localhost/v1", socket_path=str(tmp_path / "none.sock")), "fake", ["a"])


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (changed(embedding=[0.6, 0.8]), "the same vector for two different sentences"),
        (changed(embedding=[0.0, 0.0]), "a vector of zeros"),
        (of_the_first_only, "one vector for each text"),
    ],
)
async def test_a_probe_wants_vectors_that_tell_sentences_apart(tmp_path, reply, said):
    async with server(tmp_path, reply) as endpoint:
        with pytest.raises(EngineReplyError, match=said):
            await probe(endpoint, "fake")


async def test_a_probe_is_content_with_a_good_server(tmp_path):
    async with server(tmp_path, floats) as endpoint:
        assert await probe(endpoint) is None
