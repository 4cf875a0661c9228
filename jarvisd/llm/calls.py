"""Functions that models may call, as OpenAI's chat protocol writes them, and calls put together from a stream."""

from __future__ import annotations

import json
from typing import Any

from jarvisd.types import Message, Tool, ToolCall


def as_tool(tool: Tool) -> dict[str, Any]:
    """A tool as a request offers it."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def as_message(message: Message) -> dict[str, Any]:
    """A message as a request carries it."""
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        written["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    return written


class CallPieces:
    """Calls, as their pieces arrive. `characters` counts what has come, so that somebody can limit it."""

    def __init__(self) -> None:
        self.characters = 0
        self._calls: dict[int, _Unfinished] = {}

    def take(self, piece: Any) -> None:
        """One piece of a delta's `tool_calls`. Raises TypeError for what is none."""
        if not isinstance(piece, dict):
            raise TypeError(f"a piece of a call is {type(piece).__name__}")
        function = piece.get("function") or {}
        call = self._call(piece.get("index"), piece.get("id"))
        name, arguments = function.get("name") or "", function.get("arguments") or ""
        if isinstance(arguments, dict):  # some servers send them whole, and not as text
            arguments = json.dumps(arguments, ensure_ascii=False)
        if not (isinstance(name, str) and isinstance(arguments, str)):
            raise TypeError("a call's name and arguments are not text")
        call.name += name
        call.arguments += arguments
        self.characters += len(name) + len(arguments) + 1

    def whole(self) -> tuple[ToolCall, ...]:
        """The calls, in the order in which they were asked for. Each has an id, made up where the server has none."""
        return tuple(
            ToolCall(call.id or f"call_{number}", call.name, call.arguments)
            for number, call in enumerate(self._calls.values())
        )

    def _call(self, index: Any, call_id: Any) -> _Unfinished:
        """Which call a piece belongs to. Not every server numbers them: a new id is then a new call."""
        if not isinstance(index, int):
            latest = max(self._calls, default=-1)
            known = latest >= 0 and (not call_id or call_id == self._calls[latest].id)
            index = latest if known else latest + 1
        call = self._calls.setdefault(index, _Unfinished())
        call.id = call.id or (call_id if isinstance(call_id, str) else "")
        return call


class _Unfinished:
    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id = self.name = self.arguments = ""
