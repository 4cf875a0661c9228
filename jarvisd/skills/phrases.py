"""Times, days and durations as a person would say them, and what is said when something rings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from jarvisd.skills.agenda import Begun
from jarvisd.skills.moments import SHORT_DAYS
from jarvisd.types import Language

_DAYS: dict[Language, tuple[str, ...]] = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}
_EN_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ES_MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
_ES_NUMBERS = (
    "cero", "una", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez", "once", "doce", "trece",
    "catorce", "cuarto", "dieciséis", "diecisiete", "dieciocho", "diecinueve", "veinte", "veintiuno", "veintidós",
    "veintitrés", "veinticuatro", "veinticinco", "veintiséis", "veintisiete", "veintiocho", "veintinueve", "media",
)  # fmt: skip
_UNITS: dict[Language, tuple[tuple[int, str, str], ...]] = {
    "en": ((86_400, "day", "days"), (3600, "hour", "hours"), (60, "minute", "minutes"), (1, "second", "seconds")),
    "es": ((86_400, "día", "días"), (3600, "hora", "horas"), (60, "minuto", "minutos"), (1, "segundo", "segundos")),
}
_AND: dict[Language, str] = {"en": "and", "es": "y"}


def time_sentence(now: datetime, language: Language) -> str:
    if language == "en":
        return f"It's {_clock_en(now)}."
    hour, minutes = _clock_es(now)
    if now.minute:
        return f"{_verb_es(hour)} {minutes}."
    if hour == 12:
        return f"{_verb_es(hour)} {'del mediodía' if now.hour else 'de la noche'}."
    return f"{_verb_es(hour)} en punto."


def date_sentence(day: datetime, language: Language) -> str:
    return f"It's {date_phrase(day, 'en')}." if language == "en" else f"Hoy es {date_phrase(day, 'es')}."


def date_phrase(day: datetime, language: Language) -> str:
    if language == "en":
        return f"{_DAYS['en'][day.weekday()]}, {_EN_MONTHS[day.month - 1]} {_ordinal(day.day)}, {day.year}"
    return f"{_DAYS['es'][day.weekday()]}, {day.day} de {_ES_MONTHS[day.month - 1]} de {day.year}"


def when_phrase(when: datetime, now: datetime, language: Language) -> str:
    """ "tomorrow at 7:30 PM", "el jueves a las siete y media de la tarde"."""
    return f"{_day_phrase(when, now, language)} {at_phrase(when, language)}".strip()


def at_phrase(when: datetime, language: Language) -> str:
    if language == "en":
        return f"at {_clock_en(when)}"
    hour, minutes = _clock_es(when)
    article = "la" if hour == 1 else "las"
    return f"a {article} {_ES_NUMBERS[hour]}{f' {minutes}' if when.minute else ''} {_half_es(when)}"


def days_phrase(days: Sequence[str], language: Language) -> str:
    """ "every day", "de lunes a viernes", "on Saturdays and Sundays"."""
    chosen = [day for day in SHORT_DAYS if day in days]
    if len(chosen) == 7:
        return "every day" if language == "en" else "todos los días"
    if chosen == list(SHORT_DAYS[:5]):
        return "on weekdays" if language == "en" else "de lunes a viernes"
    names = [_DAYS[language][SHORT_DAYS.index(day)] for day in chosen]
    if language == "en":
        return f"on {joined([f'{name}s' for name in names], 'en')}"
    return f"los {joined([name if name.endswith('s') else f'{name}s' for name in names], 'es')}"


def duration_phrase(seconds: float, language: Language) -> str:
    """To the second below an hour, to the minute above; the two largest units."""
    left = max(0, round(seconds))
    if left >= 3600:
        left = round(left / 60) * 60
    parts = []
    for size, one, many in _UNITS[language]:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {one if count == 1 else many}")
    if not parts:
        parts = [f"0 {_UNITS[language][-1][2]}"]
    return joined(parts[:2], language)


def joined(parts: Sequence[str], language: Language) -> str:
    if len(parts) < 2:
        return "".join(parts)
    word = "e" if language == "es" and parts[-1].startswith(("i", "hi")) else _AND[language]
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def ring_sentence(begun: Begun, late_s: float) -> str:
    """What to say when it rings; with `late_s`, that it is late."""
    sentence = _RINGS[begun.kind](begun)
    if not late_s:
        return sentence
    late = duration_phrase(late_s, begun.language)
    if begun.language == "en":
        return f"{sentence} That was due {late} ago, while I could not ring."
    return f"{sentence} Tocaba hace {late}, cuando no podía sonar."


def _timer_rings(begun: Begun) -> str:
    if begun.language == "en":
        if begun.text:
            return f"Your {begun.text} timer is done."
        return f"Your timer for {duration_phrase(begun.duration_s or 0, 'en')} is done."
    if begun.text:
        return f"El temporizador de {begun.text} ha terminado."
    return f"El temporizador de {duration_phrase(begun.duration_s or 0, 'es')} ha terminado."


def _alarm_rings(begun: Begun) -> str:
    due = datetime.fromtimestamp(begun.due_s)
    if begun.language == "en":
        return f"It's {_clock_en(due)}: your alarm."
    hour, minutes = _clock_es(due)
    return f"{_verb_es(hour)}{f' {minutes}' if due.minute else ''} {_half_es(due)}: tu alarma."


def _reminder_rings(begun: Begun) -> str:
    return f"Reminder: {begun.text}." if begun.language == "en" else f"Recordatorio: {begun.text}."


_RINGS = {"timer": _timer_rings, "alarm": _alarm_rings, "reminder": _reminder_rings}


def _day_phrase(when: datetime, now: datetime, language: Language) -> str:
    days = (when.date() - now.date()).days
    if days in {0, 1}:
        return {"en": ("today", "tomorrow"), "es": ("hoy", "mañana")}[language][days]
    if 0 < days < 7:
        name = _DAYS[language][when.weekday()]
        return f"on {name}" if language == "en" else f"el {name}"
    return f"on {date_phrase(when, 'en')}" if language == "en" else f"el {date_phrase(when, 'es')}"


def _clock_en(now: datetime) -> str:
    hour = now.hour % 12 or 12
    half_of_day = "AM" if now.hour < 12 else "PM"
    if now.minute:
        return f"{hour}:{now.minute:02} {half_of_day}"
    if hour == 12:
        return "noon" if now.hour else "midnight"
    return f"{hour} {half_of_day}"


def _clock_es(now: datetime) -> tuple[int, str]:
    """Past the half hour it is counted back from the next hour: 12:50 is "la una menos diez"."""
    to_next = now.minute > 30
    hour = (now.hour + to_next) % 12 or 12
    minutes = 60 - now.minute if to_next else now.minute
    said = "uno" if minutes == 1 else _ES_NUMBERS[minutes]
    return hour, f"{'menos' if to_next else 'y'} {said}"


def _verb_es(hour: int) -> str:
    return "Es la una" if hour == 1 else f"Son las {_ES_NUMBERS[hour]}"


def _half_es(when: datetime) -> str:
    """By the hour that is said: 19:40 is "las ocho menos veinte de la tarde"."""
    hour = when.hour
    if hour == 12 and when.minute <= 30:
        return "del mediodía"
    if hour < 6:
        return "de la madrugada" if hour else "de la noche"
    return "de la mañana" if hour < 12 else "de la tarde" if hour < 20 else "de la noche"


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if 10 < number < 20 else endings.get(number % 10, 'th')}"
