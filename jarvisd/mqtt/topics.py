"""Every topic, in one table: docs/mqtt.md shows it, a test holds the two together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic below `<base>/<node>/`. `direction` as the daemon sees it; `meaning`: what the payload is."""

    name: str
    direction: Literal["out", "in"]
    qos: Literal[0, 1]
    retained: bool
    meaning: str


STATUS = Topic("status", "out", 1, True, "`online` or `offline`; also the last will, so it is right after a crash")
STATE = Topic("state", "out", 1, True, "JSON: `version`, `listening`, `listening_detail`, `engines` by name")
EVENT_WAKE = Topic("event/wake", "out", 1, False, "JSON: `wake_word`, `score`, `source`, `time`")
EVENT_TRANSCRIPT = Topic(
    "event/transcript",
    "out",
    1,
    False,
    "JSON: `turn`, `id`, `source`, `room`, `text`, `language`, `engine`, `time`",
)
RESPONSE_STREAM = Topic(
    "response/stream", "out", 0, False, "JSON: `turn`, `id`, `index`, `text`; a piece of an answer while it is made"
)
RESPONSE = Topic(
    "response",
    "out",
    1,
    False,
    "JSON: `turn`, `id`, `source`, `room`, `question`, `text`, `language`, `answered_by`, `demonstration`, `error`, "
    "`timings_ms`; the whole answer of every turn",
)
BRIDGE_ERROR = Topic(
    "bridge/error", "out", 1, False, "JSON: `topic`, `error`, `time`; a payload that was refused, and why"
)
ASK_SET = Topic(
    "ask/set",
    "in",
    1,
    False,
    "a question: plain text in UTF-8, or JSON: `text` and optionally `id`, `language`, `room`",
)

TABLE = (STATUS, STATE, EVENT_WAKE, EVENT_TRANSCRIPT, RESPONSE_STREAM, RESPONSE, BRIDGE_ERROR, ASK_SET)


class Topics:
    """The full topics of one daemon."""

    def __init__(self, base: str, node: str) -> None:
        self._prefix = f"{base}/{node}/"

    def of(self, topic: Topic) -> str:
        return self._prefix + topic.name


def as_markdown() -> str:
    """The table as the documentation shows it."""
    rows = [
        f"| `{topic.name}` | {topic.direction} | {topic.qos} | {'yes' if topic.retained else 'no'} | {topic.meaning} |"
        for topic in TABLE
    ]
    return "\n".join(["| topic | direction | QoS | retained | payload |", "| --- | --- | --- | --- | --- |", *rows])
