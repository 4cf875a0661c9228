"""What the messages say: values of the house to bytes, and bytes from outside to values. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from jarvisd.events import AnswerDelta, Transcribed, WakeDetected
from jarvisd.types import Answer, EngineStatus, GpuStatus, Language, Ring, Route, Turn

MAX_PAYLOAD_BYTES = 64 * 1024
_LANGUAGES: tuple[Language, ...] = get_args(Language)
# Longest `id` and `room`, in characters.
_LONGEST_NAME = 200


class BadPayload(Exception):  # noqa: N818 - said of a payload
    """Why a payload is refused, in words for its sender."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question that came by MQTT. `id` is the asker's own, to recognise the answer by; `person` is who asks."""

    text: str
    id: str | None = None
    language: Language | None = None
    room: str | None = None
    person: str | None = None


_FIELDS = ("text", "id", "language", "room", "person")


def parse_ask(payload: bytes) -> Question:
    """Plain text, or a JSON object where the payload begins with a brace."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise BadPayload(f"the payload has {len(payload)} bytes; the most is {MAX_PAYLOAD_BYTES}")
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise BadPayload(f"the payload is not UTF-8 (byte {error.start})") from error
    if text.lstrip().startswith("{"):
        return _from_fields(_json_object(text))
    return Question(_question_text(text))


def _json_object(text: str) -> Mapping[str, Any]:
    try:
        fields = json.loads(text)
    except RecursionError as error:
        raise BadPayload("the JSON is nested too deeply") from error
    except ValueError as error:
        raise BadPayload(f"the payload begins with a brace but is not JSON: {error}") from error
    assert isinstance(fields, dict)  # it begins with a brace
    return fields


def _from_fields(fields: Mapping[str, Any]) -> Question:
    for name in fields:
        if name not in _FIELDS:
            near = difflib.get_close_matches(name, _FIELDS, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else f"; there are: {', '.join(_FIELDS)}"
            raise BadPayload(f"there is no field {_shown(name)}{hint}")
    if not isinstance(fields.get("text"), str):
        raise BadPayload('the field "text" is missing or not a text')
    language = fields.get("language")
    if language is not None and language not in _LANGUAGES:
        raise BadPayload(f'the field "language" is {_shown(language)}; there are: {", ".join(_LANGUAGES)}')
    names = {name: _name(fields, name) for name in ("id", "room", "person")}
    return Question(_question_text(fields["text"]), language=language, **names)


def _question_text(text: str) -> str:
    """Control characters become spaces; a text that says nothing is refused."""
    text = "".join(one if one.isprintable() else " " for one in text).strip()
    if not text:
        raise BadPayload("the question is empty")
    return text


def _name(fields: Mapping[str, Any], field: str) -> str | None:
    value = fields.get(field)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        raise BadPayload(f'the field "{field}" must be a text of at most {_LONGEST_NAME} characters')
    return value


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:40] + "…"


def response(turn: Turn, answer: Answer) -> bytes:
    return _encoded(
        {
            **_turn_fields(turn),
            "question": answer.question,
            "text": answer.text,
            "language": answer.language,
            "answered_by": answer.answered_by,
            "via": answer.via,
            "tier": answer.tier or None,
            "route": _route(answer.route),
            "cost": answer.cost_micros / 1e6,
            "cited": list(answer.cited),
            "recalled": answer.recalled or None,
            "remembered": answer.remembered,
            "demonstration": answer.demonstration,
            "error": answer.error_code,
            "timings_ms": {stage: round(spent_ms, 1) for stage, spent_ms in answer.timings_ms.items()},
        }
    )


def _route(route: Route | None) -> dict[str, Any] | None:
    if route is None:
        return None
    return {
        "reason": route.reason,
        "probabilities": {kind: round(share, 3) for kind, share in route.probabilities.items()},
        "margin": route.margin,
        "eta_s": route.eta_s,
        "cloud": route.cloud,
        "cold": route.cold,
        "wanted": route.wanted,
    }


def ring(ring: Ring) -> bytes:
    return _encoded(
        {
            "id": ring.id,
            "kind": ring.kind,
            "text": ring.text,
            "room": ring.room,
            "language": ring.language,
            "sentence": ring.sentence,
            "due": datetime.fromtimestamp(ring.due_s).astimezone().isoformat(timespec="seconds"),
            "late_s": round(ring.late_s, 1),
            "again": ring.again,
            "time": _now(),
        }
    )


def usage(figures: Mapping[str, Any]) -> bytes:
    return _encoded({**figures, "time": _now()})


def refusal(question: Question, code: str, text: str, language: Language) -> bytes:
    """A response to a question that did not become a turn: its `turn` is null."""
    return _encoded(
        {
            "turn": None,
            "id": question.id,
            "source": "mqtt",
            "room": question.room,
            "question": question.text,
            "text": text,
            "language": language,
            "answered_by": "jarvisd",
            "via": "jarvisd",
            "tier": None,
            "route": None,
            "cost": 0.0,
            "cited": [],
            "recalled": None,
            "remembered": False,
            "demonstration": False,
            "error": code,
            "timings_ms": {},
        }
    )


def delta(event: AnswerDelta) -> bytes:
    return _encoded(
        {"turn": event.turn.id, "id": event.turn.request_id, "index": event.index, "text": event.text},
    )


def wake(event: WakeDetected) -> bytes:
    detection = event.detection
    return _encoded(
        {
            "wake_word": detection.wake_word,
            "score": round(detection.score, 3),
            "source": event.source,
            "time": _now(),
        }
    )


def transcript(event: Transcribed) -> bytes:
    heard = event.transcript
    return _encoded(
        {
            **_turn_fields(event.turn),
            "text": heard.text,
            "language": heard.language,
            "engine": heard.engine,
            "time": _now(),
        }
    )


def state(version: str, listening: bool, listening_detail: str, engines: Sequence[EngineStatus]) -> bytes:
    return _encoded(
        {
            "version": version,
            "listening": listening,
            "listening_detail": listening_detail,
            "engines": {
                engine.name: {"kind": engine.kind, "state": engine.state, "detail": engine.detail} for engine in engines
            },
        }
    )


def gpu_status(status: GpuStatus) -> bytes:
    reading, health = status.reading, status.health
    return _encoded(
        {
            "uuid": health.uuid,
            "name": health.name,
            "health": health.state,
            "reasons": health.reasons,
            "driver_version": reading.driver_version,
            "capability": ".".join(map(str, reading.capability)) if reading.capability else None,
            "memory_total_bytes": reading.memory_total_bytes,
            "slowdown_celsius": reading.slowdown_celsius,
            "xid": reading.xid,
            "time": _now(),
        }
    )


def gpu_telemetry(status: GpuStatus) -> bytes:
    reading = status.reading
    return _encoded(
        {
            "temperature_celsius": reading.temperature_celsius,
            "power_watts": reading.power_watts,
            "memory_used_bytes": reading.memory_used_bytes,
            "memory_free_bytes": reading.memory_free_bytes,
            "foreign_bytes": reading.foreign_bytes,
            "utilisation_percent": reading.utilisation_percent,
            "fan_percent": reading.fan_percent,
            "graphics_clock_mhz": reading.graphics_clock_mhz,
            "energy_kwh": round(status.energy_kwh, 4),
            "engines": {
                engine.name: {
                    "used_kwh": round(engine.used_kwh, 4),
                    "idle_kwh": round(engine.idle_kwh, 4),
                    "idle_watts": None if engine.idle_watts is None else round(engine.idle_watts, 1),
                }
                for engine in status.engines
            },
            "time": _now(),
        }
    )


def error(topic: str, message: str) -> bytes:
    return _encoded({"topic": topic, "error": message, "time": _now()})


def _turn_fields(turn: Turn) -> dict[str, str | None]:
    return {"turn": turn.id, "id": turn.request_id, "source": turn.source, "room": turn.room}


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def _encoded(fields: Mapping[str, Any]) -> bytes:
    """Half a character, which a model can make, becomes a question mark: MQTT wants UTF-8."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
