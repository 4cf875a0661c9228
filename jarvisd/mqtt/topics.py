"""Every topic, in one table: docs/mqtt.md shows it, a test holds the two together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic below `<base>/<node>/`. `direction` as the daemon sees it; `meaning`: what the payload is.

    `<uuid8>` stands for a graphics card: the first eight digits of its UUID.
    """

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
    "JSON: `turn`, `id`, `source`, `room`, `question`, `text`, `language`, `answered_by`, `via` (model, skill, home, "
    "plugin, memory, jarvisd), `tier`, `route` (for a model: `reason`, `probabilities`, `margin`, `eta_s`, `cloud`, "
    "`cold`, `wanted`; else null), `cost` (money), `cited` (ids of the memories it quotes), `recalled` (how memory was "
    "searched, or null), `remembered` (it is on the disk), `demonstration`, `error`, `timings_ms`; the whole answer of "
    "every turn",
)
EVENT_RING = Topic(
    "event/ring",
    "out",
    1,
    False,
    "JSON: `id`, `kind` (timer, alarm, reminder), `text`, `room`, `language`, `sentence` (to be said), `due`, "
    "`late_s`, `again` (it may have been told before under this `id`), `time`; waits for an absent broker",
)
USAGE = Topic(
    "usage",
    "out",
    1,
    True,
    "JSON: `today` and `month` (30 days), each with the figures of `jarvisd stats --json`, and `time`; at most once a "
    "minute",
)
BRIDGE_ERROR = Topic(
    "bridge/error", "out", 1, False, "JSON: `topic`, `error`, `time`; a payload that was refused, and why"
)
ASK_SET = Topic(
    "ask/set",
    "in",
    1,
    False,
    "a question: plain text in UTF-8, or JSON: `text` and optionally `id`, `language`, `room`, `person`",
)
GPU_STATUS = Topic(
    "gpu/<uuid8>/status",
    "out",
    1,
    True,
    "JSON: `uuid`, `name`, `health`, `reasons`, `driver_version`, `capability`, `memory_total_bytes`, "
    "`slowdown_celsius`, `xid`, `time`; a graphics card, when its health changes",
)
GPU_TELEMETRY = Topic(
    "gpu/<uuid8>/telemetry",
    "out",
    0,
    False,
    "JSON: `temperature_celsius`, `power_watts`, `memory_used_bytes`, `memory_free_bytes`, `foreign_bytes`, "
    "`utilisation_percent`, `fan_percent`, `graphics_clock_mhz`, `energy_kwh`, `engines` (by name: "
    "`used_kwh`, `idle_kwh`, `idle_watts`), `time`; null: the card does not tell it, or it is not known yet",
)

TABLE = (
    STATUS,
    STATE,
    EVENT_WAKE,
    EVENT_TRANSCRIPT,
    RESPONSE_STREAM,
    RESPONSE,
    EVENT_RING,
    USAGE,
    BRIDGE_ERROR,
    ASK_SET,
    GPU_STATUS,
    GPU_TELEMETRY,
)


class Topics:
    """The full topics of one daemon."""

    def __init__(self, base: str, node: str) -> None:
        self._prefix = f"{base}/{node}/"

    def of(self, topic: Topic) -> str:
        return self._prefix + topic.name

    def of_card(self, topic: Topic, uuid: str) -> str:
        """A topic of one graphics card, by its UUID (`GPU-5b3a...`)."""
        return self.of(topic).replace("<uuid8>", uuid.partition("-")[2][:8].lower())


def as_markdown() -> str:
    """The table as the documentation shows it."""
    rows = [
        f"| `{topic.name}` | {topic.direction} | {topic.qos} | {'yes' if topic.retained else 'no'} | {topic.meaning} |"
        for topic in TABLE
    ]
    return "\n".join(["| topic | direction | QoS | retained | payload |", "| --- | --- | --- | --- | --- |", *rows])
