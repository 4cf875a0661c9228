"""The variables of CTranslate2's model.bin: their shapes and types, never their values."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from jarvisd.errors import ModelError

_OLDEST_VERSION, _NEWEST_VERSION = 4, 6
_MOST_VARIABLES = 65_536
_MOST_DIMENSIONS = 8
_SCALE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    shape: tuple[int, ...]
    stored_bytes: int


def read_variables(file: Path) -> list[Variable]:
    """Raises ModelError, which names the file, where it is none of CTranslate2's or is cut off."""
    try:
        with file.open("rb") as opened:
            return list(_variables(opened, file))
    except OSError as error:
        raise ModelError(f"{file}: cannot be read: {error.strerror}") from error
    except struct.error as error:
        raise ModelError(f"{file}: is cut off; fetch it again") from error


def _variables(opened: BinaryIO, file: Path) -> Iterator[Variable]:
    size = file.stat().st_size
    version = _number(opened, "I")
    if not _OLDEST_VERSION <= version <= _NEWEST_VERSION:
        raise ModelError(f"{file}: is no model of CTranslate2, or of a version that is not known here")
    _text(opened)  # the kind of model, such as WhisperSpec
    _number(opened, "I")  # its revision
    count = _number(opened, "I")
    if count > _MOST_VARIABLES:
        raise ModelError(f"{file}: is damaged: {count} variables; fetch it again")
    for _ in range(count):
        name = _text(opened)
        dimensions = _number(opened, "B")
        if dimensions > _MOST_DIMENSIONS:
            raise ModelError(f"{file}: is damaged; fetch it again")
        shape = tuple(_number(opened, "I") for _ in range(dimensions))
        _number(opened, "B")  # the type
        stored = _number(opened, "I")
        if opened.seek(stored, 1) > size:
            raise ModelError(f"{file}: is cut off; fetch it again")
        yield Variable(name, shape, stored)


def _text(opened: BinaryIO) -> str:
    return opened.read(_number(opened, "H")).rstrip(b"\0").decode("utf-8", "replace")


def _number(opened: BinaryIO, letter: str) -> Any:
    return struct.unpack("<" + letter, opened.read(struct.calcsize("<" + letter)))[0]


def bytes_by_compute_type(variables: list[Variable]) -> dict[str, int]:
    """Bytes after loading: CTranslate2 converts to the compute type, whatever the file holds."""
    scaled = {one.name for one in variables if one.name.endswith("_scale")}
    values = {one.name: prod(one.shape) for one in variables if one.name not in scaled}
    matrices = {one.name: one.shape for one in variables if one.name.endswith("weight") and len(one.shape) == 2}
    others = sum(count for name, count in values.items() if name not in matrices)
    in_matrices = sum(values[name] for name in matrices)
    scales = sum(shape[0] for shape in matrices.values()) * _SCALE_BYTES
    return {
        "int8": in_matrices + scales + 2 * others,
        "float16": 2 * (in_matrices + others),
        "bfloat16": 2 * (in_matrices + others),
        "float32": 4 * (in_matrices + others),
    }
