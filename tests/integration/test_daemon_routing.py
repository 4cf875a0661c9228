"""Who answers in the whole daemon: two tiers of real child processes, and a priced cloud on loopback."""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from jarvisd.cli.temporary import engines_settled, spawned_daemon
from jarvisd.control.client import request_result, requests
from jarvisd.errors import ControlError
from tests.fakes.broker import listening

FAKES = Path(__file__).parents[1] / "fakes"
STRONG = "explain to me how a rainbow comes about and why it is curved"
FAST = "what is the capital of spain"


def engine(name, folder, text, *options):
    socket = folder / f"{name}.sock"
    argv = json.dumps(
        [sys.executable, str(FAKES / "model_server.py"), "--socket", str(socket), "--text", text, *options]
    )
    return f'engines.{name}={{kind="process", argv={argv}, url="unix://{socket}"}}'


def settings(folder, *more, small=(), tiers=("fast", "strong")):
    own = (
        "audio.source=none", "transcription={}", "engines={}", "memory={}", "tiers={}",
        engine("small", folder, "A small answer.", *small),
        engine("big", folder, "A large answer."),
        'tiers.fast={engine="small"}', 'tiers.strong={engine="big"}',
        f"conversation.tiers={json.dumps(tiers)}", *more,
    )  # fmt: skip
    return ["--config", "profile:embedded", *(part for one in own for part in ("--set", one))]


@asynccontextmanager
async def house(folder, *more, **how):
    async with spawned_daemon(folder, settings(folder, *more, **how)) as daemon:
        await engines_settled(daemon)
        yield daemon
    assert daemon.process.returncode == 0
    assert "Traceback" not in daemon.log.read_text()


async def ask(daemon, text, **data):
    async with aclosing(requests(daemon.socket, "ask", {"text": text, **data})) as replies:
        return [reply async for reply in replies][-1][1]


async def commanded(folder, *arguments, code=0):
    places = (f'house.runtime_dir="{folder}"', f'house.state_dir="{folder}/state"')
    command = [sys.executable, "-m", "jarvisd", *(part for one in places for part in ("--set", one)), *arguments]
    environment = os.environ | {"COLUMNS": "200"}
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, env=environment)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


async def test_each_question_goes_to_its_level_and_it_is_on_record_why(tmp_path):
    async with house(tmp_path) as daemon:
        assert (await ask(daemon, FAST))["tier"] == "fast"
        strong = await ask(daemon, STRONG)
        assert (strong["tier"], strong["via"], strong["text"]) == ("strong", "model", "A large answer.")
        assert strong["route"]["probabilities"]["strong"] > 0.6
        assert strong["route"]["reason"].startswith("strong: ")
        assert (await ask(daemon, f"{STRONG}, in one sentence"))["tier"] == "fast"
        assert (await ask(daemon, "pon un temporizador de una hora"))["via"] == "skill"
        async with asyncio.timeout(10):
            while len((await request_result(daemon.socket, "turns", {"count": 10}))["turns"]) < 4:
                await asyncio.sleep(0.02)
        listed = await commanded(tmp_path, "route", "recent")
        assert "strong: " in listed
        figures = json.loads(await commanded(tmp_path, "stats", "--json"))
        assert (figures["turns"], figures["local_share"], figures["without_model_share"]) == (4, 1.0, 0.25)
        assert figures["shares"] == {"fast": 0.5, "skill": 0.25, "strong": 0.25}


async def test_what_would_be_decided_is_told_without_asking_anybody(tmp_path):
    async with house(tmp_path) as daemon:
        found = await request_result(daemon.socket, "route", {"text": STRONG})
        assert [one["tier"] for one in found["routes"]] == ["strong", "fast"]
        assert (await request_result(daemon.socket, "turns", {}))["turns"] == []
        assert "strong" in await commanded(tmp_path, "route", "why", "is", "the", "sky", "blue")
        for bad in ({}, {"text": " "}, {"text": 7}):
            with pytest.raises(ControlError, match="non-empty string"):
                await request_result(daemon.socket, "route", bad)


async def test_a_correction_teaches_and_can_be_taken_back(tmp_path):
    text = "give me the lowdown on tariffs"
    async with house(tmp_path) as daemon:
        before = (await ask(daemon, text))["tier"]
        kind, other = ("fast", "fast") if before == "strong" else ("strong", "strong")
        async with asyncio.timeout(10):
            while not (await request_result(daemon.socket, "turns", {}))["turns"]:
                await asyncio.sleep(0.02)
        assert "Learned." in await commanded(tmp_path, "route", "correct", "last", kind)
        assert (await request_result(daemon.socket, "route", {"text": text}))["routes"][0]["tier"] == other
        assert "The shipped weights hold." in await commanded(tmp_path, "route", "correct", "last", "none")
        assert (await request_result(daemon.socket, "route", {"text": text}))["routes"][0]["tier"] == before
        assert "no turn nonsense" in await commanded(tmp_path, "route", "correct", "nonsense", "fast", code=1)
        assert "invalid" in (await commanded(tmp_path, "route", "correct", "last", "clever", code=2)).casefold()


