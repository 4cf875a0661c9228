"""Models as they lie on a disk: whole ones of every layout, and damaged ones."""

import json
import random
import struct

import pytest

from benchmarks.model_folders import PUBLISHED, config_of, write_folder, write_gguf, write_safetensors
from jarvisd.engines.model_files import read_model
from jarvisd.errors import ModelError
from jarvisd.planning.known import Shape
from tests.fakes import tiny_whisper

REPOSITORY = "Qwen/Qwen2.5-3B-Instruct-AWQ"
SMALL = PUBLISHED[REPOSITORY]


def plain(folder, tensors, **config):
    """A small chat model with these tensors."""
    folder.mkdir(exist_ok=True)
    write_safetensors(folder / "model.safetensors", tensors)
    fields = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64, "model_type": "llama"}
    (folder / "config.json").write_text(json.dumps(fields | config))
    return folder


def test_awq_in_shards(tmp_path):
    facts = read_model(write_folder(tmp_path / "Qwen2.5-3B", SMALL, shards=3))
    assert facts.weights_bytes == pytest.approx(1.922 * 2**30, rel=0.001)
    assert (facts.name, facts.format, facts.purpose, facts.quantization) == ("Qwen2.5-3B", "safetensors", "chat", "awq")
    assert facts.cache.bytes_per_token() == 36 * 1024
    assert (facts.layers, facts.max_context_tokens, facts.four_bit_bytes) == (36, 32768, None)


def test_sixteen_bit_knows_its_size_in_four(tmp_path):
    half = read_model(write_folder(tmp_path / "half", SMALL, awq=False, shards=1))
    awq = read_model(write_folder(tmp_path / "awq", SMALL))
    assert half.four_bit_bytes == pytest.approx(awq.weights_bytes, rel=0.001)
    assert half.weights_bytes == 2 * (SMALL.linear_weights + SMALL.other_weights)
    assert half.dtype == "bfloat16"


def test_wide_floats_are_loaded_in_sixteen_bit(tmp_path):
    facts = read_model(plain(tmp_path, {"a.weight": ("F32", (100, 10)), "b.weight": ("F16", (10,))}))
    assert facts.weights_bytes == 2000 + 20


def test_a_tied_head_is_loaded_once(tmp_path):
    tensors = {"model.embed_tokens.weight": ("F16", (100, 10)), "lm_head.weight": ("F16", (100, 10))}
    assert read_model(plain(tmp_path / "a", tensors)).weights_bytes == 4000
    assert read_model(plain(tmp_path / "b", tensors, tie_word_embeddings=True)).weights_bytes == 2000


def test_second_copies_are_not_counted(tmp_path):
    folder = plain(tmp_path, {"a.weight": ("F16", (10, 10))})
    write_safetensors(folder / "consolidated.safetensors", {"a": ("F16", (10, 10))})
    assert read_model(folder).weights_bytes == 200


def test_sentence_transformers(tmp_path):
    folder = plain(tmp_path, {"embeddings.weight": ("F32", (1000, 10))}, model_type="xlm-roberta")
    (folder / "modules.json").write_text("[]")
    facts = read_model(folder)
    assert (facts.purpose, facts.cache, facts.weights_bytes) == ("embedding", None, 20_000)


def test_sentence_transformers_with_the_model_in_a_folder_of_its_own(tmp_path):
    plain(tmp_path / "0_Transformer", {"embeddings.weight": ("F32", (1000, 10))}, model_type="bert")
    (tmp_path / "modules.json").write_text(json.dumps([{"path": "0_Transformer"}, {"path": "1_Pooling"}]))
    assert read_model(tmp_path).weights_bytes == 20_000


def test_pickled_weights_are_measured_and_never_opened(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "torch_dtype": "float32"}))
    (tmp_path / "pytorch_model.bin").write_bytes(bytes(1000))
    facts = read_model(tmp_path)
    assert (facts.format, facts.weights_bytes) == ("pytorch", 500)


def test_ctranslate2_by_compute_type(tmp_path):
    facts = read_model(tiny_whisper.make(tmp_path / "whisper"))
    assert (facts.purpose, facts.format) == ("speech", "ctranslate2")
    assert facts.weights_in("float16") == pytest.approx(facts.weights_bytes, rel=0.001)
    assert facts.weights_in("float32") == 2 * facts.weights_in("float16")
    assert facts.weights_in("int8_float16") < 0.7 * facts.weights_in("float16")


