"""What a card's readings mean, one after the other."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from jarvisd.gpu.faults import Fault, fault_sentence
from jarvisd.gpu.health import (
    CALM_READINGS,
    MARGIN_CELSIUS,
    MIB,
    WELL_READINGS,
    HealthJudge,
    Limits,
)
from jarvisd.types import GpuProcess, GpuReading, GpuState

LIMITS = Limits(warm_celsius=75, hot_celsius=87, full_bytes=256 * MIB, foreign_bytes=1024 * MIB)
GOOD = GpuReading(
    "GPU-1", "RTX 2060", 0.0, temperature_celsius=45, memory_total_bytes=6144 * MIB, memory_free_bytes=4000 * MIB
)


def judged(*readings, judge=None):
    """The states, one after the other."""
    judge = judge or HealthJudge()
    return [judge.judge(reading, LIMITS).state for reading in readings]


def celsius(*values):
    return [replace(GOOD, temperature_celsius=value) for value in values]


def failed(*codes):
    return [replace(GOOD, fault=code, temperature_celsius=None, memory_free_bytes=None) for code in codes]


def used_by(*processes):
    return replace(GOOD, processes=processes)


def test_a_card_that_is_well_has_no_reasons():
    health = HealthJudge().judge(GOOD, LIMITS)
    assert (health.state, health.reasons, health.uuid, health.name) == (GpuState.OK, (), "GPU-1", "RTX 2060")


def test_warm_and_hot_begin_at_their_limits_and_end_below():
    assert judged(*celsius(74, 75, 71, 86, 87, 83, 82, 81, 71, 70, 69)) == [
        "ok", "warm", "warm", "warm", "hot", "hot", "hot", "warm", "warm", "warm", "ok",
    ]  # fmt: skip


def test_hot_says_how_hot_and_not_also_warm():
    health = HealthJudge().judge(celsius(91)[0], LIMITS)
    assert health.reasons == ("91 °C, hot from 87 °C",)


@pytest.mark.parametrize("limit", [LIMITS.warm_celsius, LIMITS.hot_celsius])
@pytest.mark.parametrize("seed", range(20))
def test_a_temperature_that_trembles_around_a_limit_changes_the_state_once(limit, seed):
    random_values = random.Random(seed)
    spread = MARGIN_CELSIUS / 2
    states = judged(*celsius(*(limit + random_values.uniform(-spread, spread) for _ in range(500))))
    changes = sum(before is not after for before, after in pairwise(states))
    assert changes <= 1


@pytest.mark.parametrize("seed", range(20))
def test_memory_that_trembles_around_a_limit_changes_the_state_once(seed):
    random_values = random.Random(seed)
    free = [
        replace(GOOD, memory_free_bytes=int(random_values.uniform(0.6, 1.9) * LIMITS.full_bytes)) for _ in range(500)
    ]
    states = judged(*free)
    assert sum(before is not after for before, after in pairwise(states)) <= 1


@pytest.mark.parametrize("seed", range(50))
def test_over_any_sequence_reasons_are_there_just_when_something_is_wrong(seed):
    random_values = random.Random(seed)
    judge = HealthJudge()
    for _ in range(200):
        reading = replace(
            GOOD,
            temperature_celsius=random_values.choice([None, 40, 74, 76, 84, 90]),
            memory_free_bytes=random_values.choice([None, 0, 300 * MIB, 2000 * MIB]),
            throttle_reasons=random_values.choice([(), ("power cap",), ("power brake",)]),
            fault=random_values.choice([None, None, None, None, 15, 18, 999]),
        )
        hung_s = random_values.choice([None, None, None, None, None, 20.0])
        health = judge.judge(reading, LIMITS, hung_s=hung_s)
        assert (health.state is GpuState.OK) == (not health.reasons)
        assert all(health.reasons)


def test_throttled_needs_two_readings_and_calms_down_slowly():
    held = replace(GOOD, throttle_reasons=("hardware thermal limit",))
    assert judged(held, GOOD, held, held) == ["ok", "ok", "ok", "throttled"]
    judge = HealthJudge()
    judged(held, held, judge=judge)
    calm = judged(*[GOOD] * CALM_READINGS, judge=judge)
    assert calm == ["throttled"] * (CALM_READINGS - 1) + ["ok"]


def test_a_power_limit_under_load_is_no_throttling():
    assert judged(*[replace(GOOD, throttle_reasons=("power cap",))] * 5) == ["ok"] * 5


def test_full_by_free_memory():
    full = replace(GOOD, memory_free_bytes=100 * MIB)
    judge = HealthJudge()
    assert judged(full, full, judge=judge) == ["ok", "full"]
    assert judge.judge(full, LIMITS).reasons == ("100 MiB free",)
    a_little = replace(GOOD, memory_free_bytes=400 * MIB)
    assert judged(a_little, a_little, GOOD, GOOD, judge=judge) == ["full", "full", "full", "ok"]


def test_foreign_counts_the_memory_of_others_only():
    ours = used_by(GpuProcess(1, 5000 * MIB, ours=True), GpuProcess(2, 100 * MIB))
    assert judged(ours, ours) == ["ok", "ok"]
    game = used_by(GpuProcess(1, 900 * MIB, ours=True), GpuProcess(77, 3000 * MIB), GpuProcess(78, None))
    judge = HealthJudge()
    assert judged(game, game, judge=judge) == ["ok", "foreign"]
    reasons = judge.judge(game, LIMITS).reasons
    assert reasons == ("others hold 3000 MiB of it (process 77, process 78)",)
    assert judged(GOOD, GOOD, judge=judge) == ["foreign", "ok"]


def test_the_worst_is_the_state_and_all_of_it_is_said():
    bad = replace(
        GOOD, temperature_celsius=90, throttle_reasons=("power brake",), memory_free_bytes=0,
        processes=(GpuProcess(5, 2000 * MIB),),
    )  # fmt: skip
    judge = HealthJudge()
    judge.judge(bad, LIMITS)
    health = judge.judge(bad, LIMITS)
    assert health.state is GpuState.HOT
    assert len(health.reasons) == 4
    assert "power brake" in health.reasons[1]


@pytest.mark.parametrize("code", [Fault.LOST, Fault.RESET_REQUIRED])
def test_a_lost_card_is_lost_at_once_and_until_it_reads_well_several_times(code):
    judge = HealthJudge()
    assert judged(GOOD, *failed(code), judge=judge) == ["ok", "lost"]
    again = judged(*[GOOD] * WELL_READINGS, judge=judge)
    assert again == ["lost"] * (WELL_READINGS - 1) + ["ok"]


@pytest.mark.parametrize("seed", range(50))
def test_a_lost_card_stays_lost_over_any_sequence_without_enough_good_readings(seed):
    random_values = random.Random(seed)
    judge = HealthJudge()
    judged(*failed(15), judge=judge)
    well = 0
    for _ in range(300):
        reading = random_values.choice([GOOD, GOOD, *failed(15, 16, 999, 9)])
        well = well + 1 if reading.fault is None else 0
        if well == WELL_READINGS:
            return
        assert judge.judge(reading, LIMITS).state is GpuState.LOST


def test_one_unknown_failure_is_forgiven_two_are_not():
    assert judged(GOOD, *failed(999), GOOD, *failed(999, 999)) == ["ok", "ok", "ok", "ok", "unknown"]


def test_a_forgiven_failure_changes_nothing_that_is_said():
    judge = HealthJudge()
    warm = judge.judge(celsius(80)[0], LIMITS)
    assert judge.judge(failed(999)[0], LIMITS) == warm


def test_a_card_that_was_never_read_is_unknown_at_once():
    health = HealthJudge().judge(failed(17)[0], LIMITS)
    assert health.state is GpuState.UNKNOWN
    assert "DeviceAllow" in health.reasons[0]


def test_a_mismatch_says_what_to_do():
    health = HealthJudge().judge(failed(18)[0], LIMITS)
    assert health.state is GpuState.DRIVER_MISMATCH
    assert "start the machine again" in health.reasons[0]


def test_hung_while_nothing_comes_and_until_it_answers_well():
    judge = HealthJudge()
    judge.judge(GOOD, LIMITS)
    hung = judge.judge(GOOD, LIMITS, hung_s=15.4)
    assert hung.state is GpuState.HUNG
    assert "15 s" in hung.reasons[0]
    assert judged(*[GOOD] * WELL_READINGS, judge=judge) == ["hung"] * (WELL_READINGS - 1) + ["ok"]


def test_what_a_card_does_not_tell_is_no_finding():
    silent = GpuReading("GPU-1", "an old card", 0.0)
    assert judged(silent, silent, silent) == ["ok"] * 3


@pytest.mark.parametrize("code", [9, 12, 15, 16, 17, 18, 28, 999])
def test_each_code_with_a_meaning_has_a_sentence_of_its_own(code):
    sentences = {fault_sentence(other) for other in (9, 12, 15, 16, 17, 18, 28, 999) if other != code}
    assert fault_sentence(code) not in sentences
    assert str(code) not in fault_sentence(code)


def test_a_code_without_one_is_named():
    assert fault_sentence(20) == "NVIDIA's driver reports error 20"
