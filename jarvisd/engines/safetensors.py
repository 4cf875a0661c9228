"""Headers of .safetensors files: names, types and sizes of the tensors, never their values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from jarvisd.engines.footprint import AWQ_BYTES_PER_WEIGHT
from jarvisd.errors import ModelError

# The format allows 100 MB, which would cost a gigabyte to parse; the header of a 405B model has 0.2 MB.
MAX_HEADER_BYTES = 16 << 20
_LENGTH_BYTES = 8
_WIDE_FLOATS = {"F32": 2, "F64": 4}  # so many times wider than the 16 bit they are loaded in
_HALF_FLOATS = frozenset({"F16", "BF16"})
_EMBEDDING_PARTS = ("embed", "wte", "lm_head", "norm", "shared")


@dataclass(frozen=True, slots=True)
class Tensor:
    name: str
    dtype: str
    shape: tuple[int, ...]
    stored_bytes: int


def read_header(file: Path) -> list[Tensor]:
    """The tensors of a file. Raises ModelError, which names it, for a damaged header and a file that is cut off."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(_LENGTH_BYTES), "little")
            # Checked before anything is read: a damaged length must not cost memory.
            if size < _LENGTH_BYTES or length > size - _LENGTH_BYTES:
                raise ModelError(f"{file}: is cut off: its header ends beyond the file; fetch it again")
            if length > MAX_HEADER_BYTES:
                raise ModelError(f"{file}: a header of {length} bytes is no safetensors header")
            header = opened.read(length)
    except OSError as error:
        raise ModelError(f"{file}: cannot be read: {error.strerror}") from error
    tensors = parse_header(header, str(file))
    data = size - _LENGTH_BYTES - length
    needed = sum(one.stored_bytes for one in tensors)
    if needed > data:
        raise ModelError(f"{file}: is cut off: it holds {data} of {needed} bytes of weights; fetch it again")
    return tensors


def parse_header(header: bytes, place: str) -> list[Tensor]:
    """The tensors of a header's JSON, which `place` holds."""
    try:
        fields = json.loads(header)
        if not isinstance(fields, dict):
            raise TypeError("not an object")
        return [_tensor(name, entry) for name, entry in fields.items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(f"{place}: its header is damaged ({error}); fetch the file again") from error


def _tensor(name: str, entry: Any) -> Tensor:
    begin, end = entry["data_offsets"]
    shape = tuple(entry["shape"])
    if not all(type(one) is int and one >= 0 for one in (begin, end, *shape)) or begin > end:
        raise ValueError(f"tensor {name[:80]!r} has no valid place")
    return Tensor(name, str(entry["dtype"]), shape, end - begin)


def loaded_bytes(tensors: Iterable[Tensor], *, tied_head: bool) -> int:
    """On the card: 32-bit floats become 16-bit; a head that is tied to the embeddings is not loaded twice."""
    return sum(
        one.stored_bytes // _WIDE_FLOATS.get(one.dtype, 1)
        for one in tensors
        if not (tied_head and one.name.endswith("lm_head.weight"))
    )


def four_bit_bytes(tensors: Iterable[Tensor], *, tied_head: bool) -> int | None:
    """The size in AWQ of a model whose weights are all 16 or 32-bit floats; None where they are something else."""
    total = 0.0
    for one in tensors:
        if one.dtype not in _HALF_FLOATS and one.dtype not in _WIDE_FLOATS:
            return None
        if tied_head and one.name.endswith("lm_head.weight"):
            continue
        stays = len(one.shape) < 2 or any(part in one.name for part in _EMBEDDING_PARTS)
        total += prod(one.shape) * (2 if stays else AWQ_BYTES_PER_WEIGHT)
    return round(total)
