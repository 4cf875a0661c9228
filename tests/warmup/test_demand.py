import random

import pytest

from benchmarks.warmup import BEGAN_S, HOUSEHOLDS
from jarvisd.warmup.demand import DAY_S, ENOUGH_USES, SLOT_S, learn
from jarvisd.warmup.plan import Candidate, KeepWarm, LetGo, plan

HOUR_S = 3600.0
WEEKS = 6


def breakfasts(weeks=WEEKS, hour=7.5):
    return [BEGAN_S + day * DAY_S + hour * HOUR_S + minute * 60 for day in range(7 * weeks) for minute in (0, 4)]


@pytest.fixture
def demand():
    uses = breakfasts()
    learned = learn(uses, BEGAN_S + 7 * WEEKS * DAY_S, 3 * HOUR_S)
    assert learned is not None
    return learned


def test_a_habit_is_expected_at_its_hour_and_not_at_night(demand):
    tomorrow_s = BEGAN_S + 7 * WEEKS * DAY_S
    gap_s = 20 * HOUR_S
    assert demand.keeps_warm(tomorrow_s + 7.4 * HOUR_S, gap_s)
    assert not demand.keeps_warm(tomorrow_s + 3 * HOUR_S, gap_s)
    assert not demand.keeps_warm(tomorrow_s + 15 * HOUR_S, gap_s)


def test_a_use_makes_another_likelier_where_uses_come_in_bunches(demand):
    at_s = BEGAN_S + 7 * WEEKS * DAY_S + 8 * HOUR_S
    assert demand.expected(at_s, 120.0) > demand.expected(at_s, 2 * HOUR_S)


def test_it_stays_within_its_budget_of_idle_hours(demand):
    began_s = BEGAN_S + 7 * WEEKS * DAY_S
    slots = [began_s + number * SLOT_S for number in range(int(7 * DAY_S / SLOT_S))]
    uses = breakfasts(WEEKS + 1)
    warm = sum(demand.keeps_warm(at_s, at_s - max(use for use in uses if use <= at_s)) for at_s in slots)
    assert warm * SLOT_S / 7 <= 1.1 * 3 * HOUR_S


def test_nothing_is_guessed_from_too_little():
    few = breakfasts()[: ENOUGH_USES - 1]
    assert learn(few, few[-1] + 10 * DAY_S, 3 * HOUR_S) is None
    short = [BEGAN_S + number * 60.0 for number in range(100)]
    assert learn(short, short[-1], 3 * HOUR_S) is None
    assert learn([], BEGAN_S, 3 * HOUR_S) is None


def test_what_lies_in_the_future_is_not_known():
    uses = breakfasts()
    now_s = BEGAN_S + 21 * DAY_S
    assert learn(uses, now_s, 3 * HOUR_S) == learn([use for use in uses if use <= now_s], now_s, 3 * HOUR_S)


def test_an_old_habit_fades_when_a_new_one_comes():
    old = breakfasts(weeks=4)
    new = [BEGAN_S + day * DAY_S + 20 * HOUR_S + minute * 60 for day in range(28, 84) for minute in (0, 4)]
    demand = learn(old + new, BEGAN_S + 84 * DAY_S, 3 * HOUR_S)
    day_s, gap_s = BEGAN_S + 84 * DAY_S, 10 * HOUR_S
    assert demand.expected(day_s + 20 * HOUR_S, gap_s) > 3 * demand.expected(day_s + 7.5 * HOUR_S, gap_s)


@pytest.mark.parametrize("household", HOUSEHOLDS)
def test_any_household_can_be_learned_from(household):
    uses = sorted(HOUSEHOLDS[household](random.Random(7)))
    now_s = BEGAN_S + 70 * DAY_S
    demand = learn(uses, now_s, 8 * HOUR_S)
    assert all(rate > 0 for rate in demand.rates)
    assert all(factor > 0 for factor in demand.factors)
    assert demand.threshold > 0


def candidate(demand, **facts):
    known = {"name": "strong", "warm": False, "busy": False, "last_use_s": BEGAN_S, "demand": demand}
    return Candidate(**(known | facts))


def test_the_plan_warms_before_the_hour_and_lets_go_after_it(demand):
    day_s = BEGAN_S + 7 * WEEKS * DAY_S
    (warm,) = plan(day_s + 7.4 * HOUR_S, [candidate(demand, last_use_s=day_s - 10 * HOUR_S)])
    assert isinstance(warm, KeepWarm)
    (let_go,) = plan(day_s + 15 * HOUR_S, [candidate(demand, warm=True, last_use_s=day_s + 7.6 * HOUR_S)])
    assert isinstance(let_go, LetGo)
    assert "uses expected" in let_go.reason


def test_the_plan_never_lets_go_what_is_busy_and_leaves_alone_what_it_does_not_know(demand):
    at_s = BEGAN_S + 7 * WEEKS * DAY_S + 15 * HOUR_S
    assert plan(at_s, [candidate(demand, warm=True, busy=True), candidate(None, warm=True), candidate(demand)]) == ()
