import asyncio
import os
import sys

import pytest

from jarvisd.errors import EngineStartError
from jarvisd.speech.wyoming_client import connect
from jarvisd.types import EngineState
from jarvisd.workers.whisper import compute_type_for
from tests.fakes.engines import running_pool, until
from tests.fakes.workers import how_it_ended, recording, say, transcript, worker_spec

pytest.importorskip("faster_whisper")
from tests.fakes import tiny_whisper

QUESTION = recording("asr_what_time_is_it.wav")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_whisper.make(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
async def ears(tmp_path, folder):
    spec = worker_spec(tmp_path, "ears", kind="whisper", model=str(folder), device="cpu", threads=1)
    async with running_pool(spec) as (pool, told):
        await until(told, EngineState.READY, "ears")
        async with asyncio.timeout(50), pool.lease("ears") as endpoint:
            yield endpoint


async def test_the_language_is_one_of_the_households_and_silence_has_a_probability(ears):
    heard = await transcript(ears, QUESTION)
    assert isinstance(heard["text"], str)
    assert heard["language"] in {"en", "es"}
    assert 0.0 <= heard["context"]["no_speech_probability"] <= 1.0


async def test_the_language_can_be_fixed_and_is_chosen_only_among_those_asked_for(ears):
    assert (await transcript(ears, QUESTION, language="es"))["language"] == "es"
    assert (await transcript(ears, QUESTION, context={"languages": ["en"]}))["language"] == "en"


async def test_the_same_sound_gives_the_same_text_whether_its_language_was_looked_for_or_given(ears):
    found = await transcript(ears, QUESTION)
    assert (await transcript(ears, QUESTION, language=found["language"]))["text"] == found["text"]


async def test_more_than_one_window_of_sound_is_taken(ears):
    assert isinstance((await transcript(ears, QUESTION * 32))["text"], str)  # 36 s


async def test_an_asker_who_hangs_up_does_not_hold_up_the_next(ears):
    async with connect(ears) as gone:
        await say(gone, QUESTION * 400)
    assert isinstance((await transcript(ears, QUESTION))["text"], str)


async def failed_start(tmp_path, **engine) -> str:
    # In a thread: of a model on a card it reads the files.
    spec = await asyncio.to_thread(worker_spec, tmp_path, "ears", kind="whisper", **engine)
    async with running_pool(spec) as (pool, _):
        with pytest.raises(EngineStartError) as failed:
            async with pool.lease("ears", 40):
                pass
    return failed.value.message


@pytest.mark.parametrize("model", ["large-v3-turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo"])
async def test_a_model_that_is_not_here_is_named_with_the_command_that_pulls_it(tmp_path, model):
    folder = tmp_path / "models/mobiuslabsgmbh"
    begun = folder / "faster-whisper-large-v3-turbo"
    begun.mkdir(parents=True)
    (begun / "model.bin.0123456789ab.part").write_bytes(b"the first bytes")
    assert await failed_start(tmp_path, model=model, device="cpu") == (
        f"The Whisper model faster-whisper-large-v3-turbo is not in {folder}: run "
        f"{sys.executable} -m jarvisd models pull ears"
    )


async def test_a_pulled_model_is_found_by_its_name(tmp_path, folder):
    (tmp_path / "models/Systran").mkdir(parents=True)
    (tmp_path / "models/Systran/faster-whisper-tiny").symlink_to(folder)
    spec = worker_spec(tmp_path, "ears", kind="whisper", model="tiny", device="cpu", threads=1)
    async with running_pool(spec) as (pool, _), asyncio.timeout(50), pool.lease("ears") as endpoint:
        assert isinstance((await transcript(endpoint, QUESTION))["text"], str)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("/no/such/folder", "There is no folder /no/such/folder"),
        ("./models/tiny", "There is no folder ./models/tiny"),
        ("large-v9", "There is no Whisper model large-v9"),
    ],
)
async def test_a_model_that_cannot_be_is_told(tmp_path, model, reason):
    assert (await failed_start(tmp_path, model=model, device="cpu")).startswith(reason)


async def test_a_model_that_is_cut_short_is_told(tmp_path, folder):
    cut = tmp_path / "cut"
    cut.mkdir()
    for file in folder.iterdir():
        content = file.read_bytes()
        (cut / file.name).write_bytes(content[:500_000] if file.name == "model.bin" else content)
    said = await failed_start(tmp_path, model=str(cut), device="cpu")
    assert said.startswith(f"The model {cut} does not load on cpu with int8: ")


async def test_a_card_that_is_not_there_is_told(tmp_path, folder):
    said = await failed_start(tmp_path, model=str(folder), device="GPU-00000000-0000-0000-0000-000000000000")
    assert said.startswith(f"The model {folder} does not load on cuda with ")


async def test_without_its_package_it_says_what_to_install(tmp_path):
    (tmp_path / "faster_whisper.py").write_text("raise ImportError('No module named faster_whisper')")
    arguments = ("--socket", str(tmp_path / "s.sock"), "--model", "tiny")
    code, said = await how_it_ended("whisper", *arguments, env={"PYTHONPATH": str(tmp_path)})
    assert code == os.EX_UNAVAILABLE
    assert said.endswith(f"run {sys.executable} -m pip install 'jarvisd[whisper]'")


@pytest.mark.parametrize(
    ("capability", "chosen"),
    [
        (None, "int8"),
        ((5, 2), "float32"),
        ((6, 1), "int8"),
        ((7, 5), "int8_float16"),
        ((8, 6), "float16"),
        ((12, 0), "float16"),
    ],
)
def test_the_arithmetic_fits_the_card(capability, chosen):
    assert compute_type_for(capability) == chosen
