"""What a changed configuration changes: at once, on SIGHUP, or only after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from jarvisd.config.models import Config
from jarvisd.config.schema import is_live
from jarvisd.config.section import Section

SectionT = TypeVar("SectionT", bound=Section)


def diff_live(old: Config, new: Config) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Paths of the changed keys: those that apply at once, and those that need a restart."""
    changes = list(_changes(old, new, ""))
    return tuple(path for path, live in changes if live), tuple(path for path, live in changes if not live)


def apply_live(old: Config, new: Config) -> Config:
    """`old` with the values of `new` where a key is live: what the daemon runs with after SIGHUP."""
    return _merged(old, new)


def _changes(old: Section, new: Section, prefix: str) -> Iterator[tuple[str, bool]]:
    for name, field in type(old).model_fields.items():
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, dict):
            for key in sorted(before.keys() | after.keys()):
                yield from _change(before.get(key), after.get(key), f"{prefix}{name}.{key}", live=is_live(field))
        else:
            yield from _change(before, after, f"{prefix}{name}", live=is_live(field))


def _change(before: Any, after: Any, path: str, *, live: bool) -> Iterator[tuple[str, bool]]:
    if before == after:
        return
    if isinstance(before, Section) and type(before) is type(after):
        yield from _changes(before, after, f"{path}.")
    else:
        yield path, live


def _merged(old: SectionT, new: SectionT) -> SectionT:
    update: dict[str, Any] = {}
    for name, field in type(old).model_fields.items():
        before, after = getattr(old, name), getattr(new, name)
        if is_live(field):
            update[name] = after
        elif isinstance(before, Section):
            update[name] = _merged(before, after)
        elif isinstance(before, dict):
            update[name] = {key: _kept(value, after.get(key)) for key, value in before.items()}
    return old.model_copy(update=update)


def _kept(before: Any, after: Any) -> Any:
    return _merged(before, after) if isinstance(before, Section) and type(before) is type(after) else before
