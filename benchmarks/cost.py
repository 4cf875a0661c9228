"""What a day of mixed questions costs against a priced cloud, and whether a limit can be overrun.

    python -m benchmarks.cost --json

The cloud is a real server on loopback that bills every request, also those whose askers were killed. A day is 55 %
orders for the house, 25 % quick questions, 14 % that want a strong model and 6 % that want reasoning. In the house the
first two are answered without a cloud, and of the others those that the text check keeps; `all cloud` sends everything,
each time with what a cloud needs to know to switch a light: the devices and their states.
The overspend is measured with a thousand turns at once in eight processes, half of which are killed at random moments.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from jarvisd.config import CloudConfig, RemoteEngine
from jarvisd.errors import CloudRefused
from jarvisd.llm.chat import Clock, stream_body
from jarvisd.llm.cloud import CloudCall, stream_cloud
from jarvisd.outgoing import Outgoing, Usage, Verdict, question_for_cloud
from jarvisd.routing.ledger import Ledger
from jarvisd.routing.privacy import check_text
from jarvisd.transport import request
from jarvisd.types import Endpoint

FAKE_CLOUD = Path(__file__).parents[1] / "tests/fakes/priced_cloud.py"
PRICE_IN, PRICE_OUT = 2.5, 10.0
TODAY = date(2026, 11, 9)
TRIES, RETRY_S = 6, 0.5
# Of a hundred turns: how many, how many tokens an answer has, and what is asked in turn.
DAY: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "home": (
        55,
        20,
        (
            "turn on the living room lights",
            "apaga la luz de la cocina",
            "is the garage door closed",
            "pon un temporizador de diez minutos",
            "sube la calefacción a veintiuno",
        ),
    ),
    "fast": (
        25,
        60,
        (
            "how tall is the eiffel tower",
            "cuántos habitantes tiene japón",
            "who wrote don quixote",
            "cuánto tarda en cocerse un huevo",
            "when is my wife's birthday",
        ),
    ),
    "strong": (
        14,
        250,
        (
            "explain photosynthesis to a child",
            "escribe un cuento corto sobre un robot solitario",
            "what are the pros and cons of nuclear energy",
            "cómo funciona una hipoteca a tipo variable",
            "how do i tell my boss that i'm leaving",
            "por qué cayó el imperio romano",
            "write a product description for a solar lamp",
        ),
    ),
    "reasoning": (
        6,
        700,
        (
            "if i have three shirts and four pairs of trousers how many outfits can i make",
            "a train leaves at nine at eighty kilometres an hour when has it gone three hundred kilometres",
            "can we afford a second car if i earn two thousand a month",
        ),
    ),
}
DEVICES = " ".join(
    f"{room} {thing}: {state}."
    for room in ("kitchen", "living room", "bedroom", "bathroom", "hallway", "office", "garage", "garden")
    for thing, state in (
        ("ceiling light", "off, brightness 0"),
        ("lamp", "on, brightness 80"),
        ("blinds", "open, position 100"),
        ("thermostat", "21.0 degrees, target 20.5, heating"),
        ("window sensor", "closed, battery 87 percent"),
        ("motion sensor", "clear, last seen 14 minutes ago"),
    )
)


def engine(port: int, **extra: Any) -> RemoteEngine:
    return RemoteEngine(
        kind="remote",
        url=f"http://127.0.0.1:{port}/v1",
        model="priced",
        cloud=True,
        price_per_million_input=PRICE_IN,
        price_per_million_output=PRICE_OUT,
        extra_body=extra,
    )


def endpoint(port: int) -> Endpoint:
    return Endpoint(f"http://127.0.0.1:{port}/v1", cloud=True)


def turns() -> list[tuple[str, str, int]]:
    """A hundred turns: kind, question, tokens of the answer."""
    return [(kind, asked[n % len(asked)], tokens) for kind, (count, tokens, asked) in DAY.items() for n in range(count)]


async def bill(port: int) -> float:
    """What the cloud has billed so far, in money."""
    async with request(endpoint(port), "GET", "/fake/bill") as response:
        billed = await response.json()
    return float(billed["prompt_tokens"] * PRICE_IN + billed["completion_tokens"] * PRICE_OUT) / 1e6


async def all_cloud(port: int, told: str) -> float:
    """The bill of a day on which every question leaves, with `told` before each."""
    before = await bill(port)
    for _, question, tokens in turns():
        messages = [{"role": "system", "content": told}, {"role": "user", "content": question}]
        body = {"model": "priced", "messages": messages, "max_tokens": 1500, "fake_words": tokens, "stream": True}
        async with aclosing(stream_body(endpoint(port), body, Clock(20.0, 20.0))) as pieces:
            async for _ in pieces:
                pass
    return await bill(port) - before


async def routed(port: int, folder: Path, kinds: set[str]) -> tuple[float, int]:
    """The bill of a day on which only public questions of these kinds leave, and how many of them stayed."""
    before, stayed = await bill(port), 0
    cloud = CloudConfig(allowed=True, day_limit=100.0, month_limit=100.0)
    for kind, question, tokens in turns():
        verdict = check_text(question)
        if kind not in kinds or verdict.private:
            stayed += kind in kinds
            continue
        remote = engine(port, fake_words=tokens)
        ledger = Ledger(folder / "day.sqlite", cloud, {"cloud": remote}, today=lambda: TODAY)
        call = CloudCall("day", "cloud", "it is public", 1500, 0.3, 20.0, tier=kind)
        prompt = question_for_cloud(verdict, "en", TODAY)
        async with aclosing(stream_cloud(prompt, endpoint(port), remote, call, ledger.spending)) as pieces:
            async for _ in pieces:
                pass
    return await bill(port) - before, stayed


async def worker(port: int, path: Path, limit: float, count: int) -> None:
    """Many turns at once; a turn that gets no money asks again a few times."""
    remote = engine(port)
    cloud = CloudConfig(allowed=True, day_limit=limit, month_limit=limit)
    ledger = Ledger(path, cloud, {"cloud": remote}, today=lambda: TODAY)
    prompt = question_for_cloud(Verdict("how tall is the eiffel tower", private=False), "en", TODAY)

    async def turn(number: int) -> None:
        call = CloudCall(f"turn-{number}", "cloud", "it is public", 200, 0.3, 60.0)
        for _ in range(TRIES):
            try:
                async with aclosing(stream_cloud(prompt, endpoint(port), remote, call, ledger.spending)) as pieces:
                    async for _ in pieces:
                        pass
                return
            except CloudRefused:
                await asyncio.sleep(RETRY_S)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(turn(number))


async def overspend(port: int, folder: Path, *, limit: float, seed: int = 1) -> dict[str, float]:
    """Eight processes of 125 turns each, four of them killed; what was billed and what the ledger says."""
    path, rng, before = folder / "kills.sqlite", random.Random(seed), await bill(port)
    arguments = [sys.executable, "-m", "benchmarks.cost", "--worker", str(port), str(path), str(limit), "125"]
    workers = [await asyncio.to_thread(subprocess.Popen, arguments) for _ in range(8)]
    while await bill(port) == before:
        await asyncio.sleep(0.05)
    for doomed in workers[:4]:
        await asyncio.sleep(rng.uniform(0.0, 0.8))
        doomed.kill()
    for one in workers:
        await asyncio.to_thread(one.wait)
    billed = await bill(port) - before
    cloud = CloudConfig(allowed=True, day_limit=limit, month_limit=limit)
    account = Ledger(path, cloud, {"cloud": engine(port)}, today=lambda: TODAY).account()
    counted = account.spent_today_micros / 1e6
    return {
        "turns_at_once": 1000,
        "processes_killed": 4,
        "limit": limit,
        "billed": round(billed, 6),
        "counted": round(counted, 6),
        "never_settled": account.unsettled_micros / 1e6,
        "overspend": max(0.0, round(billed - limit, 6), round(counted - limit, 6)),
        "billed_but_not_counted": max(0.0, round(billed - counted, 6)),
    }


def reserve_ms(folder: Path) -> float:
    """Holding and settling the money for one request, written through to the disk."""
    ledger = Ledger(folder / "speed.sqlite", CloudConfig(allowed=True), {"cloud": engine(1)}, today=lambda: TODAY)
    began = time.perf_counter()

    async def many() -> None:
        for number in range(50):
            async with ledger.spending(Outgoing(str(number), "cloud", b"{}", "speed", 1, 1)) as spend:
                spend.used(Usage(1, 1))

    asyncio.run(many())
    return (time.perf_counter() - began) * 1000 / 50


@contextmanager
def priced_cloud(delay_s: float) -> Iterator[int]:
    """A cloud of its own process; yields its port."""
    arguments = [sys.executable, str(FAKE_CLOUD), "--words", "60", "--delay", str(delay_s)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as cloud:
        try:
            assert cloud.stdout is not None
            yield int(cloud.stdout.readline())
        finally:
            cloud.kill()


def measure(folder: Path) -> dict[str, float]:
    house = f"You control a house. Its devices: {DEVICES} Tools: turn_on, turn_off, set_temperature, set_position."
    with priced_cloud(0.0) as port:
        dear = asyncio.run(all_cloud(port, house))
        bare = asyncio.run(all_cloud(port, "Answer shortly."))
        ours, stayed = asyncio.run(routed(port, folder, {"strong", "reasoning"}))
        least, _ = asyncio.run(routed(port, folder, {"reasoning"}))
    with priced_cloud(0.3) as port:
        kills = asyncio.run(overspend(port, folder, limit=0.2))
    return {
        "all_cloud": round(dear, 6),
        "all_cloud_without_devices": round(bare, 6),
        "strong_and_reasoning_in_the_cloud": round(ours, 6),
        "reasoning_in_the_cloud": round(least, 6),
        "private_turns_that_stayed": stayed,
        "saved_share": round(1 - ours / dear, 3),
        "saved_share_reasoning_only": round(1 - least / dear, 3),
        "saved_share_without_devices": round(1 - ours / bare, 3),
        "hold_and_settle_ms": round(reserve_ms(folder), 2),
        **kills,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one flat JSON object as the last line")
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        port, path, limit, count = arguments.worker
        asyncio.run(worker(int(port), Path(path), float(limit), int(count)))
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder))
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:36} {value}")


if __name__ == "__main__":
    main()
