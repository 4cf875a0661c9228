"""Models of random weights, computed by the worker's code and, to compare, in plain numpy."""

import json

import numpy as np
import pytest

from jarvisd.errors import ModelError
from jarvisd.workers.embed_folder import read_folder
from jarvisd.workers.embed_onnx import OnnxEmbedder, obstacle

pytest.importorskip("tokenizers")
from tests.fakes import tiny_bert

TEXTS = ("turn on the light", "enciende la luz", "cocina", "the unheard kitchen")


def vectors(folder, texts=TEXTS, max_tokens=512):
    embedder = OnnxEmbedder(read_folder(folder), threads=1, max_tokens=max_tokens)
    return embedder.vectors(embedder.pieces(texts))


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
@pytest.mark.parametrize(("pooling", "normalise"), [("mean", True), ("cls", True), ("mean", False), ("cls", False)])
def test_a_graph_over_safetensors_computes_what_the_model_is(tmp_path, kind, pooling, normalise):
    how = {"kind": kind, "pooling": pooling, "normalise": normalise}
    weights = tiny_bert.make(tmp_path / "m", **how)
    expected = [tiny_bert.vector(weights, text, **how) for text in TEXTS]
    assert np.allclose(vectors(tmp_path / "m"), expected, atol=2e-6)


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_weights_of_16_bit_are_computed_as_they_are(tmp_path, dtype):
    weights = tiny_bert.make(tmp_path / "m", dtype=dtype)
    assert np.allclose(vectors(tmp_path / "m"), [tiny_bert.vector(weights, text) for text in TEXTS], atol=2e-6)


def test_the_company_of_a_batch_changes_no_vector(tmp_path):
    tiny_bert.make(tmp_path / "m")
    together = vectors(tmp_path / "m", ("light", "turn on the light " * 3))
    assert np.allclose(together[0], vectors(tmp_path / "m", ("light",))[0], atol=1e-6)


def test_names_with_the_model_in_front_are_understood(tmp_path):
    weights = tiny_bert.make(tmp_path / "m")
    named = {f"bert.{name}": values for name, values in weights.items()}
    (tmp_path / "m/model.safetensors").write_bytes(tiny_bert.safetensors(named, "F32"))
    assert np.allclose(vectors(tmp_path / "m")[0], tiny_bert.vector(weights, TEXTS[0]), atol=2e-6)


def test_an_onnx_file_is_taken_where_there_is_one(tmp_path):
    tiny_bert.make(tmp_path / "m")
    tiny_bert.onnx_file(tmp_path / "m")
    table = np.load(tmp_path / "m/table.npy")
    mean = table[[tiny_bert.CLS, tiny_bert.WORDS.index("cocina"), tiny_bert.SEP]].mean(axis=0)
    assert np.allclose(vectors(tmp_path / "m", ("cocina",))[0], mean / np.linalg.norm(mean), atol=1e-6)


@pytest.mark.parametrize(("asked", "kept"), [(8, 8), (512, 16)])
def test_texts_are_cut_at_the_lower_of_both_limits(tmp_path, asked, kept):
    tiny_bert.make(tmp_path / "m")
    embedder = OnnxEmbedder(read_folder(tmp_path / "m"), threads=1, max_tokens=asked)
    assert [piece.tokens for piece in embedder.pieces(["luz " * 100, "luz"])] == [kept, 3]


def test_without_a_limit_of_its_own_a_model_has_its_positions(tmp_path):
    for kind, longest in (("bert", 40), ("xlm-roberta", 39)):
        tiny_bert.make(tmp_path / kind, kind=kind)
        (tmp_path / kind / "sentence_bert_config.json").unlink()
        assert read_folder(tmp_path / kind).max_tokens == longest
        assert np.isfinite(vectors(tmp_path / kind, ("luz " * 100,))).all()


def test_a_prompt_that_the_model_wants_is_put_in_front(tmp_path):
    weights = tiny_bert.make(tmp_path / "m")
    about = {"prompts": {"query": "enciende "}, "default_prompt_name": "query"}
    tiny_bert.write_json(tmp_path / "m/config_sentence_transformers.json", about)
    assert np.allclose(vectors(tmp_path / "m", ("la luz",))[0], tiny_bert.vector(weights, "enciende la luz"), atol=2e-6)


