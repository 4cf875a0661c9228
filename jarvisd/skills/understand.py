"""From what was said to a Command, or None: the whole utterance must be one, and not a word more. Pure.

A word problem with minutes in it is not a timer, "what time is it in Tokyo" is not the clock's business, and what is
free text (a timer's name, a reminder) must look like one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from jarvisd.plain import Word, courtesies, imperative, is_pronoun_of, plain, word_set, words
from jarvisd.skills.command import Command
from jarvisd.skills.free_text import reminder, timer_name
from jarvisd.skills.grammar import Grammar, Match
from jarvisd.skills.lift import AHEAD, DURATION, MOMENT, MORE, NUMBER, PERCENT, Lifted, lift, plain_of
from jarvisd.skills.moments import Moment
from jarvisd.skills.parts import Parts
from jarvisd.skills.to_memory import is_for_memory, memory
from jarvisd.types import Language

# Longer ones are about something else.
_LONGEST_CHARACTERS = 300
_MOST_WORDS = 40
# A recogniser makes so many words out of the end of the wake word.
_MOST_UNKNOWN_WORDS = 3
# After these a core asks for something else: "¿a qué hora es?"
_TURNS_MEANING = word_set("a de desde hasta para por sobre en")


def understand(
    text: str,
    languages: Sequence[Language],
    grammars: dict[Language, Grammar],
    *,
    spoken: bool = False,
    timers: Collection[str] = (),
) -> Command | None:
    """`languages`: the likeliest first. `timers`: plain names of those that run (empty for one without),
    which may be asked for by name alone.

    In front of a spoken question for the time or the date, a few unknown words are forgiven.
    """
    if len(text) > _LONGEST_CHARACTERS:
        return None
    said = words(text)
    if not said or len(said) > _MOST_WORDS:
        return None
    source = unicodedata.normalize("NFC", text)
    for language in languages:
        items = lift(_matter(said, language), language)
        found = _first(grammars[language].matches(plain_of(items)), items, language, timers, source)
        if found is None and spoken:
            found = _after_unknown_words(grammars[language], items, language, source)
        if found is not None:
            return found
    return None


def _matter(said: Sequence[Word], language: Language) -> list[Word]:
    """Without courtesies, and commands in one form."""
    start, end = courtesies([word.plain for word in said], language)
    matter = list(said[start:end])
    if language == "en":
        return _without_misheard_day(matter)
    matter = [Word(imperative(word.plain), word.said) for word in matter]
    return [
        word
        for word, after in zip(matter, [*matter[1:], None], strict=True)
        if after is None or not is_pronoun_of(word.plain, after.plain)
    ]


def _without_misheard_day(matter: list[Word]) -> list[Word]:
    """ "what's the date to day", as recognisers write it."""
    if len(matter) > 3 and matter[-1].plain == "day" and matter[-2].plain in {"to", "two"}:
        return [*matter[:-2], Word("today", "today")]
    return matter


def _first(
    matches: Iterable[Match], items: Sequence[Lifted], language: Language, timers: Collection[str], source: str
) -> Command | None:
    for match in matches:
        slots = _BUILD[match.intent.partition(".")[0]](Parts(match, items, language, timers, source))
        if slots is not None:
            skill, _, intent = slots.pop("_intent", match.intent).partition(".")
            return Command(skill, intent, language, slots)
    return None


def _after_unknown_words(grammar: Grammar, items: Sequence[Lifted], language: Language, source: str) -> Command | None:
    for count in range(1, min(_MOST_UNKNOWN_WORDS, len(items) - 1) + 1):
        rest = items[count:]
        start, _ = courtesies([item.plain for item in rest], language)
        if items[count - 1].plain in _TURNS_MEANING and start == 0:
            continue
        rest = rest[start:]
        found = _first(grammar.matches(plain_of(rest), core_only=True), rest, language, (), source)
        if found is not None:
            return found
    return None


def _clock(parts: Parts) -> dict[str, Any] | None:
    moment, intent = parts.moment(), parts.match.intent
    if parts.values(MOMENT) and (moment is None or moment.hour is not None or moment.days or moment.part):
        return None
    day = moment.day if moment else None
    if intent == "clock.date":
        return {} if day in {None, "today"} else None
    if intent in {"clock.time", "clock.both"}:
        return {}
    day = parts.match.slots.get("holiday", day)
    if day == "today":
        return {"_intent": "clock.date"} if intent == "clock.day" else None
    return {"day": day} if day else None


def _timer(parts: Parts) -> dict[str, Any] | None:
    slots: dict[str, Any] = dict(parts.match.slots)
    durations = parts.values(DURATION, MORE, AHEAD)
    if parts.match.marks.get("target_first"):
        durations.reverse()
    if durations:
        slots["duration_s"] = durations[0]
        if len(durations) > 1:
            slots["of_s"] = durations[1]
    elif parts.match.intent in {"timer.add", "timer.take"}:
        return None
    said = parts.text("name")
    if said is None and parts.match.marks.get("running") and not parts.timers:
        return None
    if said is not None:
        name = timer_name(said, parts.language)
        if name is None or (parts.match.marks.get("running") and plain(name) not in parts.timers):
            return None
        slots["name"] = name
    return slots


def _alarm(parts: Parts) -> dict[str, Any] | None:
    slots: dict[str, Any] = dict(parts.match.slots)
    moment, durations = parts.moment(), parts.values(DURATION, MORE, AHEAD)
    if parts.values(MOMENT) and (moment is None or moment.day == "yesterday"):
        return None
    if parts.match.intent == "alarm.snooze":
        return slots | ({"duration_s": durations[0]} if durations else {})
    if parts.match.intent == "alarm.list":
        if moment and (moment.hour is not None or moment.days):
            return None
        return slots | ({"day": moment.day} if moment and moment.day else {})
    if durations:
        if moment is not None:
            return None
        moment = Moment(in_s=durations[0])
    if moment is not None:
        slots["at"] = moment
        if moment.days:
            slots["days"] = moment.days
    return slots


def _reminder(parts: Parts) -> dict[str, Any] | None:
    slots: dict[str, Any] = dict(parts.match.slots)
    said = parts.text("text")
    if parts.match.intent == "reminder.cancel" and said is not None:
        name = timer_name(said, parts.language, most_words=12)
        return slots | {"text": name} if name else None
    if parts.match.intent != "reminder.set" or said is None:
        return slots
    if is_for_memory(parts):
        return None
    ahead, moment = parts.values(AHEAD), parts.moment()
    if (parts.values(MOMENT) and moment is None) or (ahead and moment):
        return None
    given = Moment(in_s=ahead[0]) if ahead else moment
    found = reminder(said, given, parts.language, after=parts.before("text"))
    if found is None:
        return None
    text, at = found
    return slots | {"text": text} | ({"at": at} if at is not None else {})


def _volume(parts: Parts) -> dict[str, Any] | None:
    shares = parts.values(PERCENT, NUMBER)
    return dict(parts.match.slots) | ({"percent": shares[0]} if shares else {})


def _budget(parts: Parts) -> dict[str, Any] | None:
    moment = parts.moment()
    if moment is None:
        return {"period": "month"} if not parts.values(MOMENT) else None
    return {"period": "today"} if moment == Moment(day="today") else None


def _talk(parts: Parts) -> dict[str, Any] | None:
    return dict(parts.match.slots)


_BUILD: dict[str, Callable[[Parts], dict[str, Any] | None]] = {
    "clock": _clock, "timer": _timer, "alarm": _alarm, "reminder": _reminder, "volume": _volume, "budget": _budget,
    "talk": _talk, "memory": memory,
}  # fmt: skip
