"""Cold starts and idle hours of warm-up policies over seeded households.

    python -m benchmarks.warmup [--json]

Each household lives ten weeks; the last eight are counted. The learned policy may spend as many idle hours a day as a
keep-alive of 240 minutes did there, and learns anew every night from the past alone.

Each household is made up eight times. `cold_ratio_vs_ttl240` is the worst household's, over all its lives;
`cold_ratio_worst_life` that of the worst single one. The irregular household asks at any waking hour alike, so that
there is hardly anything to learn. `irregular_cold_ratio_possible` is what a prophet reaches there who knows the law by
which it is made up: nothing that only knows the past does better.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import json
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jarvisd.warmup.demand import DAY_S, SLOT_S, Learned, learn, recent

WEEKS = 10
COUNTED_FROM_S = 14 * DAY_S
COUNTED_H = 56 * 3600
# A Monday, 00:00 on the wall.
BEGAN_S = 4 * DAY_S
SEEDS = tuple(range(1, 9))

# What an engine is kept for while nothing was learned: keep_alive_s as it is by default.
UNKNOWN_KEEP_ALIVE_S = 3_600.0

# Asked with the time and the last uses before it.
KeepsWarm = Callable[[float, Sequence[float]], bool]


@dataclass(frozen=True)
class Outcome:
    cold: int
    uses: int
    idle_s: float

    @property
    def cold_share(self) -> float:
        return self.cold / max(1, self.uses)


def bunch(rng: random.Random, at_s: float, mean: float) -> list[float]:
    """Questions come in bunches, minutes apart."""
    times = [at_s]
    while rng.random() < 1 - 1 / mean:
        times.append(times[-1] + rng.expovariate(1 / 240))
    return times


def day_of(rng: random.Random, day: int, habits: Sequence[tuple[float, float, float, float]]) -> list[float]:
    """`habits`: hour of the day, spread in hours, chance that it happens, mean length of a bunch."""
    times: list[float] = []
    for hour, spread, chance, mean in habits:
        if rng.random() < chance:
            times += bunch(rng, BEGAN_S + day * DAY_S + 3600 * rng.gauss(hour, spread), mean)
    return times


WORKDAY = ((7.2, 0.3, 0.9, 2.0), (14.5, 0.8, 0.25, 1.5), (18.6, 0.7, 0.8, 2.5), (21.3, 0.6, 0.7, 2.5))
WEEKEND = ((9.8, 0.9, 0.8, 2.5), (13.0, 1.2, 0.6, 2.0), (17.0, 1.5, 0.6, 2.0), (21.8, 0.8, 0.7, 2.5))
OFFICE = (
    (8.5, 0.3, 0.95, 3.0), (9.8, 0.7, 0.8, 3.0), (11.3, 0.8, 0.8, 3.0), (14.2, 0.8, 0.8, 3.0),
    (15.8, 0.8, 0.8, 3.0), (17.2, 0.6, 0.7, 2.5), (20.8, 0.8, 0.6, 2.5),
)  # fmt: skip


def regular(rng: random.Random) -> list[float]:
    return [t for day in range(7 * WEEKS) for t in day_of(rng, day, WORKDAY if day % 7 < 5 else WEEKEND)]


def irregular(rng: random.Random, *, starts_only: bool = False) -> list[float]:
    """Any waking hour is as good as another. `starts_only`: the first use of each bunch."""
    times: list[float] = []
    for day in range(7 * WEEKS):
        for _ in range(rng.randint(0, 6)):
            uses_s = bunch(rng, BEGAN_S + day * DAY_S + 3600 * rng.uniform(8, 24), 2.0)
            times += uses_s[:1] if starts_only else uses_s
    return times


def home_office(rng: random.Random) -> list[float]:
    return [t for day in range(7 * WEEKS) for t in day_of(rng, day, OFFICE if day % 7 < 5 else WEEKEND)]


def holiday(rng: random.Random) -> list[float]:
    """Away for two weeks in the middle."""
    away = range(35, 49)
    return [
        t for day in range(7 * WEEKS) if day not in away
        for t in day_of(rng, day, WORKDAY if day % 7 < 5 else WEEKEND)
    ]  # fmt: skip


def moved_clocks(rng: random.Random) -> list[float]:
    """From the middle on everything happens an hour later, as when only the people moved their clocks."""
    return [t + (3600 if t > BEGAN_S + 35 * DAY_S else 0) for t in regular(rng)]


HOUSEHOLDS = {
    "regular": regular,
    "irregular": irregular,
    "home_office": home_office,
    "holiday": holiday,
    "moved_clocks": moved_clocks,
}


def live(uses_s: Sequence[float], keeps_warm: KeepsWarm, from_s: float, until_s: float) -> Outcome:
    """Walk through the slots: is it warm, does a use come. A use warms it for the slot it is in."""
    cold = uses = 0
    idle_s = 0.0
    at_s = from_s
    index = bisect.bisect_left(uses_s, from_s)
    last_s = uses_s[index - 1] if index else -math.inf
    while at_s < until_s:
        warm = keeps_warm(at_s, recent(uses_s, at_s))
        end_s = at_s + SLOT_S
        idle_s += SLOT_S if warm else 0.0
        while index < len(uses_s) and uses_s[index] < end_s:
            uses += 1
            # The one before in the same slot has just warmed it.
            if not warm and uses_s[index] - last_s >= SLOT_S:
                cold += 1
            last_s = uses_s[index]
            index += 1
        at_s = end_s
    return Outcome(cold, uses, idle_s)


def keep_alive(minutes: float) -> KeepsWarm:
    return lambda at_s, uses_s: bool(uses_s) and at_s - uses_s[-1] < minutes * 60


class Learning:
    """Learns anew at the first look of each day, from what was before it."""

    def __init__(self, uses_s: Sequence[float], idle_budget_s_a_day: float) -> None:
        self._uses_s = uses_s
        self._budget = idle_budget_s_a_day
        self._day = -1
        self._learned: Learned | None = None

    def __call__(self, at_s: float, uses_s: Sequence[float]) -> bool:
        day = int(at_s // DAY_S)
        if day != self._day:
            self._day = day
            self._learned = learn(self._uses_s, at_s, self._budget)
        if self._learned is None:
            return bool(uses_s) and at_s - uses_s[-1] < UNKNOWN_KEEP_ALIVE_S
        return self._learned.keeps_warm(at_s, uses_s)


def idle_s_a_day(outcome: Outcome, from_s: float, until_s: float) -> float:
    return outcome.idle_s / ((until_s - from_s) / DAY_S)


def compare(uses_s: Sequence[float], from_s: float, until_s: float) -> tuple[Outcome, Outcome, Outcome]:
    """A keep-alive of 240 minutes, the learned policy on its budget, and a keep-alive of 60."""
    fixed = live(uses_s, keep_alive(240), from_s, until_s)
    budget = idle_s_a_day(fixed, from_s, until_s)
    return fixed, live(uses_s, Learning(uses_s, budget), from_s, until_s), live(uses_s, keep_alive(60), from_s, until_s)


def foretell_irregular(at_s: float, uses_s: Sequence[float], begun: int) -> float:
    """The uses to expect in a slot by the law of `irregular`, of which `begun` bunches have begun today.

    How many are still to come follows from how many came; each comes at any time until midnight alike. One that has
    begun goes on with one half, after four minutes on average.
    """
    hour = (at_s - BEGAN_S) % DAY_S / 3600
    to_come = 0.0
    if hour >= 8 - SLOT_S / 3600:
        part = min(1.0, max(0.0, (hour - 8) / 16))
        likely = [math.comb(n, begun) * part**begun * (1 - part) ** (n - begun) if n >= begun else 0 for n in range(7)]
        expected = sum(weight * (n - begun) for n, weight in enumerate(likely)) / (sum(likely) or 1.0)
        to_come = expected * min(1.0, SLOT_S / 3600 / max(SLOT_S / 3600, 24 - max(hour, 8)))
    goes_on = 0.5 * math.exp(-(at_s - uses_s[-1] if uses_s else math.inf) / 240)
    return to_come + goes_on * (1 - math.exp(-SLOT_S / 240)) / (0.5 + goes_on)


def prophet(seed: int, fixed: Outcome, from_s: float, until_s: float) -> Outcome:
    """Spends what `fixed` spent where most is to be expected; it even knows which uses begin a bunch."""
    uses_s, starts_s = sorted(irregular(random.Random(seed))), sorted(irregular(random.Random(seed), starts_only=True))

    def expected(at_s: float, known_s: Sequence[float]) -> float:
        midnight_s = at_s - (at_s - BEGAN_S) % DAY_S
        begun = bisect.bisect_left(starts_s, at_s) - bisect.bisect_left(starts_s, midnight_s)
        return foretell_irregular(at_s, known_s, begun)

    slots = [from_s + number * SLOT_S for number in range(int((until_s - from_s) / SLOT_S))]
    scores = sorted((expected(at_s, recent(uses_s, at_s)) for at_s in slots), reverse=True)
    threshold = scores[int(fixed.idle_s / SLOT_S)]
    return live(uses_s, lambda at_s, known_s: expected(at_s, known_s) > threshold, from_s, until_s)


async def measure_learning() -> dict[str, float]:
    """Processor time of learning from fourteen weeks, and by how much a loop is late that ticks beside it, or alone."""
    uses_s = sorted(home_office(random.Random(1)))

    def learn_once() -> float:
        began_s = time.thread_time()
        learn(uses_s, BEGAN_S + 98 * DAY_S, 8 * 3600.0)
        return 1000 * (time.thread_time() - began_s)

    async def late_ms(rounds: int, *, learning: bool) -> tuple[list[float], list[float]]:
        late: list[float] = []
        took: list[float] = []

        async def tick() -> None:
            while True:
                began_s = time.perf_counter()
                await asyncio.sleep(0.001)
                late.append(1000 * (time.perf_counter() - began_s - 0.001))

        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(tick())
            for _ in range(rounds):
                took.append(await asyncio.to_thread(learn_once) if learning else 0.0)
                await asyncio.sleep(0.0 if learning else 0.02)
            ticking.cancel()
        return late, took

    alone, _ = await late_ms(50, learning=False)
    beside, took = await late_ms(50, learning=True)
    return {
        "learn_cpu_ms": round(statistics.median(took), 1),
        "loop_late_learning_p99_ms": round(statistics.quantiles(beside, n=100)[98], 2),
        "loop_late_alone_p99_ms": round(statistics.quantiles(alone, n=100)[98], 2),
    }


@dataclass
class Lives:
    """All lives of a household: the outcomes of each policy."""

    fixed: list[Outcome]
    learned: list[Outcome]
    first_days: list[Outcome]
    first_days_hour: list[Outcome]


def live_all(name: str, *, show: bool) -> Lives:
    from_s, until_s = BEGAN_S + COUNTED_FROM_S, BEGAN_S + 7 * WEEKS * DAY_S
    lives = Lives([], [], [], [])
    for seed in SEEDS:
        uses_s = sorted(HOUSEHOLDS[name](random.Random(seed)))
        fixed, learned, _ = compare(uses_s, from_s, until_s)
        _, first, hour = compare(uses_s, BEGAN_S, BEGAN_S + 3 * DAY_S)
        for outcomes, outcome in zip(
            (lives.fixed, lives.learned, lives.first_days, lives.first_days_hour),
            (fixed, learned, first, hour),
            strict=True,
        ):
            outcomes.append(outcome)
        if show:
            change = f"cold {100 * fixed.cold_share:5.1f} % -> {100 * learned.cold_share:5.1f} %"
            spent = f"{fixed.idle_s / COUNTED_H:4.1f} -> {learned.idle_s / COUNTED_H:4.1f} idle hours a day"
            print(f"{name:13} {seed}: {learned.uses / 56:5.1f} uses a day; {change} at {spent}")
    return lives


def cold(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.cold for outcome in outcomes)


def idle(outcomes: Sequence[Outcome]) -> float:
    return sum(outcome.idle_s for outcome in outcomes)


def measure(show: bool) -> dict[str, float]:
    households = {name: live_all(name, show=show) for name in HOUSEHOLDS}
    ratios = {name: cold(lives.learned) / cold(lives.fixed) for name, lives in households.items()}
    singles = [
        learned.cold / max(1, fixed.cold)
        for lives in households.values()
        for learned, fixed in zip(lives.learned, lives.fixed, strict=True)
    ]
    fresh = [
        first.cold / max(1, hour.cold)
        for lives in households.values()
        for first, hour in zip(lives.first_days, lives.first_days_hour, strict=True)
    ]
    unlearnable = households["irregular"].fixed
    from_s, until_s = BEGAN_S + COUNTED_FROM_S, BEGAN_S + 7 * WEEKS * DAY_S
    possible = [prophet(seed, fixed, from_s, until_s) for seed, fixed in zip(SEEDS, unlearnable, strict=True)]
    return {
        "cold_ratio_vs_ttl240": round(max(ratios.values()), 3),
        "cold_ratio_vs_ttl240_with_habits": round(max(r for name, r in ratios.items() if name != "irregular"), 3),
        "cold_ratio_worst_life": round(max(singles), 3),
        "cold_ratio_vs_ttl60_no_history": round(max(fresh), 3),
        "idle_ratio_vs_ttl240": round(max(idle(one.learned) / idle(one.fixed) for one in households.values()), 3),
        "irregular_cold_ratio": round(ratios["irregular"], 3),
        "irregular_cold_ratio_possible": round(cold(possible) / cold(unlearnable), 3),
        **asyncio.run(measure_learning()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one flat JSON object as the last line")
    arguments = parser.parse_args()
    figures = measure(show=not arguments.json)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
