"""Shows that something is gone: looks for it byte by byte in every file of a folder."""

from __future__ import annotations

import json
import mmap
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

# Shorter pieces occur by chance.
SHORTEST_BYTES = 6
# Of a long text, so much is looked for at its beginning, its middle and its end.
PIECE_BYTES = 64
# Folders that are gigabytes large and never hold what was said.
_NOT_OF_TURNS = frozenset({"models", "engines"})
# What a trace of a vector calls it.
VECTOR = "(a vector)"
# More pieces are looked for together: the first bytes of all of them are held against every place at once.
MANY = 50
_HEAD_BYTES = 8
_BLOCK_BYTES = 1 << 22
_TABLE_BITS = 20
# Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3, 6.4): 2^64 divided by the golden ratio.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Trace:
    """A file that still holds a piece of a text, and where."""

    file: Path
    offset: int
    text: str
    piece: bytes


def traces(folder: Path, texts: Sequence[str], vectors: Sequence[bytes] = ()) -> list[Trace]:
    """Where pieces of `texts` are still to be found below a folder, in UTF-8, UTF-16, or as JSON writes them:
    once a file and text. And the beginnings of `vectors`, as VECTOR.

    Reads every file but those of models: on a thread.
    """
    wanted = {piece: text for text in texts for piece in _pieces(text)}
    wanted |= {vector[:PIECE_BYTES]: VECTOR for vector in vectors}
    return [trace for file in files_read(folder) for trace in _in_file(file, wanted)] if wanted else []


def _pieces(text: str) -> Iterator[bytes]:
    forms = {text.encode("utf-8", "surrogatepass"), text.encode("utf-16-le", "surrogatepass")}
    for ascii_only in (True, False):
        forms.add(json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogatepass"))
    for written in forms:
        if len(written) < SHORTEST_BYTES:
            continue
        middle = (len(written) - PIECE_BYTES) // 2
        starts = {0, max(0, middle - middle % 2), max(0, len(written) - PIECE_BYTES)}
        yield from {written[start : start + PIECE_BYTES] for start in starts}


def files_read(folder: Path) -> Iterator[Path]:
    """The files below a folder that are looked through."""
    for place, folders, files in os.walk(folder):  # what is gone meanwhile, or cannot be read by us, is passed over
        folders[:] = sorted(name for name in folders if name not in _NOT_OF_TURNS)
        for path in (Path(place, name) for name in sorted(files)):
            if stat.S_ISREG(_mode(path)):
                yield path


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def _in_file(file: Path, wanted: Mapping[bytes, str]) -> list[Trace]:
    found: dict[str, Trace] = {}
    try:
        with file.open("rb") as opened:
            if not file.stat().st_size:
                return []
            with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
                for offset, piece in _found(content, list(wanted)):
                    text = wanted[piece]
                    found.setdefault(text, Trace(file, offset, text, piece))
    except (OSError, ValueError):  # gone meanwhile, or a file that cannot be read by us or by anybody
        return []
    return list(found.values())


def _found(content: mmap.mmap, pieces: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """The pieces that are there, each at least once, with an offset."""
    many = len(pieces) > MANY
    for piece in pieces:
        if (not many or len(piece) < _HEAD_BYTES) and (offset := content.find(piece)) >= 0:
            yield offset, piece
    if many:
        yield from _found_together(content, [piece for piece in pieces if len(piece) >= _HEAD_BYTES])


def _found_together(content: mmap.mmap, pieces: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    heads: dict[bytes, list[bytes]] = {}
    for piece in pieces:
        heads.setdefault(piece[:_HEAD_BYTES], []).append(piece)
    likely = np.zeros(1 << _TABLE_BITS, bool)
    likely[_hashes(np.frombuffer(b"".join(heads), "<u8"))] = True
    for start in range(0, len(content), _BLOCK_BYTES):
        block = content[start : start + _BLOCK_BYTES + _HEAD_BYTES - 1]
        for shift in range(_HEAD_BYTES):
            count = max(0, len(block) - shift) // _HEAD_BYTES
            if not count:
                continue
            for place in np.flatnonzero(likely[_hashes(np.frombuffer(block, "<u8", count, shift))]):
                at = shift + int(place) * _HEAD_BYTES
                for piece in heads.get(block[at : at + _HEAD_BYTES], ()):
                    if content[start + at : start + at + len(piece)] == piece:
                        yield start + at, piece


def _hashes(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return ((values * _GOLDEN) >> np.uint64(64 - _TABLE_BITS)).astype(np.int64)
