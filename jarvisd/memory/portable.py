"""Memories as lines of JSON: exported for another house or another program, and read back with every fault named."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast, get_args

from jarvisd.types import Language, Memory, MemoryKind

LONGEST_CHARACTERS = 1_000_000
_LANGUAGES: tuple[Language, ...] = get_args(Language)
_KINDS: tuple[MemoryKind, ...] = get_args(MemoryKind)
_TEXTS = ("answered", "session", "tier")
_TEXTS_OR_NONE = ("person", "room", "superseded_by")


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be read, and why."""

    line: int
    why: str


def written(memories: Iterable[Memory]) -> Iterator[str]:
    """A line for each, without its end."""
    for memory in memories:
        values = asdict(memory)
        yield json.dumps({name: value for name, value in values.items() if value or name == "at_s"}, ensure_ascii=False)


def read(lines: Iterable[str]) -> Iterator[Memory | Fault]:
    """Each line that is not empty, as a memory or a fault; the others are read all the same."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _memory(json.loads(line))
            except (ValueError, RecursionError) as error:
                yield Fault(number, str(error) if not isinstance(error, json.JSONDecodeError) else f"no JSON ({error})")


def _memory(found: Any) -> Memory:
    if not isinstance(found, dict):
        raise ValueError("not an object in braces")
    unknown = found.keys() - set(Memory.__slots__)
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(map(str, unknown)))}")
    values: dict[str, Any] = {name: _text(found, name) for name in ("id", "said")}
    values |= {name: _text(found, name) for name in _TEXTS if name in found}
    values |= {name: _text(found, name) for name in _TEXTS_OR_NONE if found.get(name) not in (None, "")}
    values["at_s"] = _time(found.get("at_s"))
    values["language"] = _one_of(found, "language", _LANGUAGES)
    if "kind" in found:
        values["kind"] = cast(MemoryKind, _one_of(found, "kind", _KINDS))
    values["pinned"] = found.get("pinned") is True
    sources = found.get("sources", [])
    if not isinstance(sources, list) or not all(isinstance(one, str) for one in sources):
        raise ValueError("sources is not a list of ids")
    values["sources"] = tuple(sources)
    if not values["id"].strip() or not values["said"].strip():
        raise ValueError("id and said must not be empty")
    return Memory(**values)


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is missing or no text")
    if len(value) > LONGEST_CHARACTERS:
        raise ValueError(f"{name} is longer than {LONGEST_CHARACTERS} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half of a character (a lone surrogate)") from None
    return value


def _time(value: Any) -> float:
    fault = "at_s is missing or no time (seconds since 1970)"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(fault)
    try:
        at_s = float(value)
    except OverflowError:
        raise ValueError(fault) from None
    if not math.isfinite(at_s):
        raise ValueError(fault)
    return at_s


def _one_of(found: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    if found.get(name) not in allowed:
        raise ValueError(f"{name} is not one of {', '.join(allowed)}")
    return str(found[name])
