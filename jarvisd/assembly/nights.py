"""Builds what happens by the clock: engines kept warm at their hours, and the work of the night."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

from jarvisd.calendar import Calendar, Job, RunRecord
from jarvisd.config import Config
from jarvisd.engines.pool import EnginePool
from jarvisd.engines.spec import EngineSpec
from jarvisd.llm.chat import stream_chat
from jarvisd.memory.extract import extract
from jarvisd.memory.memory import Memories
from jarvisd.types import Delta, EngineState, Message
from jarvisd.warmup.service import WarmUp
from jarvisd.warmup.usage import UsageLog

EVERY_DAY = frozenset(range(7))
# Past the hour that comes twice in autumn, and past the learning of the habits.
MEMORY_MINUTE = 3 * 60 + 50
# For the facts of a dozen sentences.
FACTS_TOKENS, FIRST_WORD_S = 900, 60.0


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


def build_calendar(
    live: Callable[[], Config],
    warmup: WarmUp,
    memories: Memories | None,
    pool: EnginePool,
    specs: Sequence[EngineSpec],
    state: Path,
) -> Calendar:
    async def night(kept: Memories) -> None:
        await kept.maintain()
        if live().memory.extract:
            await _read_facts(live(), kept, pool, {spec.name: spec for spec in specs})

    def jobs() -> list[Job]:
        found = [Job(*call) for call in warmup.calls()]
        if memories is not None:
            found.append(Job("memory", MEMORY_MINUTE, EVERY_DAY, lambda: night(memories), once=True))
        return found

    return Calendar(jobs, RunRecord(state / "calendar.sqlite"))


async def _read_facts(config: Config, memories: Memories, pool: EnginePool, specs: Mapping[str, EngineSpec]) -> None:
    """By the best model in the house that is up and that nobody uses; by none where there is no such."""
    engines = [tier.engine for name, tier in config.tiers.items() if (tier.level or name) in {"strong", "reasoning"}]
    inside = [name for name in engines if name in specs and not specs[name].endpoint.cloud]

    def idle() -> str | None:
        free = {one.name for one in pool.statuses() if one.state is EngineState.READY and not one.leases}
        return next((name for name in inside if name in free), None)

    async def ask(messages: Sequence[Message]) -> str:
        name = idle()
        if name is None:
            return ""
        async with pool.lease(name, background=True) as endpoint:
            answer = stream_chat(
                endpoint, specs[name].model, messages, max_tokens=FACTS_TOKENS, temperature=0.0,
                first_token_timeout_s=FIRST_WORD_S,
            )  # fmt: skip
            async with aclosing(answer):
                return "".join([piece.text async for piece in answer if isinstance(piece, Delta)])

    await extract(memories, ask, may_go_on=lambda: idle() is not None)
