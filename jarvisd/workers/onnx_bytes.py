"""Writes an ONNX model: the few parts of its format (protocol buffers) that a graph of our own needs."""

from __future__ import annotations

import struct
from collections.abc import Sequence

FLOAT, INT64, FLOAT16, BFLOAT16 = 1, 7, 10, 16
# Kinds of an attribute, and where a tensor lies, as onnx.proto numbers them.
_IS_FLOAT, _IS_INT, _IS_INTS = 1, 2, 7
_EXTERNAL = 1
_IR_VERSION = 9

Dimension = int | str


class Graph:
    """A graph in the order in which it is computed. `node` gives the name of what it computes."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []

    def input(self, name: str, kind: int, shape: Sequence[Dimension]) -> None:
        self._inputs.append(_value(name, kind, shape))

    def output(self, name: str, kind: int, shape: Sequence[Dimension]) -> None:
        self._outputs.append(_value(name, kind, shape))

    def integers(self, name: str, values: Sequence[int]) -> None:
        """A constant vector of 64-bit integers."""
        self._constants.append(
            _tensor(name, INT64, [len(values)]) + _field(9, struct.pack(f"<{len(values)}q", *values))
        )

    def floats(self, name: str, values: Sequence[float]) -> None:
        """A constant vector of 32-bit floats."""
        self._constants.append(
            _tensor(name, FLOAT, [len(values)]) + _field(9, struct.pack(f"<{len(values)}f", *values))
        )

    def outside(self, name: str, kind: int, shape: Sequence[int]) -> None:
        """A tensor that whoever loads the model hands in."""
        place = _field(1, b"location") + _field(2, b"outside")
        self._constants.append(_tensor(name, kind, shape) + _field(13, place) + _number(14, _EXTERNAL))

    def node(
        self, operator: str, inputs: Sequence[str], *, name: str = "", **attributes: int | float | Sequence[int]
    ) -> str:
        name = name or f"{operator}_{len(self._nodes)}"
        node = b"".join(_field(1, one.encode()) for one in inputs)
        node += _field(2, name.encode()) + _field(4, operator.encode())
        node += b"".join(_field(5, _attribute(key, value)) for key, value in attributes.items())
        self._nodes.append(node)
        return name

    def model(self, operators: int) -> bytes:
        """The file's content. `operators`: version of ONNX's operators."""
        graph = b"".join(_field(1, node) for node in self._nodes) + _field(2, b"jarvisd")
        graph += b"".join(_field(5, one) for one in self._constants)
        graph += b"".join(_field(11, one) for one in self._inputs)
        graph += b"".join(_field(12, one) for one in self._outputs)
        return _number(1, _IR_VERSION) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, operators))


def _value(name: str, kind: int, shape: Sequence[Dimension]) -> bytes:
    sizes = (_number(1, size) if isinstance(size, int) else _field(2, size.encode()) for size in shape)
    dimensions = b"".join(_field(1, size) for size in sizes)
    tensor = _number(1, kind) + _field(2, dimensions)
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _tensor(name: str, kind: int, shape: Sequence[int]) -> bytes:
    return b"".join(_number(1, size) for size in shape) + _number(2, kind) + _field(8, name.encode())


def _attribute(name: str, value: int | float | Sequence[int]) -> bytes:
    start = _field(1, name.encode())
    if isinstance(value, float):
        return start + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, _IS_FLOAT)
    if isinstance(value, int):
        return start + _number(3, value) + _number(20, _IS_INT)
    return start + b"".join(_number(8, one) for one in value) + _number(20, _IS_INTS)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    """Seven bits at a time, the lowest first; a negative number as its 64-bit complement."""
    value &= (1 << 64) - 1
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
