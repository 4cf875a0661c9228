"""Server-sent events out of a stream of bytes, however it is cut."""

from __future__ import annotations

import re

# One event of a chat stream is a few hundred bytes; a server that never ends one is not served with memory.
MAX_EVENT_BYTES = 262_144
_LINE_END = re.compile(rb"\r\n|\n|\r")


class TooLong(ValueError):  # noqa: N818 - says what the event is
    """An event that does not end."""


class EventStream:
    """Feed it bytes as they come; it gives the data of each event that is complete.

    Comments and other fields are passed over, several data lines are joined, and any of the three line ends is one.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, received: bytes) -> list[str]:
        """Data of the events that `received` completes. Raises TooLong, or UnicodeDecodeError."""
        buffer = self._rest + received
        # A carriage return at the very end may be half of a line end: it waits for what comes next.
        half = b"\r" if buffer.endswith(b"\r") else b""
        *lines, rest = _LINE_END.split(buffer.removesuffix(b"\r"))
        self._rest = rest + half
        if len(self._rest) + self._size > MAX_EVENT_BYTES:
            raise TooLong(f"an event of more than {MAX_EVENT_BYTES} bytes")
        return [event for line in lines if (event := self._line(line)) is not None]

    def end(self) -> list[str]:
        """Data of an event that the stream's end completes."""
        return [event for line in (*_LINE_END.split(self._rest), b"") if (event := self._line(line)) is not None]

    def _line(self, line: bytes) -> str | None:
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data.append(value.removeprefix(b" "))
                self._size += len(value)
            return None
        if not self._data:
            return None
        event = b"\n".join(self._data)
        self._data, self._size = [], 0
        return event.decode()
