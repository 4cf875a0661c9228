"""Turns an utterance into text by asking a speech-to-text engine in the Wyoming protocol."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from wyoming.asr import Transcribe
from wyoming.asr import Transcript as TranscriptEvent
from wyoming.event import Event

from jarvisd.errors import EngineReplyError, NothingHeard
from jarvisd.speech.invented import normalise, why_nothing
from jarvisd.speech.wyoming_client import WyomingConnection, connect
from jarvisd.types import SAMPLE_BYTES, SAMPLE_RATE_HZ, Endpoint, Language, Transcript, Utterance

# An engine by name, waited for so many seconds, for as long as the block runs.
Lease: TypeAlias = Callable[[str, float], AbstractAsyncContextManager[Endpoint]]

# Shorter than any word; a click that voice activity took for speech.
SHORTEST_SPEECH_S = 0.12
NO_SPEECH_LIMIT = 0.6
SEND_BYTES = 32_000
PROBE_PCM = bytes(SAMPLE_RATE_HZ // 5 * SAMPLE_BYTES)


class Transcriber:
    """The recogniser of the house. Raises NothingHeard where nobody spoke, EngineError where it cannot serve."""

    def __init__(
        self,
        lease: Lease,
        engine: str,
        *,
        languages: Sequence[Language],
        timeout_s: float,
        ignore: Sequence[str] = (),
        no_speech_limit: float = NO_SPEECH_LIMIT,
    ) -> None:
        self._lease = lease
        self._engine = engine
        self._no_speech_limit = no_speech_limit
        self.reconfigure(languages=languages, timeout_s=timeout_s, ignore=ignore)

    def reconfigure(self, *, languages: Sequence[Language], timeout_s: float, ignore: Sequence[str]) -> None:
        """Values for the utterances from now on."""
        self._languages = tuple(languages)
        self._timeout_s = timeout_s
        self._ignore = frozenset(map(normalise, ignore))

    async def transcribe(self, utterance: Utterance) -> Transcript:
        if utterance.speech_s < SHORTEST_SPEECH_S:
            raise NothingHeard(f"Only {utterance.speech_s:.2f} s of speech were heard, which is no word.")
        async with self._lease(self._engine, self._timeout_s) as endpoint:
            transcript = await self._recognise(endpoint, utterance.pcm)
        reason = why_nothing(
            transcript.text,
            speech_s=utterance.speech_s,
            no_speech_probability=transcript.no_speech_probability,
            no_speech_limit=self._no_speech_limit,
            ignore=self._ignore,
        )
        if reason is not None:
            raise NothingHeard(f"Nothing was said: {reason}.")
        return transcript

    async def _recognise(self, endpoint: Endpoint, pcm: bytes) -> Transcript:
        try:
            async with asyncio.timeout(self._timeout_s):
                heard = await _ask(endpoint, pcm, self._languages)
                if heard.language is not None and _household(heard.language, self._languages) is None:
                    # A recogniser that chose among all languages of the world: it is told which one to take.
                    heard = await _ask(endpoint, pcm, self._languages[:1])
        except TimeoutError:
            raise EngineReplyError(f"{self._engine} took longer than {self._timeout_s:g} s to transcribe.") from None
        language = _household(heard.language, self._languages)
        if language is None and len(self._languages) == 1:
            language = self._languages[0]
        probability = (heard.context or {}).get("no_speech_probability")
        return Transcript(
            text=heard.text.strip(),
            language=language,
            engine=self._engine,
            no_speech_probability=probability if isinstance(probability, (int, float)) else None,
        )


async def probe(endpoint: Endpoint, model: str = "") -> None:
    """Raises EngineError unless a speech-to-text server answers, and transcribes a moment of silence."""
    async with connect(endpoint) as server:
        await server.send(Event("describe"))
        info = await server.receive("info")
        if not info.data.get("asr"):
            raise EngineReplyError("The server speaks Wyoming, but has no speech-to-text program.")
        await _request(server, PROBE_PCM, (), model)


async def _ask(endpoint: Endpoint, pcm: bytes, languages: Sequence[Language]) -> TranscriptEvent:
    """One connection for one utterance: many servers hang up after the transcript."""
    async with connect(endpoint) as server:
        return await _request(server, pcm, languages)


async def _request(
    server: WyomingConnection, pcm: bytes, languages: Sequence[Language], model: str = ""
) -> TranscriptEvent:
    await server.send(
        Transcribe(
            name=model or None,
            language=languages[0] if len(languages) == 1 else None,
            context={"languages": list(languages)} if languages else None,
        ).event(),
        *_sound(pcm),
    )
    event = await server.receive("transcript")
    if not isinstance(event.data.get("text"), str):
        raise EngineReplyError("The recogniser answered with a transcript that has no text.")
    return TranscriptEvent.from_event(event)


def _sound(pcm: bytes) -> Iterator[Event]:
    sound = {"rate": SAMPLE_RATE_HZ, "width": SAMPLE_BYTES, "channels": 1}
    yield Event("audio-start", sound)
    for start in range(0, len(pcm), SEND_BYTES):
        yield Event("audio-chunk", sound, pcm[start : start + SEND_BYTES])
    yield Event("audio-stop")


def _household(language: str | None, languages: Sequence[Language]) -> Language | None:
    """The household's language that a recogniser's code ("es", "es-ES", "es_419") stands for."""
    code = re.split(r"[-_]", language.lower())[0] if isinstance(language, str) else ""
    return next((known for known in languages if known == code), None)
