import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from jarvisd.config import CloudConfig, ProcessEngine, RemoteEngine
from jarvisd.errors import CloudRefused
from jarvisd.outgoing import Outgoing, Usage
from jarvisd.routing.account import Refusal, spoken_account
from jarvisd.routing.ledger import Ledger, Reservation
from jarvisd.routing.ledger_file import LedgerError
from jarvisd.routing.outbound import read_outbound

MONDAY = date(2026, 11, 30)
ENGINES = {
    "cloud": RemoteEngine(
        kind="remote",
        url="https://api.example.org/v1",
        model="m",
        price_per_million_input=1.0,
        price_per_million_output=10.0,
        price_per_request=0.001,
    ),
    "unpriced": RemoteEngine(kind="remote", url="https://api.example.org/v1", model="m"),
    "lan": RemoteEngine(
        kind="remote", url="http://10.0.0.2/v1", model="m", price_per_million_input=1.0, price_per_million_output=1.0
    ),
    "child": ProcessEngine(kind="process", argv=("x",), url="http://127.0.0.1:1/v1"),
}
# 100 in and 90 out: 0.001 + 0.0001 + 0.0009
A_QUESTION_MICROS = 2_000


class Calendar:
    def __init__(self) -> None:
        self.day = MONDAY

    def __call__(self) -> date:
        return self.day


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "cloud.sqlite"


@pytest.fixture
def ledger(path, calendar) -> Ledger:
    return make(path, calendar)


def make(path, calendar, **changes) -> Ledger:
    values = {"allowed": True, "day_limit": 0.01, "month_limit": 0.03, **changes}
    return Ledger(path, CloudConfig(**values), ENGINES, today=calendar)


def question(engine="cloud", turn="t1", text="how tall is it") -> Outgoing:
    return Outgoing(turn, engine, text.encode(), "public", prompt_tokens_max=100, completion_tokens_max=90)


def held(ledger: Ledger, **changes) -> Reservation:
    reservation = ledger.reserve(question(**changes))
    assert isinstance(reservation, Reservation), reservation
    return reservation


def refused(ledger: Ledger, engine="cloud") -> Refusal:
    refusal = ledger.reserve(question(engine))
    assert isinstance(refusal, Refusal)
    return refusal


def test_what_is_held_counts_until_the_real_cost_is_known(ledger):
    reservation = held(ledger)
    account = ledger.account()
    assert (reservation.held_micros, account.spent_today_micros) == (A_QUESTION_MICROS, A_QUESTION_MICROS)
    assert (account.left_today_micros, account.unsettled_micros) == (8_000, A_QUESTION_MICROS)
    ledger.settle(reservation, Usage(10, 20))
    account = ledger.account()
    assert (account.spent_today_micros, account.left_today_micros, account.unsettled_micros) == (1_210, 8_790, 0)


def test_a_request_that_was_not_sent_is_free(ledger):
    ledger.release(held(ledger))
    assert ledger.account().spent_month_micros == 0


def test_a_reservation_is_settled_once(ledger):
    reservation = held(ledger)
    ledger.fail(reservation, "it hung")
    ledger.release(reservation)
    ledger.settle(reservation, Usage(1, 1))
    assert ledger.account().spent_today_micros == A_QUESTION_MICROS


@pytest.mark.parametrize("usage", [Usage(None, None), Usage(10, None), Usage(None, 10)])
def test_half_a_count_is_none(ledger, usage):
    ledger.settle(held(ledger), usage)
    assert ledger.account().spent_today_micros == A_QUESTION_MICROS


def test_a_negative_count_earns_nothing(ledger):
    ledger.settle(held(ledger), Usage(-1_000_000, -1_000_000))
    assert ledger.account().spent_today_micros == 1_000


def test_the_day_limit_holds_to_the_last_millionth(ledger):
    for _ in range(5):
        held(ledger)
    assert ledger.account().left_today_micros == 0
    refusal = refused(ledger)
    assert refusal.code == "cloud_budget"
    assert refusal.reason == (
        "The question could cost 0.0020 EUR at cloud, and of 0.0100 EUR for today 0.0000 EUR is left."
    )
    assert ledger.refusal("cloud", 100, 90) == refusal


