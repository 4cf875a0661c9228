"""The ears: a stream of chunks in, wake words and utterances out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, Self, TypeVar

from jarvisd.audio.cascade import Cascade, Settings
from jarvisd.audio.scores import RecentScores, ScoreLog
from jarvisd.audio.source import AudioSource
from jarvisd.audio.vad import VoiceActivityModel
from jarvisd.audio.wake import WakeModels
from jarvisd.config import EndpointConfig, WakeConfig
from jarvisd.trim import give_back_loading_memory
from jarvisd.types import Heard

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

# In silence the process wakes four times a second instead of twelve, which is most of what silence costs.
_CHUNKS_TOGETHER_ASLEEP = 4


class ListeningModels:
    """The loaded models and the one thread that runs them. Shared by all listeners; whoever made it closes it.

    Loading reads files and takes about 0.2 s: do it in a thread.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.wake = WakeModels(words)
        self.voice = VoiceActivityModel()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="listening")
        self._rested = False
        give_back_loading_memory()

    async def run(
        self, function: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> _Result:
        """Inference, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(function, *args, **kwargs))

    async def rest(self) -> None:
        """A listener has fallen asleep: by the first time the whole process has come up, with much to give back."""
        if not self._rested:
            self._rested = True
            await self.run(give_back_loading_memory)

    def close(self) -> None:
        """End the thread after the step that runs, some milliseconds later. Does not wait for it."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Listener:
    """Listens to one source at a time, with its own thresholds and its own memory of scores."""

    def __init__(self, models: ListeningModels, wake: WakeConfig, endpoint: EndpointConfig) -> None:
        self._models = models
        self._settings = Settings(wake, endpoint)
        self._log = ScoreLog()

    async def listen(self, source: AudioSource) -> AsyncGenerator[Heard, None]:
        """What is heard, until the source ends. Leave it with `contextlib.aclosing`: that closes the source."""
        cascade = Cascade(self._models.wake, self._models.voice, self._settings, self._log)
        chunks = source.chunks()
        try:
            async for chunk in chunks:
                needs_models = cascade.hear(chunk)
                source.relax(_CHUNKS_TOGETHER_ASLEEP if cascade.asleep else 1)
                if cascade.asleep:
                    await self._models.rest()
                if needs_models:
                    await self._models.run(cascade.infer)
                    for outcome in cascade.outcomes():
                        yield outcome
            await self._models.run(cascade.infer, last=True)
            for outcome in cascade.outcomes(last=True):
                yield outcome
        finally:
            await chunks.aclose()

    def reconfigure(self, wake: WakeConfig, endpoint: EndpointConfig) -> None:
        """New values of the live keys count from the next chunk on. Other wake words need other models."""
        self._settings.wake = wake
        self._settings.endpoint = endpoint

    def scores(self) -> RecentScores:
        """Scores of the last minutes, near misses included."""
        return self._log.recent()
