"""WAV files of every kind, the broken ones included."""

import asyncio
import struct
from contextlib import aclosing

import numpy as np
import pytest

from jarvisd.audio.source import WavSource
from jarvisd.audio.wavfile import decode_wav
from jarvisd.errors import AudioError
from jarvisd.types import CHUNK_BYTES, CHUNK_S
from tests.audio.sounds import ONE_BREATH, pcm_of, riff, write_wav
from tests.fakes.virtual_time import run_in_virtual_time

FMT_16K_MONO = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def tone(rate_hz, channels=1, seconds=0.5, hz=440.0, loud=0.5):
    wave = loud * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)
    return np.repeat(wave[:, None], channels, axis=1)


def decoded(path):
    return np.frombuffer(b"".join(decode_wav(path)), "<i2") / 32768


async def played(source):
    async with aclosing(source.chunks()) as chunks:
        return [chunk async for chunk in chunks]


def test_16_khz_mono_16_bit_passes_unchanged():
    assert b"".join(decode_wav(ONE_BREATH)) == pcm_of(ONE_BREATH)


@pytest.mark.parametrize(
    ("rate_hz", "channels", "width", "coding"),
    [
        (44_100, 2, 2, 1),
        (48_000, 1, 3, 1),
        (48_000, 2, 3, 0xFFFE),
        (16_000, 1, 4, 1),
        (8_000, 1, 1, 1),
        (22_050, 6, 2, 1),
        (96_000, 2, 4, 3),
        (11_025, 1, 8, 3),
    ],
)
def test_every_rate_width_and_number_of_channels_becomes_the_same_tone(tmp_path, rate_hz, channels, width, coding):
    path = write_wav(tmp_path / "tone.wav", tone(rate_hz, channels), rate_hz=rate_hz, width=width, coding=coding)
    heard = decoded(path)
    assert len(heard) == pytest.approx(8_000, abs=1)
    middle = slice(400, -400)  # the filter rings at the edges
    expected = tone(16_000)[: len(heard), 0]
    assert np.abs(heard[middle] - expected[middle]).max() < (0.02 if width == 1 else 0.001)


def test_what_is_above_8_khz_does_not_come_back_as_something_else(tmp_path):
    path = write_wav(tmp_path / "high.wav", tone(44_100, hz=9_500.0, loud=0.9), rate_hz=44_100)
    assert np.abs(decoded(path)[400:-400]).max() < 1e-4


def test_stereo_is_mixed_and_not_halved(tmp_path):
    left_only = tone(16_000, 2)
    left_only[:, 1] = 0
    path = write_wav(tmp_path / "left.wav", left_only, rate_hz=16_000)
    assert np.abs(decoded(path)).max() == pytest.approx(0.25, abs=0.001)


def test_a_header_written_into_a_pipe_has_no_length_and_is_read_to_the_end(tmp_path):
    path = tmp_path / "piped.wav"
    header = riff((b"fmt ", FMT_16K_MONO)) + b"data" + struct.pack("<I", 0xFFFF_FFFF)
    path.write_bytes(header + b"\1\0" * 1_000)
    assert b"".join(decode_wav(path)) == b"\1\0" * 1_000


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.wav", b"", "is empty"),
        ("song.wav", b"ID3\4" + bytes(400), "is not a WAV file"),
        ("text.wav", b"hello", "is not a WAV file"),
        ("header.wav", riff((b"fmt ", FMT_16K_MONO)), "cut off before the sound begins"),
        ("fmt.wav", b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0", "cut off in its header"),
        ("silent.wav", riff((b"fmt ", FMT_16K_MONO), (b"data", b"")), "length zero"),
        (
            "truncated.wav",
            riff((b"fmt ", FMT_16K_MONO)) + b"data" + struct.pack("<I", 64_000) + bytes(16_000),
            "truncated: 0.5 s of 2.0 s",
        ),
        ("phone.wav", riff((b"fmt ", struct.pack("<HHIIHH", 7, 1, 8000, 8000, 1, 8)), (b"data", b"\0" * 99)), "coding"),
        ("odd.wav", riff((b"fmt ", struct.pack("<HHIIHH", 1, 1, 7, 14, 2, 16)), (b"data", b"\0" * 99)), "7 samples"),
        ("none.wav", riff((b"fmt ", struct.pack("<HHIIHH", 1, 0, 16000, 0, 0, 16)), (b"data", b"\0" * 9)), "coding"),
    ],
)
async def test_a_broken_file_is_named_with_its_fault(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioError, match=says) as fault:
        await played(WavSource([path], realtime=False))
    assert str(path) in fault.value.message


async def test_a_missing_file_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(AudioError, match=r"nothing\.wav.*no such file"):
        await played(WavSource([tmp_path / "nothing.wav"]))
    with pytest.raises(AudioError, match=r"has no \.wav files"):
        await played(WavSource([tmp_path]))


async def test_a_folder_plays_by_name_with_silence_behind_each_file(tmp_path):
    for name, value in (("b.wav", 2), ("a.WAV", 1), ("notes.txt", 9)):
        (tmp_path / name).write_bytes(riff((b"fmt ", FMT_16K_MONO), (b"data", struct.pack("<h", value) * 1_500)))
    chunks = await played(WavSource([tmp_path], realtime=False, trailing_silence_s=0.1))
    sound = b"".join(chunk.pcm for chunk in chunks)
    per_file = 4 * CHUNK_BYTES  # 1,500 samples fill two chunks, 0.1 s two more
    assert len(sound) == 2 * per_file
    assert sound[:3_000] == b"\1\0" * 1_500
    assert not any(sound[3_000:per_file])
    assert sound[per_file : per_file + 3_000] == b"\2\0" * 1_500
    assert [chunk.at_s for chunk in chunks] == pytest.approx([number * CHUNK_S for number in range(8)])
    assert {len(chunk.pcm) for chunk in chunks} == {CHUNK_BYTES}


async def test_a_loop_begins_again_and_positions_go_on(tmp_path):
    path = tmp_path / "one.wav"
    path.write_bytes(riff((b"fmt ", FMT_16K_MONO), (b"data", b"\1\0" * 1_280)))
    source = WavSource([path], loop=True, realtime=False, trailing_silence_s=0)
    async with aclosing(source.chunks()) as chunks:
        positions = [(await anext(chunks)).at_s for _ in range(5)]
    assert positions == pytest.approx([number * CHUNK_S for number in range(5)])


def test_real_time_is_kept_by_the_loops_clock_and_never_drifts():
    async def play():
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with aclosing(WavSource([ONE_BREATH]).chunks()) as chunks:
            early = []
            async for chunk in chunks:
                early.append(began + chunk.at_s + CHUNK_S - loop.time())
                await asyncio.sleep(0.5 if len(early) == 10 else 0.01)  # once the listener is held up
        return early

    early = run_in_virtual_time(play())
    assert len(early) > 50
    assert max(early) < 0.001  # no chunk before it was spoken
    assert early[-1] == pytest.approx(0, abs=0.001)  # and what was lost is caught up


def test_a_relaxed_source_hands_on_several_chunks_at_once():
    async def play():
        loop = asyncio.get_running_loop()
        source = WavSource([ONE_BREATH])
        source.relax(4)
        async with aclosing(source.chunks()) as chunks:
            return [loop.time() async for _ in chunks][:12]

    times = run_in_virtual_time(play())
    assert len({round(at, 3) for at in times}) == 3
