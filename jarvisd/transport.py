"""Requests to a model server, over TCP, TLS or a Unix socket: one connection each, gone when it is left."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import cache
from http import HTTPStatus
from typing import Any

import httpcore

from jarvisd.errors import EngineError, EngineReplyError, EngineUnavailable
from jarvisd.types import Endpoint

CONNECT_TIMEOUT_S = 5.0
MAX_BODY_BYTES = 262_144
MAX_QUOTED_CHARACTERS = 200
# The code of an EngineReplyError when the server did no work on the question.
REFUSED = "engine_refused"
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_NOT_ALLOWED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class ModelResponse:
    """A response of status 200, read within limits."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self.content_type = next(
            (value.decode("latin-1").lower() for name, value in response.headers if name.lower() == b"content-type"), ""
        )

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Leave it with `aclosing`."""
        async for piece in self._response.aiter_stream():
            yield piece

    async def json(self, max_bytes: int = MAX_BODY_BYTES) -> Any:
        """The whole body. Raises EngineReplyError when it is not JSON, or too long to be what was asked for."""
        body = await _body(self._response, max_bytes)
        try:
            return json.loads(body)
        except ValueError as error:
            kind = self.content_type.split(";")[0] or "something"
            raise EngineReplyError(f"The model server answered with {kind} that is not JSON.") from error


@asynccontextmanager
async def request(
    endpoint: Endpoint, method: str, path: str, body: dict[str, Any] | bytes | None = None
) -> AsyncIterator[ModelResponse]:
    """A response of status 200 while the block runs; leaving it closes the connection, and the server stops its work.

    `body`: a JSON object, or the bytes of one. Raises EngineUnavailable when no server is there or it is busy,
    EngineReplyError for what it refuses or breaks off.
    """
    headers = [("Accept", "text/event-stream, application/json"), ("Content-Type", "application/json")]
    if endpoint.api_key is not None:
        headers.append(("Authorization", f"Bearer {endpoint.api_key}"))
    tls = await asyncio.to_thread(_tls) if endpoint.url.startswith("https:") else None
    with _in_words(endpoint):
        async with (
            httpcore.AsyncConnectionPool(uds=endpoint.socket_path, ssl_context=tls) as connection,
            connection.stream(
                method,
                endpoint.url + path,
                headers=headers,
                content=json.dumps(body).encode() if isinstance(body, dict) else body,
                extensions={"timeout": {"connect": CONNECT_TIMEOUT_S}},
            ) as response,
        ):
            if response.status != HTTPStatus.OK:
                raise _refusal(response.status, await _body(response))
            yield ModelResponse(response)


def server_message(answer: Any) -> str:
    """What a server says is wrong, in the shapes that are in use, such as {"error": {"message": "..."}}."""
    if isinstance(answer, list) and len(answer) == 1:  # Gemini's
        (answer,) = answer
    if not isinstance(answer, dict):
        return ""
    error = answer.get("error") or answer.get("detail") or answer.get("message") or ""
    if isinstance(error, dict):
        error = error.get("message") or error
    return str(error)[:MAX_QUOTED_CHARACTERS]


@cache
def _tls() -> ssl.SSLContext:
    """Reads the system's certificates: 20 ms, so in a thread and once."""
    return ssl.create_default_context()


async def _body(response: httpcore.Response, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    body = bytearray()
    async with aclosing(ModelResponse(response).pieces()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > max_bytes:
                raise EngineReplyError(f"The model server answered with more than {max_bytes} bytes at once.")
    return bytes(body)


def _refusal(status: int, body: bytes) -> EngineError:
    try:
        said = server_message(json.loads(body))
    except ValueError:
        said = ""  # a page for people; its tags help nobody
    try:
        meaning = HTTPStatus(status).phrase
    except ValueError:
        meaning = "no known status"
    told = f"HTTP {status} {meaning}" + (f": {said}" if said else "")
    if status in _BUSY:
        return EngineUnavailable(f"The model server is busy ({told}).")
    if status in _NOT_ALLOWED:
        return EngineReplyError(f"The model server wants another API key ({told}).", code=REFUSED)
    code = REFUSED if 400 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT else None
    return EngineReplyError(f"The model server refused the question ({told}).", code=code)


@contextmanager
def _in_words(endpoint: Endpoint) -> Iterator[None]:
    where = endpoint.socket_path or endpoint.url
    try:
        yield
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        raise EngineUnavailable(f"No model server can be reached at {where} ({error}).") from error
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise EngineReplyError(f"The model server at {where} broke off ({error}).") from error
