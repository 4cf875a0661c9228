"""Cards on MQTT: health when it changes, figures when they are worth it. A clock of its own, no broker."""

import json
from dataclasses import replace

import pytest

from jarvisd.mqtt.cards import AT_LEAST_EVERY_S, AT_MOST_EVERY_S, DEADBANDS, CardTopics
from jarvisd.mqtt.topics import Topics
from jarvisd.types import EngineEnergy, GpuHealth, GpuProcess, GpuReading, GpuState, GpuStatus

UUID = "GPU-5070aaaa-1111-2222-3333-444444445070"
STATUS, TELEMETRY = "jarvisd/home/gpu/5070aaaa/status", "jarvisd/home/gpu/5070aaaa/telemetry"


class Link:
    """What a link is told here."""

    def __init__(self):
        self.retained = []
        self.told = []

    def retain(self, topic, payload):
        self.retained.append((topic, json.loads(payload)))

    def tell(self, topic, payload, qos=0):
        self.told.append((topic, json.loads(payload)))


class Shown:
    def __init__(self):
        self.link = Link()
        self.now = 100.0
        self._cards = CardTopics(self.link, Topics("jarvisd", "home"), now=lambda: self.now)

    def show(self, after_s=0.0, state=GpuState.OK, reasons=(), **figures):
        self.now += after_s
        reading = GpuReading(
            UUID, "RTX 5070 Ti", self.now, capability=(12, 0), memory_total_bytes=16, memory_used_bytes=0,
            temperature_celsius=50, power_watts=30.0, utilisation_percent=0,
        )  # fmt: skip
        health = GpuHealth(UUID, "RTX 5070 Ti", state, reasons)
        engines = EngineEnergy("strong", 1.00004, 0.5, 18.04), EngineEnergy("fast", 0, 0)
        self._cards.show([GpuStatus(replace(reading, **figures), health, 1.23456, engines)])


@pytest.fixture
def shown():
    return Shown()


def test_health_is_retained_by_the_uuid_and_sent_again_only_when_it_changes(shown):
    shown.show()
    shown.show(5)
    shown.show(5, GpuState.HOT, ("88 °C, hot from 87 °C",))
    shown.show(5, GpuState.HOT, ("89 °C, hot from 87 °C",))
    assert [(topic, payload["health"]) for topic, payload in shown.link.retained] == [(STATUS, "ok"), (STATUS, "hot")]
    payload = shown.link.retained[1][1]
    assert (payload["uuid"], payload["capability"]) == (UUID, "12.0")
    assert payload["reasons"] == ["88 °C, hot from 87 °C"]


def test_figures_have_their_units_in_their_names_and_null_where_the_card_says_nothing(shown):
    shown.show(processes=(GpuProcess(5, 7), GpuProcess(6, 8, ours=True)))
    topic, payload = shown.link.told[0]
    assert topic == TELEMETRY
    assert (payload["temperature_celsius"], payload["energy_kwh"], payload["foreign_bytes"]) == (50, 1.2346, 7)
    assert payload["fan_percent"] is None
    assert payload["engines"] == {
        "strong": {"used_kwh": 1.0, "idle_kwh": 0.5, "idle_watts": 18.0},
        "fast": {"used_kwh": 0, "idle_kwh": 0, "idle_watts": None},
    }


@pytest.mark.parametrize("figure", DEADBANDS)
def test_a_figure_that_moves_is_sent_and_one_that_trembles_is_not(shown, figure):
    shown.show(**{figure: 0})
    shown.show(AT_MOST_EVERY_S, **{figure: DEADBANDS[figure] * 0.9})
    assert len(shown.link.told) == 1
    shown.show(0.1, **{figure: DEADBANDS[figure]})
    assert len(shown.link.told) == 2


def test_not_more_often_however_much_it_moves(shown):
    for step in range(21):
        shown.show(1, temperature_celsius=30 + 5 * step)
    assert len(shown.link.told) == 1 + 20 // AT_MOST_EVERY_S


def test_a_quiet_card_is_told_now_and_then(shown):
    for _ in range(13):
        shown.show(5)
    assert len(shown.link.told) == 1 + 60 // AT_LEAST_EVERY_S


def test_a_card_that_cannot_be_read_has_no_figures(shown):
    shown.show(state=GpuState.LOST, fault=15)
    shown.show(60, state=GpuState.LOST, fault=15)
    assert shown.link.told == []


def test_an_old_reading_is_not_told_again(shown):
    shown.show(read_monotonic=5.0)
    shown.show(60, GpuState.HUNG, read_monotonic=5.0)
    assert len(shown.link.told) == 1
