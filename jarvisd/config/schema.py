"""Looks into the configuration models: which tables and keys there are, and what each allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from jarvisd.config.models import Config
from jarvisd.config.section import Section


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file: `wake`, or a table of tables such as `engines.NAME` with a model for each kind."""

    path: str
    model: type[Section]
    kind: str | None = None


def tables() -> Iterator[Table]:
    """Every table in the order of the file; engines once for each kind."""
    for name, field in Config.model_fields.items():
        named = get_origin(field.annotation) is dict
        for model in sections_in(field.annotation):
            yield Table(f"{name}.NAME" if named else name, model, kind_of(model))


def sections_in(annotation: Any) -> list[type[Section]]:
    """The models that a type names, however deep: `dict[Name, A | B]` has A and B."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [model for part in get_args(annotation) for model in sections_in(part)]


def kind_of(model: type[Section]) -> str | None:
    """The value of `kind` that chooses this model, if it is one of several."""
    field = model.model_fields.get("kind")
    return str(get_args(field.annotation)[0]) if field is not None else None


def is_live(field: FieldInfo) -> bool:
    """Whether a change of this key is applied on SIGHUP."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and extra.get("live") is True


def model_at(path: Sequence[str], data: Mapping[str, Any]) -> type[Section] | None:
    """The model of the table at `path` in the file's `data`.

    None where there is none: an unknown table, an unknown kind, a table of tables, or a table of free form.
    """
    model: type[Section] | None = Config
    choices: list[type[Section]] = []
    node: Any = data
    for part in path:
        node = node.get(part) if isinstance(node, Mapping) else None
        if model is None:  # `part` is the name in a table of tables
            model = _chosen(choices, node)
        elif (field := model.model_fields.get(part)) is None:
            return None
        else:
            choices = sections_in(field.annotation)
            model = None if get_origin(field.annotation) is dict else _chosen(choices, node)
        if model is None and not choices:
            return None
    return model


def _chosen(choices: list[type[Section]], node: Any) -> type[Section] | None:
    if len(choices) == 1:
        return choices[0]
    kind = node.get("kind") if isinstance(node, Mapping) else None
    return next((model for model in choices if kind_of(model) == kind), None)
