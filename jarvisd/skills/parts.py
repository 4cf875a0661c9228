"""A sentence that was understood, taken apart. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from jarvisd.skills.free_text import as_said, places
from jarvisd.skills.grammar import Match
from jarvisd.skills.lift import MOMENT, Lifted, plain_of
from jarvisd.skills.moments import Moment, merged
from jarvisd.types import Language


@dataclass(frozen=True, slots=True)
class Parts:
    """A match with the values of its markers, those inside free text left out. `source`: the whole that was said."""

    match: Match
    items: Sequence[Lifted]
    language: Language
    timers: Collection[str]
    source: str

    def values(self, *markers: str) -> list[Any]:
        inside = {index for name in self.match.spans for index in self._range(name)}
        return [item.value for index, item in enumerate(self.items) if item.plain in markers and index not in inside]

    def text(self, name: str) -> list[Lifted] | None:
        """The words of a wildcard."""
        return [self.items[index] for index in self._range(name)] if name in self.match.spans else None

    def said(self, name: str | None = None) -> str:
        """A wildcard exactly as it was said; without a name all of the matter."""
        inside = self._range(name) if name else range(len(self.items))
        at = places(self.source, self.items)
        last = inside[-1]
        return as_said(self.source, at[inside[0]][0], at[last][1], to_the_end=last == len(self.items) - 1).strip()

    def head(self, name: str) -> str:
        """What was said in front of a wildcard, courtesies and pronouns included."""
        return self.source[: places(self.source, self.items)[self._range(name)[0]][0]]

    def before(self, name: str) -> str:
        """The word in front of a wildcard."""
        first = next(iter(self._range(name)), 0)
        return self.items[first - 1].plain if first else ""

    def moment(self) -> Moment | None:
        """All moments together; None if there is none, or they contradict each other."""
        found: Moment | None = None
        for value in self.values(MOMENT):
            found = value if found is None else merged(found, value)
            if found is None:
                return None
        return found

    def _range(self, name: str) -> range:
        start, end = self.match.spans[name]
        text = plain_of(self.items)
        first = text[:start].count(" ")
        return range(first, first + len(text[start:end].split()))
