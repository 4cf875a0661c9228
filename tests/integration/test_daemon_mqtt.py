"""The whole daemon with a real broker that comes, goes and comes back."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from jarvisd.cli.temporary import engines_settled, spawned_daemon
from jarvisd.control.client import request_status
from tests.fakes.broker import Broker, listening

MODEL_SERVER = Path(__file__).parents[1] / "fakes/model_server.py"


def settings(tmp_path, broker, *server):
    socket = tmp_path / "model.sock"
    argv = [sys.executable, str(MODEL_SERVER), "--socket", str(socket), *server]
    overrides = (
        "audio.source=none", "transcription={}", f"mqtt.host={broker.host}", f"mqtt.port={broker.port}",
        f'engines={{m={{kind="process", argv={json.dumps(argv)}, url="unix://{socket}"}}}}', 'tiers={fast={engine="m"}}', "memory={}",
    )  # fmt: skip
    return ["--config", "profile:embedded", *(part for one in overrides for part in ("--set", one))]


async def until_connected(daemon, connected=True):
    async with asyncio.timeout(30):
        while (await request_status(daemon.socket))["broker_connected"] is not connected:
            await asyncio.sleep(0.05)


async def test_a_question_by_mqtt_is_streamed_and_answered(tmp_path, broker):
    async with spawned_daemon(tmp_path, settings(tmp_path, broker, "--tokens", "5")) as daemon:
        await engines_settled(daemon)
        await until_connected(daemon)
        async with listening(broker, "jarvisd/home/#") as client:
            await client.say("jarvisd/home/ask/set", b'{"text": "why is the sky blue?", "id": "q-1"}')
            response = json.loads(await client.until("/response"))
            topics = [topic.removeprefix("jarvisd/home/") for topic, _ in client.seen]
            await client.say("jarvisd/home/ask/set", b"\xff\xfe")
            refused = json.loads(await client.until("/bridge/error"))
    assert (response["id"], response["answered_by"], response["error"]) == ("q-1", "m", None)
    assert topics.count("response/stream") >= 5
    assert {"status", "state"} <= set(topics)
    assert "UTF-8" in refused["error"]


async def test_an_answer_outlives_the_broker_that_it_was_asked_over(tmp_path, broker):
    slow = ("--tokens", "8", "--token-delay", "0.15")
    async with spawned_daemon(tmp_path, settings(tmp_path, broker, *slow)) as daemon:
        await engines_settled(daemon)
        await until_connected(daemon)
        async with listening(broker, "jarvisd/home/#") as client:
            await client.say("jarvisd/home/ask/set", b'{"text": "why is the sky blue?", "id": "q-2"}')
            await client.until("/response/stream")
            await asyncio.to_thread(broker.kill)
        await until_connected(daemon, connected=False)
        await asyncio.to_thread(broker.start)
        async with listening(broker, "jarvisd/home/#") as client:
            response = json.loads(await client.until("/response"))
    assert (response["id"], response["error"]) == ("q-2", None)


async def test_a_broker_that_is_absent_at_the_start_is_found_later(tmp_path, absent_broker: Broker):
    async with spawned_daemon(tmp_path, settings(tmp_path, absent_broker)) as daemon:
        found = await request_status(daemon.socket)
        assert not found["broker_connected"]
        await asyncio.to_thread(absent_broker.start)
        await until_connected(daemon)
        async with listening(absent_broker, "jarvisd/home/#") as client:
            assert await client.until("/status") == b"online"
    log = daemon.log.read_text()
    assert log.count("is the broker running?") == 1


@pytest.mark.parametrize("how", ["clean", "killed"])
async def test_the_house_learns_that_the_daemon_is_gone(tmp_path, broker, how):
    async with listening(broker, "jarvisd/home/status") as client:
        async with spawned_daemon(tmp_path, settings(tmp_path, broker)) as daemon:
            assert await client.until("/status", b"online")
            if how == "killed":
                daemon.process.kill()
        assert await client.until("/status", b"offline")
