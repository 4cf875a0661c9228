"""The index in memory: one matrix product with all vectors of a shelf, right and quick up to tens of thousands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from jarvisd.memory.index import Shelf, Vectors, directions, last_of_each

# A product with more rows goes into a thread: this many of 1024 dimensions take a millisecond.
ROWS_IN_THE_LOOP = 2_000
# Rows that are put before others get their turn.
PUT_ROWS = 500
FIRST_ROWS = 64
# An eighth more than needed: little is copied, and little lies empty.
GROWTH = 8


class ExactIndex:
    """A VectorIndex that is always there, and empty when the daemon starts."""

    def __init__(self) -> None:
        self._shelves: dict[Shelf, _Rows] = {}

    async def put(self, shelf: Shelf, ids: Sequence[str], vectors: Vectors) -> None:
        ids, vectors = last_of_each(ids, vectors)
        directions(shelf, vectors[:0])  # what does not fit makes no shelf
        if not ids:
            return
        rows = self._shelves.setdefault(shelf, _Rows(shelf.dimensions))
        async with rows.lock:
            for start in range(0, len(ids), PUT_ROWS):
                some, theirs = ids[start : start + PUT_ROWS], directions(shelf, vectors[start : start + PUT_ROWS])
                if len(rows) <= ROWS_IN_THE_LOOP:
                    rows.put(some, theirs)
                    await asyncio.sleep(0)
                else:  # it may have to be copied into a longer array
                    await asyncio.to_thread(rows.put, some, theirs)

    async def remove(self, shelf: Shelf, ids: Sequence[str]) -> None:
        if (rows := self._shelves.get(shelf)) is not None:
            async with rows.lock:
                rows.remove(ids)

    async def nearest(self, shelf: Shelf, vector: Vectors, count: int) -> list[tuple[str, float]]:
        (wanted,) = directions(shelf, vector[np.newaxis])
        if (rows := self._shelves.get(shelf)) is None:
            return []
        async with rows.lock:
            if len(rows) <= ROWS_IN_THE_LOOP:
                return rows.nearest(wanted, count)
            return await asyncio.to_thread(rows.nearest, wanted, count)

    async def likeness(self, shelf: Shelf, vector: Vectors, ids: Sequence[str]) -> dict[str, float]:
        """The cosine similarity of those of `ids` that are on the shelf."""
        (wanted,) = directions(shelf, vector[np.newaxis])
        if (rows := self._shelves.get(shelf)) is None:
            return {}
        async with rows.lock:
            return rows.likeness(wanted, ids)

    async def ids(self, shelf: Shelf) -> frozenset[str]:
        rows = self._shelves.get(shelf)
        return frozenset(rows.ids) if rows is not None else frozenset()

    async def drop(self, shelf: Shelf) -> None:
        self._shelves.pop(shelf, None)


class _Rows:
    """Vectors without gaps, in an array that is somewhat longer. `lock`: nothing moves while a thread reads."""

    def __init__(self, dimensions: int) -> None:
        self.lock = asyncio.Lock()
        self.ids: list[str] = []
        self._row_of: dict[str, int] = {}
        self._matrix = np.empty((0, dimensions), np.float32)

    def __len__(self) -> int:
        return len(self.ids)

    def put(self, ids: Sequence[str], vectors: Vectors) -> None:
        new = [one for one in ids if one not in self._row_of]
        self._row_of.update(zip(new, range(len(self), len(self) + len(new)), strict=True))
        self.ids += new
        if len(self) > len(self._matrix):
            self._resize()
        self._matrix[[self._row_of[one] for one in ids]] = vectors

    def remove(self, ids: Sequence[str]) -> None:
        for one in ids:
            if (row := self._row_of.pop(one, None)) is None:
                continue
            last = self.ids.pop()
            if last != one:  # the last one moves into the gap
                self.ids[row], self._row_of[last] = last, row
                self._matrix[row] = self._matrix[len(self)]
        if FIRST_ROWS <= len(self) < len(self._matrix) // 2:
            self._resize()

    def nearest(self, vector: npt.NDArray[np.float32], count: int) -> list[tuple[str, float]]:
        count = min(count, len(self))
        if count <= 0:
            return []
        # Not `@`: that is no quicker for one vector, and its threads wait for each other on a busy machine.
        likeness = np.einsum("ij,j->i", self._matrix[: len(self)], vector)
        best = np.argpartition(-likeness, count - 1)[:count]
        best = best[np.argsort(-likeness[best], kind="stable")]
        return [(self.ids[row], float(likeness[row])) for row in best]

    def likeness(self, vector: npt.NDArray[np.float32], ids: Sequence[str]) -> dict[str, float]:
        there = {one: row for one in ids if (row := self._row_of.get(one)) is not None}
        found = np.einsum("ij,j->i", self._matrix[list(there.values())], vector) if there else []
        return dict(zip(there, map(float, found), strict=True))

    def _resize(self) -> None:
        matrix = np.empty((max(FIRST_ROWS, len(self) + len(self) // GROWTH), self._matrix.shape[1]), np.float32)
        kept = min(len(matrix), len(self._matrix))
        matrix[:kept] = self._matrix[:kept]
        self._matrix = matrix
