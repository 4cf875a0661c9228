"""Voice activity: real speech, real noise, and chunks that do not divide into frames."""

import numpy as np
import pytest

from jarvisd.audio.vad import VoiceActivityStream
from tests.audio.sounds import ONE_BREATH, chunks_of, noise, pcm_of, to_pcm


@pytest.fixture
def stream(models):
    return VoiceActivityStream(models.voice)


def test_speech_is_told_from_the_silence_around_it(stream):
    probabilities = stream.feed([chunk.pcm for chunk in chunks_of(pcm_of(ONE_BREATH))])
    assert max(max(frames) for frames in probabilities[:5]) < 0.2  # half a second before
    assert np.median([max(frames) for frames in probabilities[8:28]]) > 0.9
    assert max(max(frames) for frames in probabilities[-6:]) < 0.2


def test_white_noise_is_no_speech(stream):
    probabilities = stream.feed([chunk.pcm for chunk in chunks_of(to_pcm(noise(4, 3_000)))])
    assert max(max(frames) for frames in probabilities[12:]) < 0.5


def test_80_ms_hold_two_and_a_half_frames(stream):
    counts = [len(stream.feed([bytes(2_560)])[0]) for _ in range(6)]
    assert counts == [2, 3, 2, 3, 2, 3]


def test_chunks_together_give_what_they_give_one_by_one(models):
    pcms = [chunk.pcm for chunk in chunks_of(pcm_of(ONE_BREATH))]
    single, grouped = VoiceActivityStream(models.voice), VoiceActivityStream(models.voice)
    one_by_one = [single.feed([pcm])[0] for pcm in pcms]
    in_groups = [frames for at in range(0, len(pcms), 3) for frames in grouped.feed(pcms[at : at + 3])]
    assert [len(frames) for frames in one_by_one] == [len(frames) for frames in in_groups]
    assert np.allclose(np.concatenate(one_by_one), np.concatenate(in_groups), atol=1e-5)


def test_after_a_reset_nothing_is_remembered(models):
    pcms = [chunk.pcm for chunk in chunks_of(pcm_of(ONE_BREATH))]
    used, new = VoiceActivityStream(models.voice), VoiceActivityStream(models.voice)
    used.feed(pcms[:7])
    used.reset()
    assert used.feed(pcms) == new.feed(pcms)
