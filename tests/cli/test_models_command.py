"""`jarvisd models` as a person meets it, against a hub on loopback."""

import asyncio
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading

import pytest
from wyoming.event import Event, async_read_event, async_write_event

from tests.fakes.hub import FakeHub, fake_hub

VOICE = "Systran/faster-whisper-tiny"
WEIGHTS = random.Random(1).randbytes(3_000_000)
EARS = ("engines={ears={kind='whisper',model='tiny'}}", "transcription={engine='ears'}", "tiers={}", "conversation={}",
        "memory={}")  # fmt: skip


@pytest.fixture
def server() -> FakeHub:
    with fake_hub() as hub:
        hub.add(VOICE, {"model.bin": WEIGHTS, "config.json": b"{}"}, licence="mit")
        yield hub


@pytest.fixture
def command(tmp_path, server):
    """Starts `jarvisd models …` of a house whose ears are Whisper tiny."""

    def start(*arguments, env=None, settings=(), **how) -> subprocess.Popen:
        places = (f'house.state_dir="{tmp_path}"', f'house.runtime_dir="{tmp_path}"')
        options = [part for one in (*places, *EARS, *settings) for part in ("--set", one)]
        hidden = {"HF_TOKEN", "HF_HUB_OFFLINE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"}
        environ = {name: value for name, value in os.environ.items() if name not in hidden}
        return subprocess.Popen(
            [sys.executable, "-m", "jarvisd", *options, "models", *arguments],
            env=environ | {"HF_ENDPOINT": server.address, "HF_HOME": str(tmp_path / "hf"), **(env or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how,
        )  # fmt: skip

    return start


def done(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=40)
    assert "Traceback" not in err
    return process.returncode, out, err


@pytest.mark.parametrize("arguments", [[], ["list"], ["pull"], ["verify"], ["rm"]])
def test_help_says_what_each_does(command, arguments):
    code, out, _ = done(command(*arguments, "--help"))
    assert (code, out.startswith("Usage: jarvisd models")) == (0, True)


def test_a_model_is_pulled_listed_verified_and_removed(command, tmp_path):
    code, out, _ = done(command("pull", "asr"))
    assert code == 0
    assert f"{VOICE}  3.0 MB in 2 files" in out
    assert "licence mit" in out
    assert "at 100 Mbit/s" in out
    assert "every checksum is right" in out
    assert "nothing to fetch" in done(command("pull", "ears"))[1]
    weights = tmp_path / "models" / VOICE / "model.bin"
    assert weights.read_bytes() == WEIGHTS

    code, out, _ = done(command("list", "--json"))
    (found,) = json.loads(out)["models"]
    assert (found["model"], found["state"], found["licence"], found["size_bytes"]) == (
        VOICE,
        "complete",
        "mit",
        3_000_002,
    )
    assert found["used_by"] == ["ears (transcription)"]

    weights.write_bytes(bytes(len(WEIGHTS)))
    code, out, _ = done(command("verify"))
    assert code == 1
    assert f"{VOICE}: model.bin damaged" in out
    assert "damaged" in done(command("list"))[1]

    assert done(command("rm", "ears"))[0] == 130  # nobody is there to say yes
    assert weights.exists()
    code, out, _ = done(command("rm", "ears", "--yes"))
    assert (code, weights.exists()) == (0, False)
    assert f"Deleted {VOICE}: 3.0 MB are free again." in out
    code, _, err = done(command("rm", "ears", "--yes"))
    assert (code, "is not in" in err) == (1, True)


async def test_a_model_that_the_daemon_has_loaded_is_not_removed(command, tmp_path):
    (tmp_path / "models" / VOICE).mkdir(parents=True)
    engine = {"name": "ears", "state": "ready"}

    async def daemon(reader, writer):
        assert (await async_read_event(reader)).type == "status"
        await async_write_event(Event("status", {"engines": [engine]}), writer)
        writer.close()

    async with await asyncio.start_unix_server(daemon, tmp_path / "control.sock"):
        code, _, err = await asyncio.to_thread(done, command("rm", VOICE, "--yes"))
        assert code == 1
        assert f"{VOICE} is in use by the engine ears of the running daemon" in err
        engine["state"] = "failed"
        assert (await asyncio.to_thread(done, command("rm", VOICE, "--yes")))[0] == 0
    assert not (tmp_path / "models" / VOICE).exists()


def test_a_model_that_is_not_here_is_listed_with_the_command_that_fetches_it(command):
    code, out, _ = done(command("list"))
    assert code == 0
    assert "not here" in out
    assert "jarvisd models pull ears" in out


def test_ctrl_c_keeps_what_was_fetched_and_says_how_to_go_on(command, server, tmp_path):
    server.hang = threading.Event()
    process = command("pull", "tiny")
    assert server.hanging.wait(30)
    (part,) = _until_grown(tmp_path / "models" / VOICE)
    process.send_signal(signal.SIGINT)
    code, out, _ = done(process)
    assert code == 130
    assert "1.3 MB of 3.0 MB are kept" in out
    assert out.rstrip().endswith("models pull tiny")
    assert part.exists()
    _, out, _ = done(command("list"))
    assert "partial, 4" in out

    server.hang.set()
    server.hang = None
    code, out, _ = done(command("pull", "tiny"))
    assert code == 0
    assert "1.3 MB of it are here already: continued" in out
    assert (tmp_path / "models" / VOICE / "model.bin").read_bytes() == WEIGHTS
    assert "range" in server.asked_for("/cdn/")[-1]


def _until_grown(folder):
    """The part file, once all that the server sent is in it but what the reader still holds back."""
    while not (parts := [part for part in folder.glob("model.bin.*.part") if part.stat().st_size > 1_200_000]):
        threading.Event().wait(0.02)
    return parts


def test_a_disk_that_fills_up_is_told_and_what_came_is_kept(command, tmp_path):
    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    code, _, err = done(command("pull", "tiny", preexec_fn=small_disk))
    assert code == 1
    assert "cannot be written: File too large" in err
    assert "What was fetched is kept" in err
    code, out, _ = done(command("pull", "tiny"))
    assert code == 0
    assert "1.0 MB of it are here already: continued" in out


def test_a_dry_run_fetches_nothing(command, server, tmp_path):
    code, out, _ = done(command("pull", "--dry-run", "all"))
    assert (code, VOICE in out) == (0, True)
    assert server.asked_for("/resolve/") == []
    assert not (tmp_path / "models").exists()


def test_what_could_not_be_fetched_is_said_at_the_end(command, tmp_path):
    absent, own = tmp_path / "absent.gguf", tmp_path / "own.gguf"
    own.touch()
    quick = (f"engines.quick={{kind='llama_cpp',model='{absent}'}}", f"engines.slow={{kind='llama_cpp',model='{own}'}}")
    code, out, err = done(command("pull", "all", settings=quick))
    assert (code, "every checksum is right" in out) == (1, True)
    assert f"Not fetched:\n  engines.quick: {absent} is not below" in err
    assert "engines.slow" not in err


def test_the_token_is_a_secret_of_the_house(command, server, tmp_path):
    server.models[VOICE].access = "token"
    (tmp_path / "token").write_text("hf_secret\n")
    code, _, err = done(command("pull", "tiny"))
    assert (code, "secret hf-token" in err) == (1, True)
    assert done(command("pull", "tiny", env={"JARVISD_HF_TOKEN_FILE": str(tmp_path / "token")}))[0] == 0


def test_without_the_package_it_says_what_to_install(command, tmp_path):
    (tmp_path / "huggingface_hub.py").write_text("raise ImportError('No module named huggingface_hub')")
    code, _, err = done(command("pull", "tiny", env={"PYTHONPATH": str(tmp_path)}))
    assert code == 1
    assert err.rstrip().endswith("-m pip install 'jarvisd[models]'")


def test_listing_needs_neither_network_nor_package(command, tmp_path):
    (tmp_path / "huggingface_hub.py").write_text("raise ImportError('No module named huggingface_hub')")
    assert done(command("list", env={"PYTHONPATH": str(tmp_path)}))[0] == 0
