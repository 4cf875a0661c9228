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
    """Two implementations, `exact` and `chroma`. Raises IndexUnavailable when it cannot be asked now."""

    async def put(self, shelf: Shelf, ids: Sequence[str], vectors: Vectors) -> None:
        """Adds or replaces `vectors` [ids, dimensions]. A shelf comes into being with its first vector."""

    async def remove(self, shelf: Shelf, ids: Sequence[str]) -> None:
        """Takes vectors out; ids that are not there are no fault."""

    async def nearest(self, shelf: Shelf, vector: Vectors, count: int) -> list[tuple[str, float]]:
        """The ids that are nearest to `vector` [dimensions] with their cosine similarity, best first."""

    async def ids(self, shelf: Shelf) -> frozenset[str]:
        """All that is on it."""

    async def drop(self, shelf: Shelf) -> None:
        """Throws the shelf away."""
