"""What was said in this house, and what of it was found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from jarvisd.types.words import Language

# turn: a question that a model answered. command: one that a skill, the house or a plugin did. fact: what was told to
# be kept. recall: a question that was answered from memory, which is never recalled itself: it would be its own echo.
MemoryKind: TypeAlias = Literal["turn", "command", "fact", "recall"]


@dataclass(frozen=True, slots=True)
class Memory:
    """Something that was said here, word for word, and what was answered.

    `at_s`: Unix time. `person`: who said it, None where nobody knows. `session`: the first of the exchanges that
    followed each other. `pinned`: kept whatever the retention says. `sources`: the memories that a fact was read out
    of, or that an answer quotes: it goes with them. `superseded_by`: the newer fact that says otherwise.
    """

    id: str
    at_s: float
    said: str
    language: Language
    answered: str = ""
    kind: MemoryKind = "turn"
    person: str | None = None
    room: str | None = None
    session: str = ""
    tier: str = ""
    pinned: bool = False
    sources: tuple[str, ...] = ()
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A memory that fits a question. `score`: higher is better, comparable within one recall only.

    `words`, `vectors`: its place by either of them, from 0; None where that side did not find it. `likeness`: the
    cosine of its vector with the question's.
    """

    memory: Memory
    score: float
    words: int | None = None
    vectors: int | None = None
    before: Memory | None = None
    after: Memory | None = None
    likeness: float | None = None


@dataclass(frozen=True, slots=True)
class Recalled:
    """What memory has to say to a question, best first; a memory is quoted by its place here, from 1.

    `asked`: the question asks for what was said, so that nothing but a memory may answer it. `sure`: what was found
    speaks of what the question speaks of. `how`: "words and vectors", or why only words were searched, for the record.
    """

    found: tuple[Found, ...] = ()
    asked: bool = False
    sure: bool = False
    how: str = ""
