"""Serves a speech recogniser on a Unix socket in the Wyoming protocol.

The recogniser works in one thread, one utterance after the other; the loop stays free to answer who it is, and to
notice that an asker has gone, whose utterance is then abandoned.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wyoming.asr import Transcribe, Transcript
from wyoming.error import Error
from wyoming.event import Event, async_read_event, async_write_event

from jarvisd.types import SAMPLE_BYTES, SAMPLE_RATE_HZ

# Audio and info events are written out: wyoming's own modules for them need audioop, which Python 3.13 has not.
_LOGGER = logging.getLogger(__name__)

READ_BYTES = 65_536
# Ten minutes of sound; an utterance is never near it.
MAX_SOUND_BYTES = 600 * SAMPLE_RATE_HZ * SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class Recognised:
    """`no_speech_probability` in 0..1 where the model gives one."""

    text: str
    language: str
    no_speech_probability: float | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What a recogniser tells of itself."""

    name: str
    description: str
    author: str
    url: str
    version: str


class Recogniser(Protocol):
    @property
    def about(self) -> About: ...

    @property
    def languages(self) -> Sequence[str]: ...

    def recognise(self, pcm: bytes, languages: Sequence[str], abandoned: threading.Event) -> Recognised:
        """Text of 16 kHz mono s16le, in one of `languages`. May stop early, with any text, once `abandoned`."""
        ...


class _BadRequest(Exception):  # noqa: N818 - becomes a Wyoming error event
    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


async def serve(socket: Path, recogniser: Recogniser) -> None:
    """Serve until the process is ended."""
    os.umask(0o077)  # the socket is for the daemon's own user
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="recogniser") as thread:

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _Client(reader, writer, recogniser, thread).run()

        server = await asyncio.start_unix_server(connected, socket)
        async with server:
            await server.serve_forever()


class _Client:
    """One connection: any number of utterances, one after the other."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        recogniser: Recogniser,
        thread: ThreadPoolExecutor,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._recogniser = recogniser
        self._thread = thread
        self._languages: Sequence[str] = recogniser.languages
        self._sound = bytearray()
        self._gone = threading.Event()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as utterances:
                await self._read(utterances)
                self._gone.set()
        except* (ConnectionError, EOFError) as group:
            _LOGGER.debug("the asker went away: %s", group.exceptions[0])
        finally:
            self._gone.set()
            self._writer.close()

    async def _read(self, utterances: asyncio.TaskGroup) -> None:
        """Takes events until the asker hangs up. After a bad one, what still comes is not listened to."""
        try:
            while (event := await async_read_event(self._reader)) is not None:
                if sound := self._take(event):
                    utterances.create_task(self._answer(sound, self._languages))
                elif event.type == "describe":
                    await self._send(_info(self._recogniser))
            return
        except _BadRequest as error:
            refusal = Error(text=str(error), code=error.code)
        except (KeyError, TypeError, AttributeError) as error:
            refusal = Error(text=f"not a Wyoming event: {error!r}", code="garbage")
        await self._send(refusal.event())
        # Closing on sound that still comes would take the refusal away from the asker.
        while await self._reader.read(READ_BYTES):
            pass

    def _take(self, event: Event) -> bytes | None:
        """Returns the sound of an utterance with the event that completes it."""
        if Transcribe.is_type(event.type):
            self._languages = _languages(Transcribe.from_event(event), self._recogniser.languages)
        elif event.type == "audio-start":
            _check_format(event.data)
            self._sound.clear()
        elif event.type == "audio-chunk":
            self._sound += event.payload or b""
            if len(self._sound) > MAX_SOUND_BYTES:
                raise _BadRequest("too-long", "an utterance of more than ten minutes")
        elif event.type == "audio-stop":
            # A last half sample would shift nothing that follows: nothing does.
            whole = len(self._sound) // SAMPLE_BYTES * SAMPLE_BYTES
            sound = bytes(self._sound[:whole])
            self._sound.clear()
            return sound or bytes(SAMPLE_BYTES)
        return None

    async def _answer(self, sound: bytes, languages: Sequence[str]) -> None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._thread, self._recognise, sound, languages)
        except Exception as error:  # the boundary of one utterance: the asker is told, the next one is served
            _LOGGER.exception("recognition failed")
            await self._send(Error(text=f"{type(error).__name__}: {error}", code="recogniser").event())
            return
        if found is not None:
            context = {"no_speech_probability": found.no_speech_probability}
            await self._send(Transcript(text=found.text, language=found.language, context=context).event())

    def _recognise(self, sound: bytes, languages: Sequence[str]) -> Recognised | None:
        if self._gone.is_set():
            return None
        found = self._recogniser.recognise(sound, languages, self._gone)
        return None if self._gone.is_set() else found

    async def _send(self, event: Event) -> None:
        await async_write_event(event, self._writer)


def _languages(request: Transcribe, known: Sequence[str]) -> Sequence[str]:
    """The languages to choose from: the one that is asked for, else those in the request's context, else all known."""
    asked = [request.language] if request.language else (request.context or {}).get("languages") or known
    languages = [language for language in asked if language in known]
    if not languages:
        raise _BadRequest(
            "language", f"this recogniser knows {', '.join(known)}, and {', '.join(map(str, asked))} was asked for"
        )
    return languages


def _check_format(sound: Mapping[str, object]) -> None:
    given = sound["rate"], sound["width"], sound["channels"]
    if given != (SAMPLE_RATE_HZ, SAMPLE_BYTES, 1):
        raise _BadRequest("format", f"16000 Hz, 2 bytes, 1 channel is wanted, and {given} was sent")


def _info(recogniser: Recogniser) -> Event:
    about = recogniser.about
    itself = {
        "name": about.name,
        "description": about.description,
        "version": about.version,
        "attribution": {"name": about.author, "url": about.url},
        "installed": True,
    }
    return Event("info", {"asr": [{**itself, "models": [{**itself, "languages": list(recogniser.languages)}]}]})
