"""How likely an engine is to be needed now, learned from the times at which it was. Pure: no clock, no files.

Two things tell: the hour of the week (breakfast, the evening), and how long ago it was last needed (questions come in
bunches). The expected number of uses in the next minutes is taken as

    demand(t, gap) = rate(hour of the week of t) x factor(gap)

Keeping warm while the demand is above a threshold is the best use of a given number of idle hours when loading is
short against the gaps, because every idle minute costs the same. The threshold is the one that would have spent the
budget on the days that are known. Where little is known, a fixed keep-alive does better than a guess.

Times are seconds of the household's local wall clock (Unix time shifted by the zone's offset): habits follow the
clock on the wall, also when it is moved.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
SLOT_S = 300.0
SLOTS_A_DAY = int(DAY_S / SLOT_S)
# Breakfast is not at the same minute every day.
SMOOTHING_S = 2_700.0
# Habits change: what is four weeks old counts half.
HALF_LIFE_S = 4 * WEEK_S
# How much the same weekday counts beside all days of its kind (working days, weekend), which are more.
WEEKDAY_SHARE = 0.25
# Upper ends of the classes of time since the last use.
GAP_ENDS_S = (300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0)
# A class of gaps is believed to be like any other until it has seen about so many uses.
GAP_PRIOR_USES = 3.0
# What the rate is never below, in uses a day: nothing is impossible.
FLOOR_USES_A_DAY = 0.05
# Less than this is no habit yet.
ENOUGH_USES = 20
ENOUGH_DAYS = 3.0
# The next weeks are never quite like the last ones: so much of the budget is planned for.
PLANNED_SHARE = 0.95
# The days on which the threshold is tried.
TRIAL_S = 4 * WEEK_S


@dataclass(frozen=True, slots=True)
class Demand:
    """What was learned. `rates`: expected uses in each slot of the week (Monday first); `factors`: by class of gap.

    `threshold`: keep warm while the demand of a slot is at least this.
    """

    rates: tuple[float, ...]
    factors: tuple[float, ...]
    threshold: float

    def expected(self, local_s: float, gap_s: float) -> float:
        """Uses expected in the slot that holds `local_s`, `gap_s` after the last one."""
        return self.rates[_slot_of_week(local_s)] * self.factors[bisect.bisect_right(GAP_ENDS_S, gap_s)]

    def keeps_warm(self, local_s: float, gap_s: float) -> bool:
        return self.expected(local_s, gap_s) >= self.threshold


def learn(uses_s: Sequence[float], now_s: float, idle_budget_s_a_day: float) -> Demand | None:
    """What the uses up to `now_s` (ascending) teach; None while that is too little to act upon."""
    known = list(uses_s[: bisect.bisect_right(uses_s, now_s)])
    if len(known) < ENOUGH_USES or now_s - known[0] < ENOUGH_DAYS * DAY_S:
        return None
    rates = _rates(known, now_s)
    factors = _factors(known, now_s, rates)
    return Demand(rates, factors, _threshold(known, now_s, rates, factors, idle_budget_s_a_day))


def _rates(uses_s: Sequence[float], now_s: float) -> tuple[float, ...]:
    """Smoothed, fading counts by slot of the week: the weekday's own beside those of its kind of day."""
    weekday = [[0.0] * SLOTS_A_DAY for _ in range(7)]
    for use_s in uses_s:
        day, slot = divmod(_slot_of_week(use_s), SLOTS_A_DAY)
        weekday[day][slot] += _weight(now_s - use_s)
    days_seen = _days_seen(uses_s[0], now_s)
    rates: list[float] = []
    for day in range(7):
        kind = range(5) if day < 5 else range(5, 7)
        kind_days = sum(days_seen[other] for other in kind)
        own_share = WEEKDAY_SHARE if days_seen[day] > 0 else 0.0
        mixed = [
            own_share * weekday[day][slot] / max(days_seen[day], 1.0)
            + (1 - own_share) * sum(weekday[other][slot] for other in kind) / max(kind_days, 1.0)
            for slot in range(SLOTS_A_DAY)
        ]
        rates += mixed
    floor = FLOOR_USES_A_DAY / SLOTS_A_DAY
    return tuple(max(floor, rate) for rate in _smooth(rates))


def _days_seen(first_s: float, now_s: float) -> list[float]:
    """How many of each weekday were lived through, with their weight."""
    seen = [0.0] * 7
    day_s = math.floor(first_s / DAY_S) * DAY_S
    while day_s < now_s:
        seen[_slot_of_week(day_s) // SLOTS_A_DAY] += _weight(now_s - day_s)
        day_s += DAY_S
    return seen


def _factors(uses_s: Sequence[float], now_s: float, rates: Sequence[float]) -> tuple[float, ...]:
    """By class of gap: uses that came, over those that the hour alone would have let expect."""
    came = [GAP_PRIOR_USES] * (len(GAP_ENDS_S) + 1)
    expected = [GAP_PRIOR_USES] * (len(GAP_ENDS_S) + 1)
    reached_s = [*uses_s[1:], now_s]
    for use_s, until_s in zip(uses_s, reached_s, strict=True):
        weight = _weight(now_s - use_s)
        gap_s = until_s - use_s
        if until_s != now_s:
            came[bisect.bisect_right(GAP_ENDS_S, gap_s)] += weight
        at_s = use_s
        while at_s < until_s:
            step_s = min(SLOT_S, until_s - at_s)
            kind = bisect.bisect_right(GAP_ENDS_S, at_s - use_s)
            expected[kind] += weight * rates[_slot_of_week(at_s)] * step_s / SLOT_S
            at_s += step_s
    return tuple(one / other for one, other in zip(came, expected, strict=True))


def _threshold(
    uses_s: Sequence[float],
    now_s: float,
    rates: Sequence[float],
    factors: Sequence[float],
    idle_budget_s_a_day: float,
) -> float:
    """The demand above which the slots of the last weeks add up to the budget."""
    began_s = max(uses_s[0], now_s - TRIAL_S)
    demands: list[float] = []
    at_s = began_s
    while at_s < now_s:
        last = bisect.bisect_right(uses_s, at_s) - 1
        gap_s = at_s - uses_s[last]
        demands.append(rates[_slot_of_week(at_s)] * factors[bisect.bisect_right(GAP_ENDS_S, gap_s)])
        at_s += SLOT_S
    affordable = int(PLANNED_SHARE * idle_budget_s_a_day / SLOT_S * (now_s - began_s) / DAY_S)
    if affordable >= len(demands):
        return 0.0
    return sorted(demands, reverse=True)[affordable]


def _smooth(rates: Sequence[float]) -> list[float]:
    reach = int(2 * SMOOTHING_S / SLOT_S)
    kernel = [math.exp(-0.5 * (offset * SLOT_S / SMOOTHING_S) ** 2) for offset in range(-reach, reach + 1)]
    whole = sum(kernel)
    count = len(rates)
    return [
        sum(
            weight * rates[(slot + offset) % count]
            for offset, weight in zip(range(-reach, reach + 1), kernel, strict=True)
        )
        / whole
        for slot in range(count)
    ]


def _weight(age_s: float) -> float:
    return float(0.5 ** (age_s / HALF_LIFE_S))


def _slot_of_week(local_s: float) -> int:
    """0 is Monday 00:00: the Unix epoch was a Thursday."""
    return int((local_s + 3 * DAY_S) % WEEK_S // SLOT_S)
