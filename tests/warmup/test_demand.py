import random

import pytest

from benchmarks.warmup import BEGAN_S, HOUSEHOLDS
from jarvisd.warmup.demand import BUSY_WINDOW_S, DAY_S, ENOUGH_USES, SLOT_S, Habits, NoHabits, learn, recent

HOUR_S = 3600.0
WEEKS = 6
TOMORROW_S = BEGAN_S + 7 * WEEKS * DAY_S


def uses_at(hour, weeks=WEEKS, minutes=(0, 4), first_week=0):
    days = range(7 * first_week, 7 * (first_week + weeks))
    return [BEGAN_S + day * DAY_S + hour * HOUR_S + minute * 60 for day in days for minute in minutes]


def habits(uses, now_s=TOMORROW_S, budget_h=3):
    learned = learn(uses, now_s, budget_h * HOUR_S)
    assert isinstance(learned, Habits)
    return learned


def test_a_habit_is_expected_at_its_hour_and_not_at_night():
    learned, last = habits(uses_at(7.5)), (TOMORROW_S - 14 * HOUR_S,)
    assert learned.keeps_warm(TOMORROW_S + 7.4 * HOUR_S, last)
    assert not learned.keeps_warm(TOMORROW_S + 3 * HOUR_S, last)
    assert not learned.keeps_warm(TOMORROW_S + 15 * HOUR_S, last)
    assert "uses expected in five minutes" in learned.why(TOMORROW_S, last)


def test_a_use_makes_another_likelier_where_uses_come_in_bunches():
    """Once a morning, and then three times more."""
    rng = random.Random(5)
    begins = [BEGAN_S + day * DAY_S + rng.uniform(8, 13) * HOUR_S for day in range(7 * WEEKS)]
    learned = habits([begin + 600 * number for begin in begins for number in range(4)])
    at_s = TOMORROW_S + 11 * HOUR_S
    assert learned.expected(at_s, (at_s - 400.0,)) > 5 * learned.expected(at_s, (at_s - 3 * HOUR_S,))


def test_a_house_that_has_people_in_it_asks_more():
    """On every other day many bunches, otherwise one."""
    rng = random.Random(6)
    hours = [sorted(rng.sample(range(8, 24), 6 if day % 2 else 1)) for day in range(7 * WEEKS)]
    uses = [BEGAN_S + day * DAY_S + hour * HOUR_S for day, day_hours in enumerate(hours) for hour in day_hours]
    now_s = TOMORROW_S + 20 * HOUR_S
    learned, last = habits(uses), now_s - 2 * HOUR_S
    full = tuple(now_s - ago * HOUR_S for ago in (9, 7, 5, 3.5, 2))
    assert learned.expected(now_s, full) > 1.5 * learned.expected(now_s, (last,))


def test_right_after_a_use_nothing_goes():
    assert habits(uses_at(7.5)).keeps_warm(TOMORROW_S + 3 * HOUR_S, (TOMORROW_S + 3 * HOUR_S - 60,))


@pytest.mark.parametrize("household", HOUSEHOLDS)
def test_it_stays_about_within_its_budget_of_idle_hours(household):
    uses = sorted(HOUSEHOLDS[household](random.Random(7)))
    now_s = BEGAN_S + 56 * DAY_S
    learned = learn(uses, now_s, 6 * HOUR_S)
    slots = [now_s + number * SLOT_S for number in range(int(14 * DAY_S / SLOT_S))]
    warm = sum(learned.keeps_warm(at_s, recent(uses, at_s)) for at_s in slots)
    assert 3 * HOUR_S <= warm * SLOT_S / 14 <= 7.5 * HOUR_S


def test_nothing_is_guessed_from_too_little():
    few = uses_at(7.5)[: ENOUGH_USES - 1]
    assert learn(few, few[-1] + 10 * DAY_S, 3 * HOUR_S) is None
    short = [BEGAN_S + number * 60.0 for number in range(100)]
    assert learn(short, short[-1], 3 * HOUR_S) is None
    assert learn([], BEGAN_S, 3 * HOUR_S) is None


def test_a_house_without_habits_gets_the_keep_alive_that_its_budget_buys():
    rng = random.Random(3)
    uses = sorted(BEGAN_S + rng.uniform(0, 84 * DAY_S) for _ in range(5 * 84))
    learned = learn(uses, BEGAN_S + 84 * DAY_S, 8 * HOUR_S)
    assert isinstance(learned, NoHabits)
    # Five uses a day at any hour: kept for T after each, it is idle for a share of 1 - exp(-5 T / day).
    assert 1.2 * HOUR_S < learned.keep_s < 2.8 * HOUR_S
    now_s = uses[-1] + HOUR_S
    assert learned.keeps_warm(now_s, (uses[-1],))
    assert not learned.keeps_warm(now_s + 2 * HOUR_S, (uses[-1],))
    assert not learned.keeps_warm(now_s, ())
    assert "no habits to learn" in learned.why(now_s, (uses[-1],))


def test_what_lies_in_the_future_is_not_known():
    uses, now_s = uses_at(7.5), BEGAN_S + 21 * DAY_S
    assert learn(uses, now_s, 3 * HOUR_S) == learn([use for use in uses if use <= now_s], now_s, 3 * HOUR_S)


def test_an_old_habit_fades_when_a_new_one_comes():
    now_s = BEGAN_S + 84 * DAY_S
    learned = habits(uses_at(7.5, weeks=4) + uses_at(20, weeks=8, first_week=4), now_s)
    last = (now_s - 10 * HOUR_S,)
    assert learned.expected(now_s + 20 * HOUR_S, last) > 3 * learned.expected(now_s + 7.5 * HOUR_S, last)


@pytest.mark.parametrize("household", HOUSEHOLDS)
@pytest.mark.parametrize("budget_h", [0, 8, 24])
def test_any_household_can_be_learned_from(household, budget_h):
    uses = sorted(HOUSEHOLDS[household](random.Random(7)))
    now_s = BEGAN_S + 70 * DAY_S
    learned = learn(uses, now_s, budget_h * HOUR_S)
    if isinstance(learned, Habits):
        assert all(number > 0 for number in (*learned.rates, *learned.gap_factors, *learned.busy_factors))
    if budget_h == 24:
        assert learned.keeps_warm(now_s, (now_s - 3 * DAY_S,))


def test_what_tells_about_now_is_the_last_hours_and_the_last_use():
    assert recent([], 100.0) == ()
    assert recent([1.0, 2.0, 3.0], 2.5) == (1.0, 2.0)
    old_s, now_s = 1000.0, 1000.0 + 10 * BUSY_WINDOW_S
    assert recent([1.0, old_s], now_s) == (old_s,)
    assert recent([1.0, old_s, now_s - HOUR_S, now_s + 1], now_s) == (now_s - HOUR_S,)
