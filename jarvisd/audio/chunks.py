"""Cutting a stream of bytes into chunks, and telling them when they are due."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator

from jarvisd.types import CHUNK_BYTES, CHUNK_S, AudioChunk


class Chunker:
    """Turns bytes of any length into 80 ms chunks with their stream positions."""

    def __init__(self) -> None:
        self._rest = b""
        self._count = 0

    def add(self, pcm: bytes) -> Iterator[AudioChunk]:
        data = self._rest + pcm if self._rest else pcm
        whole = len(data) - len(data) % CHUNK_BYTES
        self._rest = data[whole:]
        for start in range(0, whole, CHUNK_BYTES):
            yield AudioChunk(data[start : start + CHUNK_BYTES], self._count * CHUNK_S)
            self._count += 1

    def finish(self, trailing_silence_s: float = 0.0) -> Iterator[AudioChunk]:
        """The last chunk, filled up with silence, and at least so much silence more."""
        silence = bytes(math.ceil(trailing_silence_s / CHUNK_S) * CHUNK_BYTES)
        missing = -len(self._rest) % CHUNK_BYTES
        return self.add(bytes(missing) + silence)


class Pace:
    """The speed of a microphone: a chunk is due when its last sample has been spoken. Never drifts."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    async def wait_for(self, chunk: AudioChunk, *, together: int = 1) -> None:
        """Returns when the chunk is due, or `together` of them."""
        early_s = self._began + chunk.at_s + CHUNK_S - self._loop.time()
        if early_s > 0:
            await asyncio.sleep(early_s + (together - 1) * CHUNK_S)
