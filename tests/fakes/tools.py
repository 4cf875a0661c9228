"""A toolbox with tools of a small house, for tests: what acts writes down that it did."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from jarvisd.config import ToolsConfig
from jarvisd.tools.toolbox import Toolbox
from jarvisd.types import Delta, Finished, Message, Piece, Tool, ToolCall, ToolCalls, ToolContext, ToolResult, Turn

ROOM = {
    "type": "object",
    "properties": {"room": {"type": "string"}, "on": {"type": "boolean"}},
    "required": ["room", "on"],
    "additionalProperties": False,
}
NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}


def context(said: str, language="en", source="cli", room=None) -> ToolContext:
    return ToolContext(Turn(source, language, 60, room=room), language, said)


def call(name: str, arguments: str = "{}", number: int = 1) -> ToolCall:
    return ToolCall(f"c{number}", name, arguments)


class House:
    """`did` is what was really done; `confirmed` is what reading the state back will say."""

    def __init__(self, confirmed: bool | None = True, sensor: str = "21 degrees") -> None:
        self.did: list[str] = []
        self.confirmed = confirmed
        self.sensor = sensor

    def tools(self) -> list[Tool]:
        return [
            Tool("read_sensor", "Reads the sensor.", NOTHING, self._sensor),
            Tool("set_light", "Turns a light on or off.", ROOM, self._light, acts=True),
            Tool("open_garage", "Opens the garage.", NOTHING, self._garage, acts=True, dangerous=True),
        ]

    async def _sensor(self, arguments, context) -> ToolResult:
        return ToolResult(self.sensor)

    def _light(self, arguments, context) -> ToolResult:
        self.did.append(f"light {arguments['room']} {arguments['on']}")
        return ToolResult("light set", confirmed=self.confirmed)

    async def _garage(self, arguments, context) -> ToolResult:
        self.did.append("garage")
        return ToolResult("garage open", confirmed=self.confirmed)


@asynccontextmanager
async def toolbox_of(*tools: Tool, publish=lambda event: None, **options) -> AsyncIterator[Toolbox]:
    settings = {key: options.pop(key) for key in list(options) if key in ToolsConfig.model_fields}
    toolbox = Toolbox(ToolsConfig(**settings), publish=publish, **options)
    await toolbox.replace("house", list(tools))
    yield toolbox


class Script:
    """A model that says and calls what it is told to, round by round; `asked` is what it was sent."""

    def __init__(self, *rounds: Sequence[str | ToolCall]) -> None:
        self._rounds = list(rounds)
        self.asked: list[tuple[list[Message], tuple[str, ...]]] = []

    async def __call__(self, messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncIterator[Piece]:
        self.asked.append((list(messages), tuple(tool.name for tool in tools)))
        script = self._rounds.pop(0)
        for word in script:
            if isinstance(word, str):
                yield Delta(word)
        if calls := tuple(word for word in script if isinstance(word, ToolCall)):
            yield ToolCalls(calls)
        yield Finished("tool_calls" if calls else "stop", "fake", 10, len(script))
