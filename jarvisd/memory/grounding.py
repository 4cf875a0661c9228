"""What may be said of memories: only what stands in them. Pure.

A model is told to name the memory of each sentence in brackets. A sentence that names a memory which was not shown, or
says what is not in the one it names, is not said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jarvisd.memory.when import told_day
from jarvisd.memory.words import content_words, day_words, folded_words
from jarvisd.types import Found, Language, Memory, Recalled

# So much of what a sentence says beside the question must be in the memory it names; every number must be.
GROUNDED = 0.6
# A sentence that names none is taken for a quotation of the memory that has so much of it.
QUOTED = 0.8
_MARK = re.compile(r"\s*[\[(]\s*m?(\d{1,3}(?:\s*[,;y&]\s*m?\d{1,3})*)\s*[\])]", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
# Where a sentence may end; the marks behind it belong to it.
_STOP = re.compile(r"[.!?…]+[\"”»')\]]*|\n")
_MARKS = re.compile(rf"(?:[^\S\n]*{_MARK.pattern.removeprefix(chr(92) + 's*')})*", re.IGNORECASE)
# What has come of a mark, or may become one.
_MARK_BEGUN = re.compile(r"[^\S\n]*(?:[\[(][\s\dm,;y&]*)?", re.IGNORECASE)
# A point behind one of these ends nothing.
_ABBREVIATIONS = frozenset(
    "sr sra srta sres dr dra dña prof avda ud uds ee aprox núm pág a p mr mrs ms vs approx".split()  # noqa: SIM905
)
_LAST_WORD = re.compile(r"[^\W_]+$")
# What a sentence about a memory may be made of, whatever the memory says.
_FRAME = frozenset(
    content_words(
        """dijiste dije dijo apuntaste apuntado anotado memoria recuerdo segun mencionaste comentaste vez casa dia fecha
        said told noted mentioned remember memory according day date time house asked preguntaste respondi answered"""
    )
)


@dataclass(slots=True)
class Grounding:
    """Takes an answer as it comes and gives back what may be said of it; `cited` has the ids of what was quoted."""

    question: str
    recalled: Recalled
    cited: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _held: str = ""
    _spoke: bool = False

    def feed(self, text: str) -> str:
        """The sentences that are whole now."""
        self._held += text
        said = []
        while (end := _end_of_sentence(self._held)) is not None:
            whole, self._held = self._held[:end], self._held[end:]
            said.append(self._check(whole))
        return self._begun("".join(said))

    def end(self) -> str:
        """What is left when the answer has ended."""
        held, self._held = self._held, ""
        return self._begun(self._check(held))

    def _begun(self, text: str) -> str:
        """An answer does not begin with the space in front of a sentence that was not said."""
        if not self._spoke:
            text = text.lstrip()
            self._spoke = bool(text)
        return text

    def _check(self, sentence: str) -> str:
        """The sentence without its marks, or nothing where it may not be said."""
        numbers = [int(one) for mark in _MARK.findall(sentence) for one in _NUMBER.findall(mark)]
        plain = _MARK.sub("", sentence)
        if not plain.strip():
            return "" if numbers else plain
        if numbers:
            quoted = [self.recalled.found[one - 1] for one in numbers if 1 <= one <= len(self.recalled.found)]
            if len(quoted) == len(numbers) and self._holds(plain, quoted, GROUNDED):
                return self._cite(plain, quoted)
        elif not self.recalled.asked:
            return plain
        else:
            best = next((one for one in self.recalled.found if self._holds(plain, [one], QUOTED)), None)
            if best is not None:
                return self._cite(plain, [best])
        self.refused.append(plain.strip())
        return ""

    def _cite(self, plain: str, quoted: Sequence[Found]) -> str:
        self.cited += [one.memory.id for one in quoted if one.memory.id not in self.cited]
        return plain

    def _holds(self, sentence: str, quoted: Sequence[Found], share: float) -> bool:
        there = content_words(" ".join(_told(one.memory) for one in quoted)) | _FRAME
        said = content_words(sentence)
        if _numbers(sentence) - _numbers(" ".join(_told(one.memory) for one in quoted)):
            return False
        new = said - content_words(self.question) - _FRAME
        if not new:
            # It says nothing beside the question: that is no answer, unless the memory has it.
            return bool(said - _FRAME) and (said - _FRAME) <= there
        return sum(word in there for word in new) / len(new) >= share


def _end_of_sentence(text: str) -> int | None:
    """Where the first sentence ends; None where it has not, or where what is still to come may decide it."""
    for stop in _STOP.finditer(text):
        if stop[0] == "\n":
            return stop.end()
        if stop[0] == "." and _is_abbreviated(text[: stop.start()]):
            continue
        marks = _MARKS.match(text, stop.end())
        end = marks.end() if marks else stop.end()
        begun = _MARK_BEGUN.match(text, end)
        if begun is not None and begun.end() == len(text):
            return None
        if text[end].isspace():
            return end
    return None


def _is_abbreviated(before: str) -> bool:
    """Whether a point behind this text belongs to its last word."""
    last = _LAST_WORD.search(before)
    return last is not None and (last[0] if len(last[0]) == 1 else last[0].lower()) in _ABBREVIATIONS


def _numbers(text: str) -> frozenset[str]:
    """All digits that stand together, also within words: "4kg" is another weight than "3kg"."""
    return frozenset(number for word in folded_words(text) for number in _NUMBER.findall(word))


def shown(recalled: Recalled, language: Language, now: datetime, most_characters: int) -> str:
    """The memories as lines for a model, numbered from 1, dated, with who said them; no longer than that."""
    lines = list(_lines(recalled.found, language, now))
    while lines and len("\n".join(lines)) > most_characters:
        lines.pop()
    return "\n".join(lines)


def quotation(recalled: Recalled, language: Language, now: datetime) -> tuple[str, tuple[str, ...]]:
    """The best memory word for word, with its day, and its id."""
    memory = recalled.found[0].memory
    day = _day(memory, language, now)
    said = _cut(memory.said)
    if memory.kind == "fact":
        text = f"{day}, {'you had me note' if language == 'en' else 'me dijiste que apuntara'}: “{said}”"
    elif memory.person:
        text = f"{day}, {memory.person} {'said' if language == 'en' else 'dijo'}: “{said}”"
    else:
        text = f"{day}, {'you said' if language == 'en' else 'dijiste'}: “{said}”"
    text = text[:1].upper() + text[1:]
    return text if said.endswith((".", "!", "?")) else f"{text}.", (memory.id,)


def listed(memories: Sequence[Memory], language: Language, now: datetime) -> str:
    """Memories in one sentence, the newest first."""
    told = [f"{_day(one, language, now)}, “{_cut(one.said, 120)}”" for one in memories]
    return "; ".join(told) + "."


def _lines(found: Sequence[Found], language: Language, now: datetime) -> Iterator[str]:
    for number, one in enumerate(found, 1):
        memory = one.memory
        who = memory.person or ("somebody" if language == "en" else "alguien")
        answered = ""
        if memory.answered and memory.kind != "fact":
            answered = f" ({'answered' if language == 'en' else 'respondido'}: {_cut(memory.answered, 200)})"
        said = f"{who}: {_cut(memory.said)}{answered}"
        before = (
            f" ({'before that' if language == 'en' else 'antes'}: {_cut(one.before.said, 120)})" if one.before else ""
        )
        yield f"[{number}] {_day(memory, language, now)}, {said}{before}"


def _day(memory: Memory, language: Language, now: datetime) -> str:
    try:
        return told_day(datetime.fromtimestamp(memory.at_s).date(), now.date(), language)
    except (OverflowError, OSError, ValueError):
        return "once" if language == "en" else "una vez"


def _told(memory: Memory) -> str:
    return f"{memory.said} {memory.answered} {memory.person or ''} {day_words(memory.at_s)}"


def _cut(text: str, most_characters: int = 400) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most_characters else line[: most_characters - 1] + "…"


def says_all(topic: str, memory: Memory) -> bool:
    """Whether a memory speaks of everything that `topic` names: words may differ in their ending."""
    there = folded_words(_told(memory))
    wanted = [word for word in folded_words(topic) if content_words(word)]
    return bool(wanted) and all(any(_alike(word, other) for other in there) for word in wanted)


def _alike(word: str, other: str) -> bool:
    if word == other or content_words(word) == content_words(other):
        return True
    shorter, longer = sorted((word, other), key=len)
    return len(shorter) >= 4 and longer.startswith(shorter) and len(longer) - len(shorter) <= 2
