"""Sound from a program, from standard input, and from whoever hands it in."""

import asyncio
import os
import shutil
from contextlib import aclosing

import pytest

from jarvisd.audio.source import CommandSource, PushSource, StdinSource
from jarvisd.errors import AudioError
from jarvisd.types import CHUNK_BYTES, CHUNK_S
from tests.fakes.processes import until_gone


async def taken(source, count):
    async with aclosing(source.chunks()) as chunks:
        return [await anext(chunks) for _ in range(count)]


async def all_of(source):
    async with aclosing(source.chunks()) as chunks:
        return [chunk async for chunk in chunks]


async def test_a_program_is_cut_into_chunks():
    chunks = await taken(CommandSource(["sh", "-c", "while :; do printf 'ab'; done"]), 3)
    assert [chunk.at_s for chunk in chunks] == pytest.approx([0, CHUNK_S, 2 * CHUNK_S])
    assert all(chunk.pcm == b"ab" * (CHUNK_BYTES // 2) for chunk in chunks)


async def test_a_program_that_is_not_there_says_what_to_install():
    with pytest.raises(AudioError, match=r"no-such-recorder does not start.*apt install alsa-utils") as fault:
        await all_of(CommandSource(["no-such-recorder", "-q"]))
    assert fault.value.code == "audio"


async def test_without_a_microphone_the_programs_last_words_are_told():
    script = "echo 'ALSA lib pcm.c' >&2; echo 'arecord: main:831: audio open error: No such file' >&2; exit 1"
    with pytest.raises(AudioError, match=r"exit code 1\): arecord: main:831: audio open error: No such file") as fault:
        await all_of(CommandSource(["sh", "-c", script]))
    assert "arecord -l" in fault.value.message


@pytest.mark.skipif(shutil.which("arecord") is None, reason="no arecord here")
async def test_the_real_arecord_without_a_device():
    with pytest.raises(AudioError, match=r"arecord ended \(exit code 1\): .*No such"):
        await all_of(CommandSource(["arecord", "-q", "-D", "no-such-device", "-t", "raw"]))


async def test_a_program_that_ends_well_has_still_failed_after_its_sound():
    chunks = []
    with pytest.raises(AudioError, match=r"exit code 0\): it said nothing"):
        async with aclosing(CommandSource(["head", "-c", "6000", "/dev/zero"]).chunks()) as stream:
            async for chunk in stream:
                chunks.append(chunk)  # noqa: PERF401 - what came before the error counts
    assert len(chunks) == 2


async def test_a_program_that_only_closes_its_output_is_noticed():
    with pytest.raises(AudioError, match="closed its output"):
        await all_of(CommandSource(["sh", "-c", "exec >&-; exec sleep 1000"]))


async def test_a_microphone_that_falls_silent_is_noticed():
    with pytest.raises(AudioError, match=r"no sound has come for 0\.05 s"):
        await all_of(CommandSource(["sleep", "1000"], stall_s=0.05))


async def test_closing_kills_the_program_and_what_it_started(tmp_path):
    pids = tmp_path / "pids"
    script = f"sleep 1000 & echo $$ $! > {pids}; trap '' TERM; exec cat /dev/zero"
    await taken(CommandSource(["sh", "-c", script]), 2)
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    await until_gone(started)


async def test_a_cancelled_listener_leaves_no_program_behind(tmp_path):
    pid_file = tmp_path / "pid"
    source = CommandSource(["sh", "-c", f"echo $$ > {pid_file}; exec cat /dev/zero"])
    listening = asyncio.Event()

    async def listen():
        async with aclosing(source.chunks()) as chunks:
            async for _ in chunks:
                listening.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(listen())
        await listening.wait()
        task.cancel()
    await until_gone([int(pid_file.read_text())])


async def test_standard_input_from_a_pipe_ends_with_silence():
    reading, writing = os.pipe()
    os.write(writing, b"\1\0" * 2_000)
    os.close(writing)
    chunks = await all_of(StdinSource(descriptor=reading, trailing_silence_s=0.08))
    sound = b"".join(chunk.pcm for chunk in chunks)
    assert sound.startswith(b"\1\0" * 2_000)
    assert len(chunks) == 3
    assert not any(sound[4_000:])
    os.close(reading)  # still ours: the source closed only its copy


async def test_standard_input_from_a_file(tmp_path):
    path = tmp_path / "sound.raw"
    path.write_bytes(b"\2\0" * 100_000)
    descriptor = os.open(path, os.O_RDONLY)
    chunks = await all_of(StdinSource(descriptor=descriptor, trailing_silence_s=0))
    os.close(descriptor)
    assert b"".join(chunk.pcm for chunk in chunks).rstrip(b"\0") == (b"\2\0" * 100_000).rstrip(b"\0")


async def test_closed_standard_input_says_so():
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    with pytest.raises(AudioError, match="standard input is closed"):
        await all_of(StdinSource(descriptor=reading))


async def test_a_pipe_that_nobody_reads_makes_its_writer_wait():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    async with aclosing(StdinSource(descriptor=reading).chunks()) as chunks:
        os.write(writing, bytes(CHUNK_BYTES))
        await anext(chunks)
        accepted = 0
        with pytest.raises(BlockingIOError):
            for _ in range(1_000):
                accepted += os.write(writing, bytes(CHUNK_BYTES))
                await asyncio.sleep(0)
        assert accepted <= 256 * 1024
    os.close(writing)
    os.close(reading)


async def test_what_is_handed_in_comes_out_with_silence_behind_it():
    source = PushSource("satellite", trailing_silence_s=0.16)
    for _ in range(3):
        await source.feed(b"\3\0" * 500)
    await source.finish()
    chunks = await all_of(source)
    assert b"".join(chunk.pcm for chunk in chunks) == b"\3\0" * 1_500 + bytes(4 * CHUNK_BYTES - 3_000)


async def test_a_full_queue_makes_the_feeder_wait_until_somebody_listens():
    source = PushSource("file", queue_s=0.16)
    fed = 0

    async def feed():
        nonlocal fed
        for _ in range(10):
            await source.feed(bytes(CHUNK_BYTES))
            fed += 1
        await source.finish()

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        for _ in range(20):
            await asyncio.sleep(0)
        assert fed == 2
        assert len(await all_of(source)) >= 10
    assert fed == 10


async def test_a_feeder_learns_that_nobody_listens_any_more():
    source = PushSource("file", queue_s=0.08)
    async with asyncio.TaskGroup() as group:
        await source.feed(bytes(CHUNK_BYTES))
        group.create_task(taken(source, 1))
        with pytest.raises(AudioError, match="nobody listens to file"):
            for _ in range(50):
                await source.feed(bytes(CHUNK_BYTES))
