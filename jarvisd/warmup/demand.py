"""How likely an engine is to be needed now, learned from the times at which it was. Pure: no clock, no files.

Three things tell: the hour of the week (breakfast, the evening), how long ago it was last needed (questions come in
bunches), and how many bunches there were today (a house is full or empty). The expected number of cold starts that a
warm engine would spare in the next minutes is taken as

    demand(t) = rate(hour of the week of t) x factor(time since the last use) x factor(bunches in the last 16 hours)

Keeping warm while the demand is above a threshold is the best use of a given number of idle hours when loading is
short against the gaps, because every idle minute costs the same. The threshold is the one that would have spent the
budget on the days that are known. Where that, tried on days that were left out, is worse than a plain keep-alive of
the same cost, the house has no habits (yet), and the keep-alive is taken.

Times are seconds of the household's local wall clock (Unix time shifted by the zone's offset): habits follow the
clock on the wall, also when it is moved.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
SLOT_S = 300.0
SLOTS_A_DAY = int(DAY_S / SLOT_S)
SLOTS_A_WEEK = 7 * SLOTS_A_DAY
# Breakfast is not at the same minute every day.
SMOOTHING_S = 3_600.0
# Habits change: what is four weeks old counts half.
HALF_LIFE_S = 4 * WEEK_S
# How much the same weekday counts beside all days of its kind (working days, weekend), and these beside all days.
WEEKDAY_SHARE = 0.25
KIND_SHARE = 0.5
# Upper ends of the classes of time since the last use.
GAP_ENDS_S = (300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0)
# A use so long after the one before it begins another bunch; bunches are counted over about a waking day.
BUNCH_GAP_S = 1_800.0
BUSY_WINDOW_S = 16 * 3_600.0
MOST_BUNCHES = 4
# A class is believed to be like any other until it has seen about so many uses.
PRIOR_USES = 3.0
# The two factors explain the same uses: after so many rounds neither changes much.
ROUNDS = 3
# What the rate is never below, in uses a day: nothing is impossible.
FLOOR_USES_A_DAY = 0.05
# Less than this is no habit yet.
ENOUGH_USES = 20
ENOUGH_DAYS = 3.0
# The next weeks are never quite like the last ones: so much of the budget is planned for.
PLANNED_SHARE = 0.95
# The days on which the threshold is tried, and into how many parts they are split to be left out in turn. After so
# long without a use nobody is at home: such days cost nothing, and would let the others cost too much.
TRIAL_S = 4 * WEEK_S
AWAY_S = 2 * DAY_S
PARTS = 4

Floats: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = npt.NDArray[np.intp]
Marks: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Habits:
    """What was learned. `rates`: for each slot of the week (Monday first); the factors by class of gap and of bunches.

    Keep warm while the demand of a slot is at least `threshold`, and for a slot's length after each use.
    """

    rates: tuple[float, ...]
    gap_factors: tuple[float, ...]
    busy_factors: tuple[float, ...]
    threshold: float

    def expected(self, local_s: float, uses_s: Sequence[float]) -> float:
        """Demand in the slot that holds `local_s`. `uses_s`: the last uses, ascending, as far back as `recent` goes."""
        gap = bisect.bisect_right(GAP_ENDS_S, local_s - uses_s[-1] if uses_s else math.inf)
        busy = min(MOST_BUNCHES, _bunches(local_s, uses_s))
        return self.rates[_slot_of_week(local_s)] * self.gap_factors[gap] * self.busy_factors[busy]

    def keeps_warm(self, local_s: float, uses_s: Sequence[float]) -> bool:
        just_used = bool(uses_s) and local_s - uses_s[-1] < SLOT_S
        return just_used or self.expected(local_s, uses_s) >= self.threshold

    def why(self, local_s: float, uses_s: Sequence[float]) -> str:
        expected = self.expected(local_s, uses_s)
        return f"{expected:.3f} uses expected in five minutes; from {self.threshold:.3f} on it is worth it"


@dataclass(frozen=True, slots=True)
class NoHabits:
    """A house without habits: `keep_s` after a use, which costs what may be spent."""

    keep_s: float

    def keeps_warm(self, local_s: float, uses_s: Sequence[float]) -> bool:
        return bool(uses_s) and local_s - uses_s[-1] < self.keep_s

    def why(self, local_s: float, uses_s: Sequence[float]) -> str:
        used = f"last used {max(0.0, local_s - uses_s[-1]) / 60:.0f} minutes ago" if uses_s else "not used"
        return f"{used}; no habits to learn, so it is kept for {self.keep_s / 60:.0f} minutes"


Learned: TypeAlias = Habits | NoHabits


def recent(uses_s: Sequence[float], now_s: float) -> tuple[float, ...]:
    """The uses (ascending) that tell something about now: those of the last hours, and the last one however old."""
    end = bisect.bisect_right(uses_s, now_s)
    begin = bisect.bisect_left(uses_s, now_s - BUSY_WINDOW_S - BUNCH_GAP_S)
    return tuple(uses_s[min(begin, max(end - 1, 0)) : end])


def learn(uses_s: Sequence[float], now_s: float, idle_budget_s_a_day: float) -> Learned | None:
    """What the uses up to `now_s` (ascending) teach; None while that is too little to act upon."""
    known = uses_s[: bisect.bisect_right(uses_s, now_s)]
    if len(known) < ENOUGH_USES or now_s - known[0] < ENOUGH_DAYS * DAY_S:
        return None
    history = _History(known, now_s)
    present = np.flatnonzero(history.gap_s < AWAY_S)
    trial = present[-int(TRIAL_S / SLOT_S) :]
    share = idle_budget_s_a_day / DAY_S
    just_used = history.gap_s < SLOT_S
    keep_s = -_threshold(-history.gap_s[present], share)
    fixed_cold = history.cold[trial][history.gap_s[trial] > keep_s].sum()
    left_out = np.empty(history.length)
    for part in range(PARTS):
        out = history.day % PARTS == part
        left_out[out] = np.where(just_used, math.inf, _fit(history, ~out).demand)[out]
    learned_cold = history.cold[trial][left_out[trial] < _threshold(left_out[trial], share)].sum()
    if learned_cold > fixed_cold:
        return NoHabits(keep_s)
    fit = _fit(history, np.ones(history.length, dtype=np.bool_))
    score = np.where(just_used, math.inf, fit.demand)
    threshold = _threshold(score[trial], PLANNED_SHARE * share)
    return Habits(
        tuple(fit.rates.tolist()), tuple(fit.gap_factors.tolist()), tuple(fit.busy_factors.tolist()), threshold
    )


class _History:
    """The past, cut into slots: what was known at the beginning of each, and whether it then held a cold start.

    A use within a slot's length of the one before it is none: the engine is still warm from that.
    """

    def __init__(self, uses_s: Sequence[float], now_s: float) -> None:
        uses = np.asarray(uses_s, dtype=np.float64)
        first = math.floor(uses[0] / SLOT_S)
        self.length = max(1, math.ceil(now_s / SLOT_S) - first)
        begins_s = (first + np.arange(self.length)) * SLOT_S
        gaps = np.diff(uses, prepend=-math.inf)
        before = np.searchsorted(uses, begins_s)
        self.gap_s: Floats = np.where(before > 0, begins_s - uses[np.maximum(before - 1, 0)], math.inf)
        self.gap: Numbers = np.searchsorted(GAP_ENDS_S, self.gap_s, side="right")
        bunches = uses[gaps > BUNCH_GAP_S]
        busy = np.searchsorted(bunches, begins_s) - np.searchsorted(bunches, begins_s - BUSY_WINDOW_S)
        self.busy: Numbers = np.minimum(busy, MOST_BUNCHES)
        self.cold: Floats = np.zeros(self.length)
        slots = np.floor(uses[gaps >= SLOT_S] / SLOT_S).astype(np.intp) - first
        self.cold[slots[slots < self.length]] = 1.0
        self.week_slot: Numbers = (first + np.arange(self.length) + 3 * SLOTS_A_DAY) % SLOTS_A_WEEK
        self.day: Numbers = (first + np.arange(self.length)) // SLOTS_A_DAY
        self.weight: Floats = 0.5 ** ((now_s - begins_s) / HALF_LIFE_S)


@dataclass(frozen=True, slots=True)
class _Fit:
    rates: Floats
    gap_factors: Floats
    busy_factors: Floats
    demand: Floats


def _fit(history: _History, taken: Marks) -> _Fit:
    """Rates and factors from the slots that are `taken`, and the demand that they give for all."""
    weight = np.where(taken, history.weight, 0.0)
    rates = _rates(history, weight)
    hourly = rates[history.week_slot]
    gap_factors, busy_factors = np.ones(len(GAP_ENDS_S) + 1), np.ones(MOST_BUNCHES + 1)
    for _ in range(ROUNDS):
        gap_factors = _factors(history.gap, weight, history.cold, hourly * busy_factors[history.busy], len(gap_factors))
        busy_factors = _factors(
            history.busy, weight, history.cold, hourly * gap_factors[history.gap], len(busy_factors)
        )
    demand = hourly * gap_factors[history.gap] * busy_factors[history.busy]
    return _Fit(rates, gap_factors, busy_factors, demand)


def _rates(history: _History, weight: Floats) -> Floats:
    """Smoothed, fading counts by slot of the week: the weekday's own, those of its kind of day, and those of all."""
    shape = (7, SLOTS_A_DAY)
    came = _counts(history.week_slot, weight * history.cold, SLOTS_A_WEEK).reshape(shape)
    seen = _counts(history.week_slot, weight, SLOTS_A_WEEK).reshape(shape)
    everyday = _ratio(came.sum(axis=0), seen.sum(axis=0), 0.0)
    rates = np.empty(shape)
    for kind in (slice(0, 5), slice(5, 7)):
        of_kind = _ratio(came[kind].sum(axis=0), seen[kind].sum(axis=0), everyday)
        own = _ratio(came[kind], seen[kind], of_kind)
        mixed = WEEKDAY_SHARE * own + (1 - WEEKDAY_SHARE) * of_kind
        rates[kind] = KIND_SHARE * mixed + (1 - KIND_SHARE) * everyday
    return np.maximum(FLOOR_USES_A_DAY / SLOTS_A_DAY, _smooth(rates.ravel()))


