"""What time a question looks back on, whether it asks for the newest state, and how a past day is called. Pure.

Spans are as generous as the words are vague. Datetimes are the household's wall clock, with or without a zone, as `now`
is. Own tables, not dateparser (1.5): it gives points, not spans, finds no "hace dos semanas", and takes "esta mañana"
for tomorrow and "we" for Wednesday.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from jarvisd.memory.when_rules import AHEAD, LATEST, PAST_SIGNS, PRESENT_SIGNS, RULES, SINCE
from jarvisd.memory.when_spans import Span, midnight, span
from jarvisd.memory.when_words import DAY_NAMES, MONTH_NAMES
from jarvisd.plain import Word, plain, words
from jarvisd.types import Language

# A longer text is no question; the words for time that it is asked with stand in front.
_MOST_WORDS = 80
# "¿Vendrá el jueves?", and what only looks so.
_FUTURE_TENSE = re.compile(r"(?!atr|detr)\w{2,}r(?:é|ás|á|án)", re.IGNORECASE)
# After so many days a weekday's name would be the wrong one.
_WEEKDAY_DAYS = 7


@dataclass(frozen=True, slots=True)
class TimeAsked:
    """From `start` until before `end`; `words` said so."""

    start: datetime
    end: datetime
    words: str


def time_asked(text: str, language: Language, now: datetime) -> TimeAsked | None:
    """The past time that `text` speaks of; None where it speaks of none, or of what comes."""
    said = words(text)[:_MOST_WORDS]
    plain_text = AHEAD[language].sub(_blanked, " ".join(word.plain for word in said))
    unlikely = _doubts(said, plain_text, language)
    found: list[tuple[int, int, Span]] = []
    for rule in RULES[language]:
        if rule.doubt and rule.doubt in unlikely:
            continue
        for match in rule.pattern.finditer(plain_text):
            one = span(rule.kind, match, language, now)
            if one is not None and one[0] <= now:
                found.append((match.start(), -match.end(), one))
    if not found:
        return None
    begin, end, (start, until) = min(found, key=lambda one: one[:2])
    if SINCE[language].search(plain_text[:begin]) or SINCE[language].match(plain_text[begin:]):
        until = max(until, midnight(now, 1))
    first, last = plain_text.count(" ", 0, begin), plain_text.count(" ", 0, -end)
    return TimeAsked(start, until, " ".join(word.said for word in said[first : last + 1]))


def asks_latest(text: str, language: Language) -> bool:
    """Whether `text` asks how things stand now, where they may have been otherwise before."""
    return LATEST[language].search(plain(text)) is not None


def told_day(day: date, now: date, language: Language) -> str:
    """How a person names that past day in a sentence: "ayer", "el jueves", "on 12 March", with its year if another."""
    back = now.toordinal() - day.toordinal()
    if 0 <= back <= 1:
        return {"es": ("hoy", "ayer"), "en": ("today", "yesterday")}[language][back]
    month = MONTH_NAMES[language][day.month - 1]
    if language == "es":
        if back == 2:
            return "anteayer"
        if 0 < back < _WEEKDAY_DAYS:
            return f"el {DAY_NAMES['es'][day.weekday()]}"
        return f"el {day.day} de {month}" + (f" de {day.year}" if day.year != now.year else "")
    if 0 < back < _WEEKDAY_DAYS:
        return f"on {DAY_NAMES['en'][day.weekday()]}"
    return f"on {day.day} {month}" + (f" {day.year}" if day.year != now.year else "")


def _doubts(said: Sequence[Word], plain_text: str, language: Language) -> str:
    """The kinds of doubt (see Rule) that this question deserves."""
    if PAST_SIGNS[language].search(plain_text):
        return ""
    ahead = PRESENT_SIGNS[language].search(plain_text) is not None or (
        language == "es" and any(_FUTURE_TENSE.fullmatch(word.said) for word in said)
    )
    return "?!" if ahead else "!"


def _blanked(match: re.Match[str]) -> str:
    """As many words that mean nothing."""
    return " ".join("|" for _ in match[0].split())
