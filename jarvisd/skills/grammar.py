"""Whole utterances against the sentence files. hassil is known here only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from hassil import recognize_all
from hassil.intents import Intent, Intents

from jarvisd.types import Language


@dataclass(frozen=True, slots=True)
class Match:
    """An intent whose sentence is the whole text. `spans`: where its wildcards lie in it."""

    intent: str
    slots: Mapping[str, Any]
    spans: Mapping[str, tuple[int, int]]
    marks: Mapping[str, Any]


class Grammar:
    """The sentences of one language. Matching is quick, and may happen on several threads at once."""

    def __init__(self, language: Language) -> None:
        with resources.files("jarvisd.skills").joinpath("sentences", f"{language}.yaml").open(encoding="utf-8") as file:
            self._all = Intents.from_yaml(file)
        self._core = replace(self._all, intents=_cores(self._all.intents))

    def matches(self, text: str, *, core_only: bool = False) -> Iterator[Match]:
        """The likeliest first: those whose wildcards take the fewest letters, then in the order of the file."""
        found = [_match(result) for result in recognize_all(text, self._core if core_only else self._all)]
        yield from sorted(found, key=lambda match: sum(end - start for start, end in match.spans.values()))


def _cores(intents: Mapping[str, Intent]) -> dict[str, Intent]:
    """What is recognised with unknown words in front of it."""
    cores = {
        name: replace(intent, data=[data for data in intent.data if (data.metadata or {}).get("core")])
        for name, intent in intents.items()
    }
    return {name: intent for name, intent in cores.items() if intent.data}


def _match(result: Any) -> Match:
    wild = {entity.name: entity for entity in result.entities_list if entity.is_wildcard}
    return Match(
        result.intent.name,
        {name: entity.value for name, entity in result.entities.items() if name not in wild},
        {name: entity.text_span for name, entity in wild.items()},
        result.intent_metadata or {},
    )
