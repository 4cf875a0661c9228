"""Looks at the clock once a minute: warms engines for the hour to come, and lets idle ones go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from jarvisd.bus import Bus
from jarvisd.config import WarmupConfig
from jarvisd.events import Routed, Transcribed
from jarvisd.types import EngineState, EngineStatus
from jarvisd.warmup.demand import Demand, learn
from jarvisd.warmup.plan import Candidate, KeepWarm, plan
from jarvisd.warmup.usage import UsageLog

_LOGGER = logging.getLogger(__name__)

LOOK_S = 60.0
LEARN_EVERY_S = 6 * 3600.0
_UP = frozenset({EngineState.READY, EngineState.STARTING})


def local_clock_s() -> float:
    """Seconds on the wall clock of the house: Unix time shifted by the zone's offset of now."""
    now_s = time.time()
    offset = datetime.fromtimestamp(now_s).astimezone().utcoffset()
    return now_s + (offset.total_seconds() if offset else 0.0)


class WarmUp:
    """`engines`: those that come and go by demand, as they are now. `keep_warm` and `let_go` take a name."""

    def __init__(
        self,
        config: WarmupConfig,
        usage: UsageLog,
        *,
        engines: Callable[[], Sequence[EngineStatus]],
        keep_warm: Callable[[str], None],
        let_go: Callable[[str], None],
        clock: Callable[[], float] = local_clock_s,
    ) -> None:
        self._config = config
        self._usage = usage
        self._engines = engines
        self._keep_warm = keep_warm
        self._let_go = let_go
        self._clock = clock
        self._last_use_s: dict[str, float] = {}
        self._demands: dict[str, Demand | None] = {}
        self._learned_at_s = float("-inf")

    def reconfigure(self, config: WarmupConfig) -> None:
        self._config = config
        self._learned_at_s = float("-inf")

    async def record(self, bus: Bus) -> None:
        """A service: writes down every use of an engine."""
        with bus.subscribe("usage") as mailbox:
            async for event in mailbox:
                match event:
                    case Routed(route=route):
                        await self._used(route.engine)
                    case Transcribed(transcript=transcript) if transcript.engine is not None:
                        await self._used(transcript.engine)

    async def run(self) -> None:
        """A service: looks once a minute. Deadlines are the loop's; only habits follow the wall clock."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """One look: learn if that is due, then act."""
        now_s = self._clock()
        # A wall clock that was set back looks like a negative age, and is reason enough, too.
        if not 0 <= now_s - self._learned_at_s < LEARN_EVERY_S:
            await asyncio.to_thread(self._learn, [engine.name for engine in self._engines()], now_s)
        candidates = [self._candidate(engine) for engine in self._engines() if engine.name in self._last_use_s]
        for action in plan(now_s, candidates):
            if isinstance(action, KeepWarm):
                self._log_change(action.name, "warming", action.reason, was_up=False)
                self._keep_warm(action.name)
            else:
                self._log_change(action.name, "letting go", action.reason, was_up=True)
                self._let_go(action.name)

    async def _used(self, engine: str) -> None:
        self._last_use_s[engine] = now_s = self._clock()
        await asyncio.to_thread(self._usage.add, engine, now_s)

    def _learn(self, names: Sequence[str], now_s: float) -> None:
        budget_s = self._config.idle_hours_a_day * 3600
        for name, times in self._usage.of(names).items():
            self._demands[name] = learn(times, now_s, budget_s) if self._config.learn else None
            if times:
                self._last_use_s[name] = max(times[-1], self._last_use_s.get(name, times[-1]))
        self._learned_at_s = now_s

    def _candidate(self, engine: EngineStatus) -> Candidate:
        return Candidate(
            engine.name,
            warm=engine.state in _UP,
            busy=engine.leases > 0,
            last_use_s=self._last_use_s[engine.name],
            demand=self._demands.get(engine.name),
        )

    def _log_change(self, name: str, doing: str, reason: str, *, was_up: bool) -> None:
        up = any(engine.name == name and engine.state in _UP for engine in self._engines())
        if up is was_up:
            _LOGGER.info("%s %s: %s", doing, name, reason)
