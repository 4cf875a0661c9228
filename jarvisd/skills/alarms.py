"""Alarms, once or on some days of the week."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from jarvisd.skills.agenda import Entry
from jarvisd.skills.bell import Bell
from jarvisd.skills.command import Command
from jarvisd.skills.moments import Habit, Moment, day_of, next_time
from jarvisd.skills.phrases import at_phrase, days_phrase, duration_phrase, joined, when_phrase
from jarvisd.types import Language, Turn

# What rang so recently is what "snooze" and "turn off the alarm" mean.
_JUST_RUNG_S = 900.0

_SAYS: dict[str, dict[Language, str]] = {
    "set": {"en": "Alarm set: {when}.", "es": "Alarma puesta: {when}."},
    "already": {"en": "There is an alarm {when} already.", "es": "Ya hay una alarma {when}."},
    "ask_time": {
        "en": "At what time? Say it together with the alarm.",
        "es": "¿A qué hora? Dímela junto con la alarma.",
    },
    "over": {"en": "That time is over already.", "es": "Esa hora ya ha pasado."},
    "none": {"en": "There is no alarm set.", "es": "No hay ninguna alarma puesta."},
    "none_then": {"en": "There is no alarm then. {there}", "es": "No hay ninguna alarma entonces. {there}"},
    "there": {"en": "Alarms: {list}.", "es": "Alarmas: {list}."},
    "which": {"en": "Which one? {there}", "es": "¿Cuál de ellas? {there}"},
    "cancelled": {"en": "Cancelled the alarm {when}.", "es": "He quitado la alarma {when}."},
    "skipped": {
        "en": "The alarm {when} is left out; the next one is {next}.",
        "es": "La alarma {when} no sonará; la siguiente es {next}.",
    },
    "cancelled_all": {"en": "Cancelled {count} alarms.", "es": "He quitado {count} alarmas."},
    "off": {"en": "Okay, it's off.", "es": "Vale, apagada."},
    "snoozed": {"en": "Okay, again in {time}.", "es": "Vale, vuelvo a avisar en {time}."},
    "nothing_rang": {"en": "Nothing has rung just now.", "es": "No acaba de sonar nada."},
    "too_many": {
        "en": "I have too many timers, alarms and reminders already. Cancel some first.",
        "es": "Ya tengo demasiados temporizadores, alarmas y recordatorios. Cancela alguno antes.",
    },
}


def say(key: str, language: Language, **values: Any) -> str:
    return _SAYS[key][language].format(**values).strip()


class Alarms:
    """`snooze_s`: how long a snooze is where nobody says it."""

    def __init__(self, bell: Bell, snooze_s: Callable[[], float]) -> None:
        self._bell = bell
        self._snooze_s = snooze_s

    async def perform(self, command: Command, turn: Turn) -> str:
        match command.intent:
            case "set":
                return await self._set(command, turn)
            case "snooze":
                return await self._snooze(command)
            case "cancel":
                return await self._cancel(command)
        alarms = await self._alarms()
        day = command.slots.get("day")
        if day is not None:
            wanted = day_of(day, self._now().date())
            alarms = [alarm for alarm in alarms if _due(alarm).date() == wanted]
        return self._there(alarms, command.language) if alarms else say("none", command.language)

    async def _set(self, command: Command, turn: Turn) -> str:
        at: Moment = command.slots.get("at", Moment())
        language, now = command.language, self._now()
        if at.in_s is None and at.hour is None:
            return say("ask_time", language)
        habit: Habit = "waking" if command.slots.get("wake") else "alarm"
        try:
            due = next_time(at, now, habit)
        except ValueError:
            return say("over", language)
        due_s = self._bell.wall() + at.in_s if at.in_s is not None else due.timestamp()
        entry = Entry(uuid.uuid4().hex[:12], "alarm", "", turn.room, language, due_s)
        if at.days:
            entry = Entry(
                entry.id, "alarm", "", turn.room, language, due_s,
                hour=due.hour, minute=due.minute, days=",".join(at.days),
            )  # fmt: skip
        same = [alarm for alarm in await self._alarms() if (alarm.due_s, alarm.days) == (entry.due_s, entry.days)]
        if same:
            return say("already", language, when=self._when(same[0], language))
        if not await self._bell.add(entry):
            return say("too_many", language)
        return say("set", language, when=self._when(entry, language))

    async def _cancel(self, command: Command) -> str:
        language, at = command.language, command.slots.get("at")
        if at is None and not command.slots.get("all"):
            rung = await self._bell.latest(_JUST_RUNG_S)
            if rung is not None and rung.kind == "alarm":  # it is the one that rings which shall be off
                await self._bell.answered(rung)
                return say("off", language)
        alarms = await self._alarms()
        if not alarms:
            return say("none", language)
        chosen = alarms if at is None else [alarm for alarm in alarms if self._is_at(alarm, at)]
        if not chosen:
            return say("none_then", language, there=self._there(alarms, language))
        if len(chosen) > 1 and not command.slots.get("all"):
            return say("which", language, there=self._there(chosen, language))
        if at is not None and at.day is not None and chosen[0].days:
            return await self._skip(chosen[0], language)
        count = await self._bell.remove(chosen)
        if count > 1:
            return say("cancelled_all", language, count=count)
        return say("cancelled", language, when=self._when(chosen[0], language)) if count else say("none", language)

    async def _skip(self, alarm: Entry, language: Language) -> str:
        """ "Tomorrow's alarm", of one that recurs, is only that one."""
        following = await self._bell.skip(alarm)
        if following is None:
            return say("none", language)
        now = self._now()
        return say(
            "skipped",
            language,
            when=when_phrase(_due(alarm), now, language),
            next=when_phrase(_due(following), now, language),
        )

    async def _snooze(self, command: Command) -> str:
        rung = await self._bell.latest(_JUST_RUNG_S)
        if rung is None:
            return say("nothing_rang", command.language)
        wait_s = float(command.slots.get("duration_s", self._snooze_s()))
        entry = Entry(
            uuid.uuid4().hex[:12],
            rung.kind,
            rung.text,
            rung.room,
            rung.language,
            self._bell.wall() + wait_s,
            duration_s=rung.duration_s,
        )
        if not await self._bell.add(entry):
            return say("too_many", command.language)
        await self._bell.answered(rung)
        return say("snoozed", command.language, time=duration_phrase(wait_s, command.language))

    async def _alarms(self) -> list[Entry]:
        return [entry for entry in await self._bell.entries() if entry.kind == "alarm"]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._bell.wall())

    def _is_at(self, alarm: Entry, at: Moment) -> bool:
        due = _due(alarm)
        if at.days and alarm.days != ",".join(at.days):
            return False
        if at.day is not None and due.date() != day_of(at.day, self._now().date()):
            return False
        if at.hour is None:
            return at.in_s is None
        hours = {at.hour % 12, at.hour % 12 + 12} if at.unsure else {at.hour}
        return due.hour in hours and due.minute == at.minute

    def _there(self, alarms: Sequence[Entry], language: Language) -> str:
        return say("there", language, list=joined([self._when(alarm, language) for alarm in alarms], language))

    def _when(self, alarm: Entry, language: Language) -> str:
        if alarm.days:
            return f"{days_phrase(alarm.days.split(','), language)} {at_phrase(_due(alarm), language)}"
        return when_phrase(_due(alarm), self._now(), language)


def _due(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.due_s)
