"""WAV files to 16 kHz mono s16le, block by block, whatever rate, width and number of channels they have.

Read here and not with Python's `wave`, which refuses float samples and, before 3.12, the extensible header
that most programs write for 24 bit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from jarvisd.audio.resample import Resampler
from jarvisd.errors import AudioError
from jarvisd.types import SAMPLE_RATE_HZ

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_WIDTHS = {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8)}
_RATES_HZ = range(4_000, 384_001)
_BLOCK_S = 0.25
# A program that writes into a pipe cannot know the length and puts the largest number there, or nearly.
_UNKNOWN_LENGTH = 0x7FFF_0000
_CONVERT = "convert it: ffmpeg -i IN -ar 16000 -ac 1 -c:a pcm_s16le OUT.wav"


@dataclass(frozen=True, slots=True)
class WavFormat:
    """What the header says. `width`: bytes of one sample of one channel."""

    coding: int
    channels: int
    rate_hz: int
    width: int

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.width


def decode_wav(path: Path) -> Iterator[bytes]:
    """Sound of a file as 16 kHz mono s16le, about a quarter of a second at a time. Reads as it goes: blocking."""
    try:
        with path.open("rb") as file:
            header, length = _read_header(path, file)
            yield from _blocks(file, header, length)
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror}; check audio.wav") from error


def _read_header(path: Path, file: BinaryIO) -> tuple[WavFormat, int]:
    """The format and the number of bytes of sound, with the file placed where sound begins."""
    total = path.stat().st_size
    if total == 0:
        raise AudioError(f"{path} is empty; record it again")
    riff = file.read(12)
    if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        raise AudioError(f"{path} is not a WAV file; {_CONVERT}")
    header = None
    while len(lead := file.read(8)) == 8:
        name, size = lead[:4], int.from_bytes(lead[4:], "little")
        if name == b"data" and header is not None:
            return header, _sound_bytes(path, header, size, total - file.tell())
        if name == b"fmt ":
            header = _parse_format(path, file.read(size + size % 2))
        else:
            file.seek(size + size % 2, 1)
    raise AudioError(f"{path} is cut off before the sound begins; record or copy it again")


def _parse_format(path: Path, fmt: bytes) -> WavFormat:
    if len(fmt) < 16:
        raise AudioError(f"{path} is cut off in its header; record or copy it again")
    coding, channels, rate_hz, _, frame_bytes, _ = struct.unpack("<HHIIHH", fmt[:16])
    if coding == _EXTENSIBLE and len(fmt) >= 26:
        coding = int.from_bytes(fmt[24:26], "little")
    width = frame_bytes // channels if channels else 0
    if width not in _WIDTHS.get(coding, ()):
        raise AudioError(
            f"{path} is in a coding that is not supported (format {coding}, {width} bytes a sample); {_CONVERT}"
        )
    if rate_hz not in _RATES_HZ:
        raise AudioError(f"{path} claims {rate_hz} samples a second, which is not sound; {_CONVERT}")
    return WavFormat(coding, channels, rate_hz, width)


def _sound_bytes(path: Path, header: WavFormat, declared: int, present: int) -> int:
    if declared >= _UNKNOWN_LENGTH or (declared == 0 and present):
        declared = present
    if declared > present:
        have_s, want_s = (size / header.frame_bytes / header.rate_hz for size in (present, declared))
        raise AudioError(f"{path} is truncated: {have_s:.1f} s of {want_s:.1f} s are there; record or copy it again")
    if declared < header.frame_bytes:
        raise AudioError(f"{path} has no sound in it (length zero); record it again")
    return declared - declared % header.frame_bytes


def _blocks(file: BinaryIO, header: WavFormat, length: int) -> Iterator[bytes]:
    block_bytes = max(1, int(header.rate_hz * _BLOCK_S)) * header.frame_bytes
    as_is = header == WavFormat(_PCM, 1, SAMPLE_RATE_HZ, 2)
    resampler = Resampler(header.rate_hz) if header.rate_hz != SAMPLE_RATE_HZ else None
    while length > 0 and (raw := file.read(min(block_bytes, length))):
        length -= len(raw)
        if as_is:
            yield raw
            continue
        samples = _to_float(raw[: len(raw) - len(raw) % header.frame_bytes], header)
        mono = samples.reshape(-1, header.channels).mean(axis=1, dtype=np.float32)
        yield _to_s16le(resampler.feed(mono) if resampler else mono)
    if resampler:
        yield _to_s16le(resampler.flush())


def _to_float(raw: bytes, header: WavFormat) -> npt.NDArray[np.float32]:
    """Samples in -1..1, channels interleaved."""
    if header.coding == _FLOAT:
        return np.frombuffer(raw, f"<f{header.width}").astype(np.float32)
    if header.width == 1:  # the one width that is unsigned
        return np.asarray(np.frombuffer(raw, np.uint8) / 128 - 1, np.float32)
    if header.width == 3:  # as the upper three bytes of 32 bit
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return np.asarray(wide.view("<i4")[:, 0] / 2**31, np.float32)
    return np.asarray(np.frombuffer(raw, f"<i{header.width}") / 2 ** (8 * header.width - 1), np.float32)


def _to_s16le(samples: npt.NDArray[np.float32]) -> bytes:
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes()
