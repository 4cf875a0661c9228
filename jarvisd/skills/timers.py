"""Timers, any number at once, with names if people give them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from jarvisd.plain import plain
from jarvisd.skills.agenda import Entry
from jarvisd.skills.bell import Bell
from jarvisd.skills.command import Command
from jarvisd.skills.phrases import duration_phrase, joined
from jarvisd.types import Language, Turn

LONGEST_S = 7 * 86_400

_SAYS: dict[str, dict[Language, str]] = {
    "set": {"en": "Timer set for {time}.", "es": "Temporizador de {time} en marcha."},
    "set_named": {"en": "{name} timer set for {time}.", "es": "Temporizador de {name} en marcha: {time}."},
    "ask_duration": {
        "en": "For how long? Say it together with the timer.",
        "es": "¿De cuánto tiempo? Dímelo junto con el temporizador.",
    },
    "left": {"en": "{time} left on {which}.", "es": "{left} {time} en {which}."},
    "paused_at": {"en": "{which} is paused with {time} left.", "es": "{which} está en pausa con {time}."},
    "none": {"en": "There is no timer running.", "es": "No hay ningún temporizador en marcha."},
    "none_such": {"en": "There is no such timer. {there}", "es": "No hay ningún temporizador así. {there}"},
    "which": {"en": "Which one? {there}", "es": "¿Cuál de ellos? {there}"},
    "there": {"en": "Running: {list}.", "es": "En marcha: {list}."},
    "cancelled": {"en": "Cancelled {which}.", "es": "He cancelado {which}."},
    "cancelled_all": {"en": "Cancelled {count} timers.", "es": "He cancelado {count} temporizadores."},
    "paused": {"en": "Paused {which}, {time} left.", "es": "He pausado {which}: {left} {time}."},
    "resumed": {"en": "{time} left on {which}, it runs again.", "es": "Sigue {which}: {left} {time}."},
    "not_paused": {"en": "{which} is running already.", "es": "{which} ya está en marcha."},
    "is_paused": {"en": "{which} is paused already.", "es": "{which} ya está en pausa."},
    "changed": {"en": "Now {time} left on {which}.", "es": "Ahora {left} {time} en {which}."},
    "not_enough": {
        "en": "{which} has only {time} left; cancel it instead.",
        "es": "Solo {left} {time} en {which}; puedes cancelarlo.",
    },
    "too_long": {
        "en": "A timer can be up to seven days. Ask for a reminder instead.",
        "es": "Un temporizador puede durar siete días como mucho. Pídeme un recordatorio.",
    },
    "too_many": {
        "en": "I have too many timers, alarms and reminders already. Cancel some first.",
        "es": "Ya tengo demasiados temporizadores, alarmas y recordatorios. Cancela alguno antes.",
    },
    "rung": {"en": "It has just rung.", "es": "Acaba de sonar."},
}


def say(key: str, language: Language, **values: Any) -> str:
    left = "queda" if str(values.get("time", "")).startswith("1 ") else "quedan"
    text = _SAYS[key][language].format(left=left, **values).strip()
    return text[:1].upper() + text[1:]


class Timers:
    def __init__(self, bell: Bell) -> None:
        self._bell = bell

    async def perform(self, command: Command, turn: Turn) -> str:
        if command.intent == "set":
            return await self._set(command, turn)
        timers = [entry for entry in await self._bell.entries() if entry.kind == "timer"]
        language = command.language
        if not timers:
            return say("none", language)
        chosen = _chosen(timers, command)
        if command.intent == "left":
            return self._left(chosen, timers, language)
        if not chosen:
            return say("none_such", language, there=self._there(timers, language))
        if command.slots.get("all"):
            count = await self._bell.remove(chosen)
            return (
                say("cancelled_all", language, count=count) if count > 1 else self._cancelled(chosen, count, language)
            )
        if len(chosen) > 1:
            return say("which", language, there=self._there(chosen, language))
        return await self._change(chosen[0], command)

    async def _set(self, command: Command, turn: Turn) -> str:
        duration_s, name, language = command.slots.get("duration_s"), command.slots.get("name", ""), command.language
        if duration_s is None:
            return say("ask_duration", language)
        if duration_s > LONGEST_S:
            return say("too_long", language)
        entry = Entry(
            uuid.uuid4().hex[:12],
            "timer",
            name,
            turn.room,
            language,
            self._bell.wall() + duration_s,
            duration_s=duration_s,
        )
        if not await self._bell.add(entry):
            return say("too_many", language)
        return say("set_named" if name else "set", language, name=name, time=duration_phrase(duration_s, language))

    async def _change(self, timer: Entry, command: Command) -> str:
        language, which = command.language, _which(timer, command.language)
        left_s = self._bell.left_s(timer)
        paused = timer.left_s is not None
        match command.intent:
            case "cancel":
                return self._cancelled([timer], await self._bell.remove([timer]), language)
            case "pause" if paused:
                return say("is_paused", language, which=which)
            case "resume" if not paused:
                return say("not_paused", language, which=which)
            case "add":
                left_s += command.slots["duration_s"]
            case "take":
                if left_s <= command.slots["duration_s"]:
                    return say("not_enough", language, which=which, time=duration_phrase(left_s, language))
                left_s -= command.slots["duration_s"]
            case "pause" | "resume":
                paused = not paused
        if left_s > LONGEST_S:
            return say("too_long", language)
        if not await self._bell.retime(timer, left_s, paused=paused):
            return say("rung", language)
        done = {"pause": "paused", "resume": "resumed"}.get(command.intent, "changed")
        return say(done, language, which=which, time=duration_phrase(left_s, language))

    def _left(self, chosen: Sequence[Entry], timers: Sequence[Entry], language: Language) -> str:
        if not chosen:
            return say("none_such", language, there=self._there(timers, language))
        if len(chosen) > 1:
            return self._there(chosen, language)
        key = "left" if chosen[0].left_s is None else "paused_at"
        return say(key, language, which=_which(chosen[0], language), time=self._time_left(chosen[0], language))

    def _there(self, timers: Sequence[Entry], language: Language) -> str:
        parts = [f"{_which(timer, language)} ({self._time_left(timer, language)})" for timer in timers]
        return say("there", language, list=joined(parts, language))

    def _time_left(self, timer: Entry, language: Language) -> str:
        return duration_phrase(self._bell.left_s(timer), language)

    def _cancelled(self, timers: Sequence[Entry], count: int, language: Language) -> str:
        return say("cancelled", language, which=_which(timers[0], language)) if count else say("rung", language)


def _chosen(timers: Sequence[Entry], command: Command) -> list[Entry]:
    """Those that the command may mean. A name or a duration that no timer has means none, never another one."""
    slots: Mapping[str, Any] = command.slots
    chosen = list(timers)
    if "name" in slots:
        wanted = plain(slots["name"])
        exact = [timer for timer in chosen if plain(timer.text) == wanted]
        chosen = exact or [timer for timer in chosen if set(wanted.split()) <= set(plain(timer.text).split())]
    set_to_s = slots.get("of_s", slots.get("duration_s") if command.intent not in {"add", "take"} else None)
    if set_to_s is not None:
        chosen = [timer for timer in chosen if timer.duration_s == set_to_s]
    return chosen


def _which(timer: Entry, language: Language) -> str:
    if timer.text:
        return f"the {timer.text} timer" if language == "en" else f"el temporizador de {timer.text}"
    time = duration_phrase(timer.duration_s or 0, language)
    return f"the timer for {time}" if language == "en" else f"el temporizador de {time}"
