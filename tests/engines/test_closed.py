"""Why nothing may come up on a card."""

import pytest

from jarvisd.engines.closed import Closed
from jarvisd.types import GpuHealth, GpuState


def health(state, *reasons):
    return GpuHealth("GPU-1", "RTX", state, reasons)


@pytest.mark.parametrize("state", [GpuState.OK, GpuState.WARM, GpuState.FOREIGN, GpuState.THROTTLED, GpuState.HUNG])
def test_these_do_not_close_it(state):
    closed = Closed("GPU-1")
    closed.note(health(state, "whatever"))
    assert closed.why(0) == ""


def test_hot_until_it_is_not():
    closed = Closed("GPU-1")
    closed.note(health(GpuState.HOT, "91 °C"))
    assert closed.why(0) == "GPU-1: 91 °C; nothing is started on it until it is cooler."
    closed.note(health(GpuState.WARM))
    assert closed.why(0) == ""


def test_lost_until_it_was_found():
    closed = Closed("GPU-1")
    closed.note(health(GpuState.LOST, "it fell off the bus"))
    closed.note(health(GpuState.UNKNOWN))
    assert closed.why(0) == "GPU-1 is lost: it fell off the bus."
    closed.find()
    closed.note(health(GpuState.OK))
    assert closed.why(0) == ""


def test_released_until_its_time_and_its_health_is_told_first():
    closed = Closed("GPU-1")
    closed.release(100.0, "21:30")
    assert closed.released_s(40.0) == 60.0
    assert closed.why(99.0) == "GPU-1 is released until 21:30; `jarvisd gpu reclaim` ends that."
    closed.note(health(GpuState.DRIVER_MISMATCH, "restart the machine"))
    assert closed.why(99.0) == "GPU-1: restart the machine."
    closed.note(health(GpuState.OK))
    assert closed.why(100.0) == ""
    closed.release(300.0, "22:00")
    closed.reclaim()
    assert closed.why(200.0) == ""
