"""What shall ring, on disk: timers, alarms and reminders, and the rings that have begun.

An entry that is due becomes a ring in one transaction, so that it is always one of the two. A ring stays until its
hand-over was reported done: killed in between, it is handed over again, under the same id.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from jarvisd.errors import JarvisError
from jarvisd.types import Language, RingKind

# What rang stays known for so long: for snoozing, and to see what happened.
KEPT_S = 7 * 86_400.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, room TEXT, language TEXT NOT NULL, due_s REAL NOT NULL,
    duration_s REAL, left_s REAL, hour INTEGER, minute INTEGER, days TEXT NOT NULL, last_day TEXT,
    skip_day TEXT
);
CREATE TABLE IF NOT EXISTS rings (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, room TEXT, language TEXT NOT NULL, due_s REAL NOT NULL,
    duration_s REAL, began_s REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, done_s REAL, answered INTEGER NOT NULL
    DEFAULT 0
);
"""
_RING = "id, kind, text, room, language, due_s, duration_s, began_s, tries"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that will ring. `due_s`: Unix time. `text`: a timer's name, or what to be reminded of.

    A timer has the `duration_s` it was set to, and `left_s` while it is paused. A recurring alarm has `hour`, `minute`
    and `days` (SHORT_DAYS, with commas), the `last_day` (ISO) on which it rang, and the `skip_day` that is left out.
    """

    id: str
    kind: RingKind
    text: str
    room: str | None
    language: Language
    due_s: float
    duration_s: float | None = None
    left_s: float | None = None
    hour: int | None = None
    minute: int | None = None
    days: str = ""
    last_day: str | None = None
    skip_day: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A ring that has begun at `began_s` and was handed over `tries` times."""

    id: str
    kind: RingKind
    text: str
    room: str | None
    language: Language
    due_s: float
    duration_s: float | None
    began_s: float
    tries: int


class Agenda:
    """One SQLite file, one writer. Every method blocks and is safe on any thread. Raises JarvisError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def entries(self) -> list[Entry]:
        """All that will ring, the next one first."""
        with self._transaction() as rows:
            return [Entry(*row) for row in rows.execute("SELECT * FROM entries ORDER BY due_s, id")]

    def add(self, entry: Entry, most: int) -> bool:
        """False if there are `most` already."""
        with self._transaction() as rows:
            if rows.execute("SELECT count(*) FROM entries").fetchone()[0] >= most:
                return False
            rows.execute(f"INSERT INTO entries VALUES ({','.join('?' * 13)})", astuple(entry))
            return True

    def change(self, before: Entry, after: Entry) -> bool:
        """False if `before` has rung, changed or gone meanwhile."""
        with self._transaction() as rows:
            if not self._is_there(rows, before):
                return False
            rows.execute(f"REPLACE INTO entries VALUES ({','.join('?' * 13)})", astuple(after))
            return True

    def remove(self, entries: Sequence[Entry]) -> int:
        """How many were still there."""
        with self._transaction() as rows:
            return sum(
                rows.execute("DELETE FROM entries WHERE id = ?", (entry.id,)).rowcount for entry in entries
            )  # fmt: skip

    def begin(self, due: Sequence[Entry], now_s: float, again: Callable[[Entry], Entry | None]) -> None:
        """Make rings of entries, unless they changed meanwhile. `again`: what a recurring one becomes."""
        with self._transaction() as rows:
            for entry in due:
                if not self._is_there(rows, entry):
                    continue
                rows.execute("DELETE FROM entries WHERE id = ?", (entry.id,))
                following = again(entry)
                if following is not None:
                    rows.execute(f"INSERT INTO entries VALUES ({','.join('?' * 13)})", astuple(following))
                rows.execute(
                    f"INSERT INTO rings ({_RING}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
                    (f"{entry.id}-{entry.due_s:.0f}", entry.kind, entry.text, entry.room, entry.language, entry.due_s,
                     entry.duration_s, now_s),
                )  # fmt: skip
            rows.execute("DELETE FROM rings WHERE done_s < ?", (now_s - KEPT_S,))

    def waiting(self) -> list[Begun]:
        """Rings whose hand-over is not done, the oldest first."""
        with self._transaction() as rows:
            query = f"SELECT {_RING} FROM rings WHERE done_s IS NULL ORDER BY due_s, id"
            return [Begun(*row) for row in rows.execute(query)]

    def try_again(self, ring: Begun) -> Begun:
        """Note that a hand-over begins."""
        with self._transaction() as rows:
            rows.execute("UPDATE rings SET tries = tries + 1 WHERE id = ?", (ring.id,))
        return replace(ring, tries=ring.tries + 1)

    def done(self, ring: Begun, now_s: float) -> None:
        with self._transaction() as rows:
            rows.execute("UPDATE rings SET done_s = ? WHERE id = ?", (now_s, ring.id))

    def latest(self, since_s: float) -> Begun | None:
        """The last ring since then that nobody has answered (snoozed, or switched off)."""
        with self._transaction() as rows:
            query = f"SELECT {_RING} FROM rings WHERE began_s >= ? AND NOT answered ORDER BY began_s DESC, id LIMIT 1"
            row = rows.execute(query, (since_s,)).fetchone()
        return Begun(*row) if row else None

    def answer(self, ring: Begun) -> None:
        with self._transaction() as rows:
            rows.execute("UPDATE rings SET answered = 1 WHERE id = ?", (ring.id,))

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _is_there(self, rows: sqlite3.Connection, entry: Entry) -> bool:
        row = rows.execute("SELECT * FROM entries WHERE id = ?", (entry.id,)).fetchone()
        return row is not None and Entry(*row) == entry

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """What is done inside is on disk when it ends, or not done at all."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._opened()
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self._connection
            except sqlite3.Error as error:
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None
                raise JarvisError(
                    f"Timers, alarms and reminders cannot be kept in {self.path} ({error}). Make the folder writable; "
                    "if the file is damaged, move it away, and what was set in it is lost.",
                    code="agenda",
                ) from error

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=5.0, check_same_thread=False, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA)
        return connection


def wall_s() -> float:
    return time.time()


def steady_s() -> float:
    """A clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
