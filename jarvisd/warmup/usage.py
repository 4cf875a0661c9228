"""When each engine was used: a small SQLite file that survives restarts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from jarvisd.errors import JarvisError

# What is older teaches nothing any more: its weight is below a tenth.
KEPT_S = 14 * 7 * 86_400.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS uses (engine TEXT NOT NULL, local_s REAL NOT NULL);
CREATE INDEX IF NOT EXISTS uses_by_engine ON uses (engine, local_s);
"""


class UsageLog:
    """Every method opens the file, does its work and closes it: call them on a thread. Raises JarvisError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, uses: Sequence[tuple[str, float]]) -> None:
        """Engines with the time of their use on the household's wall clock, as in `jarvisd.warmup.demand`."""
        with self._open() as connection, connection:
            connection.executemany("INSERT INTO uses VALUES (?, ?)", uses)

    def of(self, engines: Sequence[str]) -> dict[str, list[float]]:
        """The times of use by engine, oldest first."""
        with self._open() as connection:
            return {
                engine: [row[0] for row in connection.execute(
                    "SELECT local_s FROM uses WHERE engine = ? ORDER BY local_s", (engine,)
                )]
                for engine in engines
            }  # fmt: skip

    def trim(self, now_s: float) -> int:
        """Forgets what is too old to teach anything; returns how many uses."""
        with self._open() as connection, connection:
            return connection.execute("DELETE FROM uses WHERE local_s < ?", (now_s - KEPT_S,)).rowcount

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=5.0)) as connection:
                # No WAL: making a file one fails at once where another is open at that moment, without waiting.
                connection.executescript(_SCHEMA)
                yield connection
        except sqlite3.Error as error:
            raise JarvisError(
                f"The record of use {self._path} cannot be used ({error}). Move it away to begin a new one, or make "
                "room on its disk; engines are kept for their keep_alive_s meanwhile.",
                code="usage",
            ) from error
