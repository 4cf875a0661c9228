"""Which files of a repository are fetched."""

import pytest

from jarvisd.errors import ModelError
from jarvisd.models.choose import RemoteFile, choose_files, gguf_variants

SMALL = ["README.md", "LICENSE", "config.json", "tokenizer.json", ".gitattributes", "logo.png"]
KEPT = {"README.md", "LICENSE", "config.json", "tokenizer.json"}


def listed(*names: str) -> list[RemoteFile]:
    return [RemoteFile(name, 100 + number, "sha256:" + "0" * 64) for number, name in enumerate((*SMALL, *names))]


def chosen(*names: str, **how) -> set[str]:
    return {file.path for file in choose_files(listed(*names), **how)} - KEPT


def test_what_belongs_to_the_model_comes_along_and_pictures_do_not():
    assert {file.path for file in choose_files(listed("model.safetensors"))} == KEPT | {"model.safetensors"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["model.safetensors", "pytorch_model.bin", "tf_model.h5", "onnx/model.onnx"], {"model.safetensors"}),
        (
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "consolidated.safetensors"],
            {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
        ),
        (["consolidated.safetensors"], {"consolidated.safetensors"}),
        (["model.safetensors", "original/consolidated.00.pth", "original/params.json"], {"model.safetensors"}),
        (["pytorch_model.bin", "flax_model.msgpack", "onnx/model.onnx", "onnx/config.json"], {"pytorch_model.bin"}),
        (["model.bin", "vocabulary.json"], {"model.bin", "vocabulary.json"}),
        (["onnx/model.onnx", "onnx/config.json"], {"onnx/model.onnx", "onnx/config.json"}),
        (["model.safetensors", "1_Pooling/config.json"], {"model.safetensors", "1_Pooling/config.json"}),
        (["model.safetensors", "model-Q4_K_M.gguf"], {"model.safetensors"}),
    ],
)
def test_of_several_forms_of_the_same_weights_one_is_fetched(names, expected):
    assert chosen(*names) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["m-Q8_0.gguf", "m-q4_k_m.gguf", "m-Q2_K.gguf"], {"m-q4_k_m.gguf"}),
        (["m.Q5_K_M.gguf", "m.Q8_0.gguf"], {"m.Q5_K_M.gguf"}),
        (["m-IQ4_XS.gguf", "m-Q4_0.gguf"], {"m-Q4_0.gguf"}),
        (["m-f16.gguf", "mmproj-m-Q4_K_M.gguf"], {"m-f16.gguf"}),
        (["only.gguf"], {"only.gguf"}),
        (
            ["m-Q4_K_M-00001-of-00002.gguf", "m-Q4_K_M-00002-of-00002.gguf", "m-Q8_0.gguf"],
            {"m-Q4_K_M-00001-of-00002.gguf", "m-Q4_K_M-00002-of-00002.gguf"},
        ),
        (["Q4_K_M/m-Q4_K_M.gguf", "Q8_0/m-Q8_0.gguf"], {"Q4_K_M/m-Q4_K_M.gguf"}),
    ],
)
def test_of_many_quantisations_one_is_fetched(names, expected):
    assert chosen(*names) == expected


def test_llama_cpp_wants_gguf_even_beside_safetensors():
    assert chosen("model.safetensors", "m-Q4_K_M.gguf", form="gguf") == {"m-Q4_K_M.gguf"}
    with pytest.raises(ModelError, match=r"no GGUF file, which llama\.cpp needs"):
        chosen("model.safetensors", form="gguf")


def test_weights_can_be_named():
    names = ["m-Q4_K_M.gguf", "m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"]
    assert chosen(*names, wanted=["m-Q8_0.gguf"]) == set(names[1:])
    assert chosen(*names, wanted=["*Q4*"]) == {"m-Q4_K_M.gguf"}
    with pytest.raises(ModelError, match=r"No weight file is called m-Q3\.gguf. There are: m-Q4_K_M"):
        chosen(*names, wanted=["m-Q3.gguf"])


def test_what_cannot_be_chosen_is_asked_for():
    with pytest.raises(ModelError, match=r"choose with --file: a\.gguf, b\.gguf"):
        chosen("a.gguf", "b.gguf")
    with pytest.raises(ModelError, match="no weights among its files"):
        chosen()


def test_a_model_in_parts_counts_once():
    assert list(gguf_variants(listed("m-00001-of-00002.gguf", "m-00002-of-00002.gguf"))) == ["m.gguf"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            [
                "pytorch_model.bin",
                "onnx/model.onnx",
                "onnx/model.onnx_data",
                "onnx/config.json",
                "1_Pooling/config.json",
            ],
            {"onnx/model.onnx", "onnx/model.onnx_data", "onnx/config.json", "1_Pooling/config.json"},
        ),
        (
            ["model.safetensors", "onnx/model.onnx", "onnx/model_O4.onnx", "onnx/model_qint8_avx512.onnx"],
            {"onnx/model.onnx"},
        ),
        (["model.safetensors", "openvino/openvino_model.bin"], {"model.safetensors"}),
        (["model.safetensors", "onnx/model_quantized.onnx"], {"model.safetensors"}),
        (["model.onnx", "model.safetensors"], {"model.onnx"}),
    ],
)
def test_for_the_processor_an_embedding_model_is_fetched_in_onnx(names, expected):
    assert chosen(*names, form="onnx") == expected
