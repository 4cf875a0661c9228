"""What a request's data must look like; ValueError with a sentence where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def words(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"`{key}` must be a non-empty string")
    return value.strip()


def words_or_none(data: Mapping[str, Any], key: str) -> str | None:
    return None if data.get(key) is None else words(data, key)


def whole_number(data: Mapping[str, Any], key: str, default: int, *, least: int = 1, most: int) -> int:
    value = data.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"`{key}` must be from {least} to {most}")
    return value


def flag(data: Mapping[str, Any], key: str) -> bool:
    value = data.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"`{key}` must be true or false")
    return value


def texts(data: Mapping[str, Any], key: str) -> list[str]:
    """A list of strings, none where it is missing."""
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValueError(f"`{key}` must be a list of non-empty strings")
    return value
