"""Graphics cards on MQTT: their health, retained, and their figures, only as often as they are worth a message."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from jarvisd.mqtt import payloads, topics
from jarvisd.mqtt.link import Link
from jarvisd.mqtt.topics import Topics
from jarvisd.types import GpuReading, GpuStatus

# Figures are sent when one of them has moved out of its deadband, at most this often, ...
AT_MOST_EVERY_S = 10.0
# ... and otherwise this often, so that a reader can let them expire.
AT_LEAST_EVERY_S = 30.0
# How far a figure may move without being worth a message.
DEADBANDS: dict[str, float] = {
    "temperature_celsius": 2,
    "power_watts": 5,
    "memory_used_bytes": 64 * 1024 * 1024,
    "utilisation_percent": 10,
    "fan_percent": 10,
}


class CardTopics:
    """Tells the broker of each card. `now`: a monotonic clock."""

    def __init__(self, link: Link, names: Topics, *, now: Callable[[], float] = time.monotonic) -> None:
        self._link = link
        self._names = names
        self._now = now
        self._shown: dict[str, tuple[object, ...]] = {}
        self._sent: dict[str, tuple[float, GpuReading]] = {}

    def show(self, statuses: Sequence[GpuStatus]) -> None:
        """The cards as they were just read."""
        for status in statuses:
            self._show_health(status)
            self._show_figures(status)

    def _show_health(self, status: GpuStatus) -> None:
        """Reasons hold figures that always move: only another state, reason or Xid is a change."""
        health, reading = status.health, status.reading
        what = (health.state, len(health.reasons), reading.xid, reading.driver_version)
        if self._shown.get(health.uuid) != what:
            self._shown[health.uuid] = what
            self._link.retain(self._names.of_card(topics.GPU_STATUS, health.uuid), payloads.gpu_status(status))

    def _show_figures(self, status: GpuStatus) -> None:
        reading, now = status.reading, self._now()
        sent_at, sent = self._sent.get(reading.uuid, (-AT_LEAST_EVERY_S, None))
        if reading.fault is not None or (sent and sent.read_monotonic == reading.read_monotonic):
            return
        moved = sent is None or any(
            _moved(getattr(sent, name), getattr(reading, name), band) for name, band in DEADBANDS.items()
        )
        if now - sent_at >= (AT_MOST_EVERY_S if moved else AT_LEAST_EVERY_S):
            self._sent[reading.uuid] = (now, reading)
            topic = topics.GPU_TELEMETRY
            self._link.tell(self._names.of_card(topic, reading.uuid), payloads.gpu_telemetry(status), topic.qos)


def _moved(before: Any, now: Any, deadband: float) -> bool:
    if before is None or now is None:
        return before is not now
    return bool(abs(now - before) >= deadband)
