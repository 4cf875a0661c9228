"""Builds the engines' pool, and what asks the recogniser among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from jarvisd.bus import Bus
from jarvisd.config import Config
from jarvisd.engines.cards import cards
from jarvisd.engines.cgroup import own_tree
from jarvisd.engines.host import memory_for_sleep_bytes
from jarvisd.engines.leftovers import ChildRecords
from jarvisd.engines.needs import FILE_NAME as NEEDS_FILE
from jarvisd.engines.needs import LearnedNeeds
from jarvisd.engines.owner import SleepCalls
from jarvisd.engines.pool import EnginePool
from jarvisd.engines.readings import Fresh
from jarvisd.engines.spec import EngineSpec
from jarvisd.llm import chat, embeddings, sleep
from jarvisd.memory import chroma
from jarvisd.speech import transcribe


def build_pool(
    config: Config,
    specs: Sequence[EngineSpec],
    bus: Bus,
    *,
    runtime: Path,
    state: Path,
    card_bytes: Callable[[str], int | None],
    fresh: Fresh,
) -> EnginePool:
    """The engines on their cards. `card_bytes` says what a card has, `fresh` has it read now."""
    needs = LearnedNeeds(state / NEEDS_FILE)
    return EnginePool(
        specs,
        {"openai": chat.probe, "wyoming": transcribe.probe, "embeddings": embeddings.probe, "chroma": chroma.probe},
        bus,
        cards=cards(config.gpus, specs, needs, host_free=memory_for_sleep_bytes, total_bytes=card_bytes, fresh=fresh),
        sleep_calls=SleepCalls(sleep.fall_asleep, sleep.wake_up),
        host_free=memory_for_sleep_bytes,
        records=ChildRecords(runtime, own_tree()),
    )


def build_transcriber(config: Config, pool: EnginePool) -> transcribe.Transcriber | None:
    """None where no recogniser is configured."""
    settings = config.transcription
    if settings.engine is None:
        return None
    return transcribe.Transcriber(
        pool.lease,
        settings.engine,
        languages=config.house.languages,
        timeout_s=settings.timeout_s,
        ignore=settings.ignore,
        no_speech_limit=settings.no_speech_threshold,
    )
