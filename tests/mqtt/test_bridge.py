"""The bridge between a bus, a conversation that is played here, and a real broker."""

import asyncio
import json

import pytest

from jarvisd.bus import Bus
from jarvisd.config import MqttConfig
from jarvisd.events import (
    AnswerDelta,
    EngineStateChanged,
    ListeningChanged,
    MqttLinkChanged,
    Transcribed,
    TurnStarted,
    WakeDetected,
)
from jarvisd.mqtt.bridge import MAX_RUNNING, MAX_WAITING, Bridge
from jarvisd.mqtt.link import Link
from jarvisd.mqtt.topics import STATUS, Topics
from jarvisd.types import Answer, Detection, EngineState, EngineStatus, Transcript, Turn
from tests.fakes.broker import listening
from tests.fakes.facts import Facts

BASE = "jarvisd/home/"
ASK = BASE + "ask/set"


class House:
    """A daemon in small: its conversation answers with an echo, once it `may_answer`."""

    def __init__(self, broker):
        names = Topics("jarvisd", "home")
        self.facts = Facts()
        self.bus = Bus()
        self.engines = []
        self.listening = ListeningChanged(False, "no source")
        self.asked = []
        self._more_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.link = Link(
            MqttConfig(host=broker.host, port=broker.port),
            client_id="jarvisd-home",
            status_topic=names.of(STATUS),
            password=None,
            publish=self.facts.publish,
            retry_s=(0.01, 0.05),
        )
        self.bridge = Bridge(
            self.link,
            names,
            version="9.9",
            ask=self.ask,
            languages=lambda: ("en", "es"),
            engines=lambda: self.engines,
            listening=lambda: self.listening,
        )

    async def __aenter__(self):
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._services = [
            self._group.create_task(self.link.run()),
            self._group.create_task(self.bridge.run(self.bus)),
        ]
        await self.connected()
        return self

    async def __aexit__(self, *error):
        for service in self._services:
            service.cancel()
        await self._group.__aexit__(*error)

    async def connected(self):
        await self.facts.until(MqttLinkChanged, lambda event: event.connected)

    async def lost(self):
        await self.facts.until(MqttLinkChanged, lambda event: not event.connected)

    async def until_asked(self, times):
        while len(self.asked) < times:
            self._more_asked.clear()
            await self._more_asked.wait()

    async def ask(self, text, *, language, room, request_id, person):
        self.asked.append((text, language, room, request_id))
        self._more_asked.set()
        turn = Turn("mqtt", language, 60, room=room, request_id=request_id)
        await self.may_answer.wait()
        if text == "fail":
            raise RuntimeError("a bug")
        answer = Answer(f"You said {text}", language or "en", "echo", text)
        self.bus.publish(AnswerDelta(turn, "You said ", 0))
        self.bus.publish(AnswerDelta(turn, text, 1))
        self.bridge.deliver(turn, answer)
        return answer


async def response(asker):
    return json.loads(await asker.until(BASE + "response"))


async def test_a_question_in_plain_text_is_answered(broker):
    async with listening(broker) as asker, House(broker) as house:
        await asker.say(ASK, "¿qué hora es?".encode())
        answer = await response(asker)
    assert house.asked == [("¿qué hora es?", None, None, None)]
    assert (answer["text"], answer["question"], answer["id"]) == ("You said ¿qué hora es?", "¿qué hora es?", None)


async def test_a_question_in_json_carries_its_id_language_and_room(broker):
    async with listening(broker) as asker, House(broker) as house:
        await asker.say(ASK, b'{"text": "hola", "id": "k-7", "language": "es", "room": "kitchen"}')
        answer = await response(asker)
    assert house.asked == [("hola", "es", "kitchen", "k-7")]
    assert (answer["id"], answer["language"], answer["room"], answer["source"]) == ("k-7", "es", "kitchen", "mqtt")
    assert answer["answered_by"] == "echo"


async def test_the_pieces_come_before_the_whole(broker):
    async with listening(broker, BASE + "response/#") as asker, House(broker):
        await asker.say(ASK, b"hello")
        await response(asker)
    assert [topic.removeprefix(BASE) for topic, _ in asker.seen] == ["response/stream", "response/stream", "response"]
    assert [json.loads(payload).get("index") for _, payload in asker.seen] == [0, 1, None]


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"caf\xe9", "the payload is not UTF-8 (byte 3)"),
        (b"{broken", "the payload begins with a brace but is not JSON"),
        (b'{"txt": "hi"}', 'there is no field "txt"; did you mean "text"?'),
        (b"x" * 1_000_000, "the payload has 1000000 bytes; the most is 65536"),
        (b"", "the question is empty"),
    ],
    ids=["not UTF-8", "not JSON", "wrong field", "1 MB", "empty"],
)
async def test_a_payload_that_cannot_be_used_is_answered_and_forgotten(broker, caplog, payload, complaint):
    async with listening(broker, BASE + "#") as asker, House(broker) as house:
        await asker.say(ASK, payload)
        error = json.loads(await asker.until(BASE + "bridge/error"))
        await asker.say(ASK, b"still there?")
        await response(asker)
    assert error["topic"] == ASK
    assert error["error"].startswith(complaint)
    assert [text for text, *_ in house.asked] == ["still there?"]
    assert f"Refused a message on {ASK}: {complaint}" in caplog.text


