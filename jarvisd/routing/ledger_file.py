"""The ledger's file: SQLite, written through to the disk before anything is sent, and what it can be asked."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from jarvisd.errors import JarvisError

FILE_NAME = "cloud.sqlite"
BUSY_TIMEOUT_S = 10.0
_PRIVATE_MODE = 0o600
# Amounts are in millionths. `charged` counts against the limits: all that was held, until the request is settled.
# `body` is what was sent; it is forgotten before the row is.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY,
    turn_id TEXT NOT NULL,
    tier TEXT NOT NULL,
    engine TEXT NOT NULL,
    day TEXT NOT NULL,
    at_s REAL NOT NULL,
    why TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    body TEXT,
    currency TEXT NOT NULL,
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    charged INTEGER NOT NULL CHECK (charged >= 0),
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled', 'failed', 'free')),
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS requests_by_day ON requests (day);
"""
_COLUMNS = frozenset({"day", "reserved", "charged", "state", "currency", "body"})


class LedgerError(JarvisError):
    """The ledger cannot be used; the sentence says why and what a person can do."""

    code = "cloud_ledger"


class LedgerFile:
    """Every method opens the file, does its work and closes it: call them on a thread. All raise LedgerError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._checked = False
        self._kept_open: sqlite3.Connection | None = None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that nobody else writes in; it is on the disk when the block has been left."""
        with self._in_words(), closing(self._connect(f"{self._uri()}?mode=rwc")) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._prepare(connection)
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
            self._keep_open()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """None where there is no ledger yet: nothing ever left."""
        with self._in_words():
            if not self.path.exists():
                yield None
                return
            if not os.access(self.path, os.R_OK, effective_ids=True):
                raise PermissionError("it belongs to another user, the one that jarvisd runs as")
            with closing(self._connect(f"{self._uri()}?{self._how_to_read()}")) as connection:
                self._check(connection)
                yield connection

    def shorten_log(self) -> None:
        """Moves what was written into the file and leaves nothing of it in the log."""
        with self._in_words(), closing(self._connect(f"{self._uri()}?mode=rw")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def _keep_open(self) -> None:
        """One idle connection: the last one that closes moves the whole log into the file, which is slow."""
        if self._kept_open is None:
            self._kept_open = self._connect(f"{self._uri()}?mode=rw")
            self._kept_open.execute("SELECT 1 FROM requests LIMIT 1").fetchall()
            weakref.finalize(self, self._kept_open.close)

    def _how_to_read(self) -> str:
        """After a kill, whoever reads first has to tidy up, which needs to write; what is tidy can be read by all."""
        if all(os.access(place, os.W_OK, effective_ids=True) for place in (self.path, self.path.parent)):
            return "mode=rw"
        tidy = not self.path.with_name(f"{self.path.name}-wal").exists()
        return "mode=ro&immutable=1" if tidy else "mode=ro"

    def _uri(self) -> str:
        return self.path.absolute().as_uri()

    def _connect(self, uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if not self._checked:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            self.path.chmod(_PRIVATE_MODE)
            self._check(connection)

    def _check(self, connection: sqlite3.Connection) -> None:
        """Once a process: a file with a hole in it may give wrong sums without an error."""
        if self._checked:
            return
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        columns = {row["name"] for row in connection.execute("PRAGMA table_info(requests)")}
        if verdict != "ok" or not columns >= _COLUMNS:
            raise sqlite3.DatabaseError(verdict if verdict != "ok" else "it is not a ledger of this version")
        self._checked = True

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(
                f"The ledger {self.path} cannot be used ({error}), so nothing is sent to a cloud. Repair it, or move "
                "it away to begin a new one that knows nothing of what was spent."
            ) from error