def test_the_month_limit_holds_when_days_are_new(ledger, calendar):
    calendar.day = date(2026, 11, 1)
    for _ in range(3):
        for _ in range(5):
            held(ledger)
        calendar.day += timedelta(days=1)
    assert "this month" in refused(ledger).reason
    assert ledger.account().left_today_micros == 0
    calendar.day = date(2026, 12, 1)
    assert ledger.account().left_today_micros == 10_000
    held(ledger)


def test_a_clock_set_back_over_midnight_gives_no_second_day(ledger, calendar):
    for _ in range(5):
        held(ledger)
    calendar.day = MONDAY + timedelta(days=1)  # December
    for _ in range(5):
        held(ledger)
    calendar.day = MONDAY
    assert refused(ledger).code == "cloud_budget"
    assert (ledger.account().day, ledger.account().spent_today_micros) == ("2026-12-01", 10_000)
    calendar.day = MONDAY + timedelta(days=2)
    held(ledger)


def test_a_settlement_after_midnight_belongs_to_the_day_of_its_question(ledger, calendar):
    reservation = held(ledger)
    calendar.day = MONDAY + timedelta(days=1)
    ledger.settle(reservation, Usage(0, 10))
    assert (ledger.account().spent_today_micros, ledger.account().spent_month_micros) == (0, 0)
    assert ledger.by_engine(2) == {"cloud": 1_100}


@pytest.mark.parametrize("engine", ["unpriced", "lan", "child", "nobody"])
def test_an_unknown_price_is_no_cloud(ledger, path, engine):
    refusal = refused(ledger, engine)
    assert refusal.code == "cloud_price"
    assert f"engines.{engine}.price_per_million_input" in refusal.reason
    assert not path.exists()
    assert ledger.cost_micros(engine, 1, 1) is None


def test_what_is_not_allowed_is_refused_without_a_ledger(path, calendar):
    assert refused(make(path, calendar, allowed=False)).code == "cloud_off"
    assert not path.exists()


def test_limits_and_prices_can_change_while_it_runs(ledger):
    held(ledger)
    ledger.reconfigure(CloudConfig(allowed=True, day_limit=0.002, month_limit=1.0), ENGINES)
    assert refused(ledger).code == "cloud_budget"
    ledger.reconfigure(CloudConfig(allowed=True, day_limit=0.01, month_limit=1.0), {})
    assert refused(ledger).code == "cloud_price"


def test_no_money_is_no_cloud(path, calendar):
    assert refused(make(path, calendar, day_limit=0.0)).code == "cloud_budget"


def test_another_currency_in_the_same_month_is_no_cloud(ledger, path, calendar):
    held(ledger)
    other = make(path, calendar, currency="USD")
    assert "is in EUR and cloud.currency is USD" in refused(other).reason
    assert other.account().left_today_micros == 0
    calendar.day = date(2026, 12, 1)
    held(other)


def test_the_file_is_for_its_owner_only(ledger, path):
    held(ledger)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_corrupted_ledger_is_no_cloud_and_says_so(ledger, path, calendar):
    for number in range(60):
        ledger.release(held(ledger, turn=str(number)))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    fresh = make(path, calendar)
    refusal = refused(fresh)
    assert refusal.code == "cloud_ledger"
    assert str(path) in refusal.reason
    assert "move it away" in refusal.reason
    assert fresh.account().trouble == refusal.reason
    assert fresh.refusal("cloud", 1, 1) == refusal
    with pytest.raises(LedgerError):
        fresh.by_engine(1)


@pytest.mark.parametrize(
    "content", [b"this is no database at all, but a text" * 200, b"SQLite format 3\0" + b"\0" * 500]
)
def test_a_file_that_is_no_ledger_is_left_as_it_is(path, calendar, content):
    path.write_bytes(content)
    assert refused(make(path, calendar)).code == "cloud_ledger"
    assert path.read_bytes() == content


def test_a_database_of_somebody_else_is_no_ledger(path, calendar):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE requests (url TEXT)")
    assert refused(make(path, calendar)).code == "cloud_ledger"


def test_a_ledger_without_its_folder_is_no_cloud(tmp_path, calendar):
    assert refused(make(tmp_path / "gone" / "cloud.sqlite", calendar)).code == "cloud_ledger"


def test_a_ledger_that_went_away_in_the_middle_is_no_cloud(ledger, path):
    reservation = held(ledger)
    for file in path.parent.glob("cloud.sqlite*"):
        file.unlink()
    assert refused(ledger).code == "cloud_ledger"
    ledger.settle(reservation, Usage(1, 1))  # nothing to write it into, and no harm done


