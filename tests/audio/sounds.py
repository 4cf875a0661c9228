"""Sound for tests: the project's recordings, noise, and WAV files of every kind."""

from __future__ import annotations

import asyncio
import struct
import wave
from pathlib import Path

import numpy as np

from jarvisd.audio.chunks import Chunker
from jarvisd.types import CHUNK_BYTES, CHUNK_S, SAMPLE_RATE_HZ, AudioChunk

REPOSITORY = Path(__file__).parents[2]
ONE_BREATH = REPOSITORY / "demo/recordings/1-time-in-one-breath.wav"
AFTER_A_PAUSE = REPOSITORY / "demo/recordings/2-time-after-a-pause.wav"
OPEN_QUESTION = REPOSITORY / "demo/recordings/3-open-question.wav"
WAKE_ONLY = REPOSITORY / "tests/recordings/hey-jarvis.wav"
ONE_WORD = REPOSITORY / "tests/recordings/hey-jarvis-stop.wav"
OTHER_WORDS = sorted((REPOSITORY / "tests/recordings").glob("other-words-*.wav"))
QUESTIONS = (ONE_BREATH, AFTER_A_PAUSE, OPEN_QUESTION, ONE_WORD)


def pcm_of(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (1, 2, SAMPLE_RATE_HZ)
        return file.readframes(file.getnframes())


def samples_of(path: Path) -> np.ndarray:
    return np.frombuffer(pcm_of(path), "<i2").astype(np.float64)


def to_pcm(samples: np.ndarray) -> bytes:
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()


def noise(seconds: float, rms: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, rms, int(seconds * SAMPLE_RATE_HZ))


def speech_without_wake_word(seconds: float) -> np.ndarray:
    """The open question's words over and over, without the wake word and without pauses."""
    question = samples_of(OPEN_QUESTION)[int(1.7 * SAMPLE_RATE_HZ) :]
    loud = np.flatnonzero(np.abs(question) > 500)
    return np.resize(question[loud[0] : loud[-1]], int(seconds * SAMPLE_RATE_HZ))


def chunks_of(pcm: bytes) -> list[AudioChunk]:
    whole = len(pcm) - len(pcm) % CHUNK_BYTES
    return [AudioChunk(pcm[at : at + CHUNK_BYTES], at / CHUNK_BYTES * CHUNK_S) for at in range(0, whole, CHUNK_BYTES)]


class Played:
    """A source that gives chunks as fast as they are taken, and tells what it was asked.

    `repeat` follows `times` over, without being in memory so often.
    """

    name = "played"

    def __init__(self, pcm: bytes, *, repeat: bytes = b"", times: int = 0) -> None:
        self._parts = (pcm, *[repeat] * times)
        self.together: list[int] = []
        self.closed = False

    def relax(self, chunks: int) -> None:
        self.together.append(chunks)

    async def chunks(self):
        chunker = Chunker()
        try:
            for part in self._parts:
                for chunk in chunker.add(part):
                    await asyncio.sleep(0)
                    yield chunk
        finally:
            self.closed = True


def write_wav(path: Path, samples: np.ndarray, *, rate_hz: int, width: int = 2, coding: int = 1) -> Path:
    """`samples` [frames, channels] in -1..1. `coding`: 1 PCM, 3 float, 0xFFFE extensible PCM."""
    channels = samples.shape[1]
    data = _encode(samples, width, coding)
    fmt = struct.pack("<HHIIHH", coding, channels, rate_hz, rate_hz * channels * width, channels * width, 8 * width)
    if coding == 0xFFFE:
        guid = bytes.fromhex("0100000000001000800000aa00389b71")
        fmt += struct.pack("<HHI", 22, 8 * width, 0) + guid
    path.write_bytes(riff((b"fmt ", fmt), (b"LIST", b"odd"), (b"data", data)))
    return path


def riff(*parts: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def _encode(samples: np.ndarray, width: int, coding: int) -> bytes:
    if coding == 3:
        return samples.astype(f"<f{width}").tobytes()
    if width == 1:
        return np.rint(samples * 127 + 128).astype(np.uint8).tobytes()
    whole = np.rint(samples * (2 ** (8 * width - 1) - 1)).astype("<i4")
    return whole.tobytes() if width == 4 else whole[..., None].view(np.uint8)[..., :width].tobytes()
