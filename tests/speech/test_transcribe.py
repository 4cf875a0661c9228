import asyncio
from contextlib import asynccontextmanager

import pytest
from wyoming.event import Event

from jarvisd.errors import EngineReplyError, EngineStartError, EngineUnavailable, NothingHeard
from jarvisd.speech.transcribe import Transcriber, probe
from jarvisd.types import Detection, Endpoint, Transcript, Utterance
from tests.fakes.recogniser import recogniser

SAID = {"text": " What time is it? ", "language": "en"}
PCM = bytes(range(256)) * 300


def utterance(pcm: bytes = PCM, speech_s: float = 1.5) -> Utterance:
    return Utterance(pcm, Detection("hey_jarvis", 0.9, 1.0), 0.6, 2.0, 2.6, speech_s, "silence", 0.0)


def transcriber(endpoint: Endpoint, languages=("es", "en"), timeout_s: float = 20.0, **changes) -> Transcriber:
    @asynccontextmanager
    async def lease(name: str, wait_s: float):
        assert (name, wait_s) == ("ears", timeout_s)
        yield endpoint

    return Transcriber(lease, "ears", languages=languages, timeout_s=timeout_s, **changes)


async def test_an_utterance_becomes_text_in_a_language_of_the_house(tmp_path):
    async with recogniser(tmp_path, SAID) as (endpoint, server):
        transcript = await transcriber(endpoint).transcribe(utterance())
    assert transcript == Transcript("What time is it?", "en", "ears", None)
    assert server.sounds == [PCM]
    assert server.requests == [{"context": {"languages": ["es", "en"]}}]


async def test_one_language_is_asked_for_and_believed(tmp_path):
    async with recogniser(tmp_path, {"text": "¿Qué hora es?"}) as (endpoint, server):
        transcript = await transcriber(endpoint, languages=("es",)).transcribe(utterance())
    assert transcript.language == "es"
    assert server.requests[0]["language"] == "es"


async def test_a_recogniser_that_does_not_say_which_language_leaves_it_open(tmp_path):
    async with recogniser(tmp_path, {"text": "hola"}) as (endpoint, _):
        assert (await transcriber(endpoint).transcribe(utterance())).language is None


@pytest.mark.parametrize("code", ["es", "es-ES", "es_419", "ES"])
async def test_codes_with_a_country_are_understood(tmp_path, code):
    async with recogniser(tmp_path, {"text": "hola", "language": code}) as (endpoint, _):
        assert (await transcriber(endpoint).transcribe(utterance())).language == "es"


async def test_a_foreign_language_is_not_taken_and_asked_again_in_the_houses_first(tmp_path):
    replies = {"text": "qual é a hora", "language": "pt"}, {"text": "¿Qué hora es?", "language": "es"}
    async with recogniser(tmp_path, *replies) as (endpoint, server):
        transcript = await transcriber(endpoint).transcribe(utterance())
    assert (transcript.text, transcript.language) == ("¿Qué hora es?", "es")
    assert [request.get("language") for request in server.requests] == [None, "es"]


async def test_what_the_recogniser_thinks_of_silence_is_passed_on(tmp_path):
    reply = {**SAID, "context": {"no_speech_probability": 0.25}}
    async with recogniser(tmp_path, reply) as (endpoint, _):
        assert (await transcriber(endpoint).transcribe(utterance())).no_speech_probability == 0.25


@pytest.mark.parametrize(
    "reply",
    [
        {"text": ""},
        {"text": " . "},
        {"text": "Thanks for watching!"},
        {"text": "What time is it?", "context": {"no_speech_probability": 0.7}},
        {"text": "Próxima parada"},
    ],
)
async def test_nothing_heard_is_said_so_and_never_repeated(tmp_path, reply):
    async with recogniser(tmp_path, reply) as (endpoint, _):
        with pytest.raises(NothingHeard) as nothing:
            await transcriber(endpoint, ignore=["¡próxima parada!"]).transcribe(utterance())
    assert not reply["text"].strip(" .") or reply["text"] not in nothing.value.message


async def test_a_click_is_not_sent_to_the_recogniser(tmp_path):
    async with recogniser(tmp_path, SAID) as (endpoint, server):
        with pytest.raises(NothingHeard, match=r"Only 0\.10 s of speech"):
            await transcriber(endpoint).transcribe(utterance(speech_s=0.1))
    assert server.requests == []


