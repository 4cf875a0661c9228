"""Shows that something is gone: looks for it byte by byte in every file of a folder."""

from __future__ import annotations

import json
import mmap
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# Shorter pieces occur by chance.
SHORTEST_BYTES = 6
# Of a long text, so much is looked for at its beginning, its middle and its end.
PIECE_BYTES = 64
# Folders that are gigabytes large and never hold what was said.
_NOT_OF_TURNS = frozenset({"models", "engines"})


@dataclass(frozen=True, slots=True)
class Trace:
    """A file that still holds a piece of a text, and where."""

    file: Path
    offset: int


def traces(folder: Path, texts: Sequence[str]) -> list[Trace]:
    """Where pieces of `texts` are still to be found below a folder, in UTF-8, UTF-16, or as JSON writes them.

    Reads every file but those of models: on a thread.
    """
    wanted = [piece for text in texts for piece in _pieces(text)]
    if not wanted:
        return []
    return [trace for file in _files(folder) for trace in _in_file(file, wanted)]


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


def _files(folder: Path) -> Iterator[Path]:
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


def _in_file(file: Path, wanted: Sequence[bytes]) -> list[Trace]:
    try:
        with file.open("rb") as opened:
            if not file.stat().st_size:
                return []
            with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
                found = (content.find(piece) for piece in wanted)
                return [Trace(file, offset) for offset in found if offset >= 0][:1]
    except (OSError, ValueError):  # gone meanwhile, or a file that cannot be read by us or by anybody
        return []
