"""The wake word runner, held against the package it takes its models from; models that are wrong."""

import importlib.util
import shutil
import sys
import warnings

import numpy as np
import pytest

from jarvisd.audio.onnx import package_file, package_folder
from jarvisd.audio.wake import INSTALL, WakeModels, WakeStream, word_paths
from jarvisd.errors import WakeModelError
from tests.audio.sounds import AFTER_A_PAUSE, ONE_BREATH, OTHER_WORDS, chunks_of, noise, pcm_of, samples_of, to_pcm

MODELS = "resources/models"


def packaged(name):
    return package_file("openwakeword", f"{MODELS}/{name}.onnx", install=INSTALL)


def scores(stream, pcm, word="hey_jarvis"):
    return [stream.step(chunk.pcm)[word] for chunk in chunks_of(pcm)]


@pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="openWakeWord's own Model needs scikit-learn")
def test_every_score_equals_that_of_the_packages_own_model(models):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not ours: the package and scikit-learn
        from openwakeword.model import Model

        reference = Model(wakeword_models=["hey_jarvis", "alexa"], inference_framework="onnx")
        # Its memory begins with random noise, ours with silence: 2 s of the same sound in front make them alike.
        parts = [noise(2.5, 8.0)] + [samples_of(path) for path in (ONE_BREATH, AFTER_A_PAUSE, *OTHER_WORDS)]
        chunks = chunks_of(to_pcm(np.concatenate(parts)))
        expected = [reference.predict(np.frombuffer(chunk.pcm, "<i2")) for chunk in chunks]
    stream = WakeStream(models.wake)
    found = [stream.step(chunk.pcm) for chunk in chunks]
    settled = models.wake.context_chunks
    for word in ("hey_jarvis", "alexa"):
        ours = np.array([one[word] for one in found[settled:]])
        theirs = np.array([one[word] for one in expected[settled:]])
        assert np.abs(ours - theirs).max() < 1e-5
    assert max(one["hey_jarvis"] for one in found) > 0.9  # there was something to compare


def test_the_packages_are_found_without_importing_them():
    for package in ("openwakeword", "silero_vad"):
        loaded = package in sys.modules
        assert package_folder(package, install="x").is_dir()
        assert (package in sys.modules) == loaded


def test_a_recording_that_begins_with_the_wake_word_is_heard(models):
    wake_word = pcm_of(ONE_BREATH)[16_000:]  # without the half second in front
    assert max(scores(WakeStream(models.wake), wake_word)) > 0.9


@pytest.mark.parametrize("path", OTHER_WORDS, ids=lambda path: path.stem)
def test_other_words_do_not_wake(models, path):
    assert max(scores(WakeStream(models.wake), pcm_of(path))) < 0.3


def test_a_score_depends_on_its_context_and_on_nothing_before(models):
    chunks = chunks_of(pcm_of(ONE_BREATH))
    whole = WakeStream(models.wake)
    expected = [whole.step(chunk.pcm) for chunk in chunks]
    first = 3
    late = WakeStream(models.wake)
    for _ in range(7):
        late.step(to_pcm(noise(0.08, 3_000)))  # something else was heard long ago
    late.reset()
    context, rest = chunks[first : first + models.wake.context_chunks], chunks[first + models.wake.context_chunks :]
    assert all(late.step(chunk.pcm, classify=False) == {} for chunk in context)
    assert [late.step(chunk.pcm) for chunk in rest] == expected[-len(rest) :]


def test_words_share_one_feature_pass_and_do_not_disturb_each_other(models):
    alone = WakeModels(["hey_jarvis"])
    pcm = pcm_of(ONE_BREATH)
    assert scores(WakeStream(alone), pcm) == scores(WakeStream(models.wake), pcm)
    assert models.wake.names == ("hey_jarvis", "alexa")
    assert max(scores(WakeStream(models.wake), pcm, "alexa")) < 0.1


def test_streams_of_the_same_models_do_not_disturb_each_other(models):
    chunks = chunks_of(pcm_of(ONE_BREATH))
    one, other = WakeStream(models.wake), WakeStream(models.wake)
    mixed = []
    for chunk in chunks:
        mixed.append(one.step(chunk.pcm))
        other.step(to_pcm(noise(0.08, 1_000)))
    again = WakeStream(models.wake)
    assert mixed == [again.step(chunk.pcm) for chunk in chunks]


def test_an_own_model_is_called_by_its_files_name(tmp_path):
    own = tmp_path / "computer.onnx"
    shutil.copy(word_paths(["hey_jarvis"])["hey_jarvis"], own)
    models = WakeModels([str(own)])
    assert models.names == ("computer",)
    assert max(scores(WakeStream(models), pcm_of(ONE_BREATH), "computer")) > 0.9


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda path: None, "no such model file"),
        (lambda path: path.write_bytes(b"not a model"), "does not load as an ONNX model"),
        (lambda path: path.write_bytes(packaged("alexa_v*").read_bytes()[:5_000]), "does not load as an ONNX model"),
        (lambda path: shutil.copy(packaged("embedding_model"), path), "not the expected kind of model"),
        (lambda path: shutil.copy(packaged("timer_v*"), path), "not a wake word model"),
    ],
    ids=["missing", "garbage", "cut off", "another model", "seven classes"],
)
def test_a_model_that_does_not_load_is_named(tmp_path, prepare, says):
    path = tmp_path / "mine.onnx"
    prepare(path)
    with pytest.raises(WakeModelError, match=says) as fault:
        WakeModels([str(path)])
    assert str(path) in fault.value.message
    assert fault.value.code == "wake_model"


def test_an_unknown_word_is_answered_with_the_known_ones():
    with pytest.raises(WakeModelError, match=r"no packaged wake word computer.*alexa.*hey_jarvis.*openwakeword"):
        WakeModels(["computer"])


def test_two_words_of_one_name_are_refused(tmp_path):
    with pytest.raises(WakeModelError, match="two wake words are called hey_jarvis"):
        WakeModels(["hey_jarvis", str(tmp_path / "hey_jarvis.onnx")])


def test_a_missing_package_says_how_to_get_it():
    with pytest.raises(WakeModelError, match=r"no_such_models.*pip install --no-deps no-such==1"):
        package_file("no_such_models", "x.onnx", install="--no-deps no-such==1")
    with pytest.raises(WakeModelError, match=r"does not carry the model.*pip install --no-deps openwakeword==0\.5\.1"):
        package_file("openwakeword", "resources/models/nothing.onnx", install=INSTALL)
