"""Keeps a journal: one line of JSON for each finished turn.

Settings, all optional: `path` of the file (default journal.jsonl in the plugin's own folder), `content` (default
false: what was asked and answered stays out), `max_bytes` (default 1,000,000) after which the file is put aside
as `<path>.1`, and `kept_files` (default 3), how many of those are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jarvisd import Jarvis, hookimpl
from jarvisd.events import Answered, Event, TurnCancelled, TurnFailed
from jarvisd.types import Turn

from .file import JournalFile

_SETTINGS: dict[str, type] = {"path": str, "content": bool, "max_bytes": int, "kept_files": int}
# A failed turn is written down with its answer. More than so many without one are not waited for.
_MOST_UNANSWERED = 32


class Plugin:
    def __init__(self) -> None:
        self._file: JournalFile | None = None
        self._content = False
        self._unanswered: dict[str, TurnFailed] = {}

    @hookimpl
    def startup(self, jarvis: Jarvis) -> None:
        settings = _checked(jarvis.settings)
        self._content = settings.get("content", False)
        path = jarvis.state_dir / Path(settings.get("path", "journal.jsonl"))
        self._file = JournalFile(path, settings.get("max_bytes", 1_000_000), settings.get("kept_files", 3))

    @hookimpl
    def shutdown(self) -> None:
        if self._file is not None:
            for failed in self._unanswered.values():
                self._file.write(_failed_line(failed))
            self._file.close()

    @hookimpl
    def report_status(self) -> str | None:
        if self._file is None:
            return None
        turns = "turn" if self._file.lines == 1 else "turns"
        return f"{self._file.lines} {turns} in {self._file.path}"

    @hookimpl
    async def on_event(self, event: Event) -> None:
        line = self._line(event)
        if line is not None and self._file is not None:
            await asyncio.to_thread(self._file.write, line)

    def _line(self, event: Event) -> Mapping[str, Any] | None:
        """What is to be written because of this event. A failed turn waits for its answer, which comes next."""
        match event:
            case Answered():
                return self._answered_line(event)
            case TurnCancelled():
                self._unanswered.pop(event.turn.id, None)
                return {**_turn_fields(event.turn), "error": {"code": "cancelled"}}
            case TurnFailed():
                self._unanswered[event.turn.id] = event
                if len(self._unanswered) > _MOST_UNANSWERED:
                    return _failed_line(self._unanswered.pop(next(iter(self._unanswered))))
        return None

    def _answered_line(self, event: Answered) -> Mapping[str, Any]:
        answer = event.answer
        failed = self._unanswered.pop(event.turn.id, None)
        line = {
            **_turn_fields(event.turn),
            "language": answer.language,
            "answered_by": answer.answered_by,
            "demonstration": answer.demonstration,
            "timings_ms": {stage: round(spent_ms, 1) for stage, spent_ms in answer.timings_ms.items()},
        }
        if self._content:
            line |= {"question": answer.question, "answer": answer.text}
        if failed is not None:
            line["error"] = _error_fields(failed)
        elif answer.error_code is not None:
            line["error"] = {"code": answer.error_code}
        return line


def _turn_fields(turn: Turn) -> dict[str, Any]:
    now = datetime.now().astimezone().isoformat(timespec="milliseconds")
    return {"id": turn.id, "time": now, "source": turn.source, "room": turn.room, "language": turn.language}


def _error_fields(failed: TurnFailed) -> dict[str, str]:
    return {"code": failed.code, "stage": failed.stage, "message": failed.message}


def _failed_line(failed: TurnFailed) -> dict[str, Any]:
    return {**_turn_fields(failed.turn), "error": _error_fields(failed)}


def _checked(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    for key, value in settings.items():
        if key not in _SETTINGS:
            raise ValueError(f"plugins.settings.journal has no key {key!r}; it has: {', '.join(_SETTINGS)}")
        if type(value) is not _SETTINGS[key]:
            raise ValueError(f"plugins.settings.journal.{key} must be {_SETTINGS[key].__name__}, not {value!r}")
        if isinstance(value, int) and value < 0:
            raise ValueError(f"plugins.settings.journal.{key} must not be negative")
    return settings
