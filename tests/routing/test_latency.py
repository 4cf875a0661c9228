"""When the first word of each engine can be expected."""

import pytest

from jarvisd.routing.latency import BUSY_S, FIRST_WORD_S, START_S, WAKE_S, Latency
from jarvisd.types import EngineState, EngineStatus


def status(state, start_s=None, leases=0):
    return EngineStatus("big", "vllm", state, start_s=start_s, leases=leases)


def test_before_anything_is_known():
    latency = Latency()
    assert latency.eta_s(status(EngineState.READY), "big") == FIRST_WORD_S
    assert latency.eta_s(status(EngineState.READY, leases=1), "big") == FIRST_WORD_S + BUSY_S
    assert latency.eta_s(status(EngineState.ASLEEP), "big") == FIRST_WORD_S + WAKE_S
    assert latency.eta_s(status(EngineState.STOPPED), "big") == FIRST_WORD_S + START_S
    assert latency.eta_s(status(EngineState.STARTING), "big") == FIRST_WORD_S + START_S / 2
    assert latency.eta_s(None, "big") == FIRST_WORD_S + START_S


def test_answers_teach_the_first_word():
    latency = Latency()
    for _ in range(30):
        latency.answered("big", 0.2)
    assert latency.first_word_s("big") == pytest.approx(0.2)
    latency.answered("big", 1.2)
    assert latency.first_word_s("big") == pytest.approx(0.4)
    assert latency.first_word_s("other") == FIRST_WORD_S


def test_waking_and_starting_are_learned_apart():
    latency = Latency()
    latency.note(status(EngineState.STOPPED))
    latency.note(status(EngineState.STARTING))
    latency.note(status(EngineState.READY, start_s=44.0))
    latency.note(status(EngineState.ASLEEP, start_s=44.0))
    latency.note(status(EngineState.STARTING, start_s=44.0))
    latency.note(status(EngineState.READY, start_s=0.9))
    assert latency.eta_s(status(EngineState.STOPPED), "big") == 44.0 + FIRST_WORD_S
    assert latency.eta_s(status(EngineState.ASLEEP), "big") == 0.9 + FIRST_WORD_S


def test_news_of_an_engine_that_was_ready_all_along_teach_nothing():
    latency = Latency()
    latency.note(status(EngineState.READY, start_s=44.0))
    latency.note(status(EngineState.READY, start_s=44.0))
    assert latency.eta_s(status(EngineState.STOPPED), "big") == START_S + FIRST_WORD_S
