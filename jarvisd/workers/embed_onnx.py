"""Text embeddings by ONNX Runtime: a model's own ONNX file, or a graph of ours over its safetensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jarvisd.errors import ModelError
from jarvisd.workers.embed_bert import Shape, build, read_safetensors
from jarvisd.workers.embed_folder import ModelFolder
from jarvisd.workers.embedder import BATCH_TOKENS, Piece, Vectors

# For a padding token: what is added to its share of attention before the shares are computed.
_HIDDEN = np.finfo(np.float32).min
_QUIET = 3  # ONNX Runtime's level of errors


def obstacle(folder: ModelFolder) -> str:
    """Why ONNX Runtime cannot serve this model; empty: it can."""
    if folder.only_sentence_transformers:
        return folder.only_sentence_transformers
    if folder.onnx is not None:
        return ""
    if Shape.of(folder.config) is None:
        return f"it has no ONNX file and is a {folder.config.get('model_type') or 'model of no known family'}"
    return "" if folder.safetensors is not None else "it has no ONNX file and no model.safetensors"


class OnnxEmbedder:
    """Raises ImportError without its packages, ModelError for a model that is damaged."""

    batch_tokens = BATCH_TOKENS

    def __init__(self, folder: ModelFolder, *, threads: int, max_tokens: int) -> None:
        self._folder = folder
        self.max_tokens = min(max_tokens, folder.max_tokens or max_tokens)
        self._tokenizer = _tokenizer(folder, self.max_tokens)
        self._kept: Any = None  # what the session was made from, for as long as it lives
        self._session, self._own = self._load(threads)
        self._inputs = {one.name for one in self._session.get_inputs()}
        self.dimensions = int(self.vectors(self.pieces(["?"])).shape[1])

    def pieces(self, texts: Sequence[str]) -> list[Piece]:
        encoded = self._tokenizer.encode_batch_fast([self._folder.prompt + text for text in texts])
        return [Piece(len(one.ids), one.ids) for one in encoded]

    def vectors(self, pieces: Sequence[Piece]) -> Vectors:
        longest = max(piece.tokens for piece in pieces)
        ids = np.zeros((len(pieces), longest), np.int64)
        there = np.zeros((len(pieces), longest), np.int64)
        if padding := self._tokenizer.padding:
            ids[:] = padding["pad_id"]
        for row, piece in enumerate(pieces):
            ids[row, : piece.tokens] = piece.content
            there[row, : piece.tokens] = 1
        found = self._session.run(None, self._feed(ids, there))
        return self._pool(found, there)

    def _load(self, threads: int) -> tuple[Any, bool]:
        """The session, and whether its graph is ours."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        # Threads that spin while they wait take the processor from the house; memory of a long batch is given back.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False
        file = self._folder.onnx
        model: bytes | str
        if file is not None:
            model = str(file)
        else:
            model = self._over_safetensors(options, onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type)
        try:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            what = file or self._folder.safetensors
            raise ModelError(f"{what} is damaged, cut short, or of another version ({error})") from error
        if self._kept is not None:  # it has copied what it needs into a layout of its own
            self._kept[0].leave()
        return session, file is None

    def _over_safetensors(self, options: Any, held: Any) -> bytes:
        shape, file = Shape.of(self._folder.config), self._folder.safetensors
        assert shape is not None  # `obstacle` was asked before
        assert file is not None
        weights = read_safetensors(file)
        try:
            model, names = build(shape, weights.tensors)
        except ModelError as error:
            raise ModelError(f"{file} is not what its config.json says: {error.message}") from error
        values = [held(tensor.values, tensor.kind) for tensor in map(weights.tensors.__getitem__, names)]
        self._kept = (weights, values)
        options.add_external_initializers(names, values)
        return model

    def _feed(self, ids: npt.NDArray[np.int64], there: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        if self._own:
            shape = Shape.of(self._folder.config)
            first = shape.first_position if shape else 0
            mask = np.where(there[:, None, None, :] == 1, np.float32(0), _HIDDEN)
            return {"input_ids": ids, "position_ids": np.arange(first, first + ids.shape[1]), "mask": mask}
        feed = {"input_ids": ids, "attention_mask": there}
        if "token_type_ids" in self._inputs:
            feed["token_type_ids"] = np.zeros_like(ids)
        if unknown := self._inputs - feed.keys():
            raise ModelError(f"{self._folder.onnx} wants {', '.join(sorted(unknown))}, which nobody gives it")
        return {name: value for name, value in feed.items() if name in self._inputs}

    def _pool(self, found: Sequence[npt.NDArray[Any]], there: npt.NDArray[np.int64]) -> Vectors:
        """One vector of a text, from those of its tokens."""
        tokens = next((one for one in found if one.ndim == 3), None)
        if tokens is None:
            raise ModelError(f"{self._folder.onnx} gives no vectors of tokens")
        tokens = tokens.astype(np.float32, copy=False)
        if self._folder.pooling == "cls":
            vectors = tokens[:, 0]
        else:
            weights = there[:, :, None].astype(np.float32)
            vectors = (tokens * weights).sum(axis=1) / weights.sum(axis=1)
        return normalised(vectors) if self._folder.normalise else np.ascontiguousarray(vectors)


def normalised(vectors: Vectors) -> Vectors:
    """Of length 1."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def _tokenizer(folder: ModelFolder, max_tokens: int) -> Any:
    import tokenizers

    file: Path | None = folder.tokenizer
    if file is None:
        raise ModelError(f"{folder.place} has no tokenizer.json")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:
        raise ModelError(f"{file} is damaged or cut short ({error})") from error
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return tokenizer
