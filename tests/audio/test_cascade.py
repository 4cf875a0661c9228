"""The cascade: in silence nothing runs, and what is heard is what an ungated run hears."""

import numpy as np
import pytest

from jarvisd.audio.cascade import Cascade, Settings
from jarvisd.audio.scores import ScoreLog
from jarvisd.config import EndpointConfig, WakeConfig
from jarvisd.types import Detection, Heard, Utterance
from tests.audio.sounds import (
    OTHER_WORDS,
    QUESTIONS,
    WAKE_ONLY,
    chunks_of,
    noise,
    samples_of,
    speech_without_wake_word,
    to_pcm,
)


class Run:
    """What a cascade made of a recording, and how often its models ran."""

    def __init__(self, models, samples, *, gate):
        log = ScoreLog()
        settings = Settings(WakeConfig(gate=gate), EndpointConfig())
        cascade = Cascade(models.wake, models.voice, settings, log)
        self.heard: list[Heard] = []
        self.inferred_at_s: list[float] = []
        for chunk in chunks_of(to_pcm(samples)):
            if cascade.hear(chunk):
                self.inferred_at_s.append(chunk.at_s)
                cascade.infer()
                self.heard += cascade.outcomes()
        cascade.infer(last=True)
        self.heard += cascade.outcomes(last=True)
        self.scores = {second.at_s: second.scores for second in log.recent().seconds}

    @property
    def detections(self):
        return [outcome for outcome in self.heard if isinstance(outcome, Detection)]


def in_a_room(samples, rms, seed=3, silence_s=6):
    """With so much quiet in front and behind that every stage falls asleep."""
    padding = np.zeros(silence_s * 16_000)
    whole = np.concatenate((padding, samples, padding))
    return whole + noise(len(whole) / 16_000, rms, seed)[: len(whole)]


@pytest.mark.parametrize("path", [*QUESTIONS, WAKE_ONLY, *OTHER_WORDS], ids=lambda path: path.stem)
@pytest.mark.parametrize("rms", [5, 150])
def test_the_gate_loses_nothing(models, path, rms):
    samples = in_a_room(samples_of(path), rms)
    gated, ungated = Run(models, samples, gate=True), Run(models, samples, gate=False)
    assert gated.detections == ungated.detections
    assert [type(outcome) for outcome in gated.heard] == [type(outcome) for outcome in ungated.heard]
    for ours, theirs in zip(gated.heard, ungated.heard, strict=True):
        if isinstance(ours, Utterance):
            assert ours.start_at_s == pytest.approx(theirs.start_at_s, abs=0.17)
            assert ours.speech_end_at_s == pytest.approx(theirs.speech_end_at_s, abs=0.17)


def test_scores_behind_the_gate_are_those_of_models_that_never_slept(models):
    samples = in_a_room(np.concatenate([samples_of(path) for path in QUESTIONS]), 20)
    gated, ungated = Run(models, samples, gate=True), Run(models, samples, gate=False)
    whole_seconds = sorted(gated.scores)[1:-1]  # at the edges only a part of a second was scored
    assert len(whole_seconds) > 8
    for second in whole_seconds:
        assert gated.scores[second] == pytest.approx(ungated.scores[second], abs=1e-6)


def test_in_a_quiet_room_no_model_runs(models):
    run = Run(models, noise(60, 10), gate=True)
    assert run.heard == []
    assert [at_s for at_s in run.inferred_at_s if at_s > 4] == []
    assert run.scores == {}


def test_noise_wakes_voice_activity_but_not_the_wake_models(models):
    bangs = noise(20, 10)
    for at in range(5 * 16_000, 20 * 16_000, 8_000):
        bangs[at : at + 800] += noise(0.05, 3_000, seed=at)
    run = Run(models, bangs, gate=True)
    assert run.inferred_at_s
    assert run.scores == {}


def test_constant_speech_keeps_the_wake_models_awake(models):
    run = Run(models, speech_without_wake_word(10), gate=True)
    assert run.detections == []
    assert sorted(run.scores) == list(range(11))


def test_after_minutes_of_silence_the_first_word_is_heard(models):
    words = samples_of(WAKE_ONLY)[7_000:]  # no lead: the first sound is the wake word
    samples = np.concatenate((noise(120, 10), words))
    assert len(Run(models, samples, gate=True).detections) == 1
