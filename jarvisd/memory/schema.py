"""The file that holds all memories: its tables, and how an older file becomes this one."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from jarvisd.errors import StoreError

FILE_NAME = "memory.sqlite"
VERSION = 1
# Notes that a deletion leaves in its own transaction, until the files are rewritten and the index is made anew.
ERASE_DUE, WIPE_DUE = "erase_due", "wipe_due"
# Waiting for another connection's transaction, which takes milliseconds.
BUSY_S = 10.0

# `words` has one document for each memory: `own` is what was said, with its day and its person; `answered`; what was
# said just `before` and `after` it, and `farther`, two steps away; `stems`: Spanish stems of `own` and its neighbours.
# `outbox` is what the index of vectors has not been told yet. `forgotten` has ids and nothing else.
_TABLES = """
CREATE TABLE memories (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at_s REAL NOT NULL, said TEXT NOT NULL,
    language TEXT NOT NULL, answered TEXT NOT NULL, kind TEXT NOT NULL, person TEXT, room TEXT, session TEXT NOT NULL,
    tier TEXT NOT NULL, pinned INTEGER NOT NULL, sources TEXT NOT NULL, superseded_by TEXT
);
CREATE INDEX memories_by_session ON memories (session, number);
CREATE INDEX memories_superseded ON memories (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX memories_by_time ON memories (kind, at_s);
CREATE VIRTUAL TABLE words USING fts5(
    own, answered, before, after, farther, stems, tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TABLE vectors (
    number INTEGER NOT NULL, model TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, number)
);
CREATE INDEX vectors_by_number ON vectors (number);
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, person TEXT, model TEXT, gone INTEGER NOT NULL
);
CREATE INDEX outbox_by_id ON outbox (id);
CREATE TABLE forgotten (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
# From each released version to the next.
_MIGRATIONS: Mapping[int, str] = {}


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose commits survive a power cut, and whose deletions leave zeros. In autocommit mode."""
    database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("synchronous = FULL", "secure_delete = ON", "foreign_keys = ON", "cache_size = -4096"):
            database.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        database.close()
        raise
    return database


def prepare(database: sqlite3.Connection, path: Path) -> None:
    """Makes the tables, or brings those of an older version up to date. Raises StoreError for a newer one."""
    (found,) = database.execute("PRAGMA user_version").fetchone()
    if found > VERSION:
        raise StoreError(
            f"{path} was written by a newer jarvisd (version {found} of its tables, this one knows {VERSION}). "
            "Install that jarvisd again, or move the file away to begin with an empty memory.",
            code="memory_newer",
        )
    database.execute("PRAGMA journal_mode = WAL")
    if found == VERSION:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        (found,) = database.execute("PRAGMA user_version").fetchone()  # somebody else may have been quicker
        steps = [_TABLES] if found == 0 else [_MIGRATIONS[version] for version in range(found, VERSION)]
        if found < VERSION:
            for step in steps:
                for statement in step.split(";\n"):
                    if statement.strip():
                        database.execute(statement)
            database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise
