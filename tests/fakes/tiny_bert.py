"""An embedding model of random weights, and the same computed in a few lines of numpy to hold the real code against."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import numpy as np
import tokenizers

from jarvisd.workers.onnx_bytes import FLOAT, INT64, Graph

LAYERS, HEADS, WIDTH, INNER, POSITIONS = 2, 2, 8, 12, 40
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "turn", "on", "the", "light", "enciende", "la", "luz", "kitchen", "cocina")
PAD, CLS, SEP = 0, 2, 3
NORM_EPSILON = 1e-5
_erf = np.vectorize(math.erf)


def make(folder: Path, *, kind="bert", pooling="mean", normalise=True, dtype="F32", modules=None, seed=1) -> dict:
    """Writes a model in sentence-transformers' layout into a new folder, and gives its weights as 32-bit floats."""
    folder.mkdir(parents=True)
    weights = _weights(np.random.default_rng(seed), types=2 if kind == "bert" else 1)
    stored = {name: _stored(values, dtype) for name, values in weights.items()}
    (folder / "model.safetensors").write_bytes(safetensors(stored, dtype))
    config = {
        "model_type": kind, "hidden_act": "gelu", "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "intermediate_size": INNER, "layer_norm_eps": NORM_EPSILON,
        "max_position_embeddings": POSITIONS, "pad_token_id": PAD, "vocab_size": len(WORDS), "dtype": "float32",
    }  # fmt: skip
    write_json(folder / "config.json", config)
    names = [("", "models.Transformer"), ("1_Pooling", "models.Pooling")]
    names += [("2_Normalize", "models.Normalize")] if normalise else []
    names += modules or []
    write_json(
        folder / "modules.json", [{"path": path, "type": f"sentence_transformers.{name}"} for path, name in names]
    )
    write_json(
        folder / "1_Pooling/config.json", {f"pooling_mode_{pooling}_token{'s' if pooling == 'mean' else ''}": True}
    )
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 16})
    tokenizer().save(str(folder / "tokenizer.json"))
    return {name: _loaded(values, dtype) for name, values in stored.items()}


def vector(weights: dict, text: str, *, kind="bert", pooling="mean", normalise=True) -> np.ndarray:
    """The vector of a text, computed by itself and without padding."""
    ids = [CLS, *(WORDS.index(word) if word in WORDS else 1 for word in text.split()), SEP]
    first = PAD + 1 if kind != "bert" else 0
    now = weights["embeddings.word_embeddings.weight"][ids]
    now = now + weights["embeddings.position_embeddings.weight"][first : first + len(ids)]
    now = _norm(now + weights["embeddings.token_type_embeddings.weight"][0], weights, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        now = _layer(now, weights, f"encoder.layer.{layer}.")
    pooled = now[0] if pooling == "cls" else now.mean(axis=0)
    return pooled / np.linalg.norm(pooled) if normalise else pooled


def onnx_file(folder: Path) -> Path:
    """A model in ONNX's format in place of the safetensors: it gives each token its row of a table and no more."""
    table = np.random.default_rng(7).normal(size=(len(WORDS), WIDTH)).astype(np.float32)
    graph = Graph()
    graph.input("input_ids", INT64, ("n", "t"))
    graph.input("attention_mask", INT64, ("n", "t"))
    graph.floats("flat", table.ravel().tolist())
    graph.integers("shape", table.shape)
    rows = graph.node("Reshape", ["flat", "shape"])
    graph.node("Gather", [rows, "input_ids"], name="last_hidden_state")
    graph.output("last_hidden_state", FLOAT, ("n", "t", WIDTH))
    file = folder / "onnx/model.onnx"
    file.parent.mkdir()
    file.write_bytes(graph.model(17))
    (folder / "model.safetensors").unlink()
    np.save(folder / "table.npy", table)
    return file


def tokenizer() -> tokenizers.Tokenizer:
    """Whole words; with a fixed length and padding in its file, as some come."""
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: at for at, word in enumerate(WORDS)}, "[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        "[CLS] $A [SEP]", None, [("[CLS]", CLS), ("[SEP]", SEP)]
    )
    made.enable_truncation(12)
    made.enable_padding(pad_id=PAD, length=12)
    return made


def safetensors(tensors: dict, dtype: str) -> bytes:
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": dtype, "shape": values.shape, "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(values.tobytes() for values in tensors.values())


def write_json(file: Path, content: object) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content))


def _weights(random: np.random.Generator, types: int) -> dict:
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (types, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{at}{part}.weight": (WIDTH, WIDTH), f"{at}{part}.bias": (WIDTH,)}
        shapes |= {f"{at}intermediate.dense.weight": (INNER, WIDTH), f"{at}intermediate.dense.bias": (INNER,)}
        shapes |= {f"{at}output.dense.weight": (WIDTH, INNER), f"{at}output.dense.bias": (WIDTH,)}
        norms += [f"{at}attention.output.LayerNorm", f"{at}output.LayerNorm"]
    for name in norms:
        shapes |= {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}
    return {name: random.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def _stored(values: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "BF16":
        return (np.ascontiguousarray(values).view(np.uint32) >> 16).astype(np.uint16)
    return values.astype(np.float16) if dtype == "F16" else values


def _loaded(values: np.ndarray, dtype: str) -> np.ndarray:
    return (values.astype(np.uint32) << 16).view(np.float32) if dtype == "BF16" else values.astype(np.float32)


def _layer(now: np.ndarray, weights: dict, at: str) -> np.ndarray:
    query, key, value = (_linear(now, weights, f"{at}attention.self.{part}") for part in ("query", "key", "value"))
    size = WIDTH // HEADS
    mixed = []
    for head in range(HEADS):
        part = slice(head * size, (head + 1) * size)
        scores = np.exp(query[:, part] @ key[:, part].T / math.sqrt(size))
        mixed.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, part])
    seen = _linear(np.concatenate(mixed, axis=1), weights, f"{at}attention.output.dense")
    now = _norm(now + seen, weights, f"{at}attention.output.LayerNorm")
    wide = _linear(now, weights, f"{at}intermediate.dense")
    wide = wide * (1 + _erf(wide / math.sqrt(2))) / 2
    return _norm(now + _linear(wide, weights, f"{at}output.dense"), weights, f"{at}output.LayerNorm")


def _linear(now: np.ndarray, weights: dict, name: str) -> np.ndarray:
    return now @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _norm(now: np.ndarray, weights: dict, name: str) -> np.ndarray:
    spread = now - now.mean(axis=1, keepdims=True)
    scaled = spread / np.sqrt((spread**2).mean(axis=1, keepdims=True) + NORM_EPSILON)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