def test_pooling_is_understood_as_newer_releases_write_it(tmp_path):
    tiny_bert.make(tmp_path / "m")
    tiny_bert.write_json(tmp_path / "m/1_Pooling/config.json", {"embedding_dimension": 8, "pooling_mode": "cls"})
    assert (read_folder(tmp_path / "m").pooling, read_folder(tmp_path / "m").normalise) == ("cls", True)


def test_a_folder_that_is_only_the_network_is_pooled_by_the_mean(tmp_path):
    weights = tiny_bert.make(tmp_path / "m")
    (tmp_path / "m/modules.json").unlink()
    expected = tiny_bert.vector(weights, TEXTS[0], normalise=False)
    assert np.allclose(vectors(tmp_path / "m")[0], expected, atol=2e-6)


def change(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    tiny_bert.write_json(folder / "config.json", config | values)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"model_type": "t5"}, "it has no ONNX file and is a t5"),
        ({"hidden_act": "relu"}, "it has no ONNX file and is a bert"),
        ({"position_embedding_type": "relative_key"}, "it has no ONNX file"),
        ({"num_attention_heads": 3}, "it has no ONNX file"),
        ({"num_hidden_layers": "many"}, "it has no ONNX file"),
    ],
)
def test_what_is_computed_differently_is_left_to_sentence_transformers(tmp_path, values, why):
    tiny_bert.make(tmp_path / "m")
    change(tmp_path / "m", **values)
    assert why in obstacle(read_folder(tmp_path / "m"))


def test_so_are_modules_and_pooling_that_only_it_knows(tmp_path):
    tiny_bert.make(tmp_path / "m", modules=[("3_Dense", "models.Dense")])
    assert obstacle(read_folder(tmp_path / "m")) == "it has a Dense module"
    tiny_bert.write_json(tmp_path / "m/1_Pooling/config.json", {"pooling_mode": "lasttoken"})
    assert obstacle(read_folder(tmp_path / "m")) == "it pools by lasttoken"


def test_and_a_model_in_pickles(tmp_path):
    tiny_bert.make(tmp_path / "m")
    (tmp_path / "m/model.safetensors").rename(tmp_path / "m/pytorch_model.bin")
    assert obstacle(read_folder(tmp_path / "m")) == "it has no ONNX file and no model.safetensors"


@pytest.mark.parametrize("keep", [0, 7, 100, 3000, -4])
def test_safetensors_that_are_cut_short_are_told(tmp_path, keep):
    tiny_bert.make(tmp_path / "m")
    file = tmp_path / "m/model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"model\.safetensors is (damaged or cut short|no safetensors file)"):
        vectors(tmp_path / "m")


@pytest.mark.parametrize(
    "header", [b"[]", b"{", b'{"a": 1}', b'{"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4]}}']
)
def test_a_header_that_lies_is_told(tmp_path, header):
    tiny_bert.make(tmp_path / "m")
    (tmp_path / "m/model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(ModelError, match=r"model\.safetensors is "):
        vectors(tmp_path / "m")


def test_weights_that_do_not_fit_the_config_are_told(tmp_path):
    tiny_bert.make(tmp_path / "m")
    change(tmp_path / "m", num_hidden_layers=5)
    with pytest.raises(ModelError, match=r"lack encoder\.layer\.2\.attention\.self\.query\.weight"):
        vectors(tmp_path / "m")


@pytest.mark.parametrize("keep", [0, 5, 200])
def test_an_onnx_file_that_is_cut_short_is_told(tmp_path, keep):
    tiny_bert.make(tmp_path / "m")
    file = tiny_bert.onnx_file(tmp_path / "m")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"onnx/model\.onnx is damaged, cut short, or of another version"):
        vectors(tmp_path / "m")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("tokenizer.json", None, "has no tokenizer.json"),
        ("tokenizer.json", '{"version": "1.0"', "tokenizer.json is damaged"),
        ("config.json", None, "has no config.json"),
        ("config.json", "{", "config.json cannot be read"),
        ("modules.json", "{}", "must be a list of modules"),
        ("modules.json", '[{"path": "../other", "type": "a.Transformer"}]', "names ../other"),
    ],
)
def test_a_folder_with_something_missing_or_wrong_is_told(tmp_path, file, content, said):
    tiny_bert.make(tmp_path / "m")
    (tmp_path / "m" / file).unlink()
    if content is not None:
        (tmp_path / "m" / file).write_text(content)
    with pytest.raises(ModelError) as failed:
        vectors(tmp_path / "m")
    assert said in failed.value.message
    assert str(tmp_path / "m") in failed.value.message
