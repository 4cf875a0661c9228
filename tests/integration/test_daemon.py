"""The whole daemon as a process of its own, with the real engines of the embedded profile."""

import asyncio
import os
import signal
import sys
from contextlib import aclosing

import pytest

from jarvisd.cli.temporary import engines_settled, spawned_daemon
from jarvisd.control.client import request_status, requests
from jarvisd.errors import ControlError
from jarvisd.warmup.usage import UsageLog
from tests.fakes.processes import alive, until_gone

NO_ENGINES = ("engines={}", "memory={}", "tiers={}", "conversation.tiers=[]", "transcription={}")


def settings(*overrides: str) -> list[str]:
    return [
        "--config", "profile:embedded",
        *(part for override in ("audio.source=none", *overrides) for part in ("--set", override)),
    ]  # fmt: skip


async def ask(daemon, text):
    async with aclosing(requests(daemon.socket, "ask", {"text": text})) as replies:
        return [reply async for reply in replies][-1][1]


async def state_of(daemon, engine):
    found = await request_status(daemon.socket)
    return next(status for status in found["engines"] if status["name"] == engine)


async def test_typed_questions_from_start_to_a_clean_end(tmp_path):
    async with spawned_daemon(tmp_path, settings()) as daemon:
        await engines_settled(daemon)
        clock = await ask(daemon, "what time is it?")
        assert clock["answered_by"] == "clock"
        spanish = await ask(daemon, "¿qué día es hoy?")
        assert (spanish["answered_by"], spanish["language"]) == ("clock", "es")
        model = await ask(daemon, "why is the sky blue?")
        assert (model["answered_by"], model["demonstration"], model["error_code"]) == ("smollm2", True, None)
        found = await request_status(daemon.socket)
        assert {engine["state"] for engine in found["engines"]} == {"ready"}
        pids = [engine["pid"] for engine in found["engines"]]
        async with asyncio.timeout(10):
            while not (await request_status(daemon.socket))["plugin_status"]["journal"].startswith("3 turns"):
                await asyncio.sleep(0.02)
    assert daemon.process.returncode == 0
    await until_gone(pids)
    assert not daemon.socket.exists()
    assert "Traceback" not in daemon.log.read_text()


async def test_engines_die_with_a_daemon_that_is_killed(tmp_path):
    async with spawned_daemon(tmp_path, settings()) as daemon:
        await engines_settled(daemon)
        pids = [engine["pid"] for engine in (await request_status(daemon.socket))["engines"]]
        assert all(map(alive, pids))
        daemon.process.kill()
        await daemon.process.wait()
        await until_gone(pids)


async def test_a_killed_engine_comes_back_and_answers(tmp_path):
    async with spawned_daemon(tmp_path, settings()) as daemon:
        await engines_settled(daemon)
        before = await state_of(daemon, "smollm2")
        os.kill(before["pid"], signal.SIGKILL)
        async with asyncio.timeout(20):
            while (now := await state_of(daemon, "smollm2"))["state"] != "ready" or now["pid"] == before["pid"]:
                await asyncio.sleep(0.05)
        assert now["restarts"] == 1
        assert (await ask(daemon, "why is the sky blue?"))["error_code"] is None


async def test_reload_applies_what_can_change_live_and_names_the_rest(tmp_path):
    config = tmp_path / "jarvisd.toml"
    config.write_text('[audio]\nsource = "none"\n[wake]\nthreshold = 0.5\n')
    async with spawned_daemon(tmp_path, ["--config", str(config)]) as daemon:

        async def logged(text):
            async with asyncio.timeout(10):
                while text not in daemon.log.read_text():
                    await asyncio.sleep(0.02)

        config.write_text('[audio]\nsource = "stdin"\n[wake]\nthreshold = 0.7\n')
        daemon.process.send_signal(signal.SIGHUP)
        await logged("reloaded: wake.threshold")
        await logged("need a restart: audio.source")
        config.write_text("[wake]\nthreshhold = 0.7\n")
        daemon.process.send_signal(signal.SIGHUP)
        await logged("everything stays as it was")
        assert "wake.threshold" in daemon.log.read_text().rsplit("everything stays", 1)[1]
        assert (await ask(daemon, "what time is it"))["answered_by"] == "clock"


async def test_without_a_microphone_it_says_so_and_typed_questions_work(tmp_path):
    missing = 'audio.command=["arecord-is-not-here"]'
    async with spawned_daemon(tmp_path, settings(*NO_ENGINES, "audio.source=command", missing)) as daemon:
        async with asyncio.timeout(10):
            while "ears" not in (found := await request_status(daemon.socket))["failing"]:
                await asyncio.sleep(0.05)
        assert not found["listening"]
        assert "arecord-is-not-here" in found["listening_detail"]
        assert "arecord-is-not-here" in found["failing"]["ears"]
        assert (await ask(daemon, "what time is it"))["answered_by"] == "clock"
        no_model = await ask(daemon, "why is the sky blue?")
        assert no_model["error_code"] == "no_model"


