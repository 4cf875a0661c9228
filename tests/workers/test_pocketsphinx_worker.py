import asyncio
import os
import signal
import sys
from dataclasses import replace

import pytest
from wyoming.event import Event

from jarvisd.engines.process import ChildProcess
from jarvisd.errors import EngineReplyError, NothingHeard
from jarvisd.speech.transcribe import Transcriber
from jarvisd.speech.wyoming_client import connect
from jarvisd.types import Detection, EngineState, Utterance
from tests.fakes.engines import running_pool, until, until_gone
from tests.fakes.workers import SOUND, how_it_ended, recording, say, transcript, worker_spec

QUESTION = recording("asr_what_time_is_it.wav")


@pytest.fixture
async def ears(tmp_path):
    async with running_pool(worker_spec(tmp_path, "ears", kind="pocketsphinx")) as (pool, told):
        await until(told, EngineState.READY, "ears")
        async with asyncio.timeout(50), pool.lease("ears") as endpoint:
            yield endpoint


def utterance(pcm: bytes) -> Utterance:
    return Utterance(pcm, Detection("hey_jarvis", 0.9, 0.0), 0.0, 1.0, 1.6, 1.0, "silence", 0.0)


async def test_a_spoken_question_becomes_text(tmp_path):
    spec = worker_spec(tmp_path, "ears", kind="pocketsphinx")
    async with running_pool(spec) as (pool, _):
        ears = Transcriber(pool.lease, "ears", languages=("en", "es"), timeout_s=30)
        for _ in range(2):  # one asker after the other
            heard = await ears.transcribe(utterance(QUESTION))
            assert (heard.text, heard.language, heard.engine) == ("what time is it", "en", "ears")
        with pytest.raises(NothingHeard, match="no words were recognised"):
            await ears.transcribe(utterance(bytes(32_000)))


async def test_a_worker_that_hangs_is_replaced(tmp_path):
    spec = replace(worker_spec(tmp_path, "ears", kind="pocketsphinx"), stop_timeout_s=0.1)
    async with running_pool(spec) as (pool, told):
        hung = await until(told, EngineState.READY, "ears")
        ears = Transcriber(pool.lease, "ears", languages=("en",), timeout_s=0.2)
        os.kill(hung.pid, signal.SIGSTOP)
        with pytest.raises(EngineReplyError, match=r"ears took longer than 0\.2 s"):
            await ears.transcribe(utterance(QUESTION))
        ears.reconfigure(languages=("en",), timeout_s=30, ignore=())
        assert (await ears.transcribe(utterance(QUESTION))).text == "what time is it"
        assert pool.statuses()[0].pid != hung.pid


async def test_a_house_that_speaks_no_english_is_told_and_keeps_its_engine(ears):
    with pytest.raises(EngineReplyError, match="this recogniser knows en, and es was asked for"):
        await transcript(ears, QUESTION * 20, language="es")
    assert (await transcript(ears, QUESTION, context={"languages": ["es", "en"]}))["text"] == "what time is it"


async def test_it_says_who_it_is_while_it_works(ears):
    async with connect(ears) as busy, connect(ears) as other:
        await say(busy, QUESTION * 60)
        await other.send(Event("describe"))
        info = (await other.receive("info")).data
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await busy.receive("transcript")
    assert info["asr"][0]["models"][0]["languages"] == ["en"]


async def test_an_asker_who_hangs_up_does_not_hold_up_the_next(ears):
    for _ in range(3):
        async with connect(ears) as gone:
            await say(gone, QUESTION * 400)  # it would work on this for minutes
    assert (await transcript(ears, QUESTION))["text"] == "what time is it"


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        ([Event("audio-start", {**SOUND, "rate": 44_100})], r"16000 Hz, 2 bytes, 1 channel is wanted, and \(44100,"),
        ([Event("audio-start", {"rate": 16_000})], "not a Wyoming event"),
        ([Event("transcribe", {"context": [1]})], "not a Wyoming event"),
        ([Event("audio-chunk", SOUND, bytes(1_000_000))] * 20, "more than ten minutes"),
    ],
)
async def test_what_it_cannot_take_is_refused_with_a_sentence(ears, events, sentence):
    async with connect(ears) as server:
        await server.send(*events)
        with pytest.raises(EngineReplyError, match=sentence):
            await server.receive("transcript")
    assert (await transcript(ears, QUESTION))["text"] == "what time is it"


async def test_no_sound_and_half_a_sample_are_no_words(ears):
    assert (await transcript(ears, b""))["text"] == ""
    assert (await transcript(ears, b"\1"))["text"] == ""


async def test_without_its_package_it_says_what_to_install(tmp_path):
    (tmp_path / "pocketsphinx.py").write_text("raise ImportError('No module named pocketsphinx')")
    code, said = await how_it_ended(
        "pocketsphinx", "--socket", str(tmp_path / "s.sock"), env={"PYTHONPATH": str(tmp_path)}
    )
    assert code == os.EX_UNAVAILABLE
    assert said.endswith(f"run {sys.executable} -m pip install 'jarvisd[embedded]'")


@pytest.mark.parametrize("module", ["pocketsphinx", "whisper", "llama", "launch"])
async def test_every_worker_explains_itself_without_its_heavy_packages(tmp_path, module):
    for package in ("pocketsphinx", "faster_whisper", "xllamacpp", "numpy"):
        (tmp_path / f"{package}.py").write_text("raise ImportError('not needed for --help')")
    code, _ = await how_it_ended(module, "--help", env={"PYTHONPATH": str(tmp_path)})
    assert code == 0


DAEMON = """
import asyncio, sys
from jarvisd.engines.process import ChildProcess
from jarvisd.engines.reach import is_listening
from jarvisd.types import Endpoint

async def main(socket):
    argv = (sys.executable, "-P", "-m", "jarvisd.workers.pocketsphinx", "--socket", socket)
    child = ChildProcess.start("ears", argv, {})
    while not await is_listening(Endpoint("", socket)):
        await asyncio.sleep(0.02)
    print(child.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main(sys.argv[1]))
"""


async def test_it_dies_with_the_daemon_however_that_dies(tmp_path):
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DAEMON, str(tmp_path / "ears.sock"), stdout=asyncio.subprocess.PIPE
    )
    pid = int(await daemon.stdout.readline())
    daemon.kill()
    await daemon.wait()
    await until_gone(pid)


async def test_a_worker_whose_daemon_is_gone_already_does_not_stay(tmp_path):
    argv = (sys.executable, "-P", "-m", "jarvisd.workers.pocketsphinx", "--socket", str(tmp_path / "ears.sock"))
    process = ChildProcess.start("ears", argv, {"JARVISD_PARENT_PID": "1"})
    assert await process.wait(30)
    await process.stop(0)
    assert process.how_it_ended().endswith("The daemon that started this process is gone.")
