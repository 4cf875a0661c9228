import asyncio
import contextlib
from contextlib import aclosing

import pytest

from jarvisd.bus import Bus
from jarvisd.control.client import request_result, request_status, requests
from jarvisd.control.server import ControlServer
from jarvisd.errors import AudioError, ControlError
from jarvisd.events import AnswerDelta, Answered, WakeDetected
from jarvisd.types import Answer, Detection, Turn


class CollectedSound:
    def __init__(self, name: str) -> None:
        self.name = name
        self.pcm = b""
        self.finished = asyncio.Event()

    async def feed(self, pcm: bytes) -> None:
        self.pcm += pcm

    async def finish(self) -> None:
        self.finished.set()


class House:
    """What the server is given of the rest of the daemon, in a form that a test can steer."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.asked: list[tuple[str, str | None]] = []
        self.cancelled = asyncio.Event()
        self.started = asyncio.Event()
        self.heard: CollectedSound | None = None

    async def ask(self, text, *, source, language, room, request_id, person, say):
        self.asked.append((text, language))
        if text == "wait":
            self.started.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        if text == "crash":
            raise RuntimeError("a bug")
        await say("It is ")
        await say("three.")
        return Answer("It is three.", "en", answered_by="clock")

    def open_ears(self, name, request_id):
        self.heard = sound = CollectedSound(name)

        async def answered():
            await sound.finished.wait()
            if not sound.pcm:
                raise AudioError("no sound came")
            turn = Turn("file", "en", 10, request_id=request_id)
            other = Turn("microphone", "en", 10)
            self.bus.publish(WakeDetected(Detection("hey_jarvis", 0.99, 1.2), name))
            self.bus.publish(AnswerDelta(other, "not for this client", 0))
            self.bus.publish(AnswerDelta(turn, "yes", 0))
            self.bus.publish(Answered(turn, Answer("yes", "en", "clock")))

        return sound, answered()

    async def status(self):
        return {"version": "1", "engines": []}

    async def echo(self, data):
        if "text" not in data:
            raise ValueError("`text` must be there")
        return {"text": data["text"]}


@pytest.fixture
async def door(tmp_path):
    bus = Bus()
    house = House(bus)
    server = ControlServer(
        tmp_path / "control.sock",
        bus,
        ask=house.ask,
        open_ears=house.open_ears,
        status=house.status,
        orders={"echo": house.echo},
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        await server.listening.wait()
        yield tmp_path / "control.sock", house
        running.cancel()
    assert not any(path.name == "control.sock" for path in tmp_path.iterdir())


async def collect(replies):
    async with aclosing(replies):
        return [reply async for reply in replies]


async def test_an_answer_is_streamed_then_whole(door):
    path, house = door
    replies = await collect(requests(path, "ask", {"text": "what time is it", "language": "en"}))
    assert [kind for kind, _ in replies] == ["delta", "delta", "answer"]
    assert replies[-1][1]["text"] == "It is three."
    assert house.asked == [("what time is it", "en")]


async def test_status(door):
    path, _ = door
    assert await request_status(path) == {"version": "1", "engines": []}


async def test_an_order_has_one_result_and_a_bad_one_is_refused(door):
    path, _ = door
    assert await request_result(path, "echo", {"text": "done"}) == {"text": "done"}
    with pytest.raises(ControlError, match="`text` must be there") as failure:
        await request_result(path, "echo", {})
    assert failure.value.code == "bad_request"
    with pytest.raises(ControlError, match="ask, listen, status, echo"):
        await request_result(path, "dance", {})


async def test_hanging_up_cancels_the_question(door):
    path, house = door
    _, writer = await asyncio.open_unix_connection(path)
    writer.write(b'{"type": "ask", "data": {"text": "wait"}}\n')
    await house.started.wait()
    writer.close()
    await asyncio.wait_for(house.cancelled.wait(), 5)
    assert await request_status(path)


async def test_sound_goes_in_and_only_its_own_events_come_out(door):
    path, house = door

    async def sound():
        for _ in range(3):
            yield b"\x01\x00" * 1280

    replies = await collect(requests(path, "listen", {"name": "a.wav"}, sound()))
    assert [kind for kind, _ in replies] == ["wake", "delta", "answer"]
    assert house.heard.pcm == b"\x01\x00" * 3840


async def test_trouble_with_the_sound_is_told(door):
    path, _ = door

    async def silence():
        for _ in ():
            yield b""

    with pytest.raises(ControlError, match="no sound came") as failure:
        await collect(requests(path, "listen", {"name": "a.wav"}, silence()))
    assert failure.value.code == "audio"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\xff\xfe\x00 not json\n", "bad_request"),
        (b"[1, 2]\n", "bad_request"),
        (b'{"no": "type"}\n', "bad_request"),
        (b'{"type": "fly"}\n', "bad_request"),
        (b'{"type": "ask", "data": {"text": "  "}}\n', "bad_request"),
        (b'{"type": "ask", "data": {"text": 7}}\n', "bad_request"),
        (b'{"type": "ask", "data": {"text": "crash"}}\n', "internal"),
        (b"x" * 300_000 + b"\n", "bad_request"),
    ],
)
async def test_a_bad_request_gets_an_error_and_the_next_one_is_served(door, sent, code):
    path, _ = door
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(sent)
    said = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert code.encode() in said
    assert await request_status(path)


async def test_without_a_daemon_the_client_says_how_to_start_one(tmp_path):
    with pytest.raises(ControlError, match="jarvisd run") as failure:
        await request_status(tmp_path / "control.sock")
    assert failure.value.code == "not_running"


async def test_a_second_daemon_is_refused_and_a_stale_socket_is_replaced(door, tmp_path):
    path, house = door
    second = ControlServer(path, Bus(), ask=house.ask, open_ears=house.open_ears, status=house.status, orders={})
    with pytest.raises(ControlError, match="already serves") as failure:
        await second.claim()
    assert failure.value.code == "already_running"

    stale = tmp_path / "stale.sock"
    (await asyncio.start_unix_server(lambda *_: None, path=stale)).close()
    assert stale.exists()
    third = ControlServer(stale, Bus(), ask=house.ask, open_ears=house.open_ears, status=house.status, orders={})
    await third.claim()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(third.run())
        await third.listening.wait()
        assert (await request_status(stale))["version"] == "1"
        running.cancel()


async def test_a_client_that_leaves_in_the_middle_of_its_sound_is_forgotten(door):
    path, house = door
    with contextlib.suppress(ConnectionError):
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"type": "listen", "data": {"name": "gone"}}\n')
        await writer.drain()
        writer.close()
    assert await request_status(path)
    await asyncio.wait_for(house.heard.finished.wait(), 5)
