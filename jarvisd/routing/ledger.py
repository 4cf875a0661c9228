"""The budget: money is held before a request leaves, and what was not needed is given back after it.

A request that is never settled (the process was killed, the server hung) has cost all that was held for it. So the sum
of what is held and what was spent is never above a limit, whatever happens to whom at which moment.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from jarvisd.config import CloudConfig, EngineConfig, RemoteEngine
from jarvisd.errors import CloudRefused
from jarvisd.outgoing import Outgoing, Spend, Usage
from jarvisd.routing.account import Account, Refusal, ledger_day, new_account, read_account, refused
from jarvisd.routing.ledger_file import LedgerError, LedgerFile
from jarvisd.routing.money import Price, price_of

_LOGGER = logging.getLogger(__name__)

KEPT_DAYS = 400
_NOTHING_COUNTED = Usage(None, None)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money that is held for a request; it counts as spent until the request is settled."""

    id: int
    engine: str
    held_micros: int
    price: Price


class Ledger:
    """What may be spent, and what was. Synchronous methods are for a thread; `spending` is for the loop.

    `today` is the household's own calendar.
    """

    def __init__(
        self,
        path: Path,
        cloud: CloudConfig,
        engines: Mapping[str, EngineConfig],
        *,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._file = LedgerFile(path)
        self._today = today
        self.reconfigure(cloud, engines)

    def reconfigure(self, cloud: CloudConfig, engines: Mapping[str, EngineConfig]) -> None:
        """Limits and prices for the requests that begin from now on."""
        self._cloud = cloud
        self._prices = {
            name: price
            for name, engine in engines.items()
            if isinstance(engine, RemoteEngine) and engine.is_cloud and (price := price_of(engine)) is not None
        }

    @asynccontextmanager
    async def spending(self, outgoing: Outgoing) -> AsyncIterator[Spend]:
        """Holds the money while the block runs. Raises CloudRefused, before anything is sent, when it may not be.

        A block that does not say how it ended pays all that was held.
        """
        held = await _to_the_end(partial(self.reserve, outgoing), undo=self._let_go)
        if isinstance(held, Refusal):
            raise CloudRefused(held.reason, code=held.code)
        spend = _Spend()
        try:
            yield spend
        except BaseException as error:
            spend.failed(str(error) or f"it ended with {type(error).__name__}")
            raise
        finally:
            await _to_the_end(partial(self._close, held, spend))

    def reserve(self, outgoing: Outgoing) -> Reservation | Refusal:
        """Holds the most that a request can cost, and records what will be sent."""
        price = self._price(outgoing.engine)
        if isinstance(price, Refusal):
            return price
        held = price.cost_micros(outgoing.prompt_tokens_max, outgoing.completion_tokens_max)
        try:
            with self._file.writing() as connection:
                account = read_account(connection, self._cloud, self._today())
                if refusal := refused(account, outgoing.engine, held):
                    return refusal
                _forget(connection, account.day, self._cloud.keep_text_days)
                words = outgoing.body.decode(errors="replace") if self._cloud.keep_text_days else None
                row = _insert(connection, outgoing, account, held, words)
                return Reservation(row, outgoing.engine, held, price)
        except LedgerError as error:
            _LOGGER.warning("%s", error)
            return Refusal(error.code, error.message)

    def settle(self, reservation: Reservation, usage: Usage) -> None:
        """What the request really cost. What a server does not say is taken to be all that was held."""
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            self._end(reservation, "failed", reservation.held_micros, usage, "the server did not say what it counted")
            return
        charged = reservation.price.cost_micros(max(0, usage.prompt_tokens), max(0, usage.completion_tokens))
        note = ""
        if charged > reservation.held_micros:
            note = "the server billed more than it was allowed to"
            _LOGGER.warning("%s: %s, and is not asked again this month", reservation.engine, note)
        self._end(reservation, "settled", charged, usage, note)

    def release(self, reservation: Reservation, note: str = "it was not sent") -> None:
        """Nothing was billed: the request did not arrive, or was refused."""
        self._end(reservation, "free", 0, _NOTHING_COUNTED, note)

    def fail(self, reservation: Reservation, note: str) -> None:
        """What it cost is not known, so it has cost all that was held."""
        self._end(reservation, "failed", reservation.held_micros, _NOTHING_COUNTED, note)

    def refusal(self, engine: str, prompt_tokens_max: int, completion_tokens_max: int) -> Refusal | None:
        """Why such a request would be refused now; holds nothing. For whoever chooses between engines."""
        price = self._price(engine)
        if isinstance(price, Refusal):
            return price
        return refused(self.account(), engine, price.cost_micros(prompt_tokens_max, completion_tokens_max))

    def account(self) -> Account:
        """How the budget stands; never raises."""
        try:
            with self._file.reading() as connection:
                if connection is None:
                    return new_account(self._cloud, self._today())
                return read_account(connection, self._cloud, self._today())
        except LedgerError as error:
            return new_account(self._cloud, self._today(), error.message)

    def forget(self) -> None:
        """Lets go of words that were kept long enough. Done with each request as well. Raises LedgerError."""
        with self._file.reading() as connection:
            if connection is None:
                return
        with self._file.writing() as connection:
            _forget(connection, ledger_day(connection, self._today()), self._cloud.keep_text_days)

    def erase_texts(self, turn_ids: Sequence[str]) -> None:
        """Lets go of the words that were sent for these turns; what they cost stays. Raises LedgerError."""
        with self._file.reading() as connection:
            if connection is None:
                return
        with self._file.writing() as connection:
            connection.executemany("UPDATE requests SET body = NULL WHERE turn_id = ?", [(one,) for one in turn_ids])
        self._file.shorten_log()

    def by_engine(self, days: int) -> dict[str, int]:
        """Millionths spent at each engine in the last `days`, today among them. Raises LedgerError."""
        with self._file.reading() as connection:
            if connection is None:
                return {}
            first = date.fromisoformat(ledger_day(connection, self._today())) - timedelta(days=days - 1)
            return dict(
                connection.execute(
                    "SELECT engine, sum(charged) FROM requests WHERE day >= ? GROUP BY engine ORDER BY engine",
                    (first.isoformat(),),
                ).fetchall()
            )

    def cost_micros(self, engine: str, prompt_tokens: int, completion_tokens: int) -> int | None:
        """What so many tokens cost at an engine, to compare with; None without its prices."""
        price = self._prices.get(engine)
        return price.cost_micros(prompt_tokens, completion_tokens) if price else None

    def _price(self, engine: str) -> Price | Refusal:
        if not self._cloud.allowed:
            return Refusal("cloud_off", "Nothing may leave the house: cloud.allowed is false.")
        price = self._prices.get(engine)
        if price is None:
            return Refusal(
                "cloud_price",
                f"What {engine} costs is not known: set engines.{engine}.price_per_million_input and "
                "price_per_million_output.",
            )
        return price

    def _end(self, reservation: Reservation, state: str, charged: int, usage: Usage, note: str) -> None:
        """Only once. Where the ledger cannot be written, the request stays as dear as it was held."""
        try:
            with self._file.writing() as connection:
                connection.execute(
                    "UPDATE requests SET state = ?, charged = ?, prompt_tokens = ?, completion_tokens = ?, note = ?"
                    " WHERE id = ? AND state = 'open'",
                    (state, charged, usage.prompt_tokens, usage.completion_tokens, note[:500], reservation.id),
                )
        except LedgerError as error:
            _LOGGER.warning("request %s to %s: %s", reservation.id, reservation.engine, error)

    def _close(self, reservation: Reservation, spend: _Spend) -> None:
        if spend.state == "settled" and spend.usage is not None:
            self.settle(reservation, spend.usage)
        elif spend.state == "free":
            self.release(reservation, spend.note)
        else:
            self.fail(reservation, spend.note)

    def _let_go(self, held: Reservation | Refusal) -> None:
        if isinstance(held, Reservation):
            self.release(held)


class _Spend:
    """How a request ended; the first to say so is believed."""

    def __init__(self) -> None:
        self.state = ""
        self.usage: Usage | None = None
        self.note = "it ended without a word about its cost"

    def used(self, usage: Usage) -> None:
        if not self.state:
            self.state, self.usage, self.note = "settled", usage, ""

    def free(self, note: str) -> None:
        if not self.state:
            self.state, self.note = "free", note

    def failed(self, note: str) -> None:
        if not self.state:
            self.state, self.note = "failed", note


def _insert(connection: sqlite3.Connection, outgoing: Outgoing, account: Account, held: int, words: str | None) -> int:
    cursor = connection.execute(
        "INSERT INTO requests (turn_id, tier, engine, day, at_s, why, bytes, body, currency, reserved, charged)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(outgoing.turn_id, outgoing.tier, outgoing.engine, account.day, time.time(), outgoing.why),
            *(len(outgoing.body), words, account.currency, held, held),
        ),
    )
    return int(cursor.lastrowid or 0)


def _forget(connection: sqlite3.Connection, day: str, keep_text_days: int) -> None:
    today = date.fromisoformat(day)
    words, rows = (today - timedelta(days=days) for days in (keep_text_days, KEPT_DAYS))
    connection.execute("UPDATE requests SET body = NULL WHERE body IS NOT NULL AND day < ?", (words.isoformat(),))
    connection.execute("DELETE FROM requests WHERE day < ?", (rows.isoformat(),))


async def _to_the_end(work: Callable[[], T], undo: Callable[[T], None] | None = None) -> T:
    """Does the work on a thread, and to its end: where the turn is cancelled meanwhile, it is undone after it."""
    loop = asyncio.get_running_loop()
    running = loop.run_in_executor(None, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if undo is not None:
            await loop.run_in_executor(None, undo, running.result())
        raise
