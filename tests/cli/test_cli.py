"""The command as a person or a script meets it: what it prints, and its exit code."""

import json
import subprocess
import sys
import wave
from pathlib import Path

import click
import pytest

from jarvisd.cli.orders import duration_s

RECORDINGS = Path(__file__).parents[2] / "demo/recordings"
NO_ENGINES = ["engines={}", "memory={}", "tiers={}", "conversation.tiers=[]", "transcription={}"]


def jarvisd(*arguments, folder, settings=(), stdin=""):
    options = [f'house.runtime_dir="{folder}"', "audio.source=none", *settings]
    return subprocess.run(
        [sys.executable, "-m", "jarvisd", *(part for one in options for part in ("--set", one)), *arguments],
        input=stdin, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    ["", "run", "check", "ask", "listen", "status", "plugins", "warm", "unload", "pin", "unpin", "gpu", "gpu release"],
)
def test_help_says_what_it_does(tmp_path, command):
    result = jarvisd(*command.split(), "--help", folder=tmp_path)
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: jarvisd")
    assert len(result.stdout.splitlines()) > 4


@pytest.mark.parametrize(
    "arguments", [["ask", "hello"], ["status"], ["plugins", "--json"], ["warm", "m"], ["gpu", "release", "2h"]]
)
def test_without_a_daemon_it_says_how_to_start_one(tmp_path, arguments):
    result = jarvisd(*arguments, folder=tmp_path)
    assert result.returncode == 3
    assert "jarvisd run" in result.stderr
    assert result.stdout == ""


def test_check_shows_every_fault_with_its_place_and_the_nearest_name(tmp_path):
    result = jarvisd("check", folder=tmp_path, settings=["wake.treshold=0.5", "mqtt.port=99999"])
    assert result.returncode == 2
    assert "wake.treshold" in result.stderr
    assert "threshold" in result.stderr
    assert "mqtt.port" in result.stderr
    assert result.stderr.count("wake.treshold") == 1


def test_check_says_which_configuration_is_good(tmp_path):
    result = jarvisd("--config", "profile:embedded", "check", folder=tmp_path)
    assert result.returncode == 0
    assert "good" in result.stdout
    assert "smollm2: llama_cpp" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["ask"],
        ["listen", "/nowhere.wav"],
        ["status", "--colour"],
        ["gpu", "release", "2"],
        ["gpu", "release", "h"],
        ["warm"],
    ],
)
def test_wrong_usage_is_code_2(tmp_path, arguments):
    assert jarvisd(*arguments, folder=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("text", "seconds"), [("2h", 7200), ("90m", 5400), ("1h30m", 5400), ("1D", 86400), ("0.5h", 1800), ("45s", 45)]
)
def test_durations(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2 h 3", "-2h", "2hx", "1..5h", "dos horas"])
def test_what_is_no_duration(text):
    with pytest.raises(click.BadParameter, match="write 2h"):
        duration_s(text)


def test_a_configuration_that_is_not_there_is_named(tmp_path):
    result = jarvisd("--config", "/nowhere.toml", "run", folder=tmp_path)
    assert result.returncode == 2
    assert "/nowhere.toml" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_recording_through_a_temporary_daemon(tmp_path):
    result = jarvisd(
        "listen", "--json", "--fast", str(RECORDINGS / "2-time-after-a-pause.wav"), folder=tmp_path,
        settings=["engines.smollm2={kind='pocketsphinx'}", "tiers={}", "conversation.tiers=[]"],
    )  # fmt: skip
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events] == ["wake", "transcript", "answer"], result.stderr
    assert events[0]["wake_word"] == "hey_jarvis"
    assert events[1]["text"] == "what time is it"
    assert events[2]["answered_by"] == "clock"
    assert result.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_recording_without_a_wake_word_is_code_1(tmp_path):
    quiet = tmp_path / "quiet.wav"
    with wave.open(str(quiet), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    result = jarvisd("listen", "--fast", str(quiet), folder=tmp_path, settings=NO_ENGINES)
    assert result.returncode == 1
    assert "No wake word" in result.stderr


def test_a_file_that_is_no_sound_is_named(tmp_path):
    text = tmp_path / "notes.wav"
    text.write_text("not a sound")
    result = jarvisd("listen", "--fast", str(text), folder=tmp_path, settings=NO_ENGINES)
    assert result.returncode == 1
    assert "notes.wav" in result.stderr
    assert "Traceback" not in result.stderr
