"""One WebSocket to Home Assistant: commands and their results, one after the other, and what it tells in between."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from jarvisd.errors import HomeError, HomeUnavailable

# A thousand entities with long attributes are about 2 MB.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
# Parsing so much takes about 10 ms: longer messages are parsed in a thread.
MAX_PARSED_AT_ONCE_BYTES = 512 * 1024
MAX_QUOTED_CHARACTERS = 200


class HomeRefusal(HomeError):  # noqa: N818 - an answer, not an accident
    """Home Assistant says no to a command. `reason` is its own code, such as `unauthorized` or `not_found`."""

    def __init__(self, command: str, reason: str, message: str) -> None:
        super().__init__(f"Home Assistant refused {command}: {message[:MAX_QUOTED_CHARACTERS]} ({reason})")
        self.reason = reason


class Socket(Protocol):
    async def send(self, message: str) -> None: ...
    async def recv(self) -> str | bytes: ...


class Session:
    """A connection that Home Assistant has let in. For one task at a time."""

    def __init__(self, socket: Socket, version: str) -> None:
        self.version = version
        self._socket = socket
        self._last_id = 0
        self._told: deque[dict[str, Any]] = deque()

    async def ask(self, command: str, **fields: Any) -> Any:
        """The result of a command. Raises HomeRefusal, HomeError or HomeUnavailable."""
        number = await self._send(command, fields)
        while True:
            message = await _receive(self._socket)
            if message.get("id") != number:
                self._keep(message)
            elif message.get("type") == "result":
                return _result(command, message)
            else:
                self._keep(message)

    async def subscribe(self, command: str, **fields: Any) -> int:
        """Asks to be told; the number is for `told`."""
        await self.ask(command, **fields)
        return self._last_id

    async def told(self, subscription: int) -> dict[str, Any]:
        """The next event of a subscription."""
        while True:
            for message in self._told:
                if message.get("id") == subscription:
                    self._told.remove(message)
                    event = message.get("event")
                    return event if isinstance(event, dict) else {}
            self._keep(await _receive(self._socket))

    async def _send(self, command: str, fields: dict[str, Any]) -> int:
        self._last_id += 1
        with _in_words():
            await self._socket.send(json.dumps({"id": self._last_id, "type": command, **fields}))
        return self._last_id

    def _keep(self, message: dict[str, Any]) -> None:
        if message.get("type") == "event":
            self._told.append(message)


@asynccontextmanager
async def open_session(url: str, token: str, ca_file: Path | None = None) -> AsyncIterator[Session]:
    """A session while the block runs. Takes as long as it takes: the caller has the clock.

    Raises HomeUnavailable with the code `home_token` when the token is not accepted.
    """
    address = "ws" + url.removeprefix("http").rstrip("/") + "/api/websocket"
    tls = await asyncio.to_thread(_tls, ca_file) if address.startswith("wss:") else None
    connect = await asyncio.to_thread(_client)
    # No ping of its own: a session is short. No proxy: what is said at home goes to the house only.
    connecting = connect(
        address, ssl=tls, max_size=MAX_MESSAGE_BYTES, ping_interval=None, proxy=None, open_timeout=None,
        close_timeout=0.5, compression=None, user_agent_header="jarvisd",
    )  # fmt: skip
    async with AsyncExitStack() as stack:
        with _in_words(url):
            socket = await stack.enter_async_context(connecting)
        yield Session(socket, await _let_in(socket, token))


async def _let_in(socket: Socket, token: str) -> str:
    """Home Assistant's version, when it accepts the token."""
    if (await _receive(socket)).get("type") != "auth_required":
        raise HomeError("What listens at home.url is not Home Assistant: it does not ask for a token.")
    with _in_words():
        await socket.send(json.dumps({"type": "auth", "access_token": token}))
    answer = await _receive(socket)
    if answer.get("type") != "auth_ok":
        raise HomeUnavailable(
            "Home Assistant does not accept the token: make a new one in your profile there, under Security.",
            code="home_token",
        )
    return str(answer.get("ha_version", ""))


def _client() -> Any:
    from websockets.asyncio.client import connect  # here: who has no Home Assistant does without

    return connect


@cache
def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise HomeUnavailable(f"home.ca_file cannot be used: {error}") from error


async def _receive(socket: Socket) -> dict[str, Any]:
    with _in_words():
        text = await socket.recv()
    try:
        long = len(text) > MAX_PARSED_AT_ONCE_BYTES
        message = await asyncio.to_thread(json.loads, text) if long else json.loads(text)
    except ValueError as error:
        raise HomeError("Home Assistant sent something that is not JSON.") from error
    if not isinstance(message, dict):
        raise HomeError("Home Assistant sent something that is no message of its WebSocket.")
    return message


def _result(command: str, message: dict[str, Any]) -> Any:
    if message.get("success"):
        return message.get("result")
    error = message.get("error")
    error = error if isinstance(error, dict) else {}
    raise HomeRefusal(command, str(error.get("code", "unknown")), str(error.get("message", "no reason given")))


@contextmanager
def _in_words(url: str = "") -> Iterator[None]:
    """The library's errors, translated. It is loaded when this is used."""
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

    where = f" at {url}" if url else ""
    try:
        yield
    except (ConnectionClosed, EOFError) as error:
        raise HomeUnavailable(f"Home Assistant{where} hung up.") from error
    except (InvalidHandshake, InvalidURI) as error:
        raise HomeUnavailable(f"What answers{where} is not Home Assistant ({error}).") from error
    except ssl.SSLError as error:
        raise HomeUnavailable(
            f"Home Assistant{where} has a certificate that is not trusted ({error.reason})."
        ) from error
    except OSError as error:
        raise HomeUnavailable(f"Home Assistant cannot be reached{where} ({error}).") from error
