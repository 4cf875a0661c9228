"""Where sound comes from: a capture program, files, standard input, or bytes that someone hands in.

A source gives its chunks once, as an async generator; leave it with `contextlib.aclosing`. One that fails
raises AudioError and is not tried again here: the service that listens is restarted by its supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from jarvisd.audio.chunks import Chunker, Pace
from jarvisd.audio.inbox import Inbox
from jarvisd.audio.wavfile import decode_wav
from jarvisd.errors import AudioError
from jarvisd.types import CHUNK_BYTES, SAMPLE_BYTES, SAMPLE_RATE_HZ, AudioChunk

_READ_BYTES = 65_536
_KEPT_COMPLAINT_BYTES = 4_096
# Between the end of the sound and the exit code.
_LAST_WORDS_S = 2.0


class AudioSource(Protocol):
    """A stream of 80 ms chunks. `name` says in logs and events where they come from."""

    @property
    def name(self) -> str: ...

    def chunks(self) -> AsyncGenerator[AudioChunk, None]: ...

    def relax(self, chunks: int) -> None:
        """So many chunks may be handed on together: each time a process wakes costs more than a chunk in silence."""


class WavSource:
    """WAV files one after another; a folder counts as the .wav files in it, by name.

    After each file come `trailing_silence_s` of silence: files end abruptly, and without it the end of an
    utterance would not be noticed. `realtime` plays at the speed of a microphone.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        loop: bool = False,
        realtime: bool = True,
        trailing_silence_s: float = 1.0,
    ) -> None:
        self._paths = tuple(paths)
        self._loop = loop
        self._realtime = realtime
        self._trailing_silence_s = trailing_silence_s
        self._together = 1
        self.name = ", ".join(path.name for path in self._paths)

    def relax(self, chunks: int) -> None:
        self._together = chunks

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        pace = Pace() if self._realtime else None
        batches = self._batches()
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            for chunk in batch:
                if pace:
                    await pace.wait_for(chunk, together=self._together)
                yield chunk

    def _batches(self) -> Iterator[list[AudioChunk]]:
        """All chunks, a quarter of a second at a time. Reads files: blocking."""
        chunker = Chunker()
        files = wav_files(self._paths)
        while True:
            for file in files:
                for pcm in decode_wav(file):
                    yield list(chunker.add(pcm))
                yield list(chunker.finish(self._trailing_silence_s))
            if not self._loop:
                return


def wav_files(paths: Sequence[Path]) -> list[Path]:
    """The files that `paths` stand for; a folder counts as the .wav files in it, by name. Raises AudioError."""
    return [file for path in paths for file in _expand(path)]


def _expand(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        if not path.exists():
            raise AudioError(f"{path}: there is no such file or folder; check audio.wav")
        yield path
        return
    files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".wav")
    if not files:
        raise AudioError(f"the folder {path} has no .wav files; put some there or check audio.wav")
    yield from files


