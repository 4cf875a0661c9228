"""The time, the date, and how long until a day."""

from __future__ import annotations

from datetime import date, datetime

from jarvisd.skills.command import Command
from jarvisd.skills.moments import day_of
from jarvisd.skills.phrases import date_phrase, date_sentence, time_sentence
from jarvisd.types import Language

# The holidays of the sentence files, and what they are called.
_HOLIDAYS: dict[str, tuple[str, str, str]] = {
    "christmas": ("12-25", "Christmas", "Navidad"),
    "christmas eve": ("12-24", "Christmas Eve", "Nochebuena"),
    "new year": ("1-1", "New Year's Day", "Año Nuevo"),
    "new year's eve": ("12-31", "New Year's Eve", "Nochevieja"),
    "epiphany": ("1-6", "Epiphany", "Reyes"),
    "valentine's day": ("2-14", "Valentine's Day", "San Valentín"),
    "halloween": ("10-31", "Halloween", "Halloween"),
}


def answer(command: Command, now: datetime) -> str:
    language = command.language
    match command.intent:
        case "time":
            return time_sentence(now, language)
        case "date":
            return date_sentence(now, language)
        case "both":
            return f"{time_sentence(now, language)} {date_sentence(now, language)}"
    said = command.slots["day"]
    month_day, *names = _HOLIDAYS.get(said, (said, "", ""))
    try:
        day = day_of(month_day, now.date())
    except ValueError:
        return "There is no such day." if language == "en" else "Ese día no existe."
    name = names[0 if language == "en" else 1]
    return _day(day, name, language) if command.intent == "day" else _until(day, name, now.date(), language)


def _day(day: date, name: str, language: Language) -> str:
    phrase = date_phrase(datetime(day.year, day.month, day.day), language)
    if language == "en":
        return f"{name or 'That'} is {phrase}."
    return f"{name or 'Ese día'} es {phrase}."


def _until(day: date, name: str, today: date, language: Language) -> str:
    days = (day - today).days
    phrase = name or date_phrase(datetime(day.year, day.month, day.day), language)
    if language == "en":
        return f"{phrase} is today." if days == 0 else f"{days} day{'s' * (days != 1)} until {phrase}."
    if days == 0:
        return f"{phrase} es hoy."
    return f"{'Falta 1 día' if days == 1 else f'Faltan {days} días'} para {phrase}."
