"""The house's ears: the configured source, and a listener for every other sound that is handed in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from jarvisd.audio.listener import Listener, ListeningModels
from jarvisd.audio.scores import RecentScores
from jarvisd.audio.source import AudioSource, CommandSource, StdinSource, WavSource
from jarvisd.bus import Bus
from jarvisd.config import AudioConfig, EndpointConfig, WakeConfig
from jarvisd.errors import JarvisError
from jarvisd.events import ListeningChanged
from jarvisd.types import AudioChunk, Heard


class Ears:
    """Owns the listening models, loaded when first needed. Close it when nobody listens any more."""

    def __init__(self, audio: AudioConfig, wake: WakeConfig, endpoint: EndpointConfig, bus: Bus) -> None:
        self._audio = audio
        self._wake = wake
        self._endpoint = endpoint
        self._bus = bus
        self._models: ListeningModels | None = None
        self._loading = asyncio.Lock()
        self._listeners: set[Listener] = set()
        self._own: Listener | None = None
        waiting = 'no ears: audio.source is "none"' if audio.source == "none" else "opening the ears"
        self.state = ListeningChanged(False, waiting)

    def configured_source(self) -> AudioSource | None:
        """The source of `[audio]`; None where there is none."""
        match self._audio.source:
            case "command":
                return CommandSource(self._audio.command)
            case "wav":
                return WavSource(self._audio.wav, loop=self._audio.wav_loop, realtime=self._audio.realtime)
            case "stdin":
                return StdinSource()
            case _:
                return None

    async def hear(self, source: AudioSource) -> AsyncGenerator[Heard, None]:
        """What is heard on `source`, until it ends. Leave it with `aclosing`."""
        listener = await self._listener()
        self._listeners.add(listener)
        try:
            async with aclosing(listener.listen(source)) as heard:
                async for item in heard:
                    yield item  # noqa: ASYNC119 - left with aclosing
        finally:
            self._listeners.discard(listener)

    async def hear_house(self, source: AudioSource) -> AsyncGenerator[Heard, None]:
        """Like `hear`, for the house's own source: its state is told, and its scores are kept."""
        detail = f"{source.name} has ended"
        try:
            self._own = await self._listener()
            async with aclosing(self._own.listen(_Announced(source, self._opened))) as heard:
                async for item in heard:
                    yield item  # noqa: ASYNC119 - left with aclosing
        except JarvisError as error:
            detail = error.message
            raise
        finally:
            self._tell(ListeningChanged(False, detail))

    def recent_scores(self) -> RecentScores | None:
        """Wake word scores of the house's own source in the last minutes."""
        return self._own.scores() if self._own else None

    def reconfigure(self, wake: WakeConfig, endpoint: EndpointConfig) -> None:
        """New live values, for listeners of now and later."""
        self._wake, self._endpoint = wake, endpoint
        for listener in {*self._listeners, *([self._own] if self._own else [])}:
            listener.reconfigure(wake, endpoint)

    def close(self) -> None:
        if self._models is not None:
            self._models.close()
            self._models = None

    async def _listener(self) -> Listener:
        async with self._loading:
            if self._models is None:
                self._models = await asyncio.to_thread(ListeningModels, self._wake.words)
        return Listener(self._models, self._wake, self._endpoint)

    def _opened(self, name: str) -> None:
        self._tell(ListeningChanged(True, name))

    def _tell(self, state: ListeningChanged) -> None:
        if state != self.state:
            self.state = state
            self._bus.publish(state)


class _Announced:
    """A source that says when its first sound has come: only then are the ears open."""

    def __init__(self, source: AudioSource, opened: Callable[[str], None]) -> None:
        self.name = source.name
        self._source = source
        self._opened = opened

    def relax(self, chunks: int) -> None:
        self._source.relax(chunks)

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        async with aclosing(self._source.chunks()) as chunks:
            async for chunk in chunks:
                self._opened(self.name)
                yield chunk  # noqa: ASYNC119 - left with aclosing
