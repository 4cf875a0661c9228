"""Building step by step with real commands: failures, interruptions, going on, and removing."""

import dataclasses
import fcntl
import os
import subprocess
import sys

import pytest

from jarvisd.errors import EngineError
from jarvisd.installing.build import all_installed, build, condensed, look_at, record_file, remove, steps_to_do, users
from jarvisd.installing.recipes import Recipe, Step


def shell(what, script, **env):
    return Step(what, ("/bin/sh", "-c", script), env)


@pytest.fixture
def plan(tmp_path):
    """Makes a folder that looks like an environment; the middle step works only once `allowed` is there."""
    place = tmp_path / "engines/whisper"
    steps = (
        shell(
            "make", f"rm -rf {place} && mkdir -p {place}/bin && touch {place}/bin/python && echo x >> {tmp_path}/made"
        ),
        shell("fetch", f"echo looking; test -e {tmp_path}/allowed"),
        shell("finish", f"mkdir -p {place}/lib/python3.11/site-packages/faster_whisper-1.2.1.dist-info"),
    )
    return Recipe("whisper", place, "CPU", steps, needs_bytes=0)


def run(plan):
    began, said = [], []
    try:
        build(plan, lambda number, step: began.append((number, step.what)), said.append)
    except EngineError as error:
        return began, said, error.message
    return began, said, ""


def test_a_failure_is_said_and_the_next_run_goes_on(plan, tmp_path):
    began, said, message = run(plan)
    assert began == [(0, "make"), (1, "fetch")]
    assert said == ["looking"]
    assert message.startswith("fetch failed with exit code 1:\n  looking")
    assert "running it again goes on from here" in message
    partial = look_at("whisper", tmp_path / "engines")
    assert (partial.whole, partial.done, partial.version) == (False, 1, "")

    (tmp_path / "allowed").touch()
    assert [step.what for step in steps_to_do(plan, partial)] == ["fetch", "finish"]
    assert run(plan)[0] == [(1, "fetch"), (2, "finish")]
    assert (tmp_path / "made").read_text() == "x\n"
    whole = look_at("whisper", tmp_path / "engines")
    assert (whole.whole, whole.done, whole.version, whole.python, whole.build) == (True, 3, "1.2.1", "3.11", "CPU")
    assert run(plan) == ([], [], "")


def test_another_recipe_begins_anew(plan, tmp_path):
    (tmp_path / "allowed").touch()
    run(plan)
    other = dataclasses.replace(plan, steps=(*plan.steps, shell("more", "true")))
    assert run(other)[0][0] == (0, "make")


def test_an_environment_that_was_deleted_by_hand_is_made_anew(plan, tmp_path):
    (tmp_path / "allowed").touch()
    run(plan)
    (plan.place / "bin/python").unlink()
    assert run(plan)[0][0] == (0, "make")


def test_an_interruption_ends_the_command_and_keeps_what_was_done(plan, tmp_path):
    pid_file = tmp_path / "pid"
    slow = shell("fetch", f"echo $$ > {pid_file}; echo on; exec sleep 60")
    plan = dataclasses.replace(plan, steps=(plan.steps[0], slow))

    def interrupt(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(plan, lambda *_: None, interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    assert look_at("whisper", tmp_path / "engines").done == 1


def test_what_others_put_there_is_not_touched(plan):
    plan.place.mkdir(parents=True)
    (plan.place / "photo").write_text("mine")
    assert "did not put there" in run(plan)[2]
    assert (plan.place / "photo").read_text() == "mine"
    with pytest.raises(EngineError, match="not installed"):
        remove("whisper", plan.place.parent)


def test_a_link_or_a_file_in_its_place_is_not_touched(plan, tmp_path):
    plan.place.parent.mkdir()
    plan.place.symlink_to(tmp_path)
    assert "did not put there" in run(plan)[2]
    plan.place.unlink()
    plan.place.write_text("mine")
    assert "did not put there" in run(plan)[2]


def test_two_at_a_time_are_refused(plan):
    plan.place.parent.mkdir()
    with (plan.place.parent / ".whisper.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another jarvisd" in run(plan)[2]


def test_settings_that_lead_elsewhere_are_not_handed_on(plan, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_CERT", "/kept")
    step = shell("tell", "echo $PIP_TARGET$PYTHONPATH$PIP_CERT$MINE", MINE=":mine")
    assert run(dataclasses.replace(plan, steps=(step,)))[1] == ["/kept:mine"]


def test_a_program_that_is_not_there_is_named(plan):
    missing = dataclasses.replace(plan, steps=(Step("try", ("/nowhere/python",)),))
    assert run(missing)[2] == "try: /nowhere/python cannot be started (No such file or directory)."


def test_a_damaged_record_says_what_to_do(plan):
    plan.place.mkdir(parents=True)
    record_file(plan.place).write_text("{")
    with pytest.raises(EngineError, match="jarvisd engines remove whisper"):
        all_installed(plan.place.parent)
    remove("whisper", plan.place.parent)
    assert all_installed(plan.place.parent) == []


def test_one_in_use_is_not_removed(plan, tmp_path):
    (tmp_path / "allowed").touch()
    run(plan)
    program = plan.place / "bin/sleeper"
    program.symlink_to(sys.executable)
    script = "import sys; print('up', flush=True); sys.stdin.read()"
    with subprocess.Popen([program, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        assert users(plan.place) == [process.pid]
        with pytest.raises(EngineError, match=f"in use by process {process.pid}"):
            remove("whisper", plan.place.parent)
        process.stdin.close()
    remove("whisper", plan.place.parent)
    assert not plan.place.exists()
    assert look_at("whisper", plan.place.parent) is None


@pytest.mark.parametrize(
    ("line", "short"),
    [
        ("  Downloading vllm-0.33.0-cp38-abi3-manylinux_2_28_x86_64.whl (336.4 MB)", "fetch vllm (336.4 MB)"),
        ("Downloading https://host/a/torch-2.13.0-cp311.whl.metadata (30 kB)", "fetch torch (30 kB)"),
        ("Installing collected packages: a, b", "unpack"),
        ("Successfully installed a-1 b-2 c-3", "3 packages installed"),
        ("ERROR: No matching distribution found for x", "ERROR: No matching distribution found for x"),
        (
            "WARNING: Retrying (Retry(total=4)) after connection broken",
            "WARNING: Retrying (Retry(total=4)) after connection broken",
        ),
        ("WARNING: Location 'file:///a' is ignored", ""),
        ("Collecting vllm", ""),
        ("Requirement already satisfied: pip", ""),
        ("", ""),
    ],
)
def test_what_pip_says_is_made_short(line, short):
    assert condensed(line) == short
