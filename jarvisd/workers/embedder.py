"""What every way of computing text embeddings offers to the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Vectors: TypeAlias = npt.NDArray[np.float32]

# Tokens that are computed at once, padding counted: how long a question waits for somebody's list, and how much memory
# it takes. On the processor more are not quicker; a card wants more to do.
BATCH_TOKENS, BATCH_TOKENS_ON_CARD = 1024, 8192


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

    @property
    def batch_tokens(self) -> int: ...

    def pieces(self, texts: Sequence[str]) -> list[Piece]: ...

    def vectors(self, pieces: Sequence[Piece]) -> Vectors:
        """A row for each; they are computed together."""
        ...