async def test_a_model_that_is_not_there_is_said_with_what_to_do(tmp_path):
    engine = 'engines={small={kind="llama_cpp", model="/nowhere/model.gguf"}}'
    tiers = 'tiers={fast={engine="small"}}'
    async with spawned_daemon(tmp_path, settings("transcription={}", "memory={}", engine, tiers)) as daemon:
        await engines_settled(daemon)
        answer = await ask(daemon, "why is the sky blue?")
        assert answer["error_code"] == "models_failed"
        assert "/nowhere/model.gguf" in answer["text"]
        assert (await ask(daemon, "what time is it"))["answered_by"] == "clock"


async def test_a_second_daemon_in_the_same_place_is_refused(tmp_path):
    async with spawned_daemon(tmp_path, settings(*NO_ENGINES)) as daemon:
        second = tmp_path / "second"
        second.mkdir()
        arguments = [*settings(*NO_ENGINES), "--set", f'house.runtime_dir="{tmp_path}"']
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "jarvisd", *arguments, "run", stderr=asyncio.subprocess.PIPE
        )
        _, said = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 1
        assert b"Another jarvisd already serves" in said
        assert await request_status(daemon.socket)


async def run_another(state, runtime):
    """A second daemon: its exit code, and what it said."""
    places = ("--set", f'house.state_dir="{state}"', "--set", f'house.runtime_dir="{runtime}"')
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "jarvisd", *settings(*NO_ENGINES), *places, "run", stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, said.decode()


async def test_a_second_daemon_on_the_same_state_is_refused_and_told_who_has_it(tmp_path):
    async with spawned_daemon(tmp_path, settings(*NO_ENGINES)) as daemon:
        code, said = await run_another(tmp_path / "state", tmp_path / "elsewhere")
        assert code == 1
        assert f"Another jarvisd (process {daemon.process.pid}, {daemon.socket}) keeps its state in" in said
        assert "house.state_dir" in said
        assert "Traceback" not in said
        assert await request_status(daemon.socket)


async def test_a_daemon_that_was_killed_does_not_keep_its_state_from_the_next(tmp_path):
    async with spawned_daemon(tmp_path, settings()) as daemon:
        await engines_settled(daemon)
        daemon.process.kill()
        await daemon.process.wait()
    (tmp_path / "notify.sock").unlink()
    async with spawned_daemon(tmp_path, settings(*NO_ENGINES)) as daemon:
        assert await request_status(daemon.socket)


async def test_a_state_folder_in_which_nothing_can_be_kept_is_told(tmp_path):
    (tmp_path / "state" / "jarvisd.lock").mkdir(parents=True)
    code, said = await run_another(tmp_path / "state", tmp_path)
    assert code == 2
    assert "house.state_dir: nothing can be kept in" in said


async def test_a_daemon_that_cannot_start_says_why(tmp_path):
    with pytest.raises(ControlError, match="nokey"):
        async with spawned_daemon(tmp_path, settings("wake.nokey=1")):
            pass


async def test_an_engine_on_demand_starts_with_the_first_question_and_its_use_is_remembered(tmp_path):
    async with spawned_daemon(tmp_path, settings("transcription={}", 'engines.smollm2.start="demand"')) as daemon:
        assert (await state_of(daemon, "smollm2"))["state"] == "stopped"
        answer = await ask(daemon, "why is the sky blue?")
        assert (answer["answered_by"], answer["error_code"]) == ("smollm2", None)
        assert (await state_of(daemon, "smollm2"))["state"] == "ready"
    uses = await asyncio.to_thread(UsageLog(tmp_path / "state/usage.sqlite").of, ["smollm2"])
    assert len(uses["smollm2"]) == 1


async def test_a_timer_set_before_a_kill_rings_after_it_and_once(tmp_path):
    async with spawned_daemon(tmp_path, settings(*NO_ENGINES)) as daemon:
        answer = await ask(daemon, "set a timer for two seconds")
        assert (answer["text"], answer["answered_by"]) == ("Timer set for 2 seconds.", "timer")
        daemon.process.kill()
        await daemon.process.wait()
    await asyncio.sleep(2)
    for rung in (1, 0):  # by the first that comes back, and by no other
        (tmp_path / "notify.sock").unlink()
        async with spawned_daemon(tmp_path, settings(*NO_ENGINES)) as daemon:
            async with asyncio.timeout(10):
                while (await ask(daemon, "how long is left on the timer"))["text"] != "There is no timer running.":
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.3)
            assert daemon.log.read_text().count("has rung") == rung


async def test_an_engine_is_up_at_the_hours_that_people_set_and_it_is_said_why(tmp_path):
    hours = 'warmup_times={now={engine="smollm2", at="00:00", for_minutes=1440}}'
    async with spawned_daemon(
        tmp_path, settings("transcription={}", 'engines.smollm2.start="demand"', hours)
    ) as daemon:
        async with asyncio.timeout(30):
            while (await state_of(daemon, "smollm2"))["state"] != "ready":
                await asyncio.sleep(0.05)
        found = await request_status(daemon.socket)
        assert found["warmup"]["kept"] == {"smollm2": "warmup_times.now, until 00:00"}
        assert found["failing"] == {}
        shown = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "jarvisd", "--set", f'house.runtime_dir="{daemon.socket.parent}"', "status",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(shown.communicate(), 30)
        assert b"smollm2 is kept warm: warmup_times.now, until 00:00" in said
    assert "keeping smollm2 warm: warmup_times.now" in daemon.log.read_text()
    assert "Traceback" not in daemon.log.read_text()
