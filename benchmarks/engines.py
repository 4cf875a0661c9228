"""What the pool itself costs: leasing an engine that is awake, and swapping two that share a card.

    python -m benchmarks.engines --json

The engines are real child processes that play vLLM and are ready, asleep and awake at once; what they and the proof of
one token take is measured first, without the pool, and taken off. Nothing here loads a model.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from jarvisd.bus import Bus
from jarvisd.config import Config
from jarvisd.engines.card import Card
from jarvisd.engines.needs import LearnedNeeds
from jarvisd.engines.owner import Pace, SleepCalls
from jarvisd.engines.pool import EnginePool
from jarvisd.engines.spec import EngineSpec, engine_specs
from jarvisd.llm import chat, sleep
from jarvisd.types import Endpoint

FAKE_VLLM = Path(__file__).parents[1] / "tests/fakes/vllm"
CARD = "GPU-benchmark"
START_S = 60.0


def specs(folder: Path) -> tuple[EngineSpec, ...]:
    """Two engines of which only one fits awake."""
    table = {
        "kind": "vllm",
        "command": str(FAKE_VLLM),
        "model": "a/model",
        "kv_cache_bytes": 1,
        "gpu": CARD,
        "gpu_memory_bytes": 800,
        "start": "demand",
    }
    config = Config.model_validate({"engines": {"one": table, "other": table}})
    found = engine_specs(config.engines, runtime_dir=folder, languages=("en",))
    return tuple(replace(spec, need=replace(spec.need, asleep_bytes=100)) for spec in found)


async def own_time_ms(endpoints: dict[str, Endpoint], swaps: int) -> list[float]:
    """What a swap takes by hand: one falls asleep, the other wakes, one token."""
    names = list(endpoints)
    taken = []
    await sleep.fall_asleep(endpoints[names[0]], 1)
    for number in range(swaps):
        down, up = (names[1], names[0]) if number % 2 == 0 else (names[0], names[1])
        began = time.perf_counter()
        await sleep.fall_asleep(endpoints[down], 1)
        await sleep.wake_up(endpoints[up], 1)
        await chat.probe(endpoints[up], up)
        taken.append((time.perf_counter() - began) * 1000)
    await sleep.wake_up(endpoints[names[swaps % 2]], 1)
    return taken


async def swap_ms(pool: EnginePool, swaps: int) -> list[float]:
    taken = []
    for number in range(swaps + 1):
        began = time.perf_counter()
        async with pool.lease(("one", "other")[number % 2], START_S):
            taken.append((time.perf_counter() - began) * 1000)
    return taken[1:]


async def warm_ms(pool: EnginePool, leases: int) -> list[float]:
    taken = []
    async with pool.lease("one", START_S):
        pass
    for _ in range(leases):
        began = time.perf_counter()
        async with pool.lease("one", START_S):
            taken.append((time.perf_counter() - began) * 1000)
    return taken


@asynccontextmanager
async def running_pool(found: tuple[EngineSpec, ...], card_bytes: int | None) -> AsyncIterator[EnginePool]:
    card = Card(
        CARD, memory_bytes=lambda: card_bytes, host_free=lambda: None, needs=LearnedNeeds(), min_residency_s=0.0
    )
    calls = SleepCalls(sleep.fall_asleep, sleep.wake_up)
    pool = EnginePool(found, {"openai": chat.probe}, Bus(), Pace(), cards=[card], sleep_calls=calls)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(pool.run())
        yield pool
        running.cancel()


async def measure(found: tuple[EngineSpec, ...], swaps: int, leases: int) -> dict[str, float]:
    async with (
        running_pool(found, None) as pool,
        pool.lease("one", START_S) as one,
        pool.lease("other", START_S) as other,
    ):
        own = await own_time_ms({"one": one, "other": other}, swaps)
    async with running_pool(found, 1000) as pool:
        await swap_ms(pool, 2)  # both are up then, and one of them asleep
        swapped = await swap_ms(pool, swaps)
        warm = await warm_ms(pool, leases)
    overhead = sorted(value - statistics.median(own) for value in swapped)
    return {
        "lease_warm_p50_ms": round(statistics.median(warm), 4),
        "swap_overhead_p50_ms": round(statistics.median(overhead), 2),
        "swap_overhead_p99_ms": round(overhead[min(len(overhead) - 1, round(len(overhead) * 0.99))], 2),
        "engine_own_swap_p50_ms": round(statistics.median(own), 2),
        "swaps": len(swapped),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures for programs")
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--leases", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jarvisd-bench-") as folder:
        figures = asyncio.run(measure(specs(Path(folder)), options.swaps, options.leases))
    if options.json:
        print(json.dumps(figures))
    else:
        for name, figure in figures.items():
            print(f"{name:<24} {figure:>10}")


if __name__ == "__main__":
    main()
