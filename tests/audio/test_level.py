"""The level meter: silent in steady noise, awake at the first word, used to a fan after half a minute."""

import numpy as np
import pytest

from jarvisd.audio.level import LevelMeter, band_level_db
from tests.audio.sounds import ONE_BREATH, chunks_of, noise, pcm_of, samples_of, speech_without_wake_word, to_pcm


def stirring(meter, samples):
    return [meter.stirs(chunk.pcm) for chunk in chunks_of(to_pcm(samples))]


@pytest.mark.parametrize("rms", [0, 1, 8, 30, 300, 3_000])
def test_steady_noise_of_any_level_is_silence(rms):
    assert not any(stirring(LevelMeter(), noise(30, rms))[25:])


@pytest.mark.parametrize("snr_db", [40, 20, 10, 5])
def test_speech_over_noise_stirs(snr_db):
    meter = LevelMeter()
    speech = samples_of(ONE_BREATH)
    rms = np.sqrt(np.mean(speech[10_000:36_000] ** 2)) / 10 ** (snr_db / 20)
    assert not any(stirring(meter, noise(20, rms))[25:])
    assert sum(stirring(meter, speech + noise(4, rms, seed=1)[: len(speech)])) >= 5


def test_a_recording_may_begin_in_the_middle_of_a_word():
    meter = LevelMeter()
    assert meter.stirs(chunks_of(pcm_of(ONE_BREATH))[10].pcm)


def test_a_fan_is_got_used_to():
    meter = LevelMeter()
    stirring(meter, noise(5, 10))
    fan = stirring(meter, noise(60, 100))
    assert all(fan[:50])
    assert not any(fan[-100:])


def test_minutes_of_speech_do_not_become_the_noise_floor():
    meter = LevelMeter()
    stirring(meter, noise(5, 10))
    talk = stirring(meter, speech_without_wake_word(180) + noise(180, 10))
    assert sum(talk[-120:]) > 30


def test_rumble_and_hiss_count_less_than_voice():
    def level(hz):
        return band_level_db(to_pcm(1_000 * np.sin(2 * np.pi * hz * np.arange(1_280) / 16_000)))

    assert level(800) > level(60) + 10
    assert level(800) > level(7_000) + 10
