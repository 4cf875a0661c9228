"""Looks at the clock once a minute: warms engines for the hour to come, and lets idle ones go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from jarvisd.bus import Bus
from jarvisd.config import EngineBase, WarmupConfig, WarmupTimeConfig
from jarvisd.errors import JarvisError
from jarvisd.events import Routed, Transcribed
from jarvisd.types import EngineState, EngineStatus
from jarvisd.warmup.demand import Habits, Learned, learn, recent
from jarvisd.warmup.hours import EVERY_DAY, clock_text, hours
from jarvisd.warmup.plan import Action, Candidate, KeepWarm, plan
from jarvisd.warmup.usage import UsageLog

_LOGGER = logging.getLogger(__name__)

LOOK_S = 60.0
# It is learned anew every night; should a night be missed, then at last after so long.
LEARN_EVERY_S = 26 * 3600.0
# The wall clock and the machine's own differ by a little more with every look; this much is a clock that was set.
CLOCK_STEP_S = 30.0
# Routing asks for an engine, and then finds it: one use.
SAME_USE_S = 1.0
# So many uses wait for a disk that is full.
MOST_UNWRITTEN = 1000
# Half past three: where clocks are moved at night, they have been.
NIGHTLY_MINUTE = 3 * 60 + 30
_UP = frozenset({EngineState.READY, EngineState.STARTING})

# Name, minute of the day, days (0 is Monday), what to call, and whether it must be done, but only once a day.
Call: TypeAlias = tuple[str, int, frozenset[int], Callable[[], Awaitable[None]], bool]


def local_clock_s() -> float:
    """Seconds on the wall clock of the house: Unix time shifted by the zone's offset of now."""
    now_s = time.time()
    offset = datetime.fromtimestamp(now_s).astimezone().utcoffset()
    return now_s + (offset.total_seconds() if offset else 0.0)


