"""Writes what is remembered: the system of record. Every method is one transaction, on the one thread that writes.

What is acknowledged survives a kill and a power cut; what is forgotten is in none of its files any more.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from jarvisd.errors import StoreError
from jarvisd.memory.index import Vectors
from jarvisd.memory.reading import COLUMNS, Reader, blob, memory_of, neighbours, row_of, store_error
from jarvisd.memory.schema import ERASE_DUE, WIPE_DUE, connect, prepare
from jarvisd.memory.words import Around, document
from jarvisd.types import Memory, MemoryKind

_LOGGER = logging.getLogger(__name__)
_MARKS = ", ".join("?" * len(COLUMNS.split(", ")))
# What follows sooner in the same room belongs to the same talk.
SESSION_S = 900.0
# Half of a character, which is no text for a file.
_SURROGATE = re.compile("[\ud800-\udfff]")


class Store(Reader):
    """Opened by its constructor, on a thread. Raises StoreError, also for a file of a newer version.

    What was deleted and not erased, because the power went, is erased first.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._database = connect(path)
            prepare(self._database, path)
        except sqlite3.Error as error:
            self.close()
            raise store_error(path, error) from error
        except BaseException:
            self.close()
            raise
        try:
            if self.note(ERASE_DUE) is not None:
                self.erase()
        except StoreError as error:  # a full disk: it stays due
            _LOGGER.warning("what was forgotten is not erased yet: %s", error.message)

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        with self.use() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def add(self, memories: Sequence[Memory]) -> list[str]:
        """Keeps them, all or none. Those that are known or were forgotten are passed over; the others' ids return."""
        added = []
        with self._write() as database:
            for memory in memories:
                if database.execute("SELECT 1 FROM forgotten WHERE id = ?", (memory.id,)).fetchone():
                    continue
                kept = _writable(memory)
                if not kept.session:
                    kept = replace(kept, session=_session(database, kept))
                done = database.execute(f"INSERT OR IGNORE INTO memories ({COLUMNS}) VALUES ({_MARKS})", row_of(kept))
                if done.rowcount:
                    added.append(kept.id)
                    _index_words(database, kept, with_neighbours=True)
        return added

    def set_vectors(self, model: str, vectors: Mapping[int, Vectors]) -> None:
        """Keeps what a model computed, by number; the index will be told. Memories gone meanwhile are passed over."""
        with self._write() as database:
            for number, vector in vectors.items():
                row = database.execute("SELECT id, person FROM memories WHERE number = ?", (number,)).fetchone()
                if row is None:
                    continue
                database.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", (number, model, blob(vector)))
                database.execute("INSERT INTO outbox (id, person, model, gone) VALUES (?, ?, ?, 0)", (*row, model))

    def drop_vectors(self, *models: str) -> None:
        """Throws away all that these models have computed."""
        if models:
            with self._write() as database:
                database.executemany("DELETE FROM vectors WHERE model = ?", [(model,) for model in models])

    def index_told(self, sequences: Sequence[int]) -> None:
        """The index knows these entries of the outbox."""
        with self._write() as database:
            database.executemany("DELETE FROM outbox WHERE sequence = ?", [(one,) for one in sequences])

    def clear_outbox(self) -> None:
        with self._write() as database:
            database.execute("DELETE FROM outbox")

    def supersede(self, old: Sequence[str], new: str) -> None:
        """Facts that a newer one contradicts: kept, and not recalled any more."""
        with self._write() as database:
            for one in old:
                database.execute("UPDATE memories SET superseded_by = ? WHERE id = ? AND id != ?", (new, one, new))

    def forget(self, ids: Sequence[str]) -> list[Memory]:
        """Deletes them with their words and their vectors; returns what went.

        Facts that were read out of them and answers that quote them go, too. Only ids stay behind. The files still
        hold the texts until `erase`, which is due from now on.
        """
        return self._delete(ids, with_facts=True)

    def _delete(self, ids: Sequence[str], *, with_facts: bool) -> list[Memory]:
        gone: list[Memory] = []
        with self._write() as database:
            waiting, seen = list(ids), set[str]()
            made_of, beside = _made_of(database, with_facts=with_facts), dict[str, Memory]()
            while waiting:
                if (one := waiting.pop()) in seen:
                    continue
                seen.add(one)
                row = database.execute(f"SELECT {COLUMNS} FROM memories WHERE id = ?", (one,)).fetchone()
                if row is None:
                    database.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (one,))
                    continue
                memory = memory_of(row)
                waiting += made_of.get(memory.id, ())
                gone.append(memory)
                beside |= {other.id: other for other in neighbours(database, memory).values()}
                _remove(database, memory)
            for other in beside.values():
                if other.id not in seen:
                    _set_words(database, other, neighbours(database, other))
            if gone:
                database.executemany(
                    "INSERT OR REPLACE INTO notes VALUES (?, '')", [(name,) for name in (ERASE_DUE, WIPE_DUE)]
                )
        return gone

    def expire(self, kinds: Sequence[MemoryKind], before_s: float, count: int = 500) -> int:
        """Forgets what is older and not pinned, at most `count` at once; how many went. Facts stay."""
        with self.use() as database:
            marks = ", ".join("?" * len(kinds))
            rows = database.execute(
                f"SELECT id FROM memories WHERE kind IN ({marks}) AND at_s < ? AND NOT pinned ORDER BY at_s LIMIT ?",
                (*kinds, before_s, count),
            ).fetchall()
        return len(self._delete([row[0] for row in rows], with_facts=False)) if rows else 0

    def vectors_with(self, ids: Sequence[str]) -> list[bytes]:
        """The vectors of these memories and of what was made of them, as they lie in the file."""
        with self.use() as database:
            made_of, waiting, seen = _made_of(database, with_facts=True), list(ids), set[str]()
            while waiting:
                if (one := waiting.pop()) not in seen:
                    seen.add(one)
                    waiting += made_of.get(one, ())
            ask = "SELECT v.vector FROM vectors v JOIN memories m ON m.number = v.number WHERE m.id = ?"
            return [row[0] for one in seen for row in database.execute(ask, (one,))]

    def erase(self, *, vacuum: bool = True) -> None:
        """Rewrites what could still hold a forgotten text or vector: the word index, the log, and with `vacuum` all.

        Pages that SQLite has moved something within may keep a copy of it: whoever leaves `vacuum` out looks for one.
        """
        with self.use() as database:
            database.execute("INSERT INTO words (words) VALUES ('optimize')")
            if vacuum:
                database.execute("VACUUM")
            (busy, *_) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise StoreError(
                    f"The log of {self.path} still holds what was forgotten, as another program reads it: end that.",
                    code="memory_read",
                )
        self.set_note(ERASE_DUE, None)

    def set_note(self, name: str, value: str | None) -> None:
        with self._write() as database:
            if value is None:
                database.execute("DELETE FROM notes WHERE name = ?", (name,))
            else:
                database.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))

    def check(self) -> list[str]:
        """What is wrong with the file, in words; nothing: it is sound, and its words fit its memories."""
        with self.use() as database:
            found = [str(row[0]) for row in database.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
            for what, query in _CHECKS.items():
                (count,) = database.execute(query).fetchone()
                if count:
                    found.append(f"{count} {what}")
            try:
                database.execute("INSERT INTO words (words) VALUES ('integrity-check')")
            except sqlite3.DatabaseError as error:
                found.append(f"the index of words is damaged ({error})")
        return found

    def rebuild_words(self) -> int:
        """Makes the index of words anew from the memories; how many there are."""
        with self._write() as database:
            database.execute("DELETE FROM words")
            rows = database.execute(f"SELECT {COLUMNS} FROM memories ORDER BY number").fetchall()
            for row in rows:
                _index_words(database, memory_of(row), with_neighbours=False)
        return len(rows)


_CHECKS = {
    "memories without words": "SELECT count(*) FROM memories m WHERE m.kind != 'recall' AND NOT EXISTS "
    "(SELECT 1 FROM words_docsize d WHERE d.id = m.number)",
    "words without a memory": "SELECT count(*) FROM words_docsize d WHERE NOT EXISTS "
    "(SELECT 1 FROM memories m WHERE m.number = d.id)",
    "vectors without a memory": "SELECT count(*) FROM vectors v WHERE NOT EXISTS "
    "(SELECT 1 FROM memories m WHERE m.number = v.number)",
    "memories that were forgotten and are back": "SELECT count(*) FROM memories m JOIN forgotten f ON f.id = m.id",
}


def _writable(memory: Memory) -> Memory:
    """Without what no file takes."""
    broken: dict[str, Any] = {
        one.name: _SURROGATE.sub("\ufffd", value)
        for one in fields(memory)
        if isinstance(value := getattr(memory, one.name), str) and _SURROGATE.search(value)
    }
    return replace(memory, **broken) if broken else memory


def _session(database: sqlite3.Connection, memory: Memory) -> str:
    """The session of what was said just before in the same room by the same person; its own id begins a new one."""
    row = database.execute(
        "SELECT session, at_s FROM memories WHERE room IS ? AND person IS ? ORDER BY number DESC LIMIT 1",
        (memory.room, memory.person),
    ).fetchone()
    return row[0] if row is not None and 0 <= memory.at_s - row[1] <= SESSION_S else memory.id


def _index_words(database: sqlite3.Connection, memory: Memory, *, with_neighbours: bool) -> None:
    if memory.kind == "recall":
        return  # nobody's neighbour either
    around = neighbours(database, memory)
    _set_words(database, memory, around)
    if with_neighbours:
        for one in around.values():
            _set_words(database, one, neighbours(database, one))


def _set_words(database: sqlite3.Connection, memory: Memory, around: Around) -> None:
    number = "(SELECT number FROM memories WHERE id = ?)"
    database.execute(f"DELETE FROM words WHERE rowid = {number}", (memory.id,))
    database.execute(
        f"INSERT INTO words (rowid, own, answered, before, after, farther, stems) VALUES ({number}, ?, ?, ?, ?, ?, ?)",
        (memory.id, *document(memory, around)),
    )


def _made_of(database: sqlite3.Connection, *, with_facts: bool) -> dict[str, list[str]]:
    """By a memory's id, what was made of it: facts that were read out of it, answers that quote it."""
    rows = database.execute(
        "SELECT s.value, m.id FROM memories m, json_each(m.sources) s WHERE m.sources != '[]' "
        "AND (? OR m.kind != 'fact')",
        (with_facts,),
    )
    found: dict[str, list[str]] = {}
    for source, one in rows:
        found.setdefault(source, []).append(one)
    return found


def _remove(database: sqlite3.Connection, memory: Memory) -> None:
    (number,) = database.execute("SELECT number FROM memories WHERE id = ?", (memory.id,)).fetchone()
    database.execute("DELETE FROM words WHERE rowid = ?", (number,))
    database.execute("DELETE FROM vectors WHERE number = ?", (number,))
    database.execute("DELETE FROM memories WHERE number = ?", (number,))
    database.execute("DELETE FROM outbox WHERE id = ?", (memory.id,))
    database.execute("INSERT INTO outbox (id, person, model, gone) VALUES (?, ?, NULL, 1)", (memory.id, memory.person))
    database.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (memory.id,))
    database.execute("UPDATE memories SET superseded_by = NULL WHERE superseded_by = ?", (memory.id,))
