"""Reminders: a text, and when it shall be said."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from jarvisd.plain import plain
from jarvisd.skills.agenda import Entry
from jarvisd.skills.bell import Bell
from jarvisd.skills.command import Command
from jarvisd.skills.moments import Moment, next_time
from jarvisd.skills.phrases import joined, when_phrase
from jarvisd.types import Language, Turn

_SAYS: dict[str, dict[Language, str]] = {
    "set": {"en": "I'll remind you {when}: {text}.", "es": "Te lo recordaré {when}: {text}."},
    "ask_time": {
        "en": "When? Say it together with the reminder, for example: remind me at six to call.",
        "es": "¿Cuándo? Dímelo junto con el recordatorio, por ejemplo: recuérdame a las seis llamar.",
    },
    "over": {"en": "That time is over already.", "es": "Esa hora ya ha pasado."},
    "once": {
        "en": "I can remind you once, not every week. Say one day.",
        "es": "Puedo recordártelo una vez, no cada semana. Dime un día.",
    },
    "none": {"en": "There are no reminders.", "es": "No hay ningún recordatorio."},
    "none_such": {"en": "There is no such reminder. {there}", "es": "No hay ningún recordatorio así. {there}"},
    "there": {"en": "Reminders: {list}.", "es": "Recordatorios: {list}."},
    "which": {"en": "Which one? {there}", "es": "¿Cuál de ellos? {there}"},
    "cancelled": {"en": "Deleted: {text}.", "es": "Borrado: {text}."},
    "cancelled_all": {"en": "Deleted {count} reminders.", "es": "He borrado {count} recordatorios."},
    "too_many": {
        "en": "I have too many timers, alarms and reminders already. Cancel some first.",
        "es": "Ya tengo demasiados temporizadores, alarmas y recordatorios. Cancela alguno antes.",
    },
}


def say(key: str, language: Language, **values: Any) -> str:
    return _SAYS[key][language].format(**values).strip()


class Reminders:
    def __init__(self, bell: Bell) -> None:
        self._bell = bell

    async def perform(self, command: Command, turn: Turn) -> str:
        language = command.language
        if command.intent == "set":
            return await self._set(command, turn)
        reminders = [entry for entry in await self._bell.entries() if entry.kind == "reminder"]
        if not reminders:
            return say("none", language)
        if command.intent == "list":
            return self._there(reminders, language)
        chosen = reminders
        if "text" in command.slots:
            wanted = set(plain(command.slots["text"]).split())
            chosen = [entry for entry in reminders if wanted <= set(plain(entry.text).split())]
        if not chosen:
            return say("none_such", language, there=self._there(reminders, language))
        if len(chosen) > 1 and not command.slots.get("all"):
            return say("which", language, there=self._there(chosen, language))
        count = await self._bell.remove(chosen)
        if count > 1:
            return say("cancelled_all", language, count=count)
        return say("cancelled", language, text=chosen[0].text) if count else say("none", language)

    async def _set(self, command: Command, turn: Turn) -> str:
        at: Moment | None = command.slots.get("at")
        text, language, now = command.slots["text"], command.language, self._now()
        if at is None:
            return say("ask_time", language)
        if at.days:
            return say("once", language)
        try:
            due = next_time(at, now, "day")
        except ValueError:
            return say("over", language)
        if due <= now and at.day is None and at.in_s is None:
            due += timedelta(days=1)
        due_s = self._bell.wall() + at.in_s if at.in_s is not None else due.timestamp()
        entry = Entry(uuid.uuid4().hex[:12], "reminder", text, turn.room, language, due_s)
        if not await self._bell.add(entry):
            return say("too_many", language)
        return say("set", language, when=when_phrase(due, now, language), text=text)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._bell.wall())

    def _there(self, reminders: Sequence[Entry], language: Language) -> str:
        now = self._now()
        parts = [f"{entry.text}, {when_phrase(_due(entry), now, language)}" for entry in reminders]
        return say("there", language, list=joined([part.replace(", ", " ") for part in parts], language))


def _due(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.due_s)
