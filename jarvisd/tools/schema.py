"""Arguments of a call, held against the tool's JSON schema. Schemas of servers elsewhere are not believed either.

jsonschema-rs reads patterns in linear time: no schema can hold up the daemon with an expression that explodes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from jarvisd.quoting import harmless

MAX_SCHEMA_CHARACTERS = 16_384
MAX_ARGUMENTS_CHARACTERS = 20_000
MAX_FAULTS = 3
# Marks of chat templates have no place in what tells a model about arguments.
_MARKS = re.compile(r"<\||\|>|</?(?:s|think|tool_\w+|start_of_turn|end_of_turn)>|\[/?[A-Z_]{3,}\]")


class ArgumentsCheck:
    """A tool's schema, ready to check with. Making one imports a library and compiles: not for a running loop.

    Raises ValueError that says what is wrong with the schema.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        import jsonschema_rs

        try:
            written = json.dumps(schema)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"its parameters are no JSON ({error})") from None
        if len(written) > MAX_SCHEMA_CHARACTERS:
            raise ValueError(f"its parameters take more than {MAX_SCHEMA_CHARACTERS} characters to describe")
        if mark := _MARKS.search(written):
            raise ValueError(f"its parameters contain {harmless(mark[0])}, which models take for a command")
        if schema.get("type") != "object":
            raise ValueError('its parameters are no schema of an object ("type": "object")')
        try:
            self._validator = jsonschema_rs.Draft202012Validator(
                json.loads(written), pattern_options=jsonschema_rs.RegexOptions(), retriever=_fetch_nothing
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise ValueError(f"its parameters are no valid schema ({_first_line(error)})") from None

    def faults(self, arguments: Mapping[str, Any]) -> list[str]:
        """What does not fit, a few of all; empty if everything does."""
        found = []
        for fault in self._validator.iter_errors(dict(arguments)):
            place = ".".join(map(str, fault.instance_path))
            found.append(f"{place}: {_first_line(fault.message)}" if place else _first_line(fault.message))
            if len(found) == MAX_FAULTS:
                break
        return found


def tidy(schema: Any) -> Any:
    """A schema with words that are only words: what it says of its parts, it says without marks."""
    if isinstance(schema, Mapping):
        return {
            name: harmless(inner) if name in {"description", "title"} and isinstance(inner, str) else tidy(inner)
            for name, inner in schema.items()
        }
    return [tidy(inner) for inner in schema] if isinstance(schema, list | tuple) else schema


def read_arguments(text: str) -> dict[str, Any]:
    """The arguments that a model wrote. Raises ValueError that tells it what is wrong."""
    if len(text) > MAX_ARGUMENTS_CHARACTERS:
        raise ValueError(f"the arguments are longer than {MAX_ARGUMENTS_CHARACTERS} characters")
    try:
        arguments = json.loads(text or "{}", parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the arguments are no JSON ({_first_line(error)})") from None
    if not isinstance(arguments, dict):
        raise ValueError("the arguments are no JSON object")
    return arguments


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _fetch_nothing(address: str) -> NoReturn:
    raise ValueError(f"it refers to {address}; only references inside of it are followed")


def _first_line(error: object) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
