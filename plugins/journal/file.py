"""A file of JSON lines that does not grow without bound."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any


class JournalFile:
    """Begins a new file when a line would make it larger than `max_bytes`, and keeps `kept_files` old ones.

    `lines` counts those of the current file. Blocks, so call it from a thread.
    """

    def __init__(self, path: Path, max_bytes: int, kept_files: int) -> None:
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is not a file")
        self.path = path
        self._handler = RotatingFileHandler(
            path, maxBytes=max_bytes, backupCount=kept_files, encoding="utf-8", errors="replace"
        )
        self._writing = threading.Lock()
        with path.open("rb") as file:
            self.lines = sum(1 for _ in file)

    def write(self, line: Mapping[str, Any]) -> None:
        """Raises OSError where a log handler would only print one: whoever calls counts and reports it."""
        text = json.dumps(line, ensure_ascii=False)
        with self._writing:
            if self._handler.shouldRollover(logging.makeLogRecord({"msg": text})):
                self._handler.doRollover()
                self.lines = 0
            stream = self._handler.stream
            assert stream is not None  # both calls above open it
            stream.write(text + "\n")
            stream.flush()
            self.lines += 1

    def close(self) -> None:
        self._handler.close()
