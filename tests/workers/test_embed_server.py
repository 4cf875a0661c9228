"""The embedding server, with an embedder that takes its time when it is told to."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import httpcore
import numpy as np
import pytest

from jarvisd.workers.embed_server import MAX_TEXTS, Server, batches
from jarvisd.workers.embedder import Piece

HOST = "http://localhost"


class Letters:
    """A text's vector says how many letters it has. `gate` holds up each computation while it is closed."""

    dimensions = 2
    max_tokens = 64
    batch_tokens = 1024

    def __init__(self):
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Event()
        self.takes_s = 0.0
        self.computed = []

    def pieces(self, texts):
        return [Piece(min(self.max_tokens, len(text)), text) for text in texts]

    def vectors(self, pieces):
        self.began.set()
        assert self.gate.wait(20)
        time.sleep(self.takes_s)
        self.computed.append([piece.content[:1] for piece in pieces])
        if any(piece.content == "nan" for piece in pieces):
            return np.full((len(pieces), 2), np.nan, np.float32)
        if any(piece.content == "fault" for piece in pieces):
            raise RuntimeError("the model is tired")
        return np.array([[len(piece.content), 0.1] for piece in pieces], np.float32)


@contextmanager
def serving(folder):
    embedder = Letters()
    with Server(folder / "e.sock", "letters", embedder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield embedder, str(folder / "e.sock")
        finally:
            embedder.gate.set()
            server.shutdown()
            thread.join()


def ask(place, body, method="POST", path="/v1/embeddings"):
    with httpcore.ConnectionPool(uds=place) as connection:
        content = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        reply = connection.request(method, HOST + path, content=content)
        return reply.status, json.loads(reply.content)


def in_thread(place, body, replies):
    thread = threading.Thread(target=lambda: replies.append((body["input"][0][0], ask(place, body))))
    thread.start()
    return thread


def test_a_text_and_many_in_their_order(tmp_path):
    with serving(tmp_path) as (_, place):
        status, reply = ask(place, {"model": "letters", "input": "four"})
        assert (status, reply["object"], reply["model"]) == (200, "list", "letters")
        assert reply["data"] == [{"object": "embedding", "index": 0, "embedding": [4.0, pytest.approx(0.1)]}]
        assert reply["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
        lengths = [7, 1, 60, 3, *range(1, 60)]
        _, reply = ask(place, {"input": ["x" * length for length in lengths]})
        assert [row["embedding"][0] for row in reply["data"]] == lengths
        assert [row["index"] for row in reply["data"]] == list(range(len(lengths)))


def test_base64_holds_the_same_numbers(tmp_path):
    import base64

    with serving(tmp_path) as (_, place):
        _, reply = ask(place, {"input": "four", "encoding_format": "base64"})
    assert np.frombuffer(base64.b64decode(reply["data"][0]["embedding"]), "<f4").tolist() == [4.0, np.float32(0.1)]


def test_the_model_is_listed_with_its_dimensions(tmp_path):
    with serving(tmp_path) as (_, place):
        status, reply = ask(place, None, "GET", "/v1/models")
    assert (status, reply["data"][0]["id"], reply["data"][0]["dimensions"]) == (200, "letters", 2)


@pytest.mark.parametrize(
    ("body", "status", "parameter", "said"),
    [
        ({"input": ""}, 400, "input", "must not be empty"),
        ({"input": []}, 400, "input", "must not be empty"),
        ({"input": ["a", " \n"]}, 400, "input", "nor hold an empty string"),
        ({}, 400, "input", "must be a string or a list of strings"),
        ({"input": [1, 2]}, 400, "input", "tokens are not taken"),
        ({"input": {"text": "a"}}, 400, "input", "must be a string or a list of strings"),
        ({"input": ["a"] * (MAX_TEXTS + 1)}, 400, "input", "at most 2048"),
        ({"input": "\ud800"}, 400, "input", "lone surrogate"),
        ({"input": "a", "encoding_format": "int8"}, 400, "encoding_format", "float or base64"),
        ({"input": "a", "encoding_format": ["float"]}, 400, "encoding_format", "float or base64"),
        ({"input": "a", "dimensions": 7}, 400, "dimensions", "has 2 dimensions"),
        ({"input": "a", "model": "gpt"}, 404, "model", "only letters"),
        ({"input": "a", "model": ["letters"]}, 404, "model", "only letters"),
        (b"{", 400, None, "no JSON"),
        (b"[" * 100_000, 400, None, "no JSON"),
        (b"\xff\xfe\x00", 400, None, "no JSON"),
        (b"[]", 400, None, "must be a JSON object"),
    ],
)
def test_what_is_asked_wrongly_is_refused_as_openai_does(tmp_path, body, status, parameter, said):
    with serving(tmp_path) as (embedder, place):
        found, reply = ask(place, body)
        assert (found, reply["error"]["type"]) == (status, "invalid_request_error")
        assert (reply["error"]["param"], said in reply["error"]["message"]) == (parameter, True)
        assert embedder.computed == []
        assert ask(place, {"input": "a"})[0] == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /v1/embeddings HTTP/1.1\r\nHost: a\r\n\r\n", b"411"),
        (b"POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", b"411"),
        (b"POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n", b"413"),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", b"404"),
        (b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", b"404"),
        (b"PUT /v1/embeddings HTTP/1.1\r\nHost: a\r\n\r\n", b"501"),
    ],
)
def test_what_is_no_request_is_answered_too(tmp_path, head, status):
    with serving(tmp_path) as (_, place), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(place)
        connection.sendall(head)
        assert status in connection.makefile("rb").readline()
        assert ask(place, {"input": "a"})[0] == 200


def test_a_fault_of_the_model_is_told_and_the_next_is_served(tmp_path, capsys):
    with serving(tmp_path) as (_, place):
        status, reply = ask(place, {"input": "fault"})
        assert (status, reply["error"]["type"]) == (500, "server_error")
        assert "the model is tired" in reply["error"]["message"]
        assert "no numbers" in ask(place, {"input": "nan"})[1]["error"]["message"]
        assert ask(place, {"input": "good"})[0] == 200
    assert "the model is tired" in capsys.readouterr().err


def test_a_question_does_not_wait_for_all_of_a_long_list(tmp_path):
    with serving(tmp_path) as (embedder, place):
        embedder.gate.clear()
        replies = []
        threads = [in_thread(place, {"input": ["long"] * MAX_TEXTS}, replies)]
        assert embedder.began.wait(20)  # its first batch is being computed
        threads.append(in_thread(place, {"input": ["question"]}, replies))
        embedder.takes_s = 0.01
        embedder.gate.set()
        for thread in threads:
            thread.join()
    assert [(who, status, len(reply["data"])) for who, (status, reply) in replies] == [
        ("q", 200, 1),
        ("l", 200, MAX_TEXTS),
    ]
    assert embedder.computed.index(["q"]) < MAX_TEXTS / 32 / 2


def test_nothing_is_computed_for_who_has_hung_up(tmp_path):
    with serving(tmp_path) as (embedder, place):
        embedder.gate.clear()
        body = json.dumps({"input": ["long"] * 300}).encode()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(place)
            head = f"POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            assert embedder.began.wait(20)
        embedder.gate.set()
        assert ask(place, {"input": "next"})[0] == 200
        assert ask(place, {"input": "next"})[0] == 200
    assert sum(batch[0] == "l" for batch in embedder.computed) == 1


def test_only_the_own_user_may_connect_and_an_old_socket_is_no_obstacle(tmp_path):
    with serving(tmp_path) as (_, place):
        assert (tmp_path / "e.sock").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "e.sock").exists()
    with serving(tmp_path) as (_, place):
        assert ask(place, {"input": "a"})[0] == 200


def test_texts_of_like_length_are_computed_together_within_limits():
    pieces = [Piece(tokens, None) for tokens in (512, 3, 512, 4, *[5] * 40, *[500] * 10)]
    found = list(batches(pieces, 4096))
    assert sorted(at for batch in found for at in batch) == list(range(len(pieces)))
    for batch in found:
        assert len(batch) <= 32
        assert len(batch) * max(pieces[at].tokens for at in batch) <= 4096
    assert [pieces[at].tokens for batch in found for at in batch] == sorted(piece.tokens for piece in pieces)
    assert list(batches([], 4096)) == []
    assert list(batches([Piece(9_000, None)] * 2, 4096)) == [[0], [1]]
