"""Says what is wrong with a configuration in a person's words: one line a fault, each with its path in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from jarvisd import secrets
from jarvisd.config.checks import near, nearest, reference_faults
from jarvisd.config.models import Config
from jarvisd.config.schema import model_at, tables

Path: TypeAlias = Sequence[str | int]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r"'([^']*)'")
_LONGEST_SHOWN = 60
# pydantic's name of a fault -> what is wrong. {limit}: the bound that was broken; the value follows.
_WORDS = {
    "bool_type": "must be true or false",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "string_type": "must be text in quotation marks",
    "path_type": "must be a path in quotation marks",
    "tuple_type": "must be a list in square brackets",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "finite_number": "must be a finite number",
    "greater_than": "must be more than {limit}",
    "greater_than_equal": "must be at least {limit}",
    "less_than": "must be less than {limit}",
    "less_than_equal": "must be at most {limit}",
    "string_pattern_mismatch": "must begin with a small letter and go on with small letters, digits, - or _, "
    "32 characters at most",
}
_LIMITS = ("gt", "ge", "lt", "le")


def faults_in(data: Mapping[str, Any]) -> tuple[Config | None, list[str]]:
    """Validates the tables of a file. Returns the configuration, or None and every fault that was found."""
    inline = list(_inline_secrets(data, ()))
    faults = [_inline_secret_fault(path, data) for path in inline]
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        paths = [_path(detail, data) for detail in details]
        for path, detail in zip(paths, details, strict=True):
            # A list of wrong items is called too short as well, because none of them was counted.
            emptied = detail["type"] == "too_short" and any(other[:-1] == path for other in paths)
            if path not in inline and not emptied:
                faults += _describe(path, detail, data)
        if any(detail["loc"] for detail in details):  # then pydantic has not come to the references
            faults += reference_faults(data)
        return None, faults
    return (None, faults) if faults else (config, [])


def show_path(path: Path) -> str:
    """A path as it would be written in the file: wake.threshold, engines."my asr".kind, audio.wav[0]."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if _BARE_KEY.fullmatch(part) else f".{json.dumps(part, ensure_ascii=False)}"
    return text.removeprefix(".")


def _path(detail: ErrorDetails, data: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Where in the file the fault is; pydantic's own notes in the path (which kind, "[key]") are left out."""
    node: Any = data
    path: list[str | int] = []
    for part in detail["loc"]:
        if part == "[key]":
            continue
        if isinstance(node, Mapping) and part == node.get("kind"):
            node = {key: value for key, value in node.items() if key != "kind"}  # its next part is a key again
            continue
        path.append(part)
        if isinstance(node, Mapping):
            node = node.get(part)
        elif isinstance(node, list) and isinstance(part, int):
            node = node[part]
        else:
            node = None
    if detail["type"].startswith("union_tag"):
        path.append("kind")
    return tuple(path)


def _describe(path: tuple[str | int, ...], detail: ErrorDetails, data: Mapping[str, Any]) -> Iterator[str]:
    if detail["type"] != "value_error":
        yield f"{show_path(path)}: {_words(path, detail, data)}"
        return
    # Our own checks: of the whole file, lines with a path; of a table, "key: what is wrong"; of a key, what is wrong.
    for line in str(detail["ctx"]["error"]).splitlines():
        key, separator, words = line.partition(": ")
        if not path:
            yield line
        elif separator:
            yield f"{show_path([*path, key])}: {words}"
        else:
            yield f"{show_path(path)}: {line}"


def _words(path: tuple[str | int, ...], detail: ErrorDetails, data: Mapping[str, Any]) -> str:
    context = detail.get("ctx", {})
    value = detail["input"]
    match detail["type"]:
        case "missing":
            return f"is missing. {_description(path, data)}"
        case "extra_forbidden":
            return _unknown(path, value, data)
        case "union_tag_not_found":
            return f"is missing; it is one of {_kinds()}"
        case "union_tag_invalid":
            kind = str(context["tag"])
            hint = near(kind, [table.kind for table in tables() if table.kind]) or "."
            return f"there is no kind {_show(kind)}{hint} It is one of {_kinds()}"
        case "literal_error":
            choices = _QUOTED.findall(str(context["expected"]))
            hint = near(value, choices) if isinstance(value, str) else ""
            return f"must be {_one_of(choices)}, not {_shown(path, value)}{hint}"
        case "too_short" | "string_too_short":
            return "must not be empty"
        case known if known in _WORDS:
            limit = next((_show(context[name]) for name in _LIMITS if name in context), "")
            return f"{_WORDS[known].format(limit=limit)}, not {_shown(path, value)}"
    return detail["msg"]


def _description(path: Path, data: Mapping[str, Any]) -> str:
    model = model_at([str(part) for part in path[:-1]], data)
    field = model.model_fields.get(str(path[-1])) if model else None
    return (field.description or "") if field else ""


def _unknown(path: Path, value: Any, data: Mapping[str, Any]) -> str:
    """An unknown key: the nearest one beside it, else where one of this name belongs, else what is valid here."""
    *parents, name = (str(part) for part in path)
    model = model_at(parents, data)
    siblings = list(model.model_fields) if model else []
    what = "unknown section" if isinstance(value, Mapping) and not parents else "unknown key"
    if found := nearest(name, siblings):
        return f"{what}; did you mean {show_path([*parents, found])}?"
    homes = dict.fromkeys(f"[{table.path}]" for table in tables() if name in table.model.model_fields)
    if homes:
        return f"{what} here; it belongs in {' or '.join(homes)}"
    return f"{what}; valid here: {', '.join(siblings)}"


def _kinds() -> str:
    return _one_of([table.kind for table in tables() if table.kind])


def _one_of(choices: Sequence[str]) -> str:
    shown = [_show(choice) for choice in choices]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _shown(path: Path, value: Any) -> str:
    """The value, unless somebody may have put a secret where only its name belongs."""
    last = next((part for part in reversed(path) if isinstance(part, str)), "")
    return "what stands there" if last.endswith("_credential") or secrets.looks_secret(last) else _show(value)


def _show(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (str, bool, int, float)) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _inline_secrets(node: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """Paths of keys anywhere in the file that hold a secret itself."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if isinstance(value, (str, int)) and not isinstance(value, bool) and secrets.looks_secret(key):
                yield (*path, key)
            else:
                yield from _inline_secrets(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _inline_secrets(value, (*path, index))


def _inline_secret_fault(path: Path, data: Mapping[str, Any]) -> str:
    """How to pass that secret instead; never the value."""
    parents, key = [str(part) for part in path[:-1]], str(path[-1])
    if len(parents) > 2 and parents[0] == "engines" and parents[2] == "env":
        advice = f"set ${key} in the environment of jarvisd itself, which its engines inherit"
        return f"{show_path(path)}: secrets do not belong in the configuration; {advice}"
    model = model_at(parents, data)
    pointer = f"{key.lower()}_credential"
    field = model.model_fields.get(pointer) if model else None
    default = field.default if field is not None else None
    name = default or re.sub(r"[^a-z0-9]+", "-", "-".join([*parents[-1:], key]).lower()).strip("-")
    naming = "" if default else f" and name it here: {pointer} = {_show(name)}"
    return (
        f"{show_path(path)}: secrets do not belong in the configuration; give this one {secrets.places(name)}{naming}"
    )