async def test_a_cold_tier_warms_up_while_the_warm_one_answers(tmp_path):
    async with house(tmp_path, 'engines.big.start="demand"') as daemon:
        first = await ask(daemon, STRONG)
        assert (first["tier"], first["route"]["wanted"]) == ("fast", "strong")
        async with asyncio.timeout(20):
            while (await ask(daemon, STRONG))["tier"] != "strong":
                await asyncio.sleep(0.1)


async def test_an_unsure_beginning_of_the_fast_tier_is_never_heard(tmp_path):
    hedge = ("--text", "I'm not sure about that. It may be so.")
    async with house(tmp_path, small=hedge) as daemon:
        doubtful = ("what causes hiccups", "what is an eclipse like", "why do cats purr", "what does inflation mean")
        for text in doubtful:
            found = await request_result(daemon.socket, "route", {"text": text})
            if found["grey"]:
                break
        assert found["grey"], f"none of {doubtful} is doubtful to the scorer: choose others"
        said = []
        async with aclosing(requests(daemon.socket, "ask", {"text": text})) as replies:
            async for kind, data in replies:
                if kind == "delta":
                    said.append(data["text"])
        assert "sure" not in "".join(said)


@asynccontextmanager
async def cloud(*options):
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(FAKES / "priced_cloud.py"), *options, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


def with_cloud(port, *more):
    return (
        f'engines.far={{kind="remote", url="http://127.0.0.1:{port}/v1", model="m", cloud=true, '
        "price_per_million_input=1000.0, price_per_million_output=1000.0}",
        'tiers.cloud={engine="far", max_tokens=50}', *more,
    )  # fmt: skip


async def test_the_cloud_answers_when_it_may_and_every_byte_is_on_record(tmp_path):
    async with cloud() as port:
        more = with_cloud(port, "cloud.allowed=true", "cloud.day_limit=5.0", "cloud.month_limit=5.0")
        async with house(tmp_path, *more, tiers=("fast", "strong", "cloud")) as daemon:
            answer = await ask(daemon, f"use the cloud, {STRONG}")
            assert (answer["tier"], answer["route"]["cloud"], answer["error_code"]) == ("cloud", True, None)
            assert answer["cost_micros"] > 0
            private = await ask(daemon, "use the cloud, what should I cook for my wife's birthday on friday")
            assert private["tier"] != "cloud"
            without = await ask(daemon, f"without the cloud, {STRONG}")
            assert without["tier"] == "strong"
            report = json.loads(await commanded(tmp_path, "privacy", "report", "--json"))
            assert json.dumps(report).count("rainbow") == 1
            assert "birthday" not in json.dumps(report)
            assert "céntimos" in (await ask(daemon, "cuánto hemos gastado"))["text"]
            while (figures := json.loads(await commanded(tmp_path, "stats", "--json")))["turns"] < 4:
                await asyncio.sleep(0.1)  # the record is written a little later
            assert figures["spent_micros"] == answer["cost_micros"]


async def test_a_cloud_that_is_off_or_used_up_is_not_asked_and_the_reason_is_told(tmp_path):
    async with cloud() as port:
        async with house(tmp_path, *with_cloud(port), tiers=("strong", "cloud")) as daemon:
            found = await request_result(daemon.socket, "route", {"text": f"use the cloud, {STRONG}"})
            assert found["refused"] == {"cloud": "Nothing may leave the house: cloud.allowed is false."}
            assert (await ask(daemon, f"use the cloud, {STRONG}"))["tier"] == "strong"
        (tmp_path / "notify.sock").unlink()
        tight = with_cloud(port, "cloud.allowed=true", "cloud.day_limit=0.01", "cloud.month_limit=0.01")
        async with house(tmp_path, *tight, tiers=("strong", "cloud")) as daemon:
            assert (await ask(daemon, f"use the cloud, {STRONG}"))["tier"] == "strong"
        assert "Nothing left the house" in await commanded(tmp_path, "privacy", "report")


async def test_mqtt_tells_why_and_what_rings(tmp_path, broker):
    more = (f"mqtt.host={broker.host}", f"mqtt.port={broker.port}")
    async with house(tmp_path, *more) as daemon, listening(broker, "jarvisd/home/#") as client:
        await ask(daemon, STRONG)
        response = json.loads(await client.until("response"))
        assert (response["via"], response["tier"], response["cost"]) == ("model", "strong", 0)
        assert response["route"]["reason"].startswith("strong: ")
        await ask(daemon, "set a timer for one second", room="kitchen")
        ring = json.loads(await client.until("event/ring"))
        assert (ring["kind"], ring["room"], ring["language"], ring["again"]) == ("timer", "kitchen", "en", False)
        assert ring["sentence"]
