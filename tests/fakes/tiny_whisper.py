"""A Whisper model of random weights, so that the real loading and decoding code has something to work on.

One layer of 16 dimensions, 4 MB, with the vocabulary's real size and layout. What it "hears" are made-up words:
they cannot be asserted, only that they are a text.
"""

from __future__ import annotations

from pathlib import Path

import ctranslate2
import numpy as np
import tokenizers

WIDTH = 16
MELS = 80
WORDS = 50_257
LANGUAGES = ("en", "zh", "de", "es", "ru", "ko", "fr", "ja", "pt", "tr")
LANGUAGE_COUNT = 99
TIMESTAMPS = 1_501


def vocabulary() -> list[str]:
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    languages = [*LANGUAGES, *(f"x{number}" for number in range(len(LANGUAGES), LANGUAGE_COUNT))]
    marks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    return [
        *letters,
        *(f"Ġw{number}" for number in range(WORDS - len(letters) - 1)),
        "",  # by this token CTranslate2 knows a multilingual model
        *(f"<|{mark}|>" for mark in ("endoftext", "startoftranscript", *languages, *marks)),
        *(f"<|{number * 0.02:.2f}|>" for number in range(TIMESTAMPS)),
    ]


def make(folder: Path, seed: int = 1) -> Path:
    """Writes the model into `folder`, which must not exist yet."""
    folder.mkdir()
    tokens = vocabulary()
    _tokenizer(tokens).save(str(folder / "tokenizer.json"))
    spec = _spec(len(tokens), np.random.default_rng(seed))
    spec.register_vocabulary(tokens)
    spec.config.lang_ids = [tokens.index(f"<|{language}|>") for language in LANGUAGES]
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [tokens.index("<|endoftext|>")]
    spec.config.alignment_heads = [[0, 0]]
    spec.validate()
    spec.optimize(quantization="float16")
    spec.save(str(folder))
    return folder


def _tokenizer(tokens: list[str]) -> tokenizers.Tokenizer:
    words = {token: number for number, token in enumerate(tokens) if not token.startswith("<|")}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens([token for token in tokens if token.startswith("<|")])
    return tokenizer


def _spec(token_count: int, random: np.random.Generator):
    def weights(*shape: int) -> np.ndarray:
        return random.normal(0, 0.3, shape).astype(np.float32)

    def linear(layer, rows: int, columns: int) -> None:
        layer.weight, layer.bias = weights(rows, columns), weights(rows)

    def norm(layer) -> None:
        layer.gamma, layer.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def own_attention(layer) -> None:
        norm(layer.layer_norm)
        linear(layer.linear[0], 3 * WIDTH, WIDTH)
        linear(layer.linear[1], WIDTH, WIDTH)

    def feed_forward(layer) -> None:
        norm(layer.layer_norm)
        linear(layer.linear_0, 4 * WIDTH, WIDTH)
        linear(layer.linear_1, WIDTH, 4 * WIDTH)

    spec = ctranslate2.specs.WhisperSpec(1, 2, 1, 2)
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = weights(WIDTH, MELS, 3), weights(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = weights(WIDTH, WIDTH, 3), weights(WIDTH)
    encoder.position_encodings.encodings = weights(1_500, WIDTH)
    decoder.position_encodings.encodings = weights(448, WIDTH)
    decoder.embeddings.weight = weights(token_count, WIDTH)
    decoder.projection.weight = decoder.embeddings.weight
    decoder.scale_embeddings = False
    for part in (encoder, decoder):
        norm(part.layer_norm)
        own_attention(part.layer[0].self_attention)
        feed_forward(part.layer[0].ffn)
    across = decoder.layer[0].attention
    norm(across.layer_norm)
    linear(across.linear[0], WIDTH, WIDTH)
    linear(across.linear[1], 2 * WIDTH, WIDTH)
    linear(across.linear[2], WIDTH, WIDTH)
    return spec
