"""Models without weights: true headers and configurations, and files as long as the real ones that take no disk.

Built tensor by tensor from the numbers of published config.json files, as AutoAWQ, the original authors and llama.cpp
lay them out.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

from jarvisd.planning.known import SHAPES, Shape

Tensors: TypeAlias = dict[str, tuple[str, tuple[int, ...]]]
_GROUP = 128
_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I32": 4, "I8": 1}
# Beside those that are suggested: models that people ask for, and that fit no card of a house, or are older.
PUBLISHED: Mapping[str, Shape] = {
    **SHAPES,
    "casperhansen/llama-3.3-70b-instruct-awq": Shape(8192, 28672, 80, 64, 8, 128, 128256, False, 131072),
    "Qwen/Qwen2.5-32B-Instruct-AWQ": Shape(5120, 27648, 64, 40, 8, 128, 152064, False, 32768),
    "Qwen/Qwen2.5-14B-Instruct-AWQ": Shape(5120, 13824, 48, 40, 8, 128, 152064, False, 32768),
    "casperhansen/deepseek-r1-distill-qwen-14b-awq": Shape(5120, 13824, 48, 40, 8, 128, 152064, False, 131072),
}


def write_folder(
    folder: Path, shape: Shape, *, awq: bool = True, shards: int = 2, config: Mapping[str, Any] | None = None
) -> Path:
    """A model in Hugging Face's layout, in AWQ or in bfloat16. `config`: more keys of config.json."""
    folder.mkdir(parents=True)
    tensors = list(_tensors(shape, awq=awq))
    size = -(-len(tensors) // shards)
    places: dict[str, str] = {}
    for number in range(shards):
        name = f"model-{number + 1:05}-of-{shards:05}.safetensors" if shards > 1 else "model.safetensors"
        part = dict(tensors[number * size : (number + 1) * size])
        write_safetensors(folder / name, part)
        places |= dict.fromkeys(part, name)
    if shards > 1:
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    (folder / "config.json").write_text(json.dumps(config_of(shape, awq=awq) | dict(config or {})))
    return folder


def config_of(shape: Shape, *, awq: bool = True) -> dict[str, Any]:
    quantised = {"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": _GROUP}} if awq else {}
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": shape.hidden_size,
        "intermediate_size": shape.intermediate_size,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "vocab_size": shape.vocabulary,
        "tie_word_embeddings": shape.tied,
        "max_position_embeddings": shape.max_context_tokens,
        "torch_dtype": "float16" if awq else "bfloat16",
        **quantised,
    }


def write_safetensors(file: Path, tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> Path:
    """A file with a true header, and a hole where the weights would be."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + prod(shape) * _BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with file.open("wb") as opened:
        opened.write(len(text).to_bytes(8, "little") + text)
        opened.truncate(8 + len(text) + end)
    return file


def _linears(shape: Shape) -> dict[str, tuple[int, int]]:
    """Inputs and outputs of one layer's matrices."""
    hidden, inner = shape.hidden_size, shape.intermediate_size
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    return {
        "self_attn.q_proj": (hidden, queries),
        "self_attn.k_proj": (hidden, keys),
        "self_attn.v_proj": (hidden, keys),
        "self_attn.o_proj": (queries, hidden),
        "mlp.gate_proj": (hidden, inner),
        "mlp.up_proj": (hidden, inner),
        "mlp.down_proj": (inner, hidden),
    }


def _tensors(shape: Shape, *, awq: bool) -> Iterator[tuple[str, tuple[str, tuple[int, ...]]]]:
    half = "F16" if awq else "BF16"
    yield "model.embed_tokens.weight", (half, (shape.vocabulary, shape.hidden_size))
    for layer in range(shape.layers):
        for name, (inputs, outputs) in _linears(shape).items():
            place = f"model.layers.{layer}.{name}"
            if awq:
                yield f"{place}.qweight", ("I32", (inputs, outputs // 8))
                yield f"{place}.qzeros", ("I32", (inputs // _GROUP, outputs // 8))
                yield f"{place}.scales", ("F16", (inputs // _GROUP, outputs))
            else:
                yield f"{place}.weight", (half, (outputs, inputs))
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"model.layers.{layer}.{norm}.weight", (half, (shape.hidden_size,))
    yield "model.norm.weight", (half, (shape.hidden_size,))
    if not shape.tied:
        yield "lm_head.weight", (half, (shape.vocabulary, shape.hidden_size))


def write_gguf(file: Path, shape: Shape, fields: Mapping[str, Any] | None = None) -> Path:
    """A Llama in Q8_0 (32 weights in 34 bytes), as llama.cpp writes it. `fields`: metadata to change or add."""
    metadata: dict[str, Any] = {
        "general.architecture": "llama",
        "general.file_type": 7,
        "llama.block_count": shape.layers,
        "llama.context_length": shape.max_context_tokens,
        "llama.embedding_length": shape.hidden_size,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.kv_heads,
        "llama.attention.key_length": shape.head_dim,
        "llama.attention.value_length": shape.head_dim,
        "tokenizer.ggml.tokens": ["a", "word", "or two"],
        **(fields or {}),
    }
    tensors = [(name, dims) for name, (_, dims) in _tensors(shape, awq=False)]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        header += _text(key) + _value(value)
    offset = 0
    for name, dims in tensors:
        kind, stored = (8, prod(dims) * 34 // 32) if len(dims) > 1 else (0, prod(dims) * 4)
        header += _text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *reversed(dims))
        header += struct.pack("<IQ", kind, offset)
        offset += -(-stored // 32) * 32
    with file.open("wb") as opened:
        opened.write(header)
        opened.truncate(-(-len(header) // 32) * 32 + offset)
    return file


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, list):
        kind, items = (
            (8, map(_text, value)) if isinstance(value[0], str) else (4, (struct.pack("<I", one) for one in value))
        )
        return struct.pack("<IIQ", 9, kind, len(value)) + b"".join(items)
    return struct.pack("<II", 4, value)