@contextmanager
def nobody() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
@pytest.mark.parametrize(("mode", "can_be_read"), [(0o444, True), (0o000, False)])
def test_a_ledger_that_may_not_be_written_is_no_cloud(mode, can_be_read):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cloud.sqlite"
        held(make(path, date.today))
        Path(folder).chmod(0o755)
        path.chmod(mode)
        with nobody():
            ledger = make(path, date.today)
            assert refused(ledger).code == "cloud_ledger"
            assert (ledger.account().trouble == "") == can_be_read
            if can_be_read:
                assert len(read_outbound(path, 1, date.today())) == 1


async def test_spending_settles_with_what_it_is_told(ledger, path):
    async with ledger.spending(question()) as spend:
        spend.used(Usage(10, 20))
        spend.failed("too late")
    async with ledger.spending(question()) as spend:
        spend.free("it was refused")
    async with ledger.spending(question()):
        pass
    with pytest.raises(ZeroDivisionError):
        async with ledger.spending(question()):
            raise ZeroDivisionError("oh no")
    rows = await asyncio.to_thread(read_outbound, path, 1, MONDAY)
    assert [(row.state, row.charged_micros, row.note) for row in rows] == [
        ("settled", 1_210, ""),
        ("free", 0, "it was refused"),
        ("failed", A_QUESTION_MICROS, "it ended without a word about its cost"),
        ("failed", A_QUESTION_MICROS, "oh no"),
    ]


async def test_spending_more_than_there_is_never_enters_the_block(ledger):
    async with AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(ledger.spending(question()))
        with pytest.raises(CloudRefused) as refusal:
            await stack.enter_async_context(ledger.spending(question()))
    assert refusal.value.code == "cloud_budget"


async def test_a_turn_cancelled_while_money_is_being_held_gives_it_back(ledger, path, calendar):
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        await asyncio.to_thread(held, make(path, calendar), turn="first")
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")

        async def spend() -> None:
            async with ledger.spending(question()):
                pytest.fail("it was cancelled before")

        async with asyncio.TaskGroup() as group:
            task = group.create_task(spend())
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.sleep(0.1)
            await asyncio.to_thread(other.rollback)
    account = await asyncio.to_thread(ledger.account)
    assert account.spent_today_micros == A_QUESTION_MICROS


def test_words_are_forgotten_before_the_rest(ledger, path, calendar):
    held(ledger, text="SECRETWORD how tall")
    calendar.day += timedelta(days=30)
    held(ledger)
    assert read_outbound(path, 100, calendar.day)[0].question == "SECRETWORD how tall"
    calendar.day += timedelta(days=1)
    ledger.forget()
    first, second = read_outbound(path, 100, calendar.day)
    assert (first.body, first.bytes, first.charged_micros) == (None, 19, A_QUESTION_MICROS)
    assert second.body is not None
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert all(b"SECRETWORD" not in file.read_bytes() for file in path.parent.iterdir())
    calendar.day += timedelta(days=400)
    ledger.forget()
    assert read_outbound(path, 400, calendar.day) == ()


def test_words_need_not_be_kept_at_all(path, calendar):
    held(make(path, calendar, keep_text_days=0))
    assert read_outbound(path, 1, MONDAY)[0].body is None


def test_nothing_to_forget(ledger, path):
    ledger.forget()
    assert not path.exists()
    assert ledger.by_engine(30) == {}


def test_spoken_accounts(ledger, path, calendar):
    assert spoken_account(ledger.account(), "es") == "Este mes no se ha gastado nada en la nube."
    big = make(path, calendar, day_limit=3.0, month_limit=5.0)
    reservation = big.reserve(Outgoing("t", "cloud", b"x", "y", 0, 123_000))
    assert isinstance(reservation, Reservation)
    assert spoken_account(big.account(), "en") == (
        "Today 1 euro and 24 cents went to the cloud, and 1 euro and 24 cents this month. "
        "1 euro and 77 cents may still be spent today."
    )
    assert spoken_account(big.account(), "es").startswith("Hoy se han gastado 1 euro y 24 céntimos en la nube")
    broken = path.with_name("broken.sqlite")
    broken.write_bytes(b"no ledger")
    assert spoken_account(make(broken, calendar).account(), "en").startswith("I cannot read")
