"""What goes wrong although the memory would do."""

from dataclasses import replace

import pytest

from jarvisd.engines.footprint import GIB, CacheLayers, CacheShape, ModelFacts, Serving
from jarvisd.planning.cards import Card
from jarvisd.planning.fit import Candidate, fit
from jarvisd.planning.traps import misnamed, similar, traps

BLACKWELL = Card("GPU-big", "RTX 5070 Ti", 16 * GIB, capability=(12, 0), driver="580.82")
TURING = Card("GPU-small", "RTX 2060", 6 * GIB, capability=(7, 5), driver="580.82")
ADA = Card("GPU-ada", "RTX 4070", 12 * GIB, capability=(8, 9), driver="580.82")
CHAT = ModelFacts(
    "m", "/m", "safetensors", "chat", "LlamaForCausalLM", 2 * GIB, CacheShape((CacheLayers(32, 2048),)),
    layers=32, max_context_tokens=8192, dtype="bfloat16", quantization="awq",
)  # fmt: skip
EARS = ModelFacts("w", "/w", "ctranslate2", "speech", "Whisper", GIB)


def codes(facts, card, serving="vllm", context_tokens=4096, **options):
    found = traps(fit(Candidate("it", facts, Serving(serving, **options), context_tokens), [card]))
    return {trap.code for trap in found}


@pytest.mark.parametrize(
    ("facts", "card", "expected"),
    [
        (CHAT, ADA, set()),
        (CHAT, TURING, {"no_bfloat16", "no_flash_attention_2"}),
        (replace(CHAT, dtype="float16"), TURING, {"no_flash_attention_2"}),
        (replace(CHAT, architecture="Gemma3ForCausalLM"), TURING, {"needs_bfloat16", "no_flash_attention_2"}),
        (CHAT, BLACKWELL, {"cuda_build"}),
        (CHAT, replace(BLACKWELL, driver="550.12"), {"cuda_build", "driver_too_old"}),
        (CHAT, replace(ADA, driver="550.12"), {"driver_too_old"}),
        (CHAT, replace(ADA, capability=(6, 1)), {"card_too_old"}),
        (CHAT, replace(ADA, capability=None, driver=""), set()),
        (replace(CHAT, quantization="fp8", dtype=""), TURING, {"no_fp8", "no_flash_attention_2"}),
        (replace(CHAT, quantization="fp8"), ADA, set()),
    ],
)
def test_vllm_on_a_card(facts, card, expected):
    assert codes(facts, card) == expected


def test_llama_cpp_has_none_of_vllms_traps():
    assert codes(CHAT, TURING, "llama_cpp") == set()
    assert codes(CHAT, replace(BLACKWELL, driver="550.1"), "llama_cpp") == {"driver_too_old"}


@pytest.mark.parametrize(
    ("compute_type", "card", "expected"),
    [
        ("auto", BLACKWELL, set()),
        ("int8_float16", BLACKWELL, {"int8_whisper"}),
        ("int8", BLACKWELL, {"int8_whisper"}),
        ("auto", TURING, set()),
        ("int8_bfloat16", TURING, {"no_bfloat16"}),
        ("auto", replace(TURING, driver="470.1"), {"driver_too_old"}),
    ],
)
def test_whisper_on_a_card(compute_type, card, expected):
    assert codes(EARS, card, "whisper", compute_type=compute_type) == expected


def test_whisper_in_another_format():
    assert codes(replace(EARS, format="safetensors"), TURING, "whisper") == {"not_ctranslate2"}


def test_sixteen_bit_where_four_were_meant():
    half = replace(CHAT, weights_bytes=15 * GIB, quantization="", four_bit_bytes=int(5.3 * GIB))
    (trap,) = traps(fit(Candidate("Llama-3.1-8B", half, Serving("vllm"), 8192), [ADA]))
    assert trap.code == "sixteen_bit"
    assert "15.0 GiB" in trap.message
    assert "5.3 GiB" in trap.message
    assert "AWQ" in trap.message


def test_a_context_that_the_model_was_not_made_for():
    assert codes(CHAT, ADA, context_tokens=16_384) == {"context_beyond_model"}


def test_a_trap_names_its_card():
    found = traps(fit(Candidate("it", CHAT, Serving("vllm"), 4096), [TURING, BLACKWELL]))
    assert {(trap.code, trap.card) for trap in found} == {
        ("no_bfloat16", "GPU-small"), ("no_flash_attention_2", "GPU-small"), ("cuda_build", "GPU-big"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("meta-llama/Llama-3.2-8B-Instruct", "There is no Llama-3.2 with 8B; it exists with 1B, 3B, 11B, 90B."),
        ("someone/Llama-3.3-8b-awq", "There is no Llama-3.3 with 8B; it exists with 70B."),
        ("Qwen/Qwen2.5-13B", "There is no Qwen2.5 with 13B; it exists with 0.5B, 1.5B, 3B, 7B, 14B, 32B, 72B."),
        ("meta-llama/Llama-3.2-3B-Instruct", ""),
        ("Qwen/Qwen3-30B-A3B", ""),
        ("Qwen/Qwen3-1.7B", ""),
        ("someone/mistral-8B", ""),
        ("Qwen/Qwen3-Embedding", ""),
    ],
)
def test_a_model_that_does_not_exist(name, said):
    assert misnamed(name) == said


def test_a_similar_name():
    assert similar("Qwen/Qwen3-14B-AQW") == "Qwen/Qwen3-14B-AWQ"
    assert similar("zzz/unlike-everything") == ""
