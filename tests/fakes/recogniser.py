"""A Wyoming speech-to-text server in the test's own loop, which answers as it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from wyoming.event import Event, async_read_event, async_write_event

from jarvisd.types import Endpoint

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]
INFO = Event("info", {"asr": [{"name": "fake"}]})


class FakeRecogniser:
    """`replies` are given one by one, the last for ever: a transcript's data, or a coroutine function to do worse."""

    def __init__(self, *replies: dict | Reply, info: Event = INFO) -> None:
        self.replies = list(replies)
        self.info = info
        self.requests: list[dict] = []
        self.sounds: list[bytes] = []
        self.abandoned = asyncio.Event()
        self.was_asked = asyncio.Event()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.serve(reader, writer)
        except ConnectionError:
            pass
        finally:
            self.abandoned.set()
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (event := await async_read_event(reader)) is not None:
            match event.type:
                case "describe":
                    await async_write_event(self.info, writer)
                case "transcribe":
                    self.requests.append(event.data)
                case "audio-start":
                    self.sounds.append(b"")
                case "audio-chunk":
                    self.sounds[-1] += event.payload
                case "audio-stop":
                    self.was_asked.set()
                    reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                    if callable(reply):
                        await reply(writer)
                    else:
                        await async_write_event(Event("transcript", reply), writer)


@asynccontextmanager
async def recogniser(folder: Path, *replies: dict | Reply, **options) -> AsyncIterator[tuple[Endpoint, FakeRecogniser]]:
    fake = FakeRecogniser(*replies, **options)
    path = str(folder / "ears.sock")
    listening = await asyncio.start_unix_server(fake.connected, path)
    try:
        yield Endpoint(f"unix://{path}", socket_path=path), fake
    finally:
        listening.close()
