"""What a model needs on a graphics card, by arithmetic: weights + key-value cache + what the engine takes for itself.

Nothing here touches a file or a card. What is known of a model is read by `jarvisd.engines.model_files`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

GIB = 1024**3
KvDtype: TypeAlias = Literal["float16", "fp8"]
ServedBy: TypeAlias = Literal["vllm", "vllm_eager", "llama_cpp", "whisper", "embed"]
Purpose: TypeAlias = Literal["chat", "embedding", "speech"]
ModelFormat: TypeAlias = Literal["safetensors", "pytorch", "gguf", "ctranslate2"]

KV_BYTES: Mapping[KvDtype, int] = {"float16": 2, "fp8": 1}
# vLLM hands its cache out in blocks of so many tokens.
BLOCK_TOKENS = 16
# Where a model does not say how long its context is, no plan goes beyond this.
LONGEST_CONTEXT_TOKENS = 1 << 20

# CUDA context, libraries, activations and graphs, for one household (two to four sequences at once).
# vLLM: on an RTX 5070 Ti with its defaults (256 sequences) the graphs alone took 0.96 GiB and activations as much;
# with few sequences and small capture sizes about 1.4 GiB in all, without graphs about 1.0.
# Whisper large-v3-turbo, 0.75 GiB of weights in int8, runs in 1.3 to 1.6 GB; BGE-M3, 1.06 GiB, in 1.5 to 2 GB.
ENGINE_BYTES: Mapping[ServedBy, int] = {
    "vllm": int(1.4 * GIB),
    "vllm_eager": int(1.0 * GIB),
    "llama_cpp": int(0.6 * GIB),
    "whisper": int(0.7 * GIB),
    "embed": int(0.7 * GIB),
}

# AWQ with groups of 128: 4 bits a weight, and for each group a 16-bit scale and a 4-bit zero point.
AWQ_BYTES_PER_WEIGHT = (4 + 20 / 128) / 8


@dataclass(frozen=True, slots=True)
class CacheLayers:
    """Layers with the same cache. `elements`: kept for each token and layer; `window`: tokens kept, None for all."""

    layers: int
    elements: int
    window: int | None = None


@dataclass(frozen=True, slots=True)
class CacheShape:
    """What a model remembers of a conversation. `state_bytes`: of recurrent layers, however long it is."""

    layers: tuple[CacheLayers, ...]
    state_bytes: int = 0

    def bytes_per_token(self, dtype: KvDtype = "float16") -> int:
        """Growth with each token, once every sliding window is full."""
        return sum(one.layers * one.elements for one in self.layers if one.window is None) * KV_BYTES[dtype]

    def bytes_for(self, tokens: int, dtype: KvDtype = "float16") -> int:
        """One conversation of so many tokens."""
        elements = sum(one.layers * one.elements * min(tokens, one.window or tokens) for one in self.layers)
        return elements * KV_BYTES[dtype] + self.state_bytes


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model's files say of it. `source`: the folder, file or hub id that said so.

    `weights_bytes`: as loaded, where the engine keeps the types of the files (32-bit floats become 16-bit).
    `weights_as`: bytes by compute type, for models that are converted while loading (CTranslate2).
    `four_bit_bytes`: the same model in AWQ, for one in 16 bit. `cache`: None where nothing is remembered.
    """

    name: str
    source: str
    format: ModelFormat
    purpose: Purpose
    architecture: str
    weights_bytes: int
    cache: CacheShape | None = None
    layers: int = 0
    max_context_tokens: int | None = None
    dtype: str = ""
    quantization: str = ""
    weights_as: Mapping[str, int] = field(default_factory=dict)
    four_bit_bytes: int | None = None

    def weights_in(self, compute_type: str) -> int:
        """Bytes of the weights in a CTranslate2 compute type such as int8_float16."""
        return self.weights_as.get(compute_type.partition("_")[0], self.weights_bytes)


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes on a card for one conversation of `context_tokens`."""

    weights_bytes: int
    kv_bytes: int
    engine_bytes: int
    context_tokens: int

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.kv_bytes + self.engine_bytes


@dataclass(frozen=True, slots=True)
class Serving:
    """How a model is run. `gpu_layers`: so many of its layers are on the card, None for all (llama.cpp)."""

    by: ServedBy
    kv_dtype: KvDtype = "float16"
    compute_type: str = ""
    gpu_layers: int | None = None


def footprint(facts: ModelFacts, serving: Serving, context_tokens: int) -> Footprint:
    """What this model takes of a card while it serves one conversation of `context_tokens`."""
    share = _share_on_card(facts, serving)
    weights = facts.weights_in(serving.compute_type) if serving.compute_type else facts.weights_bytes
    kv = facts.cache.bytes_for(context_tokens, serving.kv_dtype) if facts.cache else 0
    return Footprint(
        weights_bytes=round(weights * share),
        kv_bytes=round(kv * share),
        engine_bytes=ENGINE_BYTES[serving.by] if share else 0,
        context_tokens=context_tokens if facts.cache else 0,
    )


def longest_context(facts: ModelFacts, serving: Serving, budget_bytes: int) -> int:
    """The most tokens, in whole blocks, that fit into so many bytes beside weights and engine; 0 where none do."""

    def fits(tokens: int) -> bool:
        return footprint(facts, serving, tokens).total_bytes <= budget_bytes

    most = facts.max_context_tokens or LONGEST_CONTEXT_TOKENS
    if fits(most):
        return most
    good, too_many = 0, most // BLOCK_TOKENS + 1
    while too_many - good > 1:
        middle = (good + too_many) // 2
        good, too_many = (middle, too_many) if fits(middle * BLOCK_TOKENS) else (good, middle)
    return good * BLOCK_TOKENS


def awq_bytes(linear_weights: int, other_weights: int) -> int:
    """Size of a model in AWQ: `linear_weights` in 4 bit, embeddings, head and norms in 16."""
    return round(linear_weights * AWQ_BYTES_PER_WEIGHT) + other_weights * 2


def _share_on_card(facts: ModelFacts, serving: Serving) -> float:
    if serving.gpu_layers is None or not facts.layers:
        return 1.0
    return min(1.0, serving.gpu_layers / facts.layers)