def steady_clock_s() -> float:
    """Seconds since the machine was started, those in which it was suspended included; nobody can set it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class WarmUp:
    """`engines`: those that come and go by demand, as they are now. `keep_warm` and `let_go` take a name.

    `policies`: the table of each engine. The clocks are the household's wall clock and one that nobody sets.
    """

    def __init__(
        self,
        config: WarmupConfig,
        times: Mapping[str, WarmupTimeConfig],
        usage: UsageLog,
        *,
        policies: Mapping[str, EngineBase],
        engines: Callable[[], Sequence[EngineStatus]],
        keep_warm: Callable[[str], None],
        let_go: Callable[[str], None],
        clock: Callable[[], float] = local_clock_s,
        steady: Callable[[], float] = steady_clock_s,
    ) -> None:
        self._config = config
        self._hours = hours(config, times)
        self._usage = usage
        self._policies = policies
        self._engines = engines
        self._keep_warm = keep_warm
        self._let_go = let_go
        self._clock = clock
        self._steady = steady
        self._clocks_s: tuple[float, float] | None = None
        self._looking = asyncio.Lock()
        self._recent: dict[str, tuple[float, ...]] = {}
        self._came_up_s: dict[str, float] = {}
        self._learned: dict[str, Learned | None] = {}
        self._learned_at_s = float("-inf")
        self._unwritten: list[tuple[str, float]] = []
        self._trouble = ""
        self._doing: dict[str, Action] = {}

    def calls(self) -> tuple[Call, ...]:
        """What is to be done at times of the day: learning at night, a look where hours begin or end."""
        edges = sorted(self._hours.edges(), key=lambda edge: (edge[0], sorted(edge[1])))
        return (
            ("nightly learning", NIGHTLY_MINUTE, EVERY_DAY, self.nightly, True),
            *((f"hours {minute} {sorted(days)}", minute, days, self.look, False) for minute, days in edges),
        )

    def reconfigure(self, config: WarmupConfig, times: Mapping[str, WarmupTimeConfig]) -> None:
        """Counts from the next look on."""
        self._config = config
        self._hours = hours(config, times)
        self._learned, self._learned_at_s = {}, float("-inf")

    def wanted(self, engine: str) -> None:
        """An engine would have been used if it had been up: that teaches as much as a use."""
        now_s, known = self._clock(), self._recent.get(engine, ())
        if known and 0 <= now_s - known[-1] < SAME_USE_S:
            return
        self._recent[engine] = (*recent(known, now_s), now_s)
        self._unwritten = [*self._unwritten[1 - MOST_UNWRITTEN :], (engine, now_s)]

    def usual(self, engines: Collection[str]) -> str | None:
        """Which of these engines this hour usually wants; None where no habits are known, or nothing is expected."""
        now_s = self._clock()
        expected = {
            name: learned.expected(now_s, self._recent.get(name, ()))
            for name, learned in self._learned.items()
            if name in engines and isinstance(learned, Habits)
        }
        return max(expected, key=lambda name: expected[name], default=None)

    async def record(self, bus: Bus) -> None:
        """A service: writes down every use of an engine."""
        with bus.subscribe("usage") as mailbox:
            try:
                async for event in mailbox:
                    match event:
                        case Routed(route=route):
                            self.wanted(route.engine)
                        case Transcribed(transcript=transcript) if transcript.engine is not None:
                            self.wanted(transcript.engine)
                        case _:
                            continue
                    await self._write()
            finally:
                await self._write()

    async def run(self) -> None:
        """A service: looks once a minute. Deadlines are the loop's; only habits and hours follow the wall clock."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """One look: learn if that is due, then act. It may be asked for at any time, and as often as anybody likes."""
        async with self._looking:
            now_s = self._follow_clock()
            # A wall clock that was set back looks like a negative age, and is reason enough, too.
            if not 0 <= now_s - self._learned_at_s < LEARN_EVERY_S:
                await self._learn_anew(now_s)
            actions = plan(now_s, [self._candidate(engine, now_s) for engine in self._engines()], self._hours)
            for action in actions:
                self._tell(action)
                if isinstance(action, KeepWarm):
                    self._keep_warm(action.name)
                else:
                    self._let_go(action.name)
            named = {action.name for action in actions}
            self._doing = {name: action for name, action in self._doing.items() if name in named}

    async def nightly(self) -> None:
        """Forgets what is too old, and learns anew."""
        async with self._looking:
            now_s = self._follow_clock()
            await self._on_file(self._usage.trim, now_s)
            await self._learn_anew(now_s)

    def report(self) -> dict[str, Any]:
        """What is kept warm and why, by engine, for people and programs."""
        now_s = self._clock()
        return {
            "local_time": clock_text(now_s),
            "quiet": self._hours.is_quiet(now_s),
            "kept": {name: action.reason for name, action in self._doing.items() if isinstance(action, KeepWarm)},
            "trouble": self._trouble,
        }

    def _follow_clock(self) -> float:
        """The local time. When the wall clock was set, times of a moment ago stay a moment ago."""
        now_s, steady_s = self._clock(), self._steady()
        if self._clocks_s is not None:
            step_s = (now_s - self._clocks_s[0]) - (steady_s - self._clocks_s[1])
            if abs(step_s) > CLOCK_STEP_S:
                _LOGGER.info("the clock on the wall was moved by %+.0f s", step_s)
                self._recent = {name: tuple(one + step_s for one in uses) for name, uses in self._recent.items()}
                self._came_up_s = {name: one + step_s for name, one in self._came_up_s.items()}
        self._clocks_s = now_s, steady_s
        return now_s

    async def _learn_anew(self, now_s: float) -> None:
        await self._write()
        names = [engine.name for engine in self._engines()]
        learned = await self._on_file(self._learn, names, now_s)
        self._learned_at_s = now_s
        for name, (one, uses_s) in (learned or {}).items():
            self._learned[name] = one
            self._recent.setdefault(name, uses_s)

    def _learn(self, names: Sequence[str], now_s: float) -> dict[str, tuple[Learned | None, tuple[float, ...]]]:
        """Runs on a thread. By engine: what its uses teach, and the last of them."""
        budget_s = self._config.idle_hours_a_day * 3600
        return {
            name: (
                learn(uses_s, now_s, budget_s) if self._config.learn and self._policies[name].learn else None,
                recent(uses_s, now_s),
            )
            for name, uses_s in self._usage.of(names).items()
        }

    async def _write(self) -> None:
        uses, self._unwritten = self._unwritten, []
        if uses and await self._on_file(self._add, uses) is None:
            self._unwritten = [*uses, *self._unwritten]

    def _add(self, uses: Sequence[tuple[str, float]]) -> bool:
        self._usage.add(uses)
        return True

    async def _on_file(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Does the work on a thread; None where the file is in trouble, which takes neither hours nor engines along."""
        try:
            done = await asyncio.to_thread(work, *arguments)
        except JarvisError as error:
            if error.message != self._trouble:
                _LOGGER.warning("%s", error.message)
            self._trouble = error.message
            return None
        if self._trouble:
            _LOGGER.info("the record of use can be written again")
        self._trouble = ""
        return done

    def _candidate(self, engine: EngineStatus, now_s: float) -> Candidate:
        warm = engine.state in _UP
        if warm:
            self._came_up_s.setdefault(engine.name, now_s)
        else:
            self._came_up_s.pop(engine.name, None)
        return Candidate(
            engine.name,
            warm=warm,
            busy=engine.leases > 0,
            keep_alive_s=self._policies[engine.name].keep_alive_s,
            uses_s=recent(self._recent.get(engine.name, ()), now_s),
            came_up_s=self._came_up_s.get(engine.name),
            learned=self._learned.get(engine.name),
        )

    def _tell(self, action: Action) -> None:
        """Once for each change, however often it is decided again."""
        before = self._doing.get(action.name)
        if type(before) is not type(action):
            doing = "keeping %s warm: %s" if isinstance(action, KeepWarm) else "letting %s go: %s"
            _LOGGER.info(doing, action.name, action.reason)
        self._doing[action.name] = action
