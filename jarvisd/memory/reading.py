"""Reads what is remembered. Every method is for a thread: one connection, used by one thread at a time."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from jarvisd.errors import StoreError
from jarvisd.memory.index import Vectors
from jarvisd.memory.schema import connect
from jarvisd.memory.words import Around, Terms
from jarvisd.types import Memory, MemoryKind

# How much a word counts in `own`, `answered`, `before`, `after`, `farther` and `stems`. Chosen on LoCoMo's
# conversations 0 to 4 (`benchmarks/memory.py`), but for `answered` and `stems`, which it does not have.
COLUMN_WEIGHTS = (1.0, 0.5, 0.6, 0.4, 0.25, 0.4)
# What is said around a memory up to here is indexed with it.
FARTHEST = 2
# So many memories are scored in about 10 ms; counting them takes a twentieth of that.
MOST_SCORED = 5_000
_COLUMNS = tuple(one.name for one in fields(Memory))
COLUMNS = ", ".join(_COLUMNS)
_OF_MEMORIES = ", ".join(f"m.{name}" for name in _COLUMNS)
# SQLite takes 32,766 values in a statement; so few keep each statement short.
_MOST_VALUES = 500


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose memories, and of which time (Unix times). The house's own are always among them.

    `everybody`: all that there are; for whoever may read the file itself.
    """

    person: str | None = None
    since_s: float | None = None
    until_s: float | None = None
    everybody: bool = False

    @property
    def where(self) -> tuple[str, list[Any]]:
        """A condition on `m`, and its values."""
        parts: list[str] = ["1"]
        values: list[Any] = []
        if not self.everybody:
            parts.append("(m.person IS NULL OR m.person = ?)")
            values.append(self.person)
        if self.since_s is not None:
            parts.append("m.at_s >= ?")
            values.append(self.since_s)
        if self.until_s is not None:
            parts.append("m.at_s < ?")
            values.append(self.until_s)
        return " AND ".join(parts), values