class CommandSource:
    """A program that writes raw 16 kHz mono s16le to its standard output, such as arecord.

    It runs in a session of its own and is killed, with all it started, when the source is closed. That it
    ends is always a failure, and so is silence on the pipe for `stall_s`: a microphone never pauses.
    """

    def __init__(self, argv: Sequence[str], *, stall_s: float = 10.0) -> None:
        self._argv = tuple(argv)
        self._stall_s = stall_s
        self._together = 1
        self.name = Path(self._argv[0]).name

    def relax(self, chunks: int) -> None:
        self._together = chunks

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        chunker = Chunker()
        transport, capture = await self._start()
        try:
            while pcm := await capture.sound.read(self._together, timeout_s=self._stall_s):
                for chunk in chunker.add(pcm):
                    yield chunk
            await capture.ended(_LAST_WORDS_S)
            raise AudioError(_why_it_ended(self._argv, transport.get_returncode(), capture.last_words()))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(transport.get_pid(), signal.SIGKILL)
            await capture.exited.wait()
            transport.close()

    async def _start(self) -> tuple[asyncio.SubprocessTransport, _Capture]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.subprocess_exec(
                _Capture, *self._argv, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            raise AudioError(
                f"the capture program {self._argv[0]} does not start: {error.strerror}; install it "
                "(arecord: apt install alsa-utils) or set audio.command"
            ) from error


class _Capture(asyncio.SubprocessProtocol):
    """What a capture program says: sound on one pipe, complaints on the other."""

    def __init__(self) -> None:
        self.sound = Inbox()
        self.exited = asyncio.Event()
        self._all_said = asyncio.Event()
        self._complaints = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        pipe = transport.get_pipe_transport(1)
        assert isinstance(pipe, asyncio.ReadTransport)
        self.sound.attach(pipe)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self.sound.data_received(data)
        else:
            self._complaints = (self._complaints + data)[-_KEPT_COMPLAINT_BYTES:]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self.sound.connection_lost(exc)
        else:
            self._all_said.set()

    def process_exited(self) -> None:
        self.exited.set()

    async def ended(self, limit_s: float) -> None:
        """Until it has exited and all it said is read, but not for ever: it may only have closed its output."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self.exited.wait()
                await self._all_said.wait()

    def last_words(self) -> str:
        """The last line on standard error that is not empty."""
        lines = self._complaints.decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def _why_it_ended(argv: Sequence[str], returncode: int | None, last_words: str) -> str:
    how = "it closed its output" if returncode is None else f"exit code {returncode}"
    return (
        f"the capture program {argv[0]} ended ({how}): {last_words}. Is a microphone connected and free? "
        f"`arecord -l` lists them; try `{shlex.join(argv)} > /dev/null`, or set audio.command"
    )


class StdinSource:
    """Raw 16 kHz mono s16le on standard input: a pipe, a socket, a terminal or a file. Its end is an end."""

    def __init__(self, *, descriptor: int = 0, trailing_silence_s: float = 1.0) -> None:
        self._descriptor = descriptor
        self._trailing_silence_s = trailing_silence_s
        self._together = 1
        self.name = "standard input"

    def relax(self, chunks: int) -> None:
        self._together = chunks

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        chunker = Chunker()
        read, close = await self._open()
        try:
            while pcm := await read():
                for chunk in chunker.add(pcm):
                    yield chunk
            for chunk in chunker.finish(self._trailing_silence_s):
                yield chunk
        finally:
            close()

    async def _open(self) -> tuple[Callable[[], Awaitable[bytes]], Callable[[], None]]:
        """How to read the next bytes, and how to stop."""
        try:
            kind = os.fstat(self._descriptor).st_mode
        except OSError as error:
            raise AudioError("standard input is closed; give it sound, or set audio.source") from error
        if stat.S_ISREG(kind):  # a file is never "not ready": the loop cannot wait for it
            return partial(asyncio.to_thread, os.read, self._descriptor, _READ_BYTES), lambda: None
        inbox = Inbox()
        # A copy, so that closing the transport leaves the descriptor itself open.
        pipe = os.fdopen(os.dup(self._descriptor), "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: inbox, pipe)
        return lambda: inbox.read(self._together), transport.close


class PushSource:
    """Sound that someone hands in, such as a connection to the control socket.

    At most `queue_s` of it wait here; `feed` waits while it is full.
    """

    def __init__(self, name: str, *, queue_s: float = 5.0, trailing_silence_s: float = 1.0) -> None:
        self.name = name
        self._limit_bytes = int(queue_s * SAMPLE_RATE_HZ) * SAMPLE_BYTES
        self._trailing_silence_s = trailing_silence_s
        self._queue = bytearray()
        self._changed = asyncio.Condition()
        self._finished = False
        self._closed = False

    def relax(self, chunks: int) -> None:
        """Nothing to gain: whoever hands in sound decides when."""

    async def feed(self, pcm: bytes) -> None:
        """Hand in s16le of any length. Raises AudioError when nobody listens any more."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._closed or len(self._queue) < self._limit_bytes)
            if self._closed:
                raise AudioError(f"nobody listens to {self.name} any more; open it again")
            self._queue += pcm
            self._changed.notify_all()

    async def finish(self) -> None:
        """No more sound will come."""
        async with self._changed:
            self._finished = True
            self._changed.notify_all()

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        chunker = Chunker()
        try:
            while pcm := await self._take():
                for chunk in chunker.add(pcm):
                    yield chunk
            for chunk in chunker.finish(self._trailing_silence_s):
                yield chunk
        finally:
            await self._close()

    async def _take(self) -> bytes:
        async with self._changed:
            await self._changed.wait_for(lambda: self._finished or len(self._queue) >= CHUNK_BYTES)
            pcm = bytes(self._queue)
            self._queue.clear()
            self._changed.notify_all()
            return pcm

    async def _close(self) -> None:
        async with self._changed:
            self._closed = True
            self._changed.notify_all()
