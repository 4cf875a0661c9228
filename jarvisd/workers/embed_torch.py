"""Text embeddings by sentence-transformers, which knows every kind of model and brings torch: on a card, or where
ONNX Runtime cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jarvisd.errors import ModelError
from jarvisd.workers.embed_folder import ModelFolder
from jarvisd.workers.embedder import BATCH_TOKENS, BATCH_TOKENS_ON_CARD, Piece, Vectors


class TorchEmbedder:
    """Raises ImportError without its packages, ModelError for a model or card that cannot be used."""

    def __init__(self, folder: ModelFolder, *, device: str, threads: int, max_tokens: int) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        self.batch_tokens = BATCH_TOKENS_ON_CARD if device == "cuda" else BATCH_TOKENS
        # 16 bit on a card: half the memory, and what the RTX 20 and all later ones do well. They have no bfloat16.
        dtype = torch.float16 if device == "cuda" else torch.float32
        try:
            self._model: Any = SentenceTransformer(
                str(folder.place), device=device, local_files_only=True, model_kwargs={"dtype": dtype}
            )
        except Exception as error:
            raise ModelError(f"{folder.place} does not load on {device} ({error})") from error
        self.max_tokens = min(max_tokens, self._model.max_seq_length or max_tokens)
        self._model.max_seq_length = self.max_tokens
        self.dimensions = int(self.vectors(self.pieces(["?"])).shape[1])

    def pieces(self, texts: Sequence[str]) -> list[Piece]:
        encoded = self._model.tokenizer(list(texts), truncation=True, max_length=self.max_tokens)["input_ids"]
        return [Piece(len(ids), text) for ids, text in zip(encoded, texts, strict=True)]

    def vectors(self, pieces: Sequence[Piece]) -> Vectors:
        texts = [piece.content for piece in pieces]
        found = self._model.encode(texts, batch_size=len(texts), show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(found, np.float32)