def test_ctranslate2_cut_off(tmp_path):
    model = tiny_whisper.make(tmp_path / "whisper") / "model.bin"
    model.write_bytes(model.read_bytes()[:100_000])
    with pytest.raises(ModelError, match=r"model\.bin: is cut off"):
        read_model(model.parent)


def test_another_model_bin(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(ModelError, match="no model of CTranslate2"):
        read_model(tmp_path)


def damage_header_length(folder):
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")


def damage_header_length_of_a_large_file(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.write(struct.pack("<Q", 1 << 30))
        file.truncate(1 << 31)


def cut_weights(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate((folder / "model.safetensors").stat().st_size - 1)


def cut_length(folder):
    (folder / "model.safetensors").write_bytes(b"\x08\0\0")


def garbage_header(folder):
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 8) + b"not json")


def deep_header(folder):
    text = b"[" * 200_000
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)


def text_offsets(folder):
    text = b'{"a": {"dtype": "F16", "shape": [1], "data_offsets": ["0", "2"]}}'
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"\0\0")


def circle(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("model.safetensors")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_header_length, "cut off"),
        (damage_header_length_of_a_large_file, "no safetensors header"),
        (cut_weights, "cut off"),
        (cut_length, "cut off"),
        (garbage_header, "damaged"),
        (deep_header, "damaged"),
        (text_offsets, "damaged"),
        (circle, "circle|symbolic"),
    ],
)
def test_damaged_weights_are_named(tmp_path, damage, said):
    folder = plain(tmp_path, {"a.weight": ("F16", (10, 10))})
    damage(folder)
    with pytest.raises(ModelError, match=said) as caught:
        read_model(folder)
    assert str(folder / "model.safetensors") in caught.value.message


def test_a_missing_shard_is_named(tmp_path):
    folder = write_folder(tmp_path / "m", SMALL, shards=3)
    (folder / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model-00002-of-00003\.safetensors: is not there"):
        read_model(folder)


def test_an_index_may_not_lead_elsewhere(tmp_path):
    folder = plain(tmp_path, {"a.weight": ("F16", (10, 10))})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../../etc/passwd"}}))
    with pytest.raises(ModelError, match="not a file of this folder"):
        read_model(folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"num_hidden_layers": 1e400}', "[" * 100_000])
def test_a_configuration_that_is_none(tmp_path, text):
    folder = plain(tmp_path, {"a.weight": ("F16", (10, 10))})
    (folder / "config.json").write_text(text)
    with pytest.raises(ModelError, match=r"config\.json"):
        read_model(folder)


def test_a_folder_without_a_configuration(tmp_path):
    write_safetensors(tmp_path / "model.safetensors", {"a": ("F16", (1,))})
    with pytest.raises(ModelError, match=r"has no config\.json"):
        read_model(tmp_path)


def test_a_folder_without_weights(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config_of(SMALL)))
    with pytest.raises(ModelError, match="no weights"):
        read_model(tmp_path)


def test_a_link_that_leads_in_a_circle(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(ModelError, match="in a circle"):
        read_model(tmp_path / "a")


def test_what_is_not_there_or_no_model(tmp_path):
    with pytest.raises(ModelError, match="is not there"):
        read_model(tmp_path / "nothing")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ModelError, match="neither"):
        read_model(tmp_path / "notes.txt")


def test_any_damage_ends_in_a_sentence(tmp_path):
    """Bytes of every kind of file are changed at random: it is read, or refused with its name, and nothing else."""
    chance = random.Random(7)
    folder = plain(tmp_path / "m", {"a.weight": ("F16", (10, 10)), "b.weight": ("F32", (4,))}, sliding_window=8)
    small = Shape(64, 128, 2, 4, 2, 16, 100, False, 1024)
    files = [folder / "config.json", folder / "model.safetensors", write_gguf(tmp_path / "m.gguf", small)]
    refused = 0
    for file in files:
        whole = file.read_bytes()
        for _ in range(250):
            damaged = bytearray(whole[: chance.choice([len(whole), chance.randrange(len(whole))])])
            for _ in range(chance.randrange(4)):
                if damaged:
                    damaged[chance.randrange(min(len(damaged), 2000))] = chance.randrange(256)
            file.write_bytes(damaged)
            try:
                read_model(file if file.suffix == ".gguf" else folder)
            except ModelError as error:
                refused += 1
                assert str(tmp_path) in error.message
        file.write_bytes(whole)
    assert refused > 300
