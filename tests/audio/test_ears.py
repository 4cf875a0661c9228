import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from jarvisd.audio.ears import Ears
from jarvisd.audio.source import WavSource
from jarvisd.bus import Bus
from jarvisd.config import AudioConfig, EndpointConfig, WakeConfig
from jarvisd.errors import AudioError, WakeModelError
from jarvisd.events import ListeningChanged
from jarvisd.types import Detection, Utterance

RECORDING = Path(__file__).parents[2] / "demo/recordings/2-time-after-a-pause.wav"


def ears(bus=None, **audio):
    return Ears(
        AudioConfig(**audio), WakeConfig(words=audio.pop("words", ("hey_jarvis",))), EndpointConfig(), bus or Bus()
    )


async def heard(stream):
    async with aclosing(stream) as items:
        return [item async for item in items]


@pytest.mark.parametrize(
    ("audio", "name"),
    [
        ({"source": "command", "command": ("arecord", "-q")}, "arecord"),
        ({"source": "wav", "wav": (RECORDING,)}, RECORDING.name),
        ({"source": "stdin"}, "standard input"),
    ],
)
def test_the_configured_source(audio, name):
    assert ears(**audio).configured_source().name == name


def test_no_source_is_no_ears():
    assert ears(source="none").configured_source() is None


async def test_the_house_is_told_when_its_ears_open_and_close():
    bus = Bus()
    house = ears(bus, source="wav", wav=(RECORDING,), realtime=False)
    with bus.subscribe("test") as mailbox:
        items = await heard(house.hear_house(house.configured_source()))
        mailbox.close()
        told = [event async for event in mailbox]
    assert [type(item) for item in items] == [Detection, Utterance]
    assert told == [ListeningChanged(True, RECORDING.name), ListeningChanged(False, f"{RECORDING.name} has ended")]
    assert max(score for second in house.recent_scores().seconds for score in second.scores.values()) > 0.9
    house.close()


async def test_a_source_that_fails_closes_the_ears_with_its_reason():
    house = ears(source="command", command=("/no/such/program",))
    with pytest.raises(AudioError):
        await heard(house.hear_house(house.configured_source()))
    assert not house.state.listening
    assert "/no/such/program" in house.state.detail
    house.close()


async def test_a_wake_word_model_that_is_not_there_is_named():
    house = Ears(AudioConfig(), WakeConfig(words=("/no/model.onnx",)), EndpointConfig(), Bus())
    with pytest.raises(WakeModelError, match=r"/no/model\.onnx"):
        await heard(house.hear(WavSource([RECORDING], realtime=False)))


async def test_two_sounds_at_once_share_the_models_and_keep_apart():
    house = ears()
    sources = [WavSource([RECORDING], realtime=False) for _ in range(2)]
    both = await asyncio.gather(*(heard(house.hear(source)) for source in sources))
    assert [type(item) for item in both[0]] == [Detection, Utterance]
    assert both[0][0] == both[1][0]
    assert both[0][1].pcm == both[1][1].pcm
    house.close()


async def test_a_new_threshold_counts_for_listeners_that_listen_already():
    house = ears()
    stream = house.hear(WavSource([RECORDING, RECORDING], realtime=False))
    async with aclosing(stream):
        assert isinstance(await anext(stream), Detection)
        assert isinstance(await anext(stream), Utterance)
        house.reconfigure(WakeConfig(threshold=0.999), EndpointConfig())
        assert [item async for item in stream] == []
    house.close()
