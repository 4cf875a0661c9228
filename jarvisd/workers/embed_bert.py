"""BERT, XLM-RoBERTa and their kin as a graph for ONNX Runtime, computed with the weights of a safetensors file.

Nothing is converted or written: the graph is a few kilobytes, and the weights stay in the file, which is mapped into
memory. So a model of this kind needs neither torch nor an ONNX file of its own.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jarvisd.errors import ModelError
from jarvisd.workers.onnx_bytes import BFLOAT16, FLOAT, FLOAT16, INT64, Graph

MAX_HEADER_BYTES = 100 << 20
# LayerNormalization came with 17, Gelu with 20.
OPERATORS = 20
# The first position of a text, by model type: RoBERTa's kin count from behind their padding token.
_FROM_PADDING = ("roberta", "xlm-roberta", "camembert")
_FAMILY = ("bert", *_FROM_PADDING)
_TYPES = {"F32": (FLOAT, "<f4"), "F16": (FLOAT16, "<f2"), "BF16": (BFLOAT16, "<u2")}


@dataclass(frozen=True, slots=True)
class Tensor:
    """`kind` is ONNX's number of its type; numpy has no bfloat16, whose bits are then in 16-bit integers."""

    kind: int
    values: npt.NDArray[Any]


Tensors = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Shape:
    """What config.json says of a model of this family."""

    layers: int
    heads: int
    width: int
    epsilon: float
    first_position: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape | None:
        """None for a model of another family, or one that differs in what is computed here."""
        kind = config.get("model_type")
        if kind not in _FAMILY or config.get("hidden_act", "gelu") != "gelu":
            return None
        if config.get("position_embedding_type") not in {None, "absolute"}:
            return None
        try:
            layers, heads, width = (
                int(config[name]) for name in ("num_hidden_layers", "num_attention_heads", "hidden_size")
            )
            epsilon = float(config.get("layer_norm_eps", 1e-12))
            first = int(config.get("pad_token_id", 1)) + 1 if kind in _FROM_PADDING else 0
        except (KeyError, TypeError, ValueError):
            return None
        if layers < 1 or heads < 1 or width < heads or width % heads:
            return None
        return cls(layers, heads, width, epsilon, first)


@dataclass(frozen=True, slots=True)
class Weights:
    """The tensors of a file that is mapped into memory."""

    tensors: Tensors
    mapping: mmap.mmap

    def leave(self) -> None:
        """Gives the memory back; what is looked at again is read again."""
        self.mapping.madvise(mmap.MADV_DONTNEED)


