"""Writes the two documents that follow from the configuration models: the sample file and the reference page.

`python -m jarvisd.config.reference` writes etc/jarvisd.toml and docs/configuration.md below the current folder.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from jarvisd.config.engines import EngineBase
from jarvisd.config.guide import PAGE_HEAD, SAMPLE_HEAD
from jarvisd.config.schema import Table, is_live, tables
from jarvisd.config.section import Section

SAMPLE_FILE = Path("etc/jarvisd.toml")
REFERENCE_PAGE = Path("docs/configuration.md")
_WIDTH = 108
_EXAMPLE_NAMES = {"gpus.NAME": '"GPU-0"', "mcp.NAME": "shopping", "warmup_times.NAME": "morning"}
_BOUNDS = (("gt", "more than"), ("ge", "at least"), ("lt", "less than"), ("le", "at most"))
# A key's name ends in its unit.
_UNITS = {"_s": "seconds", "_ms": "milliseconds", "_bytes": "bytes", "_tokens": "tokens", "_minutes": "minutes"}


def sample() -> str:
    """The sample file: each key with its meaning, default, what is allowed and whether it is live, commented out."""
    return (
        "\n".join([*SAMPLE_HEAD.strip().splitlines(), *(line for table in tables() for line in _sample(table))]) + "\n"
    )


def reference() -> str:
    """The reference page, in Markdown."""
    return "\n".join([PAGE_HEAD.strip(), *(line for table in tables() for line in _reference(table))]) + "\n"


def _sample(table: Table) -> Iterator[str]:
    example = table.path.replace("NAME", table.kind or _EXAMPLE_NAMES.get(table.path, "fast"))
    yield from ("", "", f"# {'-' * (_WIDTH - 2)}")
    yield from _comment(_doc(table.model))
    # The example of a named table stays commented out: as it stands there, it would be an engine.
    yield f"[{table.path}]" if example == table.path else f"#[{example}]"
    if table.kind:
        yield f"#kind = {toml(table.kind)}"
    yield from _sample_keys(_own_keys(table))
    if table.kind and table == _first_engine():
        yield from ("", "# The keys from here on can stand in the table of any engine.")
        yield from _sample_keys(EngineBase.model_fields)


def _sample_keys(fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    for name, field in fields.items():
        allowed = allowed_text(name, field)
        yield ""
        yield from _comment(field.description or "")
        yield from _comment(
            f"Default: {default_text(field)}."
            + (f" Allowed: {allowed}." if allowed else "")
            + (" Live." if is_live(field) else "")
        )
        yield f"#{name} = {toml(_sample_value(field))}"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)]


def _reference(table: Table) -> Iterator[str]:
    if table.kind and table == _first_engine():
        yield from ("", f"## `[{table.path}]`", "", _doc(EngineBase), "")
        yield from _reference_keys(EngineBase.model_fields)
    if table.kind:
        yield from ("", f"### `[{table.path}]` with `kind = {toml(table.kind)}`", "", _doc(table.model))
    else:
        yield from ("", f"## `[{table.path}]`", "", _doc(table.model))
    if keys := _own_keys(table):
        yield ""
        yield from _reference_keys(keys)


def _reference_keys(fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    yield "| key | default | allowed | live | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    for name, field in fields.items():
        default = default_text(field)
        shown = default if default in {"unset", "mandatory"} else f"`{default}`"
        live = "yes" if is_live(field) else ""
        cells = [f"`{name}`", shown, allowed_text(name, field), live, field.description or ""]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _first_engine() -> Table:
    return next(table for table in tables() if table.kind)


def _own_keys(table: Table) -> dict[str, FieldInfo]:
    """The keys of a table without those that every engine has."""
    common = {"kind", *EngineBase.model_fields} if table.kind else set()
    return {name: field for name, field in table.model.model_fields.items() if name not in common}


def default_text(field: FieldInfo) -> str:
    """The default as written in the file; "mandatory", or "unset" where the file cannot say it."""
    if field.is_required():
        return "mandatory"
    default = field.get_default(call_default_factory=True)
    return "unset" if default is None else toml(default)


def allowed_text(name: str, field: FieldInfo) -> str:
    """What a key may be: its choices, bounds and unit, in words."""
    choices = [toml(choice) for choice in _choices(field.annotation)]
    facts = [unit for ending, unit in _UNITS.items() if name.endswith(ending)]
    facts += [f"{word} {toml(value)}" for bound, word in _BOUNDS if (value := _constraint(field, bound)) is not None]
    if choices:
        facts.append(f"{', '.join(choices[:-1])} or {choices[-1]}")
    if _constraint(field, "min_length"):
        facts.append("not empty")
    return ", ".join(facts)


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return next((choices for part in get_args(annotation) if (choices := _choices(part))), ())


def _constraint(field: FieldInfo, name: str) -> Any:
    return next((value for part in field.metadata if (value := getattr(part, name, None)) is not None), None)


def _sample_value(field: FieldInfo) -> Any:
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    return default if default is not None else (field.examples or [None])[0]


def toml(value: Any) -> str:
    """A value as TOML writes it. Raises TypeError for one that TOML does not have, such as None."""
    if isinstance(value, (bool, str, int, float)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, PurePath):
        return toml(str(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml(item) for item in value)}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    raise TypeError(f"TOML has no {type(value).__name__}: {value!r}")


def _doc(model: type[Section]) -> str:
    return " ".join((model.__doc__ or "").split())


def main(folder: Path = Path()) -> None:
    """Writes both documents below `folder`."""
    for file, text in ((SAMPLE_FILE, sample()), (REFERENCE_PAGE, reference())):
        folder.joinpath(file).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(file).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{folder / file}\n")


if __name__ == "__main__":
    main()
