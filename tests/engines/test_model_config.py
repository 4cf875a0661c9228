"""What config.json says about a model's memory, by the published configurations of real models."""

import pytest

from jarvisd.engines.model_config import ModelConfig
from jarvisd.errors import ModelError

PLAIN = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096}
GEMMA3 = {"num_hidden_layers": 48, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256}


def shape(**fields):
    return ModelConfig(fields, "config.json").cache_shape()


@pytest.mark.parametrize(
    ("fields", "per_token"),
    [
        pytest.param(PLAIN, 131_072, id="grouped queries, head width from the hidden size"),
        pytest.param(PLAIN | {"num_key_value_heads": None}, 524_288, id="a cache for every head"),
        pytest.param(PLAIN | {"head_dim": 64}, 65_536, id="a head width of its own"),
        pytest.param({"model_type": "llava", "text_config": PLAIN, "vision_config": {}}, 131_072, id="the text part"),
        pytest.param(
            {"num_hidden_layers": 27, "num_attention_heads": 16, "kv_lora_rank": 512, "qk_rope_head_dim": 64},
            27 * 576 * 2, id="latent attention (DeepSeek-V2-Lite)",
        ),
        pytest.param(PLAIN | {"sliding_window": 4096, "use_sliding_window": False}, 131_072, id="a window unused"),
        pytest.param(PLAIN | {"sliding_window": 4096}, 0, id="every layer looks back only so far (Mistral 7B)"),
        pytest.param(
            PLAIN | {"sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 24},
            131_072 * 24 // 32, id="only the upper layers have a window (Qwen 2)",
        ),
        pytest.param(
            {"n_layer": 12, "n_head": 12, "n_embd": 768}, 2 * 12 * 768 * 2, id="the names of GPT-2"
        ),
        pytest.param(PLAIN | {"num_kv_shared_layers": 8}, 131_072 * 24 // 32, id="layers that share a cache"),
    ],
)  # fmt: skip
def test_cache_of_a_token(fields, per_token):
    assert shape(**fields).bytes_per_token() == per_token


def test_sliding_layers_stop_growing():
    cache = shape(model_type="gemma3_text", sliding_window=1024, sliding_window_pattern=6, **GEMMA3)
    token = 2 * 8 * 256 * 2
    assert cache.bytes_for(1000) == 48 * token * 1000
    assert cache.bytes_for(8192) == token * (8 * 8192 + 40 * 1024)
    assert cache.bytes_per_token() == 8 * token


def test_what_a_published_file_leaves_out():
    text = {"model_type": "gemma3_text", "num_hidden_layers": 34, "hidden_size": 2560, "sliding_window": 1024}
    config = ModelConfig({"model_type": "gemma3", "text_config": text}, "config.json")
    assert config.cache_shape().bytes_for(8192) == 2 * 4 * 256 * 2 * (5 * 8192 + 29 * 1024)
    assert config.max_context_tokens == 131_072


def test_qwen_2_has_a_window_only_when_it_says_so():
    fields = PLAIN | {"model_type": "qwen2", "sliding_window": 4096}
    assert shape(**fields).bytes_per_token() == shape(**PLAIN).bytes_per_token()
    assert shape(**fields, use_sliding_window=True, max_window_layers=0).bytes_per_token() == 0


def test_layers_named_one_by_one():
    kinds = ["sliding_attention", "full_attention"] * 12
    cache = shape(
        num_hidden_layers=24, num_attention_heads=64, num_key_value_heads=8, head_dim=64, sliding_window=128,
        layer_types=kinds,
    )  # fmt: skip
    assert cache.bytes_for(4096) == 2 * 8 * 64 * 2 * (12 * 4096 + 12 * 128)


def test_recurrent_layers_keep_a_state_of_one_size():
    cache = shape(
        num_hidden_layers=48, num_attention_heads=16, num_key_value_heads=2, head_dim=256, full_attention_interval=4,
        linear_num_value_heads=32, linear_num_key_heads=16, linear_key_head_dim=128, linear_value_head_dim=128,
        linear_conv_kernel_dim=4,
    )  # fmt: skip
    assert cache.bytes_per_token() == 12 * 2 * 2 * 256 * 2
    tail, state = 3 * (2 * 2048 + 4096) * 2, 32 * 128 * 128 * 4
    assert cache.state_bytes == 36 * (tail + state)
    assert cache.bytes_for(0) == cache.state_bytes


def test_half_as_much_in_fp8():
    assert shape(**PLAIN).bytes_for(100, "fp8") * 2 == shape(**PLAIN).bytes_for(100)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"num_hidden_layers": "32"}, "num_hidden_layers"),
        ({"num_key_value_heads": 8.5}, "num_key_value_heads"),
        ({"num_attention_heads": True}, "num_attention_heads"),
        ({"hidden_size": -1}, "hidden_size"),
        ({"hidden_size": 10**30}, "hidden_size"),
        ({"hidden_size": None}, "hidden_size"),
        ({"num_hidden_layers": 0}, "num_hidden_layers"),
        ({"num_hidden_layers": 10**7}, "layers cannot be"),
        ({"hidden_size": 4095}, "no multiple"),
        ({"layer_types": "full_attention"}, "layer_types"),
        ({"layer_types": ["full_attention"]}, "layer_types"),
        ({"layer_types": ["telepathy"] * 32}, "telepathy"),
        ({"sliding_window": "4096"}, "sliding_window"),
        ({"kv_lora_rank": 512}, "qk_rope_head_dim"),
    ],
)
def test_a_wrong_value_is_named_with_its_file(changes, named):
    with pytest.raises(ModelError, match=named) as caught:
        ModelConfig(PLAIN | changes, "/srv/m/config.json").cache_shape()
    assert caught.value.message.startswith("/srv/m/config.json: ")


def test_a_list_is_no_configuration():
    with pytest.raises(ModelError, match="no JSON object"):
        ModelConfig([1], "config.json")
