import json
from datetime import datetime

import pytest

from jarvisd.events import AnswerDelta, Transcribed, WakeDetected
from jarvisd.mqtt import payloads
from jarvisd.mqtt.payloads import MAX_PAYLOAD_BYTES, BadPayload, Question, parse_ask
from jarvisd.types import Answer, Detection, EngineState, EngineStatus, Ring, Route, Transcript, Turn

TURN = Turn("mqtt", "es", 60, room="kitchen", request_id="r-1", id="t1")


@pytest.mark.parametrize(
    ("payload", "question"),
    [
        ("what time is it", Question("what time is it")),
        ("  ¿qué hora es?\n", Question("¿qué hora es?")),
        ('{"text": "hi"}', Question("hi")),
        (' {"text": "hi", "id": 7}', Question("hi", "7")),
        ('{"text":"hola","id":"a","language":"es","room":"attic"}', Question("hola", "a", "es", "attic")),
        ('{"text":"hi","id":null,"language":null,"room":null}', Question("hi")),
        ('"quoted"', Question('"quoted"')),
        ("[1, 2]", Question("[1, 2]")),
        ("42", Question("42")),
        ("one\0two\x1bthree\nfour", Question("one two three four")),
        ("[" * 10_000, Question("[" * 10_000)),
    ],
)
def test_questions(payload, question):
    assert parse_ask(payload.encode()) == question


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"", "the question is empty"),
        (b" \n\t\0", "the question is empty"),
        (b"caf\xe9", "the payload is not UTF-8 (byte 3)"),
        (b"\xff\xfe\0", "the payload is not UTF-8 (byte 0)"),
        (b"x" * (MAX_PAYLOAD_BYTES + 1), "the payload has 65537 bytes; the most is 65536"),
        (b"{nonsense", "the payload begins with a brace but is not JSON: Expecting property name"),
        (b'{"text": "hi"} and more', "is not JSON: Extra data"),
        (b"{}", 'the field "text" is missing or not a text'),
        (b'{"text": 7}', 'the field "text" is missing or not a text'),
        (b'{"text": ""}', "the question is empty"),
        (b'{"text": "hi", "langauge": "es"}', 'there is no field "langauge"; did you mean "language"?'),
        (b'{"text": "hi", "zzz": 1}', 'there is no field "zzz"; there are: text, id, language, room'),
        (b'{"text": "hi", "language": "fr"}', 'the field "language" is "fr"; there are: es, en'),
        (b'{"text": "hi", "language": ["es"]}', 'the field "language" is ["es"]; there are: es, en'),
        (b'{"text": "hi", "id": true}', 'the field "id" must be a text of at most 200 characters'),
        (b'{"text": "hi", "room": "' + b"x" * 201 + b'"}', 'the field "room" must be a text of at most 200'),
        (b'{"text": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", "the JSON is nested too deeply"),
        (b'{"id": ' + b"9" * 5_000 + b"}", "is not JSON: Exceeds the limit"),
    ],
)
def test_payloads_that_are_refused(payload, complaint):
    with pytest.raises(BadPayload) as refused:
        parse_ask(payload)
    assert complaint in str(refused.value)
    assert len(str(refused.value)) < 200


def test_a_response_has_the_whole_answer():
    answer = Answer("Son las tres.", "es", "clock", "¿qué hora es?", via="skill", timings_ms={"command": 1.25})
    assert json.loads(payloads.response(TURN, answer)) == {
        "turn": "t1",
        "id": "r-1",
        "source": "mqtt",
        "room": "kitchen",
        "question": "¿qué hora es?",
        "text": "Son las tres.",
        "language": "es",
        "answered_by": "clock",
        "via": "skill",
        "tier": None,
        "route": None,
        "cost": 0.0,
        "cited": [],
        "recalled": None,
        "remembered": False,
        "demonstration": False,
        "error": None,
        "timings_ms": {"command": 1.2},
    }


def test_a_models_response_says_why_it_was_that_one():
    route = Route("strong", "big", "it is hard", {"strong": 0.7123, "fast": 0.2}, 0.1, 0.8, cold=True, wanted="deep")
    answer = Answer("Yes.", "en", "big", via="model", tier="strong", route=route, cost_micros=1500)
    said = json.loads(payloads.response(TURN, answer))
    assert (said["tier"], said["cost"]) == ("strong", 0.0015)
    assert said["route"] == {
        "reason": "it is hard",
        "probabilities": {"strong": 0.712, "fast": 0.2},
        "margin": 0.1,
        "eta_s": 0.8,
        "cloud": False,
        "cold": True,
        "wanted": "deep",
    }


def test_a_ring_says_what_to_say_and_when_it_was_due():
    said = json.loads(payloads.ring(Ring("r1", "timer", "pasta", "kitchen", "en", 1_000_000.0, 2.04, False, "Pasta!")))
    assert datetime.fromisoformat(said.pop("time")).tzinfo is not None
    assert datetime.fromisoformat(said.pop("due")).timestamp() == 1_000_000
    assert said == {
        "id": "r1",
        "kind": "timer",
        "text": "pasta",
        "room": "kitchen",
        "language": "en",
        "sentence": "Pasta!",
        "late_s": 2.0,
        "again": False,
    }


def test_a_refusal_looks_like_a_response_without_a_turn():
    refusal = json.loads(payloads.refusal(Question("hi", "r-1", None, "attic"), "busy", "I am busy.", "en"))
    assert refusal.keys() == json.loads(payloads.response(TURN, Answer("", "en", "x"))).keys()
    assert (refusal["turn"], refusal["id"], refusal["error"]) == (None, "r-1", "busy")
    assert (refusal["text"], refusal["language"], refusal["room"]) == ("I am busy.", "en", "attic")


def test_events():
    delta = json.loads(payloads.delta(AnswerDelta(TURN, "Son", 0)))
    assert delta == {"turn": "t1", "id": "r-1", "index": 0, "text": "Son"}

    wake = json.loads(payloads.wake(WakeDetected(Detection("hey_jarvis", 0.98765, 3.2), "arecord")))
    assert datetime.fromisoformat(wake.pop("time")).tzinfo is not None
    assert wake == {"wake_word": "hey_jarvis", "score": 0.988, "source": "arecord"}

    heard = json.loads(payloads.transcript(Transcribed(TURN, Transcript("¿qué hora es?", "es", "whisper"))))
    assert datetime.fromisoformat(heard.pop("time")).tzinfo is not None
    assert heard == {
        "turn": "t1",
        "id": "r-1",
        "source": "mqtt",
        "room": "kitchen",
        "text": "¿qué hora es?",
        "language": "es",
        "engine": "whisper",
    }


def test_state():
    engines = [EngineStatus("ears", "whisper", EngineState.FAILED, "no model; run X")]
    state = json.loads(payloads.state("0.1.0", True, "microphone", engines))
    assert state == {
        "version": "0.1.0",
        "listening": True,
        "listening_detail": "microphone",
        "engines": {"ears": {"kind": "whisper", "state": "failed", "detail": "no model; run X"}},
    }


def test_a_refused_payload_is_explained():
    error = json.loads(payloads.error("jarvisd/home/ask/set", "the question is empty"))
    assert datetime.fromisoformat(error.pop("time")).tzinfo is not None
    assert error == {"topic": "jarvisd/home/ask/set", "error": "the question is empty"}


def test_half_a_character_does_no_harm():
    payload = payloads.delta(AnswerDelta(TURN, "half \ud83d", 0))
    assert json.loads(payload)["text"] == "half ?"
