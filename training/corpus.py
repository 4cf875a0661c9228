"""The corpus of a task: lines with alternatives and slots, and how they are filled.

    corpus/<task>/<language>/<label>.txt     a template a line; a line that starts with # is a comment
    corpus/slots/<language>/<slot>.txt       what {slot} may be; itself templates

In a template `(a|b|)` is one of its alternatives (here also nothing) and `{slot}` a line of that slot's file.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

CORPUS = Path(__file__).parent / "corpus"
_TOKEN = re.compile(r"\{(\w+)\}|([(|)])|([^{}(|)]+)")


class CorpusError(Exception):
    """A template that cannot be read; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of its alternatives, each a sequence of parts."""

    alternatives: tuple[Sequence[Part], ...]


@dataclass(frozen=True, slots=True)
class Slot:
    name: str


Part: TypeAlias = str | Slot | Choice


@dataclass(frozen=True, slots=True)
class Template:
    """A line of a corpus file. `place` is its file and line, the unit in which a corpus is split."""

    place: str
    parts: Sequence[Part]


def parse(line: str, place: str) -> Template:
    """Raises CorpusError for brackets that do not match and characters that mean nothing."""
    stack: list[list[list[Part]]] = [[[]]]
    position = 0
    for token in _TOKEN.finditer(line):
        if token.start() != position:
            raise CorpusError(f"{place}: {line[position : token.start()]!r} cannot be read")
        position = token.end()
        slot, mark, text = token.groups()
        if slot:
            stack[-1][-1].append(Slot(slot))
        elif text:
            stack[-1][-1].append(text)
        elif mark == "(":
            stack.append([[]])
        elif len(stack) == 1:
            raise CorpusError(f"{place}: {mark} outside of brackets")
        elif mark == "|":
            stack[-1].append([])
        else:
            choice = Choice(tuple(stack.pop()))
            stack[-1][-1].append(choice)
    if position != len(line) or len(stack) != 1:
        raise CorpusError(f"{place}: brackets do not match")
    return Template(place, stack[0][0])


def read_templates(file: Path) -> tuple[Template, ...]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(
        parse(line.strip(), f"{file.parent.name}/{file.name}:{number}")
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.startswith("#")
    )


class Grammar:
    """Fills templates of one language."""

    def __init__(self, slots: Mapping[str, Sequence[Template]]) -> None:
        self._slots = slots

    @classmethod
    def load(cls, language: str, corpus: Path = CORPUS) -> Grammar:
        files = sorted((corpus / "slots" / language).glob("*.txt"))
        return cls({file.stem: read_templates(file) for file in files})

    @cached_property
    def _sizes(self) -> dict[str, float]:
        return {}

    def lines(self, slot: str) -> Sequence[Template]:
        if not self._slots.get(slot):
            raise CorpusError(f"{{{slot}}}: no such file under slots/, or nothing in it")
        return self._slots[slot]

    def size(self, template: Template) -> float:
        """How many sentences a template stands for."""
        return math.prod(self._part_size(part) for part in template.parts)

    def fill(self, template: Template, rng: random.Random) -> str:
        return " ".join(self._say(template.parts, rng).split())

    def _say(self, parts: Sequence[Part], rng: random.Random) -> str:
        return "".join(self._say_part(part, rng) for part in parts)

    def _say_part(self, part: Part, rng: random.Random) -> str:
        if isinstance(part, str):
            return part
        if isinstance(part, Slot):
            return self._say(rng.choice(self.lines(part.name)).parts, rng)
        return self._say(rng.choice(part.alternatives), rng)

    def _part_size(self, part: Part) -> float:
        if isinstance(part, str):
            return 1
        if isinstance(part, Choice):
            return sum(math.prod(map(self._part_size, parts)) for parts in part.alternatives)
        if part.name not in self._sizes:
            self._sizes[part.name] = 1  # a slot that contains itself ends here
            self._sizes[part.name] = sum(map(self.size, self.lines(part.name)))
        return self._sizes[part.name]
