"""The limit holds with many processes at once, and with kill -9 at random moments."""

import random
import signal
import subprocess
import sys
import time
from datetime import date

from jarvisd.config import CloudConfig, RemoteEngine
from jarvisd.routing.ledger import Ledger
from jarvisd.routing.outbound import read_outbound

TODAY = date(2026, 11, 9)
ENGINE = RemoteEngine(
    kind="remote", url="https://a.example/v1", model="m", price_per_million_input=1.0, price_per_million_output=10.0
)
A_QUESTION_MICROS = 1_000
# Holds money for one question after another, prints each that it was given before it says what it cost.
SPENDER = """
import asyncio, sys
from datetime import date
from pathlib import Path
from jarvisd.config import CloudConfig, RemoteEngine
from jarvisd.errors import CloudRefused
from jarvisd.outgoing import Outgoing, Usage
from jarvisd.routing.ledger import Ledger

engine = RemoteEngine(kind="remote", url="https://a.example/v1", model="m", price_per_million_input=1.0,
                      price_per_million_output=10.0)
path, limit, turns = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
cloud = CloudConfig(allowed=True, day_limit=limit, month_limit=limit)
ledger = Ledger(path, cloud, {"cloud": engine}, today=lambda: date(2026, 11, 9))

async def turn(number):
    try:
        async with ledger.spending(Outgoing(f"t{number}", "cloud", b"x", "y", 100, 90)) as spend:
            print("sent", flush=True)
            await asyncio.sleep(0.001 * (number % 7))
            spend.used(Usage(100, 90))
    except CloudRefused:
        print("refused", flush=True)

async def main():
    async with asyncio.TaskGroup() as group:
        for number in range(turns):
            group.create_task(turn(number))

asyncio.run(main())
"""


def spender(path, limit: float, turns: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", SPENDER, path, str(limit), str(turns)], stdout=subprocess.PIPE, text=True
    )


def ledger_of(path, limit: float) -> Ledger:
    cloud = CloudConfig(allowed=True, day_limit=limit, month_limit=limit)
    return Ledger(path, cloud, {"cloud": ENGINE}, today=lambda: TODAY)


def test_a_thousand_turns_at_once_never_spend_more_than_there_is(tmp_path):
    path = tmp_path / "cloud.sqlite"
    spenders = [spender(path, 0.15, 250) for _ in range(4)]
    said = [process.communicate(timeout=55)[0].split() for process in spenders]
    assert sum(one.count("sent") for one in said) == 150
    assert sum(one.count("refused") for one in said) == 850
    account = ledger_of(path, 0.15).account()
    assert (account.spent_today_micros, account.left_today_micros, account.unsettled_micros) == (150_000, 0, 0)


def test_kills_at_random_moments_never_lose_money_that_was_spent(tmp_path):
    path = tmp_path / "cloud.sqlite"
    rng = random.Random(7)
    sent = 0
    for _ in range(8):
        process = spender(path, 0.2, 200)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        out = first + process.communicate(timeout=20)[0]
        sent += out.count("sent\n")
        account = ledger_of(path, 0.2).account()
        assert account.trouble == ""
        assert sent * A_QUESTION_MICROS <= account.spent_today_micros <= 200_000
    rows = read_outbound(path, 1, TODAY)
    assert {row.state for row in rows} <= {"open", "settled"}
    assert sum(row.state == "open" for row in rows) >= 1, "no kill came between holding and settling"
    assert sent >= 8