class Reader:
    """`path` is a file that `Store` has prepared. Raises StoreError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database: sqlite3.Connection | None = None
        self._using = threading.Lock()

    def close(self) -> None:
        with self._using:
            if self._database is not None:
                self._database.close()
                self._database = None

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time."""
        with self._using:
            try:
                if self._database is None:
                    self._database = connect(self.path)
                yield self._database
            except sqlite3.Error as error:
                raise store_error(self.path, error) from error

    def get(self, ids: Sequence[str]) -> dict[str, Memory]:
        """Those of `ids` that there are."""
        with self.use() as database:
            rows = _by_values(database, f"SELECT {COLUMNS} FROM memories WHERE id IN", ids)
            return {memory.id: memory for memory in map(memory_of, rows)}

    def search_words(self, terms: Terms, scope: Scope, limit: int) -> list[tuple[str, float]]:
        """Ids with their BM25 score (higher is better), best first."""
        if not terms.match:
            return []
        where, values = scope.where
        with self.use() as database:
            terms, first = _quick(database, terms)
            return database.execute(
                f"SELECT m.id, -bm25(words, {', '.join(map(str, COLUMN_WEIGHTS))}) AS score "
                f"FROM words JOIN memories m ON m.number = words.rowid WHERE words MATCH ? AND {where} "
                "AND m.superseded_by IS NULL AND words.rowid >= ? ORDER BY score DESC LIMIT ?",
                (terms.match, *values, first, limit),
            ).fetchall()

    def persons(self) -> list[str]:
        """Who has memories here, the house itself left out."""
        with self.use() as database:
            rows = database.execute("SELECT DISTINCT person FROM memories WHERE person IS NOT NULL ORDER BY person")
            return [row[0] for row in rows]

    def around(self, memories: Sequence[Memory]) -> dict[str, Around]:
        """By id: what was said around each of them, in the same session."""
        with self.use() as database:
            return {memory.id: neighbours(database, memory) for memory in memories}

    def newest(
        self, count: int, *, scope: Scope | None = None, kinds: Sequence[MemoryKind] = (), before: str | None = None
    ) -> list[Memory]:
        """The newest first; only those older than the memory `before`."""
        where, values = (scope or Scope(everybody=True)).where
        if kinds:
            where += f" AND m.kind IN ({', '.join('?' * len(kinds))})"
            values += kinds
        if before is not None:
            where += " AND m.number < (SELECT number FROM memories WHERE id = ?)"
            values.append(before)
        with self.use() as database:
            rows = database.execute(
                f"SELECT {_OF_MEMORIES} FROM memories m WHERE {where} ORDER BY m.number DESC LIMIT ?", (*values, count)
            )
            return [memory_of(row) for row in rows]

    def not_recalled(self, scope: Scope) -> list[Memory]:
        """What no index holds: answers from memory, and facts that were replaced."""
        return self._newest_of(scope, "(m.kind = 'recall' OR m.superseded_by IS NOT NULL)")

    def facts(self, scope: Scope) -> list[Memory]:
        """What was told to be kept and still holds, the newest first."""
        return self._newest_of(scope, "m.kind = 'fact' AND m.superseded_by IS NULL")

    def _newest_of(self, scope: Scope, condition: str) -> list[Memory]:
        where, values = scope.where
        with self.use() as database:
            rows = database.execute(
                f"SELECT {_OF_MEMORIES} FROM memories m WHERE {where} AND {condition} ORDER BY m.number DESC", values
            )
            return [memory_of(row) for row in rows]

    def all(self, after: int = 0, count: int = 500) -> list[tuple[int, Memory]]:
        """Memories with their numbers, the oldest first, from the one behind number `after`."""
        with self.use() as database:
            rows = database.execute(
                f"SELECT number, {COLUMNS} FROM memories WHERE number > ? ORDER BY number LIMIT ?", (after, count)
            )
            return [(row[0], memory_of(row[1:])) for row in rows]

    def vectors(
        self, model: str, after: int = 0, count: int = 1000
    ) -> tuple[int, list[tuple[str, str | None]], Vectors]:
        """Some vectors of a model: the number of the last one, (id, person) of each, and [memories, dimensions]."""
        with self.use() as database:
            rows = database.execute(
                "SELECT v.number, m.id, m.person, v.vector FROM vectors v JOIN memories m ON m.number = v.number "
                "WHERE v.model = ? AND v.number > ? ORDER BY v.number LIMIT ?",
                (model, after, count),
            ).fetchall()
        if not rows:
            return after, [], np.empty((0, 0), np.float32)
        return rows[-1][0], [(row[1], row[2]) for row in rows], np.stack([from_blob(row[3]) for row in rows])

    def vectors_of(self, model: str, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors that a model has made of some memories."""
        query = (
            "SELECT m.id, v.vector FROM memories m JOIN vectors v ON v.number = m.number WHERE v.model = ? AND m.id IN"
        )
        with self.use() as database:
            rows = _by_values(database, query, ids, model)
            return {row[0]: from_blob(row[1]) for row in rows}

    def last_number(self) -> int:
        """The number of the newest memory; 0: there is none."""
        with self.use() as database:
            return int(database.execute("SELECT coalesce(max(number), 0) FROM memories").fetchone()[0])

    def without_vector(self, model: str, count: int, after: int = 0) -> list[tuple[int, Memory]]:
        """Memories that this model has not read yet, the newest first: those are asked for soonest.

        `after`: up to this number there is none; finding that out means looking at all of them.
        """
        with self.use() as database:
            rows = database.execute(
                f"SELECT m.number, {_OF_MEMORIES} FROM memories m LEFT JOIN vectors v "
                "ON v.number = m.number AND v.model = ? WHERE m.number > ? AND v.number IS NULL AND m.kind != 'recall' "
                "ORDER BY m.number DESC LIMIT ?",
                (model, after, count),
            )
            return [(row[0], memory_of(row[1:])) for row in rows]

    def outbox(self, count: int) -> list[tuple[int, str, str | None, str | None, bool]]:
        """What the index has not been told: sequence, id, person, model (None: all), whether it is gone."""
        with self.use() as database:
            rows = database.execute(
                "SELECT sequence, id, person, model, gone FROM outbox ORDER BY sequence LIMIT ?", (count,)
            )
            return [(row[0], row[1], row[2], row[3], bool(row[4])) for row in rows]

    def shelves(self, model: str) -> dict[str | None, int]:
        """How many vectors of a model each person has."""
        with self.use() as database:
            return dict(
                database.execute(
                    "SELECT m.person, count(*) FROM vectors v JOIN memories m ON m.number = v.number "
                    "WHERE v.model = ? GROUP BY m.person",
                    (model,),
                ).fetchall()
            )

    def is_forgotten(self, ids: Sequence[str]) -> set[str]:
        with self.use() as database:
            return {row[0] for row in _by_values(database, "SELECT id FROM forgotten WHERE id IN", ids)}

    def note(self, name: str) -> str | None:
        with self.use() as database:
            row = database.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
            return None if row is None else str(row[0])

    def counts(self) -> dict[str, Any]:
        """Figures for a person: how many of which kind, of whom, with vectors of which model, and what waits."""
        with self.use() as database:
            ask = database.execute
            return {
                "memories": ask("SELECT count(*) FROM memories").fetchone()[0],
                "kinds": dict(ask("SELECT kind, count(*) FROM memories GROUP BY kind ORDER BY kind").fetchall()),
                "persons": {
                    row[0] or "": row[1]
                    for row in ask("SELECT person, count(*) FROM memories GROUP BY person ORDER BY person")
                },
                "pinned": ask("SELECT count(*) FROM memories WHERE pinned").fetchone()[0],
                "superseded": ask("SELECT count(*) FROM memories WHERE superseded_by IS NOT NULL").fetchone()[0],
                "vectors": dict(ask("SELECT model, count(*) FROM vectors GROUP BY model ORDER BY model").fetchall()),
                "waiting": ask("SELECT count(*) FROM outbox").fetchone()[0],
                "forgotten": ask("SELECT count(*) FROM forgotten").fetchone()[0],
                "first_at_s": ask("SELECT min(at_s) FROM memories").fetchone()[0],
                "last_at_s": ask("SELECT max(at_s) FROM memories").fetchone()[0],
                "file_bytes": self.path.stat().st_size if self.path.exists() else 0,
            }


def _quick(database: sqlite3.Connection, terms: Terms) -> tuple[Terms, int]:
    """The rarest words of a question, as many as can be scored in time, and the first number that is looked at.

    Words that most memories have tell little. Of a question that has no other, the newest memories are scored.
    """
    rows = f"SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT 1 OFFSET {MOST_SCORED}"
    count = f"SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT {MOST_SCORED + 1})"
    counts = {one.content[0]: database.execute(count, (one.match,)).fetchone()[0] for one in terms.one_by_one()}
    kept: list[str] = []
    left = MOST_SCORED
    for word in sorted(counts, key=counts.__getitem__):
        left -= counts[word]
        if left < 0 and kept:
            break
        kept.append(word)
    terms = terms.only(kept)
    beyond = database.execute(rows, (terms.match,)).fetchone() if left < 0 else None
    return terms, beyond[0] if beyond is not None else 0


def neighbours(database: sqlite3.Connection, memory: Memory) -> dict[int, Memory]:
    """What was said around a memory that is in the file, in its session, by the distance."""
    ask = (
        f"SELECT {COLUMNS} FROM memories WHERE session = ? AND kind != 'recall' AND number {{}} "
        f"(SELECT number FROM memories WHERE id = ?) ORDER BY number {{}} LIMIT {FARTHEST}"
    )
    found: dict[int, Memory] = {}
    for sign, *how in ((-1, "<", "DESC"), (1, ">", "ASC")):
        rows = database.execute(ask.format(*how), (memory.session, memory.id))
        found |= {sign * step: memory_of(row) for step, row in enumerate(rows, 1)}
    return found


def memory_of(row: Sequence[Any]) -> Memory:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["pinned"] = bool(values["pinned"])
    values["sources"] = tuple(json.loads(values["sources"]))
    return Memory(**values)


def row_of(memory: Memory) -> tuple[Any, ...]:
    values: Mapping[str, Any] = {name: getattr(memory, name) for name in _COLUMNS}
    return tuple(json.dumps(value) if name == "sources" else value for name, value in values.items())


def blob(vector: Vectors) -> bytes:
    return np.asarray(vector, "<f4").tobytes()


def from_blob(written: bytes) -> Vectors:
    return np.frombuffer(written, "<f4").astype(np.float32)


def store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """What a person can do about it, in one sentence."""
    full = "full" in str(error).lower()
    what = (
        "There is no room on its disk: it is written again once there is."
        if full
        else "If it is damaged, move it away and restore it with `jarvisd memory import` from an export."
    )
    return StoreError(
        f"The memory in {path} cannot be used ({error}). {what}", code="memory_full" if full else "memory"
    )


def _by_values(database: sqlite3.Connection, query: str, values: Sequence[str], *before: str) -> Iterator[Any]:
    """The rows of a query that ends in IN; `before`: values of what stands in front of it."""
    for start in range(0, len(values), _MOST_VALUES):
        some = values[start : start + _MOST_VALUES]
        yield from database.execute(f"{query} ({', '.join('?' * len(some))})", (*before, *some))