def read_safetensors(file: Path) -> Weights:
    """Raises ModelError."""
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if not 0 < length <= MAX_HEADER_BYTES:
                raise ModelError(f"{file} is no safetensors file")
            header = json.loads(opened.read(length))
            mapping = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        tensors = {
            _short(name): _tensor(mapping, 8 + length, about)
            for name, about in header.items()
            if name != "__metadata__" and about["dtype"] in _TYPES
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{file} is damaged or cut short ({error})") from error
    return Weights(tensors, mapping)


def _short(name: str) -> str:
    """Some are saved with the name of the whole model in front."""
    for prefix in ("bert.", "roberta."):
        name = name.removeprefix(prefix)
    return name


def _tensor(mapping: mmap.mmap, data_at: int, about: Mapping[str, Any]) -> Tensor:
    kind, dtype = _TYPES[about["dtype"]]
    start, end = about["data_offsets"]
    count = (end - start) // np.dtype(dtype).itemsize
    return Tensor(kind, np.frombuffer(mapping, dtype, count, data_at + start).reshape(about["shape"]))


def build(shape: Shape, tensors: Tensors) -> tuple[bytes, list[str]]:
    """The graph, and the names of the tensors that it takes from outside. Raises ModelError for one that is missing.

    Takes `input_ids` [n, tokens], `position_ids` [tokens] and `mask` [n, 1, 1, tokens], which is 0 for a token and
    far below for padding. Gives `tokens` [n, tokens, width].
    """
    graph = _Bert(shape, tensors)
    graph.embeddings()
    for layer in range(shape.layers):
        graph.layer(layer)
    graph.end()
    return graph.graph.model(OPERATORS), graph.weights


class _Bert:
    """Everything between the ends is [n × tokens, width], so that each matrix is used as it was stored."""

    def __init__(self, shape: Shape, tensors: Tensors) -> None:
        self._shape = shape
        self._tensors = tensors
        self.graph = Graph()
        self.weights: list[str] = []
        self.graph.input("input_ids", INT64, ("n", "t"))
        self.graph.input("position_ids", INT64, ("t",))
        self.graph.input("mask", FLOAT, ("n", 1, 1, "t"))
        heads, size = shape.heads, shape.width // shape.heads
        self.graph.integers("flat", [-1, shape.width])
        self.graph.integers("one", [1])
        self.graph.integers("heads", [heads, size])
        self.graph.integers("width", [shape.width])
        self.graph.floats("scale", [size**-0.5])
        ends = self.graph.node("Shape", ["input_ids"])
        self._split = self.graph.node("Concat", [ends, "heads"], axis=0)
        self._whole = self.graph.node("Concat", [ends, "width"], axis=0)

    def embeddings(self) -> None:
        node, weight = self.graph.node, self._weight
        self.graph.integers("zero", [0])
        words = node("Gather", [weight("embeddings.word_embeddings.weight"), "input_ids"])
        places = node("Gather", [weight("embeddings.position_embeddings.weight"), "position_ids"])
        kind = node("Gather", [weight("embeddings.token_type_embeddings.weight"), "zero"])
        summed = node("Add", [node("Add", [words, kind]), places])
        self._now = self._norm(node("Reshape", [summed, "flat"]), "embeddings.LayerNorm")

    def layer(self, number: int) -> None:
        node, at = self.graph.node, f"encoder.layer.{number}."
        query, key, value = (
            node("Transpose", [node("Reshape", [self._linear(self._now, f"{at}attention.self.{part}"), self._split])],
                 perm=[0, 2, 1, 3])
            for part in ("query", "key", "value")
        )  # fmt: skip
        towards = node("Transpose", [key], perm=[0, 1, 3, 2])
        scores = node("Mul", [node("MatMul", [query, towards]), "scale"])
        share = node("Softmax", [node("Add", [scores, "mask"])], axis=-1)
        mixed = node("Transpose", [node("MatMul", [share, value])], perm=[0, 2, 1, 3])
        seen = self._linear(node("Reshape", [mixed, "flat"]), f"{at}attention.output.dense")
        self._now = self._norm(node("Add", [seen, self._now]), f"{at}attention.output.LayerNorm")
        wide = node("Gelu", [self._linear(self._now, f"{at}intermediate.dense")])
        thought = self._linear(wide, f"{at}output.dense")
        self._now = self._norm(node("Add", [thought, self._now]), f"{at}output.LayerNorm")

    def end(self) -> None:
        self.graph.node("Reshape", [self._now, self._whole], name="tokens")
        self.graph.output("tokens", FLOAT, ("n", "t", self._shape.width))

    def _linear(self, value: str, name: str) -> str:
        return self.graph.node("Gemm", [value, self._weight(f"{name}.weight"), self._weight(f"{name}.bias")], transB=1)

    def _norm(self, value: str, name: str) -> str:
        parts = [value, self._weight(f"{name}.weight"), self._weight(f"{name}.bias")]
        return self.graph.node("LayerNormalization", parts, axis=-1, epsilon=self._shape.epsilon)

    def _weight(self, name: str) -> str:
        """As 32-bit floats, whatever they are stored as."""
        if name not in self._tensors:
            raise ModelError(f"the weights lack {name}")
        tensor = self._tensors[name]
        self.graph.outside(name, tensor.kind, tensor.values.shape)
        self.weights.append(name)
        return name if tensor.kind == FLOAT else self.graph.node("Cast", [name], to=FLOAT)