async def test_several_questions_at_once_do_not_wait_for_each_other(broker):
    async with listening(broker, BASE + "response") as asker, House(broker) as house:
        house.may_answer.clear()
        for number in range(MAX_RUNNING):
            await asker.say(ASK, json.dumps({"text": "x", "id": number}).encode())
        await house.until_asked(MAX_RUNNING)
        house.may_answer.set()
        ids = {(await response(asker))["id"] for _ in range(MAX_RUNNING)}
    assert ids == {str(number) for number in range(MAX_RUNNING)}


async def test_a_flood_is_refused_politely_and_the_accepted_are_answered(broker):
    accepted = MAX_RUNNING + MAX_WAITING
    async with listening(broker, BASE + "response") as asker, House(broker) as house:
        house.may_answer.clear()
        for number in range(accepted):
            await asker.say(ASK, json.dumps({"text": "x", "id": number}).encode())
        await asker.say(ASK, '{"text": "¿y yo?", "id": "late"}'.encode())
        refusal = await response(asker)
        house.may_answer.set()
        answered = {(await response(asker))["id"] for _ in range(accepted)}
    assert (refusal["id"], refusal["error"], refusal["turn"], refusal["language"]) == ("late", "busy", None, "es")
    assert refusal["text"].startswith("Estoy ocupado")
    assert answered == {str(number) for number in range(accepted)}
    assert len(house.asked) == accepted


async def test_a_question_whose_turn_breaks_is_answered_nevertheless(broker, caplog):
    async with listening(broker, BASE + "response") as asker, House(broker):
        await asker.say(ASK, b'{"text": "fail", "id": "f"}')
        refusal = await response(asker)
    assert (refusal["id"], refusal["error"], refusal["answered_by"]) == ("f", "internal", "jarvisd")
    assert "RuntimeError: a bug" in caplog.text


async def test_events_are_told(broker):
    turn = Turn("microphone", "en", 60, id="t9")
    async with listening(broker, BASE + "event/#") as house_listener, House(broker) as house:
        house.bus.publish(TurnStarted(turn))
        house.bus.publish(WakeDetected(Detection("hey_jarvis", 0.93, 1.2), "arecord"))
        house.bus.publish(Transcribed(turn, Transcript("what time is it", "en", "ps")))
        await house_listener.until("event/transcript")
    (wake_topic, wake), (heard_topic, heard) = house_listener.seen
    assert (wake_topic, json.loads(wake)["wake_word"]) == (BASE + "event/wake", "hey_jarvis")
    assert (heard_topic, json.loads(heard)["text"]) == (BASE + "event/transcript", "what time is it")


async def test_state_follows_the_engines_and_the_ears_and_is_retained(broker):
    async with House(broker) as house:
        house.engines = [EngineStatus("small", "llama_cpp", EngineState.READY)]
        house.listening = ListeningChanged(True, "arecord")
        house.bus.publish(EngineStateChanged(house.engines[0]))
        async with listening(broker, BASE + "state") as late:
            while not (state := json.loads(await late.until("state")))["listening"]:
                pass
    assert state == {
        "version": "9.9",
        "listening": True,
        "listening_detail": "arecord",
        "engines": {"small": {"kind": "llama_cpp", "state": "ready", "detail": ""}},
    }


async def test_an_answer_to_a_voice_is_delivered_too(broker):
    async with listening(broker, BASE + "response") as listener, House(broker) as house:
        turn = Turn("microphone", "en", 60, room="hall")
        house.bridge.deliver(turn, Answer("It's noon.", "en", "clock", "what time is it"))
        answer = await response(listener)
    assert (answer["turn"], answer["source"], answer["room"]) == (turn.id, "microphone", "hall")


async def test_a_broker_killed_during_an_answer_gets_it_when_it_is_back(broker):
    async with House(broker) as house:
        house.may_answer.clear()
        async with listening(broker) as asker:
            await asker.say(ASK, b'{"text": "are you there", "id": "q"}')
            await house.until_asked(1)
            await asyncio.to_thread(broker.kill)
        await house.lost()
        house.may_answer.set()
        await asyncio.to_thread(broker.start)
        await house.connected()
        async with listening(broker, BASE + "response") as asker:
            answer = await response(asker)
    assert (answer["id"], answer["text"]) == ("q", "You said are you there")
    assert house.link.status().waiting == 0


async def test_pieces_are_not_kept_for_an_absent_broker(broker):
    turn = Turn("microphone", "en", 60)
    async with House(broker) as house:
        await asyncio.to_thread(broker.kill)
        await house.lost()
        for index in range(1_000):
            house.bus.publish(AnswerDelta(turn, "x", index))
        house.bridge.deliver(turn, Answer("x", "en", "echo"))
        await asyncio.to_thread(broker.start)
        await house.connected()
        async with listening(broker, BASE + "response/#") as listener:
            await response(listener)
    assert [topic for topic, _ in listener.seen] == [BASE + "response"]


async def test_deliver_works_before_the_services_run(broker):
    house = House(broker)
    house.bridge.deliver(Turn("cli", "en", 60), Answer("early", "en", "echo"))
    async with listening(broker, BASE + "response") as listener, house:
        assert (await response(listener))["text"] == "early"
