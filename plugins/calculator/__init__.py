"""Gives language models what they lack: exact arithmetic, and units of measurement. Nothing is said by it itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jarvisd import hookimpl
from jarvisd.types import Tool, ToolContext, ToolResult

from .expression import work_out
from .numbers import written
from .units import UNIT_NAMES, convert

_EXPRESSION = {
    "type": "object",
    "properties": {
        "expression": {
            "type": "string",
            "description": "Such as (3+4)*2.5, 2^10, 15% of 80, sqrt(2), max(3, 5). A point is the decimal mark.",
        }
    },
    "required": ["expression"],
    "additionalProperties": False,
}
_CONVERSION = {
    "type": "object",
    "properties": {
        "value": {"type": "number"},
        "from_unit": {"type": "string", "description": f"One of: {', '.join(UNIT_NAMES)}"},
        "to_unit": {"type": "string"},
    },
    "required": ["value", "from_unit", "to_unit"],
    "additionalProperties": False,
}


class Plugin:
    @hookimpl
    async def register_tools(self) -> tuple[Tool, ...]:
        return (
            Tool("calculate", "Works out a sum exactly. Use it for every sum.", _EXPRESSION, _calculate),
            Tool("convert_units", "Converts a measurement into another unit.", _CONVERSION, _convert),
        )


async def _calculate(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:  # noqa: ARG001 - a tool's form
    try:
        return ToolResult(written(work_out(arguments["expression"])))
    except ValueError as error:
        return ToolResult(str(error), failed=True)


async def _convert(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:  # noqa: ARG001
    try:
        value, unit = convert(arguments["value"], arguments["from_unit"], arguments["to_unit"])
    except ValueError as error:
        return ToolResult(str(error), failed=True)
    return ToolResult(f"{written(value)} {unit}")
