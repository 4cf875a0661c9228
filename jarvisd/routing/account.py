"""How the budget stands, read out of the ledger; and whether a request fits into it, which is pure."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date

from jarvisd.config import CloudConfig
from jarvisd.routing.money import limit_micros, spoken, written
from jarvisd.types import Language


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is sent. `code` as in CloudRefused; `reason` is one sentence."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Account:
    """How the budget stands, in millionths. `day` is the ledger's, which never goes back.

    `unsettled_micros`: the part of what was spent this month of which nobody knows the real cost.
    `barred`: engines that billed more than was allowed. `trouble`: why nothing can be spent at all.
    """

    day: str
    currency: str
    day_limit_micros: int
    month_limit_micros: int
    spent_today_micros: int = 0
    spent_month_micros: int = 0
    unsettled_micros: int = 0
    barred: frozenset[str] = frozenset()
    trouble: str = ""

    @property
    def left_today_micros(self) -> int:
        """What may still be spent today, with the month's limit in mind."""
        left = min(self.day_limit_micros - self.spent_today_micros, self.month_limit_micros - self.spent_month_micros)
        return 0 if self.trouble else max(0, left)


def ledger_day(connection: sqlite3.Connection, today: date) -> str:
    """Today, or the last day in the ledger where the clock was set back before it."""
    (last,) = connection.execute("SELECT max(day) FROM requests").fetchone()
    return max(today.isoformat(), last or "")


def new_account(cloud: CloudConfig, today: date, trouble: str = "") -> Account:
    """One in which nothing was spent yet."""
    return Account(
        today.isoformat(),
        cloud.currency,
        limit_micros(cloud.day_limit),
        limit_micros(cloud.month_limit),
        trouble=trouble,
    )


def read_account(connection: sqlite3.Connection, cloud: CloudConfig, today: date) -> Account:
    day = ledger_day(connection, today)
    row = connection.execute(
        "SELECT total(charged) AS month, total(charged) FILTER (WHERE day = :day) AS today,"
        " total(charged) FILTER (WHERE state IN ('open', 'failed')) AS unsettled,"
        " max(currency) FILTER (WHERE currency <> :currency AND charged > 0) AS foreign_currency"
        " FROM requests WHERE day >= :month",
        {"day": day, "month": f"{day[:7]}-01", "currency": cloud.currency},
    ).fetchone()
    barred = connection.execute(
        "SELECT DISTINCT engine FROM requests WHERE day >= ? AND charged > reserved", (f"{day[:7]}-01",)
    )
    foreign = row["foreign_currency"]
    return Account(
        day,
        cloud.currency,
        limit_micros(cloud.day_limit),
        limit_micros(cloud.month_limit),
        spent_today_micros=int(row["today"]),
        spent_month_micros=int(row["month"]),
        unsettled_micros=int(row["unsettled"]),
        barred=frozenset(engine for (engine,) in barred),
        trouble=f"This month's ledger is in {foreign} and cloud.currency is {cloud.currency}: set it back until the "
        "month is over."
        if foreign
        else "",
    )


def refused(account: Account, engine: str, held_micros: int) -> Refusal | None:
    """Why a request that costs so much at most may not be made; None when it may."""
    if account.trouble:
        return Refusal("cloud_ledger", account.trouble)
    if engine in account.barred:
        return Refusal("cloud_budget", f"{engine} billed more than its limits allow and is not asked again this month.")
    for name, limit, spent in (
        ("today", account.day_limit_micros, account.spent_today_micros),
        ("this month", account.month_limit_micros, account.spent_month_micros),
    ):
        if spent + held_micros > limit:
            return Refusal(
                "cloud_budget",
                f"The question could cost {written(held_micros, account.currency)} at {engine}, and of "
                f"{written(limit, account.currency)} for {name} {written(max(0, limit - spent), account.currency)} "
                "is left.",
            )
    return None


_SPENT: dict[Language, str] = {
    "en": "Today {today} went to the cloud, and {month} this month. {left} may still be spent today.",
    "es": "Hoy se han gastado {today} en la nube, y {month} este mes. Hoy se pueden gastar todavía {left}.",
}
_NOTHING: dict[Language, str] = {
    "en": "Nothing was spent on the cloud this month.",
    "es": "Este mes no se ha gastado nada en la nube.",
}
_UNREADABLE: dict[Language, str] = {
    "en": "I cannot read what was spent, so I send nothing to the cloud.",
    "es": "No puedo leer lo que se ha gastado, así que no mando nada a la nube.",
}


def spoken_account(account: Account, language: Language) -> str:
    """The answer to "how much have we spent?"."""
    if account.trouble:
        return _UNREADABLE[language]
    if account.spent_month_micros == 0:
        return _NOTHING[language]
    today, month, left = (
        spoken(amount, account.currency, language)
        for amount in (account.spent_today_micros, account.spent_month_micros, account.left_today_micros)
    )
    said = _SPENT[language].format(today=today, month=month, left=left)
    return ". ".join(part[:1].upper() + part[1:] for part in said.split(". "))
