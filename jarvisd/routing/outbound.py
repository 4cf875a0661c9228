"""What left the house: read out of the ledger, for `jarvisd privacy report`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from jarvisd.routing.account import ledger_day
from jarvisd.routing.ledger_file import LedgerFile


@dataclass(frozen=True, slots=True)
class Left:
    """One request. `body` is what was sent, to the byte; None once it was forgotten.

    `state`: open (running, or never settled), settled, failed (its cost is not known, all that was held is counted)
    or free (nothing was billed).
    """

    at: datetime
    turn_id: str
    tier: str
    engine: str
    why: str
    bytes: int
    body: str | None
    currency: str
    reserved_micros: int
    charged_micros: int
    state: str
    prompt_tokens: int | None
    completion_tokens: int | None
    note: str

    @property
    def question(self) -> str:
        """The last thing that somebody said in it; empty once it was forgotten."""
        if self.body is None:
            return ""
        try:
            return str(json.loads(self.body)["messages"][-1]["content"])
        except (ValueError, LookupError, TypeError):
            return self.body


def read_outbound(path: Path, days: int, today: date) -> tuple[Left, ...]:
    """What left in the last `days`, today among them, oldest first. Raises LedgerError."""
    with LedgerFile(path).reading() as connection:
        if connection is None:
            return ()
        first = date.fromisoformat(ledger_day(connection, today)) - timedelta(days=days - 1)
        rows = connection.execute("SELECT * FROM requests WHERE day >= ? ORDER BY id", (first.isoformat(),)).fetchall()
    return tuple(
        Left(
            at=datetime.fromtimestamp(row["at_s"]).astimezone(),
            turn_id=row["turn_id"],
            tier=row["tier"],
            engine=row["engine"],
            why=row["why"],
            bytes=row["bytes"],
            body=row["body"],
            currency=row["currency"],
            reserved_micros=row["reserved"],
            charged_micros=row["charged"],
            state=row["state"],
            prompt_tokens=row["prompt_tokens"],
            completion_tokens=row["completion_tokens"],
            note=row["note"],
        )
        for row in rows
    )
