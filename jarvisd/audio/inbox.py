"""Bytes between whoever delivers them and the one who reads: bounded, one reader."""

from __future__ import annotations

import asyncio

from jarvisd.errors import AudioError

# 8 s of sound. A reader that is further behind makes the writer wait (or a microphone drop).
_FULL_BYTES = 256_000


class Inbox(asyncio.Protocol):
    """Collects what a pipe delivers. The reader is woken only when there is enough, or the end."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._wanted = 1
        self._ready = asyncio.Event()
        self._ended = False
        self._transport: asyncio.ReadTransport | None = None

    def attach(self, transport: asyncio.ReadTransport) -> None:
        """The pipe that is stopped while too much waits here."""
        self._transport = transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)
        self.attach(transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if len(self._data) >= _FULL_BYTES and self._transport is not None:
            self._transport.pause_reading()
        if len(self._data) >= self._wanted:
            self._ready.set()

    def eof_received(self) -> None:
        self._ended = True
        self._ready.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.eof_received()

    async def read(self, at_least: int, *, timeout_s: float | None = None) -> bytes:
        """Everything there is, once that is `at_least` bytes or the last; b"" at the end."""
        self._wanted = at_least
        while len(self._data) < at_least and not self._ended:
            self._ready.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._ready.wait()
            except TimeoutError as error:
                raise AudioError(
                    f"no sound has come for {timeout_s:g} s; is the microphone still connected (arecord -l)?"
                ) from error
        data = bytes(self._data)
        self._data.clear()
        if len(data) >= _FULL_BYTES and self._transport is not None and not self._ended:
            self._transport.resume_reading()
        return data
