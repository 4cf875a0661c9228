"""OpenAI's `POST /v1/embeddings` and `GET /v1/models` on a Unix socket, with the standard library's HTTP server.

A thread for each connection takes requests apart; one thread computes. It is handed a small batch at a time, in the
order in which they come, so a question does not wait until somebody's thousand texts are through.
"""

from __future__ import annotations

import base64
import json
import os
import select
import socket as sockets
import socketserver
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np

from jarvisd.workers.embedder import Embedder, Piece, Vectors

# As many as OpenAI takes at once.
MAX_TEXTS = 2048
MAX_BODY_BYTES = 16 << 20
BATCH_TEXTS = 32
# Texts that are taken apart in one go, and how much of each is looked at: no token is that long on average.
PREPARED_TEXTS = 256
CHARACTERS_A_TOKEN = 64
# Who says nothing for so long is hung up on.
IDLE_S = 60.0


class Refused(Exception):  # noqa: N818 - becomes an answer
    """A request that is not served, in OpenAI's words."""

    def __init__(
        self, message: str, *, parameter: str | None = None, status: HTTPStatus = HTTPStatus.BAD_REQUEST
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": "invalid_request_error", "param": parameter, "code": None}}


class _Gone(Exception):  # noqa: N818 - not a fault
    """The asker has hung up."""


@dataclass(frozen=True, slots=True)
class Question:
    texts: Sequence[str]
    as_base64: bool


def read_question(body: bytes, name: str, dimensions: int) -> Question:
    """A request's body, for the model of this name. Raises Refused."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(f"The body is no JSON ({error}).") from error
    if not isinstance(asked, Mapping):
        raise Refused("The body must be a JSON object.")
    if asked.get("model") not in (None, "", name):
        raise Refused(f"There is no model {asked['model']!r} here, only {name}.", parameter="model",
                      status=HTTPStatus.NOT_FOUND)  # fmt: skip
    if asked.get("dimensions") not in (None, dimensions):
        raise Refused(f"This model has {dimensions} dimensions and no others.", parameter="dimensions")
    form = asked.get("encoding_format", "float")
    if form not in ("float", "base64"):
        raise Refused("encoding_format must be float or base64.", parameter="encoding_format")
    return Question(_texts(asked.get("input")), form == "base64")


def _texts(given: Any) -> Sequence[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Refused("input must be a string or a list of strings; tokens are not taken.", parameter="input")
    if not texts or not all(text.strip() for text in texts):
        raise Refused("input must not be empty, nor hold an empty string.", parameter="input")
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise Refused("input holds half of a character (a lone surrogate).", parameter="input") from error
    if len(texts) > MAX_TEXTS:
        raise Refused(f"input has {len(texts)} texts, at most {MAX_TEXTS} are taken at once.", parameter="input")
    return texts


def batches(pieces: Sequence[Piece], most_tokens: int) -> Iterator[list[int]]:
    """Positions of texts that are computed together: those of like length, so that little of it is padding."""
    batch: list[int] = []
    for at in sorted(range(len(pieces)), key=lambda at: pieces[at].tokens):
        # Sorted, so this one is the longest.
        if batch and (len(batch) == BATCH_TEXTS or (len(batch) + 1) * pieces[at].tokens > most_tokens):
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, socket: Path, name: str, embedder: Embedder) -> None:
        self.name = name
        self.embedder = embedder
        self._computing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")
        with suppress(FileNotFoundError):
            if stat.S_ISSOCK(socket.stat().st_mode):  # an earlier one left it behind
                socket.unlink()
        os.umask(0o077)  # the socket is for the daemon's own user
        super().__init__(str(socket), _Connection)

    def pieces(self, texts: Sequence[str]) -> list[Piece]:
        """The texts, cut at the model's limit."""
        longest = self.embedder.max_tokens * CHARACTERS_A_TOKEN
        found: list[Piece] = []
        for start in range(0, len(texts), PREPARED_TEXTS):
            some = [text[:longest] for text in texts[start : start + PREPARED_TEXTS]]
            found += self._computing.submit(self.embedder.pieces, some).result()
        return found

    def compute(self, pieces: Sequence[Piece], asker: sockets.socket) -> Vectors:
        """A row for each. Raises _Gone when the asker has hung up meanwhile."""
        vectors: Vectors = np.empty((len(pieces), self.embedder.dimensions), np.float32)
        for batch in batches(pieces, self.embedder.batch_tokens):
            if _hung_up(asker):
                raise _Gone
            together = [pieces[at] for at in batch]
            vectors[batch] = self._computing.submit(self.embedder.vectors, together).result()
        if not np.isfinite(vectors).all():
            raise ArithmeticError("what it computes are no numbers")
        return vectors


class _Connection(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S

    def do_GET(self) -> None:
        if self._path() == "/v1/models":
            model = {"id": self.server.name, "object": "model", "owned_by": "jarvisd",
                     "dimensions": self.server.embedder.dimensions}  # fmt: skip
            self._answer(HTTPStatus.OK, {"object": "list", "data": [model]})
        else:
            self._refuse_path()

    def do_POST(self) -> None:
        try:
            body = self._body()
            if self._path() == "/v1/embeddings":
                self._answer(HTTPStatus.OK, self._embeddings(body))
            else:
                self._refuse_path()
        except Refused as refused:
            self._answer(refused.status, refused.body)
        except (_Gone, ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as error:  # noqa: BLE001 - whatever a model's library raises is told to who asked
            self.log_error("%s", error)
            told = {"message": f"The model cannot compute this ({error}).", "type": "server_error"}
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": {**told, "param": None, "code": None}})
            if "out of memory" in str(error).lower():  # what is left of a card's memory is not known: begin anew
                os._exit(os.EX_SOFTWARE)

    def _embeddings(self, body: bytes) -> dict[str, Any]:
        server = self.server
        question = read_question(body, server.name, server.embedder.dimensions)
        pieces = server.pieces(question.texts)
        vectors = server.compute(pieces, self.connection)
        tokens = sum(piece.tokens for piece in pieces)
        data = [
            {"object": "embedding", "index": at, "embedding": _written(vector, as_base64=question.as_base64)}
            for at, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data, "model": server.name, "usage": usage}

    def _body(self) -> bytes:
        self.close_connection = True  # until it is read: what is left of it is no new request
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            raise Refused("A request needs a Content-Length.", status=HTTPStatus.LENGTH_REQUIRED)
        if int(length) > MAX_BODY_BYTES:
            raise Refused(f"A request may have {MAX_BODY_BYTES} bytes.", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise _Gone
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        return body

    def _path(self) -> str:
        return self.path.partition("?")[0].rstrip("/")

    def _refuse_path(self) -> None:
        self._answer(HTTPStatus.NOT_FOUND, Refused(f"There is no {self.command} {self.path} here.").body)

    def _answer(self, status: HTTPStatus, body: Mapping[str, Any]) -> None:
        content = json.dumps(body).encode()
        with suppress(ConnectionError, TimeoutError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nobody wants a line for each."""

    def address_string(self) -> str:
        return "client"  # on a Unix socket it has no address


def _written(vector: Vectors, *, as_base64: bool) -> str | list[float]:
    if as_base64:
        return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()
    floats: list[float] = vector.tolist()
    return floats


def _hung_up(asker: sockets.socket) -> bool:
    """Whether the other end is closed; one that has only more to say is still there."""
    readable, _, _ = select.select([asker], [], [], 0)
    try:
        return bool(readable) and not asker.recv(1, sockets.MSG_PEEK)
    except OSError:
        return True
