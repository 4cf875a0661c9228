"""The whole daemon on a machine with two cards, as far as NVIDIA's library tells."""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from jarvisd.cli.temporary import engines_settled, spawned_daemon
from jarvisd.control.client import request_status, requests
from tests.fakes.broker import listening
from tests.fakes.nvml.driver import BIG, MIB, SMALL

MODEL_SERVER = Path(__file__).parents[1] / "fakes/model_server.py"
VLLM = Path(__file__).parents[1] / "fakes/vllm"
NO_ENGINES = ("engines={}", "memory={}", "tiers={}", "conversation.tiers=[]", "transcription={}")


def settings(*overrides):
    overrides = ("audio.source=none", *NO_ENGINES, "gpu.poll_s=0.1", *overrides)
    return ["--config", "profile:embedded", *(part for one in overrides for part in ("--set", one))]


@pytest.fixture
def cards(driver, monkeypatch):
    for name, value in driver.environment.items():
        monkeypatch.setenv(name, value)
    return driver


async def until(daemon, such):
    """The cards by UUID, once they are so."""
    async with asyncio.timeout(30):
        while True:
            found = await request_status(daemon.socket)
            gpus = {gpu["uuid"]: gpu for gpu in found["gpus"]}
            if gpus and such(gpus):
                return gpus
            await asyncio.sleep(0.05)


async def shown(tmp_path, *arguments):
    command = [sys.executable, "-m", "jarvisd", "--set", f'house.runtime_dir="{tmp_path}"', "status", *arguments]
    environment = os.environ | {"COLUMNS": "100"}
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_both_cards_are_shown_and_a_lost_one_is_told(tmp_path, cards):
    async with spawned_daemon(tmp_path, settings()) as daemon:
        gpus = await until(daemon, lambda gpus: len(gpus) == 2)
        assert {gpu["health"] for gpu in gpus.values()} == {"ok"}
        assert (gpus[BIG]["capability"], gpus[SMALL]["memory_total_bytes"]) == ([12, 0], 6144 * MIB)
        cards.say(small_error=15)
        await until(daemon, lambda gpus: gpus[SMALL]["health"] == "lost")
        by_uuid = {gpu["uuid"]: gpu for gpu in json.loads(await shown(tmp_path, "--json"))["gpus"]}
        assert {uuid: gpu["health"] for uuid, gpu in by_uuid.items()} == {BIG: "ok", SMALL: "lost"}
        table = await shown(tmp_path)
        assert "GPU-5070aaaa" in table
        assert "GPU-2060bbbb" in table
        assert "fell off the bus" in table
        assert f"{SMALL}): ok -> lost" in daemon.log.read_text()
        cards.say(small_error=None)
        await until(daemon, lambda gpus: gpus[SMALL]["health"] == "ok")
    assert daemon.process.returncode == 0
    assert "Traceback" not in daemon.log.read_text()


async def test_cards_on_mqtt(tmp_path, cards, broker):
    with_broker = settings(f"mqtt.host={broker.host}", f"mqtt.port={broker.port}")
    async with spawned_daemon(tmp_path, with_broker), listening(broker, "jarvisd/home/#") as client:
        big = json.loads(await client.until("gpu/5070aaaa/status"))
        assert (big["uuid"], big["health"]) == (BIG, "ok")
        cards.say(big_temperature=93)
        hot = json.loads(await client.until("gpu/5070aaaa/status"))
        assert (hot["health"], hot["reasons"]) == ("hot", ["93 °C, hot from 87 °C"])


async def test_engines_are_ours_and_other_programs_are_not(tmp_path, cards):
    socket = tmp_path / "model.sock"
    argv = json.dumps([sys.executable, str(MODEL_SERVER), "--socket", str(socket)])
    engine = f'engines={{m={{kind="process", argv={argv}, url="unix://{socket}"}}}}'
    async with spawned_daemon(tmp_path, settings(engine, 'tiers={fast={engine="m"}}')) as daemon:
        await engines_settled(daemon)
        engine_pid = (await request_status(daemon.socket))["engines"][0]["pid"]
        held = {daemon.process.pid: 500 * MIB, engine_pid: 4000 * MIB, os.getpid(): 1500 * MIB}
        cards.say(big_compute=",".join(f"{pid}:{memory}" for pid, memory in held.items()))
        gpus = await until(daemon, lambda gpus: gpus[BIG]["health"] == "foreign")
        ours = {process["pid"] for process in gpus[BIG]["processes"] if process["ours"]}
        assert ours == {daemon.process.pid, engine_pid}
        assert gpus[BIG]["foreign_bytes"] == 1500 * MIB


