"""What every way of computing text embeddings offers to the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Vectors: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Piece:
    """A text made ready, cut at the model's limit; `content` is the embedder's own."""

    tokens: int
    content: Any


class Embedder(Protocol):
    """Used by one thread."""

    @property
    def dimensions(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    def pieces(self, texts: Sequence[str]) -> list[Piece]: ...

    def vectors(self, pieces: Sequence[Piece]) -> Vectors:
        """A row for each; they are computed together."""
        ...
