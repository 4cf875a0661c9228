"""Headers of .gguf files: metadata and the places of the tensors, never their values.

A reader of our own, because every length of a file that may be damaged is checked before it is believed.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from jarvisd.engines.footprint import CacheLayers, CacheShape, ModelFacts
from jarvisd.errors import ModelError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# What a sound header stays below: the vocabulary is the largest part, some ten megabytes.
_MAX_HEADER_BYTES = 256 << 20
_MAX_STRING_BYTES = 1 << 24
_MAX_KEYS, _MAX_TENSORS, _MAX_ITEMS = 65_536, 1 << 20, 1 << 21
# Arrays of numbers are kept up to this length (one a layer); vocabularies and merges are skipped.
_KEPT_ITEMS = 4_096
_DEFAULT_ALIGNMENT = 32
# Values in a block and its bytes, by tensor type, as llama.cpp's ggml defines them.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66),
    17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136),
    24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54),
    35: (256, 66), 39: (32, 17),
}  # fmt: skip
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    23: "IQ3_XXS", 25: "IQ4_NL", 30: "IQ4_XS", 32: "BF16", 38: "MXFP4",
}  # fmt: skip
_ENCODERS = frozenset({"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert"})
# What llama.cpp can load and what this page of arithmetic holds for.
_ARCHITECTURES = _ENCODERS | {
    "llama", "llama4", "qwen", "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen3moe", "qwen3next", "qwen3vl",
    "qwen3vlmoe", "gemma", "gemma2", "gemma3", "gemma-embedding", "phi2", "phi3", "phimoe", "mistral3", "deepseek",
    "deepseek2", "falcon", "gptneox", "gpt2", "mpt", "bloom", "starcoder", "starcoder2", "stablelm", "granite",
    "granitemoe", "granitehybrid", "command-r", "cohere2", "olmo", "olmo2", "olmoe", "exaone", "exaone4", "internlm2",
    "minicpm", "minicpm3", "smollm3", "gpt-oss", "glm4", "glm4moe", "chatglm", "orion", "jamba", "lfm2", "nemotron",
    "nemotron_h", "ernie4_5", "ernie4_5-moe", "hunyuan-dense", "hunyuan-moe", "seed_oss", "arcee", "baichuan", "xverse",
    "apertus",
}  # fmt: skip
# One layer in so many sees everything; llama.cpp knows it by the architecture.
_WINDOW_PATTERNS = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4, "llama4": 4, "exaone4": 4}
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


@dataclass(frozen=True, slots=True)
class Header:
    """`fields`: metadata without long lists. `weights_bytes`: of all tensors."""

    fields: dict[str, Any]
    weights_bytes: int


def read_header(file: Path) -> Header:
    """Raises ModelError, which names the file, where it is no GGUF, damaged or cut off."""
    try:
        with file.open("rb") as opened:
            return _Reader(opened, file).header()
    except OSError as error:
        raise ModelError(f"{file}: cannot be read: {error.strerror}") from error


class _Reader:
    def __init__(self, opened: BinaryIO, file: Path) -> None:
        self._opened = opened
        self._file = file
        self._size = file.stat().st_size
        self._limit = min(self._size, _MAX_HEADER_BYTES)

    def header(self) -> Header:
        if self._opened.read(4) != _MAGIC:
            raise ModelError(f"{self._file}: is no GGUF file")
        if (version := self._number("I")) not in _VERSIONS:
            raise ModelError(f"{self._file}: GGUF version {version} is not known; versions 2 and 3 are")
        tensors = self._count("Q", _MAX_TENSORS, "tensors")
        keys = self._count("Q", _MAX_KEYS, "keys")
        fields = {self._text(): self._value() for _ in range(keys)}
        weights, end = 0, 0
        for _ in range(tensors):
            size, offset = self._tensor()
            weights += size
            end = max(end, offset + size)
        alignment = fields.get("general.alignment", _DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise self._damaged()
        begin = -(-self._opened.tell() // alignment) * alignment
        if begin + end > self._size:
            missing = begin + end - self._size
            raise ModelError(f"{self._file}: is cut off: {missing} bytes are missing; fetch it again")
        return Header(fields, weights)

    def _tensor(self) -> tuple[int, int]:
        """Bytes and offset of the next tensor."""
        self._text()
        shape = [self._number("Q") for _ in range(self._count("I", 8, "dimensions"))]
        kind, offset = self._number("I"), self._number("Q")
        if kind not in _BLOCKS:
            raise ModelError(f"{self._file}: tensor type {kind} is not known; a newer version of jarvisd may know it")
        values, stored = _BLOCKS[kind]
        return -(-prod(shape) // values) * stored, offset

    def _value(self, kind: int | None = None) -> Any:
        kind = self._number("I") if kind is None else kind
        if kind in _NUMBERS:
            return self._number(_NUMBERS[kind])
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            return self._list()
        raise self._damaged()

    def _list(self) -> list[Any] | None:
        """A list of a few numbers; None for a longer one, or one of texts, which is skipped."""
        kind = self._number("I")
        length = self._count("Q", _MAX_ITEMS, "items")
        if kind in _NUMBERS:
            if length <= _KEPT_ITEMS:
                return [self._number(_NUMBERS[kind]) for _ in range(length)]
            self._skip(length * struct.calcsize("<" + _NUMBERS[kind]))
        elif kind == _STRING:
            for _ in range(length):
                self._skip(self._count("Q", _MAX_STRING_BYTES, "bytes of text"))
        else:
            raise self._damaged()
        return None

    def _text(self) -> str:
        length = self._count("Q", _MAX_STRING_BYTES, "bytes of text")
        self._check(length)
        return self._opened.read(length).decode("utf-8", "replace")

    def _number(self, letter: str) -> Any:
        size = struct.calcsize("<" + letter)
        self._check(size)
        return struct.unpack("<" + letter, self._opened.read(size))[0]

    def _count(self, letter: str, most: int, what: str) -> int:
        count: int = self._number(letter)
        if count > most:
            raise ModelError(f"{self._file}: is damaged: {count} {what}; fetch it again")
        return count

    def _skip(self, length: int) -> None:
        self._check(length)
        self._opened.seek(length, 1)

    def _check(self, length: int) -> None:
        """Whether so many bytes are there, before they are read."""
        if self._opened.tell() + length > self._limit:
            raise ModelError(f"{self._file}: is cut off: its header ends beyond the file; fetch it again")

    def _damaged(self) -> ModelError:
        return ModelError(f"{self._file}: its header is damaged; fetch the file again")


def read_gguf(file: Path) -> ModelFacts:
    """What a model of one file, or of several with numbers in their names, needs. Raises ModelError."""
    header = read_header(file)
    weights = header.weights_bytes + sum(read_header(other).weights_bytes for other in _other_shards(file))
    fields = _Fields(header.fields, file)
    file_type = header.fields.get("general.file_type")
    encoder = fields.architecture in _ENCODERS or fields.architecture == "gemma-embedding"
    return ModelFacts(
        name=file.stem,
        source=str(file),
        format="gguf",
        purpose="embedding" if encoder else "chat",
        architecture=fields.architecture,
        weights_bytes=weights,
        cache=None if encoder else fields.cache_shape(),
        layers=fields.needed("block_count"),
        max_context_tokens=fields.number("context_length"),
        quantization=_FILE_TYPES.get(file_type, "gguf") if isinstance(file_type, int) else "gguf",
    )


def _other_shards(file: Path) -> list[Path]:
    match = _SHARD.search(file.name)
    if match is None:
        return []
    stem, count = file.name[: match.start()], match[2]
    names = [f"{stem}-{number:05}-of-{count}.gguf" for number in range(1, int(count) + 1)]
    return [file.with_name(name) for name in names if name != file.name]


class _Fields:
    """Metadata of one architecture; its keys begin with the architecture's name."""

    def __init__(self, fields: dict[str, Any], file: Path) -> None:
        self._fields = fields
        self._file = file
        self.architecture = str(fields.get("general.architecture") or "")
        if self.architecture not in _ARCHITECTURES:
            raise ModelError(
                f"{file}: {self.architecture[:40] or 'no architecture'!r} is no architecture whose memory is known here"
            )

    def get(self, name: str) -> Any:
        return self._fields.get(f"{self.architecture}.{name}")

    def number(self, name: str) -> int | None:
        value = self.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise ModelError(f"{self._file}: {self.architecture}.{name} must be a whole number")
        return value

    def needed(self, name: str) -> int:
        if not (found := self.number(name)):
            raise ModelError(f"{self._file}: {self.architecture}.{name} is missing, so its memory cannot be computed")
        return found

    def each_layer(self, name: str, layers: int) -> list[int]:
        """A number for each layer: written once, or as a list."""
        value = self.get(name)
        if isinstance(value, list) and len(value) == layers and all(type(one) is int and one >= 0 for one in value):
            return value
        return [self.needed(name)] * layers

    def cache_shape(self) -> CacheShape:
        layers = self.needed("block_count")
        if layers > _KEPT_ITEMS:
            raise ModelError(f"{self._file}: {layers} layers cannot be")
        heads = self.each_layer("attention.head_count", layers)
        kv_heads = self.each_layer("attention.head_count_kv", layers) if self._has_kv_heads() else heads
        windowed = self._windowed(layers)
        recurrent = self._recurrent(kv_heads)
        window = self.number("attention.sliding_window") or None
        alike = Counter(
            (self._elements(kv_heads[at], max(heads)), window if windowed[at] else None)
            for at in range(layers)
            if kv_heads[at] and not recurrent[at]
        )
        groups = tuple(CacheLayers(count, elements, span) for (elements, span), count in alike.items())
        return CacheShape(groups, sum(recurrent) * self._state_bytes() if any(recurrent) else 0)

    def _has_kv_heads(self) -> bool:
        return self.get("attention.head_count_kv") is not None

    def _elements(self, kv_heads: int, heads: int) -> int:
        if (latent := self.number("attention.kv_lora_rank")) and self.number("attention.key_length_mla"):
            return latent + self.needed("rope.dimension_count")
        head_dim = self.needed("embedding_length") // heads if heads else 0
        keys = self.number("attention.key_length") or head_dim
        return kv_heads * (keys + (self.number("attention.value_length") or keys))

    def _windowed(self, layers: int) -> list[bool]:
        if not self.number("attention.sliding_window") or self.architecture == "phi3":  # llama.cpp ignores Phi's window
            return [False] * layers
        pattern = self.get("attention.sliding_window_pattern")
        if isinstance(pattern, list) and len(pattern) == layers:
            return [bool(one) for one in pattern]
        every = pattern if isinstance(pattern, int) else _WINDOW_PATTERNS.get(self.architecture)
        if not every:
            return [self.architecture not in {"qwen2", "qwen2moe", "qwen3", "qwen3moe"}] * layers
        return [bool(at % every) for at in range(1, layers + 1)]

    def _recurrent(self, kv_heads: list[int]) -> list[bool]:
        if self.number("ssm.inner_size") is None:
            return [False] * len(kv_heads)
        every = self.number("full_attention_interval") or (4 if self.architecture == "qwen3next" else None)
        if every:
            return [bool(at % every) for at in range(1, len(kv_heads) + 1)]
        return [not heads for heads in kv_heads]

    def _state_bytes(self) -> int:
        """Of one recurrent layer, all in 32 bit."""
        inner, state = self.needed("ssm.inner_size"), self.needed("ssm.state_size")
        groups = self.number("ssm.group_count") or 0
        tail = (self.needed("ssm.conv_kernel") - 1) * (inner + 2 * groups * state)
        return 4 * (tail + state * inner)
