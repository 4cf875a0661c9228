"""The door for programs on this machine: requests over a Unix socket.

Framed as Wyoming events (a JSON line, then optional bytes), because sound travels beside text here. A connection
carries one request; what it can ask and what comes back is in `docs/control.md`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from wyoming.event import Event as Frame
from wyoming.event import async_read_event, async_write_event

from jarvisd.bus import Bus, Mailbox
from jarvisd.errors import ControlError, JarvisError
from jarvisd.events import AnswerDelta, Answered, NothingSaid, Transcribed, TurnCancelled, WakeDetected
from jarvisd.types import Answer, Language, Source

_LOGGER = logging.getLogger(__name__)

# A line longer than this is no request of ours.
LONGEST_LINE_BYTES = 256 * 1024


class SoundIn(Protocol):
    """Sound that arrives piece by piece (the control socket's half of a push source)."""

    name: str

    async def feed(self, pcm: bytes) -> None: ...

    async def finish(self) -> None: ...


class Ask(Protocol):
    async def __call__(
        self,
        text: str,
        *,
        source: Source,
        language: Language | None,
        room: str | None,
        request_id: str | None,
        person: str | None,
        say: Callable[[str], Awaitable[None]] | None,
    ) -> Answer: ...


# Takes a request's data and gives the reply's. Raises JarvisError; ValueError and the like for data that is none.
Order: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class OpenEars(Protocol):
    """Makes a sound input, and the coroutine that answers what is heard on it."""

    def __call__(self, name: str, request_id: str) -> tuple[SoundIn, Awaitable[None]]: ...


class ControlServer:
    """A service: serves `socket_path` until it is cancelled."""

    def __init__(
        self,
        socket_path: Path,
        bus: Bus,
        *,
        ask: Ask,
        open_ears: OpenEars,
        status: Callable[[], Awaitable[Mapping[str, Any]]],
        orders: Mapping[str, Order],
    ) -> None:
        self._socket_path = socket_path
        self._bus = bus
        self._ask = ask
        self._open_ears = open_ears
        self._status = status
        self._orders = orders
        self._sessions = 0
        self._socket: socket.socket | None = None
        self.listening = asyncio.Event()

    async def claim(self) -> None:
        """Take the socket's place; `run` does where it was not done. Raises ControlError when another daemon has it."""
        if self._socket is None:
            self._socket = await asyncio.to_thread(_bind, self._socket_path)

    async def run(self) -> None:
        await self.claim()
        async with asyncio.TaskGroup() as connections:

            def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                connections.create_task(self._serve(reader, writer), name="control connection")

            server = await asyncio.start_unix_server(accept, sock=self._socket, limit=LONGEST_LINE_BYTES)
            self.listening.set()
            try:
                async with server:
                    await asyncio.Event().wait()
            finally:
                self.listening.clear()
                self._socket = None
                await asyncio.to_thread(self._socket_path.unlink, missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        trouble: list[tuple[str, str]] = []
        try:
            await self._answer_request(reader, writer)
        except* (ConnectionError, asyncio.IncompleteReadError):
            _LOGGER.debug("a client went away in the middle of a request")
        except* JarvisError as errors:
            trouble = [(error.code, error.message) for error in _leaves(errors) if isinstance(error, JarvisError)]
        except* (ValueError, TypeError, KeyError, AttributeError) as errors:
            # Whatever the client wrote was no frame.
            trouble = [("bad_request", f"Not a request: {error}") for error in _leaves(errors)]
        except* Exception:
            _LOGGER.exception("a control request failed")
            trouble = [("internal", "Something went wrong in the daemon; its log says what.")]
        with contextlib.suppress(ConnectionError):
            for code, message in trouble[:1]:
                await _send(writer, "error", code=code, message=message)
        writer.close()

    async def _answer_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await async_read_event(reader)
        if request is None:  # the library says None for a hang-up and for what is no frame
            if reader.at_eof():
                return
            raise ControlError("Not a request: expected a line of JSON with a `type`.", code="bad_request")
        match request.type:
            case "ask":
                await _until_hung_up(reader, self._serve_ask(request, writer))
            case "listen":
                await self._serve_listen(request, reader, writer)
            case "status":
                await _send(writer, "status", **await self._status())
            case name if name in self._orders:
                await _until_hung_up(reader, self._serve_order(name, request.data, writer))
            case unknown:
                known = ", ".join(["ask", "listen", "status", *self._orders])
                raise ControlError(f"Unknown request {unknown!r}: one of {known}.", code="bad_request")

    async def _serve_order(self, name: str, data: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        await _send(writer, "result", **await self._orders[name](data))

    async def _serve_ask(self, request: Frame, writer: asyncio.StreamWriter) -> None:
        data = request.data
        text = data.get("text")
        if not isinstance(text, str) or not text.strip():
            raise ControlError("ask: `text` must be a non-empty string.", code="bad_request")

        async def say(piece: str) -> None:
            with contextlib.suppress(ConnectionError):  # a hang-up cancels the turn; see _until_hung_up
                await _send(writer, "delta", text=piece)

        answer = await self._ask(
            text,
            source="cli",
            language=data.get("language"),
            room=data.get("room"),
            request_id=data.get("id"),
            person=_person(data.get("person")),
            say=say,
        )
        await _send(writer, "answer", **asdict(answer))

    async def _serve_listen(self, request: Frame, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Sound in (audio-chunk ... audio-stop), and everything that it leads to out, until it is all answered."""
        self._sessions += 1
        session = f"listen-{self._sessions}"
        sound, answered = self._open_ears(str(request.data.get("name", session)), session)
        with self._bus.subscribe(session, size=4096) as mailbox:
            async with asyncio.TaskGroup() as group:
                group.create_task(_tell(mailbox, session, sound.name, writer))
                group.create_task(_receive(reader, sound))
                await answered
                mailbox.close()
        await _send(writer, "done")


def _bind(path: Path) -> socket.socket:
    """A socket at `path` for the daemon's user and group, in place of one that nobody serves. Blocks briefly."""
    with socket.socket(socket.AF_UNIX) as visitor:
        try:
            visitor.connect(str(path))
        except OSError:
            pass  # nobody is there: whatever lies at the path is stale
        else:
            raise ControlError(
                f"Another jarvisd already serves {path}. Stop it (`systemctl stop jarvisd`), "
                "or give this one its own house.runtime_dir.",
                code="already_running",
            )
    bound = socket.socket(socket.AF_UNIX)
    try:
        path.unlink(missing_ok=True)
        bound.bind(str(path))
        path.chmod(0o660)
    except OSError as error:
        bound.close()
        raise ControlError(f"The control socket {path} cannot be made: {error}.", code="no_socket") from error
    return bound


async def _receive(reader: asyncio.StreamReader, sound: SoundIn) -> None:
    try:
        while True:
            frame = await async_read_event(reader)
            if frame is None:
                raise ConnectionResetError("hung up before audio-stop")
            if frame.type == "audio-stop":
                return
            if frame.type != "audio-chunk" or frame.payload is None:
                raise ControlError(f"listen: expected audio-chunk, got {frame.type!r}.", code="bad_request")
            await sound.feed(frame.payload)
    finally:
        await sound.finish()


async def _tell(mailbox: Mailbox, session: str, sound_name: str, writer: asyncio.StreamWriter) -> None:
    """Pass on the events that belong to this session's sound."""
    async for event in mailbox:
        match event:
            case WakeDetected(detection, source) if source == sound_name:
                await _send(writer, "wake", **asdict(detection))
            case NothingSaid(detection, source) if source == sound_name:
                await _send(writer, "nothing-said", **asdict(detection))
            case Transcribed(turn, transcript) if turn.request_id == session:
                await _send(writer, "transcript", **asdict(transcript))
            case AnswerDelta(turn, text) if turn.request_id == session:
                await _send(writer, "delta", text=text)
            case Answered(turn, answer) if turn.request_id == session:
                await _send(writer, "answer", **asdict(answer))
            case TurnCancelled(turn) if turn.request_id == session:
                await _send(writer, "cancelled", turn=turn.id)


async def _until_hung_up(reader: asyncio.StreamReader, request: Awaitable[None]) -> None:
    """Await `request`, and cancel it when the other side closes the connection first."""
    async with asyncio.TaskGroup() as group:
        working = group.create_task(_awaited(request))
        hung_up = group.create_task(_awaited(reader.read(1)))
        await asyncio.wait({working, hung_up}, return_when=asyncio.FIRST_COMPLETED)
        (hung_up if working.done() else working).cancel()


async def _awaited(what: Awaitable[Any]) -> None:
    await what


async def _send(writer: asyncio.StreamWriter, kind: str, **data: Any) -> None:
    await async_write_event(Frame(type=kind, data=data), writer)


def _leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _person(value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise ControlError("ask: `person` must be a non-empty string.", code="bad_request")
    return value