async def test_new_values_hold_from_the_next_utterance_on(tmp_path):
    async with recogniser(tmp_path, SAID) as (endpoint, server):
        ears = transcriber(endpoint)
        ears.reconfigure(languages=("en",), timeout_s=20.0, ignore=("what time is it",))
        with pytest.raises(NothingHeard):
            await ears.transcribe(utterance())
    assert server.requests[0]["language"] == "en"


def sends(data: bytes, close: bool = True):
    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if close:
            writer.close()

    return reply


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "broke off the connection before it answered"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak Wyoming"),
        (b"[1, 2]\n", "does not speak Wyoming"),
        (b'{"data": {}}\n', "does not speak Wyoming"),
        (b'{"type": "transcript", "data_length": -5}\n', "does not speak Wyoming"),
        (b'{"type": "transcript", "data_length": 99999999999}\n', "does not speak Wyoming"),
        (b'{"type": "transcript", "data_length": 50}\n{"text": "he', "broke off in the middle"),
        (b'{"type": "transcript", "data": {"language": "en"}}\n', "a transcript that has no text"),
        (b'{"type": "transcript", "data": {"text": ["no"]}}\n', "a transcript that has no text"),
        (b'{"type": "error", "data": {"text": "CUDA out of memory"}}\n', "refused: CUDA out of memory"),
        (b"x" * 200_000, "does not speak Wyoming"),
    ],
)
async def test_whatever_a_recogniser_does_wrong_becomes_an_error_with_a_sentence(tmp_path, data, sentence):
    async with recogniser(tmp_path, sends(data)) as (endpoint, _):
        with pytest.raises(EngineReplyError, match=sentence):
            await transcriber(endpoint).transcribe(utterance())


async def test_events_before_the_transcript_are_passed_over(tmp_path):
    data = b'{"type": "transcript-start"}\n{"type": "x", "payload_length": 3}\nabc'
    data += b'{"type": "transcript", "data": {"text": "hi"}}\n'
    async with recogniser(tmp_path, sends(data)) as (endpoint, _):
        assert (await transcriber(endpoint).transcribe(utterance())).text == "hi"


async def test_a_recogniser_that_never_answers_is_given_up_and_hung_up_on(tmp_path):
    async def never(writer) -> None:
        await asyncio.sleep(0)

    async with recogniser(tmp_path, never) as (endpoint, server):
        with pytest.raises(EngineReplyError, match=r"ears took longer than 0\.05 s to transcribe"):
            await transcriber(endpoint, timeout_s=0.05).transcribe(utterance())
        async with asyncio.timeout(20):
            await server.abandoned.wait()


async def test_a_cancelled_transcription_hangs_up(tmp_path):
    async def never(writer) -> None:
        await asyncio.sleep(0)

    async with recogniser(tmp_path, never) as (endpoint, server), asyncio.TaskGroup() as group:
        task = group.create_task(transcriber(endpoint).transcribe(utterance()))
        await server.was_asked.wait()
        task.cancel()
        async with asyncio.timeout(20):
            await server.abandoned.wait()


@pytest.mark.parametrize("endpoint", [Endpoint("unix:///no/such.sock", "/no/such.sock"), Endpoint("tcp://127.0.0.1:9")])
async def test_where_there_is_no_recogniser_it_is_unavailable(endpoint):
    with pytest.raises(EngineUnavailable, match="Nothing can be reached at"):
        await transcriber(endpoint).transcribe(utterance())


async def test_why_an_engine_cannot_be_leased_is_passed_on():
    @asynccontextmanager
    async def lease(name: str, wait_s: float):
        raise EngineStartError("run pip install pocketsphinx")
        yield

    with pytest.raises(EngineStartError, match="run pip install pocketsphinx"):
        await Transcriber(lease, "ears", languages=("en",), timeout_s=1).transcribe(utterance())


async def test_the_probe_is_a_moment_of_silence_on_a_server_with_speech_to_text(tmp_path):
    async with recogniser(tmp_path, {"text": ""}) as (endpoint, server):
        await probe(endpoint)
    assert server.sounds[0].strip(b"\0") == b""


async def test_the_probe_refuses_a_server_without_speech_to_text(tmp_path):
    async with recogniser(tmp_path, {"text": ""}, info=Event("info", {"asr": [], "tts": [{}]})) as (endpoint, _):
        with pytest.raises(EngineReplyError, match="no speech-to-text program"):
            await probe(endpoint)


async def test_the_probe_fails_where_transcription_fails(tmp_path):
    async with recogniser(tmp_path, sends(b'{"type": "error", "data": {"text": "CUDA failed"}}\n')) as (endpoint, _):
        with pytest.raises(EngineReplyError, match="CUDA failed"):
            await probe(endpoint)
