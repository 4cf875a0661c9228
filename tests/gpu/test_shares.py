"""Whose energy it was, and what an engine adds to a card at rest: sequences of readings, nothing else."""

import pytest

from jarvisd.gpu.shares import (
    SAMPLE_EVERY_S,
    SAMPLES_KEPT,
    SAMPLES_NEEDED,
    SETTLE_S,
    RestPower,
    Share,
    idle_watts,
    shares,
    tenants_of,
)
from jarvisd.types import EngineState, EngineUse, GpuProcess, GpuReading

READY, ASLEEP, STOPPED, STARTING = EngineState.READY, EngineState.ASLEEP, EngineState.STOPPED, EngineState.STARTING
POLL_S = 5.0


def use(name="strong", state=READY, used_s=0.0):
    return EngineUse(name, "GPU-1", state, used_s)


def by_name(*uses):
    return {one.name: one for one in uses}


def shared(before, now, *, others=False, joules=100.0):
    return shares(joules, by_name(*before), by_name(*now), others=others)


def test_what_was_used_while_one_answered_is_all_its_own():
    before, now = (use("strong"), use("fast")), (use("strong", used_s=2.0), use("fast"))
    assert shared(before, now) == {"strong": Share(used_joules=100)}


def test_several_share_by_the_time_for_which_they_answered():
    before = (use("strong", used_s=10), use("fast", used_s=20))
    now = (use("strong", used_s=13), use("fast", used_s=21))
    assert shared(before, now) == {"strong": Share(used_joules=75), "fast": Share(used_joules=25)}


def test_one_that_answered_and_is_gone_has_its_share_all_the_same():
    assert shared([use()], [use(state=STOPPED, used_s=1)]) == {"strong": Share(used_joules=100)}


def test_one_that_is_new_has_the_use_that_it_had():
    assert shared([], [use(used_s=1), use("fast")]) == {"strong": Share(used_joules=100)}


def test_while_nobody_answers_it_is_evenly_theirs_who_are_up():
    engines = use("strong"), use("loading", STARTING), use("asleep", ASLEEP), use("stopped", STOPPED)
    assert shared(engines, engines) == {"strong": Share(idle_joules=50), "loading": Share(idle_joules=50)}


@pytest.mark.parametrize("state", [ASLEEP, STOPPED, EngineState.FAILED])
def test_with_nobody_up_it_is_nobodys(state):
    assert shared([use(state=state)], [use(state=state)]) == {}


def test_with_other_programs_on_the_card_only_use_counts():
    assert shared([use()], [use()], others=True) == {}
    assert shared([use()], [use(used_s=1)], others=True) == {"strong": Share(used_joules=100)}


def test_shares_add_up_to_what_was_used():
    before = tuple(use(name) for name in "abc")
    now = tuple(use(name, used_s=seconds) for name, seconds in zip("abc", (0.1, 0.2, 0.7), strict=True))
    assert sum(share.used_joules for share in shared(before, now, joules=7.3).values()) == pytest.approx(7.3)


@pytest.mark.parametrize(
    ("uses", "tenants"),
    [
        ([], ""),
        ([use("strong", STOPPED), use("fast", EngineState.FAILED)], ""),
        ([use("strong"), use("fast")], "fast, strong"),
        ([use("strong"), use("slow", ASLEEP)], "slow (asleep), strong"),
        ([use("strong"), use("fast", STARTING)], None),
        ([use("strong", EngineState.STOPPING)], None),
    ],
)
def test_who_is_on_a_card(uses, tenants):
    assert tenants_of(uses) == tenants


class Card:
    """Readings every few seconds, of a card at rest unless it is said otherwise."""

    def __init__(self):
        self.samples = {}
        self.rest = RestPower(self.samples)
        self.now_s = 1000.0

    def draws(self, watts, seconds, *uses, others=False, **reading):
        for _ in range(int(seconds / POLL_S)):
            self.now_s += POLL_S
            reading = {"utilisation_percent": 0, **reading}
            self.rest.note(GpuReading("GPU-1", "RTX", self.now_s, power_watts=watts, **reading), uses, others=others)


@pytest.fixture
def card():
    return Card()


LONG_S = SETTLE_S + POLL_S + SAMPLES_NEEDED * SAMPLE_EVERY_S


def test_what_an_engine_adds_is_known_when_the_card_was_seen_with_it_and_without(card):
    card.draws(12, LONG_S)
    assert card.rest.idle_watts("strong") is None
    card.draws(31, LONG_S, use())
    assert card.rest.idle_watts("strong") == 19
    assert card.rest.idle_watts("fast") is None


def test_a_card_is_not_at_rest_right_after_a_change(card):
    card.draws(100, SETTLE_S, use())
    assert card.samples == {}
    card.draws(100, SETTLE_S, use(used_s=1))
    card.draws(100, SETTLE_S, use("strong", STARTING))
    card.draws(100, SETTLE_S, use())
    assert card.samples == {}


def test_nor_while_it_is_used(card):
    for second in range(100):
        card.draws(250, POLL_S, use(used_s=second))
    assert card.samples == {}


@pytest.mark.parametrize(
    "busy",
    [
        {"utilisation_percent": 6},
        {"others": True},
        {"processes": (GpuProcess(7, 1 << 30, ours=True),)},
        {"power_watts": None},
    ],
)
def test_nor_while_others_compute_or_it_does_not_tell(card, busy):
    watts = busy.pop("power_watts", 90)
    card.draws(watts, LONG_S, **busy)
    assert card.samples == {}


def test_a_desktop_beside_it_and_no_word_of_use_are_no_hindrance(card):
    card.draws(14, LONG_S, processes=(GpuProcess(7, 200 << 20),), utilisation_percent=None)
    assert set(card.samples[""]) == {14}


def test_one_value_a_minute_and_only_the_last_count(card):
    card.draws(20, SETTLE_S + SAMPLES_KEPT * SAMPLE_EVERY_S)
    card.draws(30, 2 * SAMPLES_KEPT * SAMPLE_EVERY_S)
    assert card.samples == {"": [30] * SAMPLES_KEPT}


def test_a_single_odd_value_does_not_move_it(card):
    card.draws(12, LONG_S)
    card.draws(31, LONG_S + SAMPLE_EVERY_S, use())
    card.samples["strong"][0] = 200
    assert card.rest.idle_watts("strong") == 19


def known(**medians):
    return {
        tenants.replace("_", ", ").replace("zz", " (asleep)"): [watts] * SAMPLES_NEEDED
        for tenants, watts in medians.items()
    }


def test_by_the_fewest_others_when_it_was_never_alone():
    samples = {"": [10.0] * 3} | known(fast=15.0, fast_strong=22.0)
    assert idle_watts("strong", samples) == 7
    assert idle_watts("fast", samples) == 5
    assert idle_watts("strong", samples | known(strong=21.0)) == 11


def test_one_that_sleeps_beside_it_stays_where_it_is():
    samples = known(slowzz=13.0, slowzz_strong=25.0)
    assert idle_watts("strong", samples) == 12
    assert idle_watts("slow", samples) is None


def test_less_than_nothing_is_nothing():
    assert idle_watts("strong", {"": [15.0] * 3, "strong": [14.0] * 3}) == 0


def test_too_few_values_are_none():
    assert idle_watts("strong", {"": [15.0] * 2, "strong": [34.0] * 3}) is None
