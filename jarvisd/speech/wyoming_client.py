"""A connection to a Wyoming server that trusts it with nothing: bounded events, and errors as sentences."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from wyoming.error import Error
from wyoming.event import Event, async_write_event

from jarvisd.errors import EngineReplyError, EngineUnavailable
from jarvisd.types import Endpoint

# A transcript or a description of ten languages is a few kilobytes.
MAX_EVENT_BYTES = 1_048_576


class WyomingConnection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *events: Event) -> None:
        """Sends events. That a server hung up meanwhile is told by `receive`."""
        try:
            for event in events:
                await async_write_event(event, self._writer)
        except OSError:
            return

    async def receive(self, event_type: str) -> Event:
        """The next event of a type; others are passed over. Raises EngineReplyError for an error or for nonsense."""
        while True:
            event = await self._read_event()
            if Error.is_type(event.type):
                raise EngineReplyError(f"The recogniser refused: {event.data.get('text', 'it does not say why')}")
            if event.type == event_type:
                return event

    async def _read_event(self) -> Event:
        try:
            line = await self._reader.readline()
            if not line.endswith(b"\n"):
                raise EngineReplyError("The recogniser broke off the connection before it answered.")
            header = _dictionary(json.loads(line))
            data = _dictionary(header.get("data") or {})
            if length := _length(header, "data_length"):
                data |= _dictionary(json.loads(await self._reader.readexactly(length)))
            if length := _length(header, "payload_length"):
                await self._reader.readexactly(length)
            return Event(type=str(header["type"]), data=data)
        except (ValueError, KeyError, TypeError) as error:
            raise EngineReplyError(f"The recogniser does not speak Wyoming ({error!r}).") from error
        except (EOFError, OSError) as error:
            raise EngineReplyError("The recogniser broke off in the middle of its answer.") from error


@asynccontextmanager
async def connect(endpoint: Endpoint) -> AsyncIterator[WyomingConnection]:
    """A connection while the block runs. Raises EngineUnavailable when there is none to be had."""
    try:
        if endpoint.socket_path is not None:
            reader, writer = await asyncio.open_unix_connection(endpoint.socket_path)
        else:
            parts = urlsplit(endpoint.url)
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except OSError as error:
        raise EngineUnavailable(f"Nothing can be reached at {endpoint.url} ({error.strerror or error}).") from error
    try:
        yield WyomingConnection(reader, writer)
    finally:
        writer.transport.abort()


def _dictionary(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise TypeError("not a JSON object")
    return found


def _length(header: dict[str, Any], key: str) -> int:
    length = header.get(key) or 0
    if not isinstance(length, int) or not 0 <= length <= MAX_EVENT_BYTES:
        raise ValueError(f"{key} is {length}")
    return length
