"""Recordings through the whole daemon: wake word, end of speech, recogniser, answer."""

import os
import wave
from contextlib import aclosing
from pathlib import Path

import pytest

from jarvisd.cli.talk import recording_pcm
from jarvisd.cli.temporary import engines_settled, spawned_daemon
from jarvisd.control.client import requests

RECORDINGS = Path(__file__).parents[2] / "demo/recordings"
EXTRA_DATA = os.environ.get("JARVISD_EXTRA_DATA")
SETTINGS = ["--config", "profile:embedded", "--set", "audio.source=none"]


async def hear(daemon, *files):
    """All replies to the files, one after another as fast as they go."""
    async with aclosing(requests(daemon.socket, "listen", {"name": files[0].name}, sound(files))) as replies:
        return [(kind, data) async for kind, data in replies if kind != "delta"]


async def sound(files):
    for file in files:
        async for pcm in recording_pcm(file, realtime=False):
            yield pcm


async def test_the_recordings_of_the_demonstration_are_heard_and_answered(tmp_path):
    async with spawned_daemon(tmp_path, SETTINGS) as daemon:
        await engines_settled(daemon)
        for name, said, answered_by in [
            ("1-time-in-one-breath.wav", "what time is it", "clock"),
            ("2-time-after-a-pause.wav", "what time is it", "clock"),
            ("3-open-question.wav", "why is the sky blue", "smollm2"),
        ]:
            replies = await hear(daemon, RECORDINGS / name)
            assert [kind for kind, _ in replies] == ["wake", "transcript", "answer"], name
            _, (_, transcript), (_, answer) = replies
            assert transcript["text"] == said, name
            assert (answer["answered_by"], answer["error_code"]) == (answered_by, None), name


@pytest.mark.skipif(EXTRA_DATA is None, reason="JARVISD_EXTRA_DATA names no folder with recordings of people")
async def test_people_are_heard_and_other_wake_words_are_not(tmp_path):
    audio = Path(EXTRA_DATA) / "audio"
    async with spawned_daemon(tmp_path, SETTINGS) as daemon:
        await engines_settled(daemon)
        replies = await hear(daemon, audio / "hey_jarvis.wav", audio / "r3_what_time_is_it.wav")
        assert [kind for kind, _ in replies] == ["wake", "transcript", "answer"]
        assert replies[-1][1]["answered_by"] == "clock"
        others = sorted(audio.glob("other_*.wav"))
        assert len(others) >= 5
        for other in others:
            assert await hear(daemon, other) == [], other.name


async def test_wake_word_and_then_nothing_is_no_question(tmp_path):
    silent = tmp_path / "silence.wav"
    with wave.open(str(silent), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000 * 6))
    async with spawned_daemon(tmp_path, SETTINGS) as daemon:
        await engines_settled(daemon)
        replies = await hear(daemon, Path(__file__).parents[1] / "recordings/hey-jarvis.wav", silent)
        assert [kind for kind, _ in replies] == ["wake", "nothing-said"]
