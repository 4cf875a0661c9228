"""The sets that memory is measured on: LoCoMo, which is read from its file, and our own pairs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jarvisd.types import Language, Memory

PAIRS = Path(__file__).parent / "data/memory_pairs.jsonl"
CATEGORIES: Mapping[int, str] = {1: "multi-hop", 2: "temporal", 3: "open", 4: "single-hop", 5: "adversarial"}
ADVERSARIAL = 5
# Turns of a session have one time in the file; this keeps their order.
TURN_S = 10.0
FORMAT = (
    "It must be a file of LoCoMo: locomo10.json from https://github.com/snap-research/locomo "
    "(Maharana et al. 2024), which is no part of jarvisd."
)
# As one string should be; some have several turns, a colon too many or a leading zero.
_EVIDENCE = re.compile(r"D:?(\d+):(\d+)")
_SESSION = re.compile(r"session_(\d+)")


@dataclass(frozen=True, slots=True)
class Question:
    """`evidence`: ids of the memories that answer it."""

    text: str
    language: Language
    evidence: frozenset[str]
    now: datetime
    category: int = 0


@dataclass(frozen=True, slots=True)
class Conversation:
    name: str
    memories: tuple[Memory, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class LoCoMo:
    """`repaired`, `dropped`: malformed evidence. `unanswered`: questions that are left without any, and not asked."""

    conversations: tuple[Conversation, ...]
    repaired: int
    dropped: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """`questions`: by "es-es" (question-memory) and so on, "unanswerable" and "foreign", each in the file's order."""

    memories: tuple[Memory, ...]
    questions: Mapping[str, tuple[Question, ...]]


def read_locomo(file: Path) -> LoCoMo:
    """Raises ValueError, in one sentence, for a file that is missing or none of LoCoMo."""
    try:
        conversations = json.loads(file.read_text(encoding="utf-8"))
        read = [_conversation(number, one) for number, one in enumerate(conversations)]
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror}). {FORMAT}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{file} is not as it should be ({type(error).__name__}: {error}). {FORMAT}") from error
    if not read:
        raise ValueError(f"{file} has no conversation. {FORMAT}")
    counts = [sum(count) for count in zip(*(counts for _, counts in read), strict=True)]
    return LoCoMo(tuple(one for one, _ in read), *counts)


def _conversation(number: int, one: Mapping[str, Any]) -> tuple[Conversation, tuple[int, int, int]]:
    name = str(one.get("sample_id", number))
    said = one["conversation"]
    sessions = sorted((int(found[1]), key) for key in said if (found := _SESSION.fullmatch(key)))
    memories = [memory for _, key in sessions for memory in _session(name, key, said[key], said[f"{key}_date_time"])]
    now = datetime.fromtimestamp(max(memory.at_s for memory in memories)) + timedelta(days=1)
    known = {memory.id for memory in memories}
    questions, repaired, dropped, unanswered = [], 0, 0, 0
    for asked in one["qa"]:
        evidence: set[str] = set()
        for written in asked["evidence"]:
            ids = {f"{name}/D{int(found[0])}:{int(found[1])}" for found in _EVIDENCE.findall(written)} & known
            repaired += bool(ids) and ids != {f"{name}/{written}"}
            dropped += not ids
            evidence |= ids
        if evidence:
            questions.append(Question(asked["question"], "en", frozenset(evidence), now, int(asked["category"])))
        unanswered += not evidence
    return Conversation(name, tuple(memories), tuple(questions)), (repaired, dropped, unanswered)


def _session(name: str, key: str, turns: Sequence[Mapping[str, Any]], when: str) -> list[Memory]:
    """Captions of pictures are left out: they were not said."""
    at_s = datetime.strptime(re.sub(r"\s+", " ", when.replace(",", "")), "%I:%M %p on %d %B %Y").timestamp()
    return [
        Memory(
            id=f"{name}/{turn['dia_id']}",
            at_s=at_s + TURN_S * step,
            said=turn["text"],
            language="en",
            person=turn["speaker"],
            session=f"{name}/{key}",
        )
        for step, turn in enumerate(turns)
    ]


def read_pairs(file: Path = PAIRS) -> Pairs:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    memories = [_memory(row) for row in rows if row["type"] == "memory"]
    now = datetime.fromtimestamp(memories[-1].at_s) + timedelta(days=1)
    questions: dict[str, list[Question]] = {}
    for row in rows:
        if "question" in row:
            asked = Question(row["question"], row["question_language"], frozenset(row.get("memory", ())), now)
            questions.setdefault(row.get("direction", row["type"]), []).append(asked)
    return Pairs(tuple(memories), {name: tuple(some) for name, some in questions.items()})


def _memory(row: Mapping[str, Any]) -> Memory:
    return Memory(
        id=row["id"],
        at_s=datetime.fromisoformat(row["at"]).timestamp(),
        said=row["said"],
        language=row["language"],
        answered=row["answered"],
        person=row["person"],
        room=row["room"],
    )
