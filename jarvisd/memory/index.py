"""An index of vectors: which memories are nearest to a question. Always rebuildable, never the only copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Vectors: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One collection: the memories of one person (None: the house's), in the vectors of one model."""

    person: str | None
    model: str
    dimensions: int


class VectorIndex(Protocol):
    """Two implementations, `exact` and `chroma`. Raises IndexUnavailable when it cannot be asked now.

    An id is any text that is not empty. A shelf that is not there is empty. Vectors that are not the shelf's, or no
    numbers, are a ValueError.
    """

    async def put(self, shelf: Shelf, ids: Sequence[str], vectors: Vectors) -> None:
        """Adds or replaces `vectors` [ids, dimensions]; of an id that is given twice, the last one stays.

        A shelf comes into being with its first vector. A put that fails may have put some of them.
        """

    async def remove(self, shelf: Shelf, ids: Sequence[str]) -> None:
        """Takes vectors out; ids that are not there are no fault."""

    async def nearest(self, shelf: Shelf, vector: Vectors, count: int) -> list[tuple[str, float]]:
        """The ids that are nearest to `vector` [dimensions] with their cosine similarity, best first.

        A vector of zeros is like nothing: 0.
        """

    async def ids(self, shelf: Shelf) -> frozenset[str]:
        """All that is on it."""

    async def drop(self, shelf: Shelf) -> None:
        """Throws the shelf away."""


def directions(shelf: Shelf, vectors: Vectors) -> Vectors:
    """`vectors` [any number, dimensions] at length 1; zeros stay zeros. Raises ValueError for what does not fit."""
    if vectors.ndim != 2 or vectors.shape[1] != shelf.dimensions:
        raise ValueError(f"vectors of shape {vectors.shape} do not fit a shelf of {shelf.dimensions} dimensions")
    exact = vectors.astype(np.float64)  # the square of a large float32 is none any more
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    if not np.isfinite(lengths).all():
        raise ValueError("vectors must be numbers")
    return (exact / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def last_of_each(ids: Sequence[str], vectors: Vectors) -> tuple[list[str], Vectors]:
    """Each id once, with the last of its vectors. Raises ValueError unless each vector has an id."""
    if len(ids) != len(vectors) or "" in ids:
        raise ValueError(f"{len(vectors)} vectors need as many ids, none of them empty; there are {len(ids)}")
    rows = {one: row for row, one in enumerate(ids)}
    return list(rows), vectors[list(rows.values())]
