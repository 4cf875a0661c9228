"""A row for each turn, in a SQLite file: who answered, how long it took, what it cost, and why it was so."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from jarvisd.errors import JarvisError
from jarvisd.types import Kind

FILE_NAME = "turns.sqlite"
DAY_S = 86_400.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS turns (
    id TEXT PRIMARY KEY, at_s REAL NOT NULL, source TEXT NOT NULL, room TEXT, language TEXT NOT NULL,
    question TEXT, via TEXT NOT NULL, tier TEXT NOT NULL, engine TEXT NOT NULL, cloud INTEGER NOT NULL,
    cold INTEGER NOT NULL, escalated INTEGER NOT NULL, probabilities TEXT NOT NULL, margin REAL NOT NULL,
    eta_s REAL NOT NULL, reason TEXT NOT NULL, first_word_ms REAL, total_ms REAL NOT NULL, prompt_tokens INTEGER,
    completion_tokens INTEGER, cost_micros INTEGER NOT NULL, memory_hits INTEGER NOT NULL, error TEXT, corrected TEXT
);
CREATE INDEX IF NOT EXISTS turns_by_time ON turns (at_s);
"""


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn. `question` is None where the household does not keep texts, or no longer. `corrected`: the kind that a
    person says it was. Times in milliseconds from the end of the question; `at_s` is Unix time.
    """

    id: str
    at_s: float
    source: str
    language: str
    via: str
    total_ms: float
    room: str | None = None
    question: str | None = None
    tier: str = ""
    engine: str = ""
    cloud: bool = False
    cold: bool = False
    escalated: bool = False
    probabilities: Mapping[Kind, float] = field(default_factory=dict)
    margin: float = 0.0
    eta_s: float = 0.0
    reason: str = ""
    first_word_ms: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_micros: int = 0
    memory_hits: int = 0
    error: str | None = None
    corrected: str | None = None


_COLUMNS = tuple(one.name for one in fields(TurnRecord))


class TurnLog:
    """Every method opens the file, does its work and closes it: call them on a thread. Raises JarvisError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._prepared = False

    def add(self, *records: TurnRecord) -> None:
        """All or none of them."""
        values = [asdict(one) | {"probabilities": json.dumps(dict(one.probabilities))} for one in records]
        marks = ", ".join(f":{name}" for name in _COLUMNS)
        with self._open() as database:
            database.executemany(f"INSERT OR IGNORE INTO turns ({', '.join(_COLUMNS)}) VALUES ({marks})", values)

    def forget(self, *, texts_before_s: float, turns_before_s: float) -> None:
        """Drops the texts of questions that are older than the one, and turns that are older than the other."""
        with self._open() as database:
            database.execute("UPDATE turns SET question = NULL WHERE at_s < ? AND corrected IS NULL", (texts_before_s,))
            database.execute("DELETE FROM turns WHERE at_s < ?", (turns_before_s,))

    def erase_texts(self, ids: Sequence[str]) -> bool:
        """Drops the texts of these turns from every file at once; whether one of them had been learned from."""
        learned = False
        if not self._path.exists():
            return learned
        with self._open() as database:
            for one in ids:
                found = database.execute("SELECT corrected IS NOT NULL FROM turns WHERE id = ?", (one,)).fetchone()
                learned |= found is not None and bool(found[0])
                database.execute("UPDATE turns SET question = NULL, corrected = NULL WHERE id = ?", (one,))
            database.commit()
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return learned

    def since(self, at_s: float) -> tuple[TurnRecord, ...]:
        """Turns from then on, the oldest first."""
        return self._rows("FROM turns WHERE at_s >= ? ORDER BY at_s", at_s)

    def last(self, count: int) -> tuple[TurnRecord, ...]:
        """The newest turns, the newest first."""
        return self._rows("FROM turns ORDER BY at_s DESC LIMIT ?", count)

    def correct(self, turn_id: str, kind: Kind | None) -> TurnRecord:
        """Notes what a turn really was; None takes that back. `last` is the newest turn that a model answered."""
        with self._open() as database:
            where, value = ("id = ?", turn_id)
            if turn_id == "last":
                where, value = ("via = ? AND question IS NOT NULL", "model")
            row = database.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM turns WHERE {where} ORDER BY at_s DESC LIMIT 1", (value,)
            ).fetchone()
            if row is None:
                raise JarvisError(
                    f"There is no turn {turn_id}: `jarvisd route --recent` lists the last ones with their ids.",
                    code="unknown_turn",
                )
            found = _record(row)
            if found.question is None:
                raise JarvisError(
                    f"The question of turn {found.id} is not kept any more (turns.keep_text_days), so nothing can be "
                    "learned from it.",
                    code="no_text",
                )
            database.execute("UPDATE turns SET corrected = ? WHERE id = ?", (kind, found.id))
            return found

    def corrections(self) -> tuple[TurnRecord, ...]:
        """The turns that a person has corrected, the oldest first."""
        return self._rows("FROM turns WHERE corrected IS NOT NULL AND question IS NOT NULL ORDER BY at_s")

    def _rows(self, query: str, *values: object) -> tuple[TurnRecord, ...]:
        """Nothing, before the first turn was written."""
        if not self._path.exists():
            return ()
        with self._open() as database:
            return tuple(_record(row) for row in database.execute(f"SELECT {', '.join(_COLUMNS)} {query}", values))

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Whoever reads at this moment keeps the file from becoming a WAL: then the next turn makes it one."""
        if not self._prepared:
            with suppress(sqlite3.OperationalError):
                database.execute("PRAGMA journal_mode = WAL")
            database.executescript(_SCHEMA)
            self._prepared = True

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            database = sqlite3.connect(self._path, timeout=5.0)
            try:
                database.execute("PRAGMA secure_delete = ON")
                self._prepare(database)
                with database:
                    yield database
            finally:
                database.close()
        except sqlite3.Error as error:
            raise JarvisError(
                f"The record of turns {self._path} cannot be used ({error}). Move it away to begin a new one; answers "
                "are given meanwhile and not recorded.",
                code="turns",
            ) from error


def days_ago_s(days: float, now_s: float | None = None) -> float:
    """Unix time so many days ago."""
    return (time.time() if now_s is None else now_s) - days * DAY_S


def _record(row: Sequence[Any]) -> TurnRecord:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["probabilities"] = json.loads(values["probabilities"])
    for name in ("cloud", "cold", "escalated"):
        values[name] = bool(values[name])
    return TurnRecord(**values)