def _ratio(came: Floats, seen: Floats, otherwise: Floats | float) -> Floats:
    """`came` over `seen`; `otherwise` where nothing was seen."""
    return np.where(seen > 0, came / np.maximum(seen, 1e-9), otherwise)


def _factors(kinds: Numbers, weight: Floats, came: Floats, expected: Floats, count: int) -> Floats:
    """By class: the uses that came, over those that the rest of the formula would have let expect."""
    return (PRIOR_USES + _counts(kinds, weight * came, count)) / (PRIOR_USES + _counts(kinds, weight * expected, count))


def _counts(kinds: Numbers, weights: Floats, count: int) -> Floats:
    return np.bincount(kinds, weights, count).astype(np.float64)


def _threshold(score: Floats, share: float) -> float:
    """The score from which on slots are kept warm so that they are this share of all."""
    rank = len(score) - 1 - int(share * len(score))
    return float(score.min()) if rank < 0 else float(np.partition(score, rank)[rank])


def _smooth(rates: Floats) -> Floats:
    """A bell of SMOOTHING_S around each slot; the week is a ring."""
    distance = np.minimum(np.arange(SLOTS_A_WEEK), SLOTS_A_WEEK - np.arange(SLOTS_A_WEEK)) * SLOT_S
    bell = np.exp(-0.5 * (distance / SMOOTHING_S) ** 2)
    return np.fft.irfft(np.fft.rfft(rates) * np.fft.rfft(bell / bell.sum()), SLOTS_A_WEEK)


def _bunches(now_s: float, uses_s: Sequence[float]) -> int:
    """How many bunches began in the last hours."""
    return sum(
        use_s > now_s - BUSY_WINDOW_S and (index == 0 or use_s - uses_s[index - 1] > BUNCH_GAP_S)
        for index, use_s in enumerate(uses_s)
    )


def _slot_of_week(local_s: float) -> int:
    """0 is Monday 00:00: the Unix epoch was a Thursday."""
    return int((local_s + 3 * DAY_S) % WEEK_S // SLOT_S)
