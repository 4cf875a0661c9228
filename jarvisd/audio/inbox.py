"""Bytes from a pipe, read when they are wanted."""

from __future__ import annotations

import asyncio

from jarvisd.errors import AudioError
from jarvisd.types import CHUNK_BYTES, CHUNK_S


class Inbox(asyncio.Protocol):
    """Collects what a pipe delivers while somebody reads. In between it stays in the pipe (2 s of sound on Linux),
    which makes the writer wait, and leaves the loop asleep."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._ready = asyncio.Event()
        self._ended = False
        self._transport: asyncio.ReadTransport | None = None

    def attach(self, transport: asyncio.ReadTransport) -> None:
        """The pipe that is listened to only while somebody reads."""
        self._transport = transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)
        self.attach(transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if len(self._data) >= CHUNK_BYTES:
            self._ready.set()

    def eof_received(self) -> None:
        self._ended = True
        self._ready.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.eof_received()

    async def read(self, together: int = 1, *, timeout_s: float | None = None) -> bytes:
        """Everything there is, as soon as that is a chunk, or the last bytes; b"" at the end.

        With `together` sound is left in the pipe until there should be about so many chunks.
        """
        if together > 1 and not self._ended:
            await asyncio.sleep((together - 0.5) * CHUNK_S)
        if len(self._data) < CHUNK_BYTES and not self._ended:
            await self._wait(timeout_s)
        data = bytes(self._data)
        self._data.clear()
        return data

    async def _wait(self, timeout_s: float | None) -> None:
        assert self._transport is not None
        self._ready.clear()
        self._transport.resume_reading()
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError as error:
            raise AudioError(
                f"no sound has come for {timeout_s:g} s; is the microphone still connected (arecord -l)?"
            ) from error
        finally:
            self._transport.pause_reading()