def vllm(**table):
    """A vLLM engine of 12 GiB on the large card, whose program is the fake one."""
    table = {
        "kind": "vllm", "command": str(VLLM), "model": "a/model", "gpu": BIG, "start": "boot", "kv_cache_bytes": 1 << 30,
        "gpu_memory_bytes": 12 << 30, **table,
    }  # fmt: skip
    values = ",".join(f"{name}={json.dumps(value)}" for name, value in table.items())
    return f"engines={{strong={{{values}}}}}", 'tiers={strong={engine="strong"}}'


async def until_engine(daemon, state):
    async with asyncio.timeout(30):
        while True:
            (engine,) = (await request_status(daemon.socket))["engines"]
            if engine["state"] == state:
                return engine
            await asyncio.sleep(0.05)


async def test_an_engine_sleeps_while_a_game_has_the_card_and_comes_back(tmp_path, cards):
    async with spawned_daemon(tmp_path, settings(*vllm())) as daemon:
        pid = (await until_engine(daemon, "ready"))["pid"]
        ended = 1 << 22 | 1  # larger than any process number
        cards.say(big_compute=f"{pid}:{12 << 30},{ended}:{12 << 30}")
        gpus = await until(daemon, lambda gpus: {one["pid"] for one in gpus[BIG]["processes"]} == {pid, ended})
        assert gpus[BIG]["foreign_bytes"] == 0  # it may have been an engine's
        assert (await until_engine(daemon, "ready"))["pid"] == pid
        cards.say(big_compute=f"{pid}:{1 << 30},{os.getpid()}:{12 << 30}")
        assert (await until_engine(daemon, "asleep"))["pid"] == pid
        cards.say(big_compute=f"{pid}:{1 << 30}")
        assert (await until_engine(daemon, "ready"))["pid"] == pid
        assert (
            "engine strong makes room for other programs, which hold 12.0 GiB of GPU-5070aaaa" in daemon.log.read_text()
        )
    assert daemon.process.returncode == 0
    assert "Traceback" not in daemon.log.read_text()


async def test_what_an_engine_takes_is_learned_and_planned_with(tmp_path, cards):
    async with spawned_daemon(tmp_path, settings(*vllm())) as daemon:
        pid = (await until_engine(daemon, "ready"))["pid"]
        cards.say(big_compute=f"{pid}:{13 << 30}")
        needs = tmp_path / "state/card-needs.json"
        async with asyncio.timeout(30):
            while not await asyncio.to_thread(needs.exists):
                await asyncio.sleep(0.05)
        assert list(json.loads(needs.read_text()).values()) == [13 << 30]
        assert "engine strong takes 13.0 GiB of its card, not 12.0 GiB" in daemon.log.read_text()
    assert daemon.process.returncode == 0


async def ordered(tmp_path, *arguments, code=0):
    """What `jarvisd` says to an order."""
    command = [sys.executable, "-m", "jarvisd", "--set", f'house.runtime_dir="{tmp_path}"', *arguments]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


async def test_orders_from_the_command_line(tmp_path, cards):
    async with spawned_daemon(tmp_path, settings(*vllm(start="demand"))) as daemon:
        assert "strong is ready after" in await ordered(tmp_path, "warm", "strong")
        assert "RTX 5070 Ti is yours until" in await ordered(tmp_path, "gpu", "release", "2h", "5070")
        assert (await until_engine(daemon, "stopped"))["pid"] is None
        assert "is released until" in await ordered(tmp_path, "warm", "strong", code=1)
        assert "the engines may use it again" in await ordered(tmp_path, "gpu", "reclaim")
        await until_engine(daemon, "ready")
        assert "keeps its place" in await ordered(tmp_path, "pin", "strong")
        assert "(pinned)" in await shown(tmp_path)
        assert "is pinned: `jarvisd unpin strong` first" in await ordered(tmp_path, "unload", "strong", code=1)
        assert "not pinned any more" in await ordered(tmp_path, "unpin", "strong")
        assert "strong is stopped" in await ordered(tmp_path, "unload", "strong")
        assert "no engine and no tier 'weak'" in await ordered(tmp_path, "warm", "weak", code=1)
    assert "Traceback" not in daemon.log.read_text()


