"""Waiting for a card to say that memory is free again."""

import os

import pytest

from jarvisd.engines.readings import CardReadings
from jarvisd.types import GpuProcess, GpuReading

GIB = 1024**3
# Sessions of processes are asked of this machine: this test's own stands in for a child that has not quite ended.
NOBODY = 2**22 + 1


@pytest.fixture
def own_session():
    return os.getpid(), os.getsid(0)


def reading(at, used_gib, *processes):
    return GpuReading("GPU-1", "RTX", at, memory_used_bytes=used_gib * GIB, processes=processes)


class Readings:
    """Each fresh reading is the next one; the last stays."""

    def __init__(self, *coming):
        self.coming = list(coming)
        self.asked = 0
        self.card = CardReadings("GPU-1", self.fresh)

    async def fresh(self):
        self.asked += 1
        if self.coming:
            self.card.note(self.coming.pop(0))


async def test_by_processes_it_waits_until_none_of_the_sessions_is_there(own_session):
    pid, session = own_session
    held, gone = reading(1.0, 8, GpuProcess(pid, 6 * GIB)), reading(3.0, 2, GpuProcess(NOBODY, GIB))
    readings = Readings(reading(2.0, 8, GpuProcess(pid, 6 * GIB)), gone)
    readings.card.note(held)
    await readings.card.until_back({session}, 6 * GIB)
    assert readings.asked == 2


async def test_without_processes_it_waits_until_enough_is_free():
    readings = Readings(reading(2.0, 8), reading(3.0, 6), reading(4.0, 3))
    readings.card.note(reading(1.0, 8))
    await readings.card.until_back({NOBODY}, 6 * GIB)
    assert readings.asked == 3


async def test_a_card_that_says_nothing_any_more_is_not_waited_for():
    readings = Readings()
    readings.card.note(reading(1.0, 8))
    await readings.card.until_back({NOBODY}, 6 * GIB)
    assert readings.asked == 1


async def test_memory_that_does_not_come_back_is_told_after_a_while(monkeypatch, caplog, own_session):
    monkeypatch.setattr("jarvisd.engines.readings.MEMORY_BACK_S", 0.2)
    pid, session = own_session
    stuck = [reading(float(at), 8, GpuProcess(pid, 6 * GIB)) for at in range(2, 400)]
    readings = Readings(*stuck)
    readings.card.note(reading(1.0, 8, GpuProcess(pid, 6 * GIB)))
    await readings.card.until_back({session}, 6 * GIB)
    assert "GPU-1: memory of engines that have ended is not free after 0.2 s" in caplog.text


async def test_a_card_that_nobody_can_ask_is_believed():
    card = CardReadings("GPU-1", None)
    card.note(reading(1.0, 8))
    assert await card.until_back({NOBODY}, 6 * GIB) is None
