"""Builds what happens by the clock: engines kept warm at their hours, and the work of the night."""

from __future__ import annotations

from pathlib import Path

from jarvisd.calendar import Calendar, Job, RunRecord
from jarvisd.config import Config
from jarvisd.engines.pool import EnginePool
from jarvisd.memory.memory import Memories
from jarvisd.warmup.service import WarmUp
from jarvisd.warmup.usage import UsageLog

EVERY_DAY = frozenset(range(7))
# Past the hour that comes twice in autumn, and past the learning of the habits.
MEMORY_MINUTE = 3 * 60 + 50


def build_warmup(config: Config, pool: EnginePool, state: Path) -> WarmUp:
    return WarmUp(
        config.warmup,
        config.warmup_times,
        UsageLog(state / "usage.sqlite"),
        policies=config.engines,
        engines=pool.on_demand,
        keep_warm=pool.keep_warm,
        let_go=pool.let_go,
    )


def build_calendar(warmup: WarmUp, memories: Memories | None, state: Path) -> Calendar:
    def jobs() -> list[Job]:
        found = [Job(*call) for call in warmup.calls()]
        if memories is not None:
            found.append(Job("memory", MEMORY_MINUTE, EVERY_DAY, memories.maintain, once=True))
        return found

    return Calendar(jobs, RunRecord(state / "calendar.sqlite"))
