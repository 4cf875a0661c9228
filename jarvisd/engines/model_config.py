"""What a model's config.json says about its cache: which layers remember how much of a conversation.

Pure: the text goes in as a parsed object. A value of the wrong type is refused with the file and the key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeAlias

from jarvisd.engines.footprint import CacheLayers, CacheShape
from jarvisd.errors import ModelError

# Models of text whose whole input is seen at once: nothing is kept from token to token.
ENCODERS = frozenset({
    "bert", "camembert", "deberta-v2", "distilbert", "electra", "gte", "jina_bert_v2", "modernbert", "mpnet", "new",
    "nomic_bert", "roberta", "xlm-roberta",
})  # fmt: skip
_TEXT_PARTS = ("text_config", "llm_config", "language_config", "thinker_config")
_ALL = frozenset({"full_attention", "attention", "full", "*"})
_WINDOWED = frozenset({"sliding_attention", "chunked_attention", "local_attention"})
_RECURRENT = frozenset({"linear_attention", "mamba", "mamba2", "M"})
_NOTHING = frozenset({"-", "E", "mlp", "moe"})
# One layer in so many sees everything, where the file does not say it: Gemma 2 every second, Gemma 3 every sixth.
_WINDOW_PATTERNS = {"gemma2": 2, "gemma3": 6, "gemma3_text": 6, "cohere2": 4}
# What transformers fills in where a published config.json leaves it out.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "gemma3_text": {
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "sliding_window": 4096,
        "max_position_embeddings": 131_072,
    },
}
# No file declares so many layers in earnest; a list of that length would only eat memory.
_MOST_LAYERS = 4096
_LARGEST = 1 << 40

Fields: TypeAlias = Mapping[str, Any]


class ModelConfig:
    """Typed access to config.json. `place` names the file in every complaint."""

    def __init__(self, fields: Fields, place: str) -> None:
        if not isinstance(fields, Mapping):
            raise ModelError(f"{place}: holds no JSON object")
        self.whole = fields
        self.place = place
        self.text: Fields = next(
            (part for name in _TEXT_PARTS if isinstance(part := fields.get(name), Mapping)), fields
        )
        if isinstance(inner := self.text.get("text_config"), Mapping):  # as in Qwen's omni models
            self.text = inner
        self.text = {**_DEFAULTS.get(str(self.text.get("model_type")), {}), **self.text}

    @property
    def model_type(self) -> str:
        return str(self.whole.get("model_type") or "")

    @property
    def architecture(self) -> str:
        named = self.whole.get("architectures")
        return str(named[0]) if isinstance(named, list) and named else self.model_type

    @property
    def dtype(self) -> str:
        fields = (self.text, self.whole)
        return str(next((one[key] for one in fields for key in ("dtype", "torch_dtype") if one.get(key)), ""))

    @property
    def tied(self) -> bool:
        """Whether the head is the embeddings' own matrix."""
        return self.whole.get("tie_word_embeddings", self.text.get("tie_word_embeddings")) is True

    @property
    def quantization(self) -> Fields:
        found = self.whole.get("quantization_config") or self.text.get("quantization_config")
        return found if isinstance(found, Mapping) else {}

    @property
    def max_context_tokens(self) -> int | None:
        keys = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length")
        return next((found for key in keys if (found := self.number(key)) is not None), None)

    def number(self, *keys: str) -> int | None:
        """The first of these keys that is set, as a whole number. Raises ModelError for text, fractions and minus."""
        for key in keys:
            value = self.text.get(key)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST:
                raise ModelError(f"{self.place}: {key} must be a whole number, not {_short(value)}")
            return value
        return None

    def needed(self, *keys: str) -> int:
        found = self.number(*keys)
        if not found:
            raise ModelError(f"{self.place}: {' or '.join(keys)} is missing, so its memory cannot be computed")
        return found

    @property
    def layers(self) -> int:
        count = self.needed("num_hidden_layers", "n_layer", "num_layers", "n_layers")
        if count > _MOST_LAYERS:
            raise ModelError(f"{self.place}: {count} layers cannot be")
        return count

    def cache_shape(self) -> CacheShape:
        """Raises ModelError where a value is missing, of the wrong type, or a kind of layer is not known."""
        kinds = self._layer_kinds()
        attending = [kind for kind in kinds if kind in _ALL or kind in _WINDOWED]
        elements, everywhere = (self._elements(), self._elements(everywhere=True)) if attending else (0, 0)
        counted = Counter(attending)
        groups = [
            CacheLayers(count, everywhere if kind in _ALL else elements, None if kind in _ALL else self._window(kind))
            for kind, count in sorted(counted.items())
        ]
        recurrent = sum(kind in _RECURRENT for kind in kinds)
        return CacheShape(tuple(groups), recurrent * self._recurrent_bytes() if recurrent else 0)

    def _elements(self, *, everywhere: bool = False) -> int:
        """What one layer keeps of one token. `everywhere`: a layer that sees all of the conversation."""
        if latent := self.number("kv_lora_rank"):  # MLA: one compressed vector in place of keys and values
            return latent + self.needed("qk_rope_head_dim")
        heads = self.needed("num_attention_heads", "n_head", "num_heads")
        own = ("num_global_key_value_heads",) if everywhere else ()
        kv_heads = self.number(*own, "num_key_value_heads", "num_kv_heads", "multi_query_group_num") or heads
        own = ("global_head_dim",) if everywhere else ()
        head_dim = self.number(*own, "head_dim", "kv_channels")
        if not head_dim:
            width = self.needed("hidden_size", "n_embd", "d_model")
            if width % heads:
                raise ModelError(f"{self.place}: hidden_size {width} is no multiple of its {heads} heads")
            head_dim = width // heads
        return 2 * kv_heads * head_dim

    def _layer_kinds(self) -> list[str]:
        kinds = self._named_kinds() or self._windowed_kinds()
        known = _ALL | _WINDOWED | _RECURRENT | _NOTHING
        if strange := sorted(set(kinds) - known):
            raise ModelError(f"{self.place}: nothing is known about the memory of {strange[0]!r} layers")
        shared = self.number("num_kv_shared_layers") or 0  # the last layers read an earlier layer's cache
        return kinds[: len(kinds) - shared]

    def _named_kinds(self) -> list[str]:
        """One name a layer, for models that list them."""
        if isinstance(pattern := self.text.get("hybrid_override_pattern"), str):
            return list(pattern[:_MOST_LAYERS])
        for key in ("layer_types", "layers_block_type"):
            named = self.text.get(key)
            if named is None:
                continue
            if not isinstance(named, list) or not named or not all(isinstance(one, str) for one in named):
                raise ModelError(f"{self.place}: {key} must be a list of names")
            if len(named) != self.layers:
                raise ModelError(f"{self.place}: {key} names {len(named)} layers of {self.layers}")
            return named
        if every := self.number("full_attention_interval"):  # Qwen3-Next
            return ["linear_attention" if at % every else "full_attention" for at in range(1, self.layers + 1)]
        if every := self.number("attn_layer_period"):  # Jamba
            offset = self.number("attn_layer_offset") or 0
            return ["attention" if at % every == offset else "mamba" for at in range(self.layers)]
        return []

    def _windowed_kinds(self) -> list[str]:
        """For models that only say how wide their window is."""
        layers = self.layers
        type_ = str(self.text.get("model_type") or self.model_type)
        used = self.text.get("use_sliding_window", not type_.startswith("qwen"))
        if not self.number("sliding_window") or not used:
            return ["full_attention"] * layers
        pattern = self.number("sliding_window_pattern", "_sliding_window_pattern") or _WINDOW_PATTERNS.get(type_)
        if pattern:
            return ["sliding_attention" if at % pattern else "full_attention" for at in range(1, layers + 1)]
        if self.text.get("use_sliding_window") is True:  # Qwen 2: the lower layers see everything
            full = min(layers, self.number("max_window_layers") or 0)
            return ["full_attention"] * full + ["sliding_attention"] * (layers - full)
        return ["sliding_attention"] * layers

    def _window(self, kind: str) -> int:
        key = "attention_chunk_size" if kind == "chunked_attention" else "sliding_window"
        return self.needed(key, "sliding_window", "attention_window_size")

    def _recurrent_bytes(self) -> int:
        """State of one recurrent layer, for one conversation: a convolution's tail in 16 bit, the rest in 32."""
        if heads := self.number("linear_num_value_heads"):  # gated delta net (Qwen3-Next)
            keys = self.needed("linear_num_key_heads") * self.needed("linear_key_head_dim")
            value_dim = self.needed("linear_value_head_dim")
            tail = (self.needed("linear_conv_kernel_dim") - 1) * (2 * keys + heads * value_dim)
            return tail * 2 + heads * value_dim * self.needed("linear_key_head_dim") * 4
        state = self.needed("mamba_d_state", "ssm_state_size", "state_size")
        if heads := self.number("mamba_n_heads", "mamba_num_heads"):  # Mamba 2
            inner = heads * self.needed("mamba_d_head", "mamba_head_dim")
            width = inner + 2 * (self.number("mamba_n_groups", "n_groups") or 1) * state
        else:
            width = inner = (self.number("mamba_expand") or 2) * self.needed("hidden_size")
        tail = ((self.number("mamba_d_conv", "conv_kernel") or 4) - 1) * width
        return tail * 2 + inner * state * 4


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
