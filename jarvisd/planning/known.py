"""A few models by the numbers of their published config.json, to suggest one, or the nearest that fits.

Nothing else is planned with them: what a person names is read from its own files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jarvisd.engines.footprint import CacheLayers, CacheShape, ModelFacts, Serving, awq_bytes


@dataclass(frozen=True, slots=True)
class Shape:
    """A dense model of the Llama family: the keys of config.json that make its size."""

    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool
    max_context_tokens: int

    @property
    def linear_weights(self) -> int:
        attention = 2 * self.hidden_size * self.head_dim * (self.heads + self.kv_heads)
        return self.layers * (attention + 3 * self.hidden_size * self.intermediate_size)

    @property
    def other_weights(self) -> int:
        """Embeddings, head where it is not the same, and the norms."""
        embeddings = self.vocabulary * self.hidden_size * (1 if self.tied else 2)
        return embeddings + (2 * self.layers + 1) * self.hidden_size


@dataclass(frozen=True, slots=True)
class KnownModel:
    """`repository` is its name on the hub, `name` what people call it."""

    name: str
    repository: str
    facts: ModelFacts
    serving: Serving


# From each model's config.json on the Hugging Face hub. The best answers first.
SHAPES: Mapping[str, Shape] = {
    "Qwen/Qwen3-32B-AWQ": Shape(5120, 25600, 64, 64, 8, 128, 151936, False, 40960),
    "Qwen/Qwen3-14B-AWQ": Shape(5120, 17408, 40, 40, 8, 128, 151936, False, 40960),
    "Qwen/Qwen3-8B-AWQ": Shape(4096, 12288, 36, 32, 8, 128, 151936, False, 40960),
    "hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4": Shape(4096, 14336, 32, 32, 8, 128, 128256, False, 131072),
    "Qwen/Qwen2.5-7B-Instruct-AWQ": Shape(3584, 18944, 28, 28, 4, 128, 152064, False, 32768),
    "Qwen/Qwen3-4B-AWQ": Shape(2560, 9728, 36, 32, 8, 128, 151936, True, 40960),
    "AMead10/Llama-3.2-3B-Instruct-AWQ": Shape(3072, 8192, 28, 24, 8, 128, 128256, True, 131072),
    "Qwen/Qwen2.5-3B-Instruct-AWQ": Shape(2048, 11008, 36, 16, 2, 128, 151936, True, 32768),
    "Qwen/Qwen3-1.7B-AWQ": Shape(2048, 6144, 28, 16, 8, 128, 151936, True, 40960),
}
# Weights of Whisper by size, in millions.
_WHISPER_MILLIONS = {"large-v3": 1550, "large-v3-turbo": 809, "medium": 769, "small": 244, "base": 74}
# The sizes in which a family exists, in billions: a name with another one is a mistake.
FAMILIES: Mapping[str, tuple[float, ...]] = {
    "llama-3.1": (8, 70, 405),
    "llama-3.2": (1, 3, 11, 90),
    "llama-3.3": (70,),
    "qwen2.5": (0.5, 1.5, 3, 7, 14, 32, 72),
    "qwen3": (0.6, 1.7, 4, 8, 14, 30, 32, 80, 235, 480),
}


def _chat_name(repository: str) -> str:
    name = repository.partition("/")[2].removeprefix("Meta-").removesuffix("-INT4").removesuffix("-AWQ")
    return name.removesuffix("-Instruct") + " AWQ"


def _chat(repository: str, shape: Shape) -> KnownModel:
    facts = ModelFacts(
        name=_chat_name(repository),
        source=repository,
        format="safetensors",
        purpose="chat",
        architecture="",
        weights_bytes=awq_bytes(shape.linear_weights, shape.other_weights),
        cache=CacheShape((CacheLayers(shape.layers, 2 * shape.kv_heads * shape.head_dim),)),
        layers=shape.layers,
        max_context_tokens=shape.max_context_tokens,
        quantization="awq",
    )
    return KnownModel(facts.name, repository, facts, Serving("vllm"))


def _whisper(size: str, millions: int) -> KnownModel:
    weights = millions * 1_000_000
    owner = "mobiuslabsgmbh" if size.endswith("turbo") else "Systran"
    facts = ModelFacts(
        name=f"Whisper {size}",
        source=f"{owner}/faster-whisper-{size}",
        format="ctranslate2",
        purpose="speech",
        architecture="Whisper",
        weights_bytes=weights * 2,
        weights_as={"int8": weights, "float16": weights * 2, "bfloat16": weights * 2, "float32": weights * 4},
    )
    return KnownModel(facts.name, facts.source, facts, Serving("whisper", compute_type="auto"))


CHAT = tuple(_chat(repository, shape) for repository, shape in SHAPES.items())
SPEECH = tuple(_whisper(size, millions) for size, millions in _WHISPER_MILLIONS.items())
WHISPER_TURBO = next(one for one in SPEECH if one.name.endswith("turbo"))