async def test_an_engine_of_a_card_that_is_not_here_has_failed_and_says_which_to_name(tmp_path, cards):
    async with spawned_daemon(tmp_path, settings(*vllm(gpu="GPU-dead0000-1111-2222-3333-444444440000"))) as daemon:
        failed = await until_engine(daemon, "failed")
        assert failed["detail"].startswith("GPU-dead0000 is lost: the configuration names it and this machine has no")
        assert "GPU-dead0000" in await shown(tmp_path)
    assert daemon.process.returncode == 0
    assert "Traceback" not in daemon.log.read_text()


async def test_an_engine_of_a_lost_card_has_failed_and_starts_when_it_is_back(tmp_path, cards):
    async with spawned_daemon(tmp_path, settings(*vllm())) as daemon:
        pid = (await until_engine(daemon, "ready"))["pid"]
        cards.say(big_error=15)
        assert (await until_engine(daemon, "failed"))["detail"].startswith("GPU-5070aaaa is lost: ")
        cards.say(big_error=None)
        assert (await until_engine(daemon, "ready"))["pid"] != pid
    assert daemon.process.returncode == 0
    assert "Traceback" not in daemon.log.read_text()


async def test_energy_goes_on_after_a_restart(tmp_path, cards):
    async with spawned_daemon(tmp_path, settings()) as daemon:
        await until(daemon, lambda gpus: len(gpus) == 2)
        cards.say(big_energy_mj=7_200_000_000 + 3_600_000_000)
        await until(daemon, lambda gpus: gpus[BIG]["energy_kwh"] == 1.0)
    (tmp_path / "notify.sock").unlink()
    async with spawned_daemon(tmp_path, settings()) as daemon:
        gpus = await until(daemon, lambda gpus: len(gpus) == 2)
        assert (gpus[BIG]["energy_kwh"], gpus[SMALL]["energy_kwh"]) == (1.0, 0.0)


async def test_energy_is_told_by_engine(tmp_path, cards):
    socket = tmp_path / "model.sock"
    argv = json.dumps(
        [sys.executable, str(MODEL_SERVER), "--socket", str(socket), "--tokens", "20", "--token-delay", "0.1"]
    )
    engine = f'engines={{strong={{kind="process", argv={argv}, url="unix://{socket}", gpu="{BIG}"}}}}'
    tiers = 'tiers={strong={engine="strong"}}', 'conversation.tiers=["strong"]'
    async with spawned_daemon(tmp_path, settings(engine, *tiers)) as daemon:
        await until_engine(daemon, "ready")

        def theirs(gpus):
            return {one["name"]: (one["used_kwh"], one["idle_kwh"]) for one in gpus[BIG]["engines"]}

        cards.say(big_energy_mj=7_200_000_000 + 3_600_000_000)
        await until(daemon, lambda gpus: theirs(gpus) == {"strong": (0.0, 1.0)})
        async with aclosing(requests(daemon.socket, "ask", {"text": "why is the sky blue?"})) as replies:
            await anext(replies)  # its first word: it is in use until it has said its last
            cards.say(big_energy_mj=7_200_000_000 + 3 * 3_600_000_000)
            gpus = await until(daemon, lambda gpus: gpus[BIG]["energy_kwh"] == 3.0)
        assert theirs(gpus) == {"strong": (2.0, 1.0)}
        table = await shown(tmp_path)
        assert "2.00 kWh" in table
        assert "not known yet" in table


async def test_a_driver_that_hangs_holds_up_neither_answers_nor_the_end(tmp_path, cards):
    async with spawned_daemon(tmp_path, settings("gpu.hung_after_s=0.3")) as daemon:
        await until(daemon, lambda gpus: len(gpus) == 2)
        cards.say(hang=1)
        gpus = await until(daemon, lambda gpus: gpus[BIG]["health"] == "hung")
        assert gpus[SMALL]["temperature_celsius"] == 41  # the last that was told, with its age
        assert gpus[SMALL]["age_s"] > 0
    assert daemon.process.returncode == 0


async def test_a_driver_upgraded_under_the_running_one_is_said_and_nothing_ends(tmp_path, cards):
    cards.say(init=18)
    async with spawned_daemon(tmp_path, settings()) as daemon:
        async with asyncio.timeout(30):
            while "start the machine again" not in (await request_status(daemon.socket))["gpu_detail"]:
                await asyncio.sleep(0.05)
    assert daemon.process.returncode == 0


async def test_not_watched_when_switched_off(tmp_path, cards):
    async with spawned_daemon(tmp_path, settings("gpu.enabled=false")) as daemon:
        found = await request_status(daemon.socket)
        assert (found["gpus"], found["gpu_detail"]) == ([], "not watched (gpu.enabled)")
