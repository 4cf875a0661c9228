"""What a language model is told: who it is, what day it is, which language to speak, and the question."""

from __future__ import annotations

from datetime import datetime

from jarvisd.types import Language, Message

_DAYS: dict[Language, tuple[str, ...]] = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}
_MONTHS: dict[Language, tuple[str, ...]] = {
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    "es": (
        *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
        *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
    ),
}
_NOW: dict[Language, str] = {
    "en": "Today is {day}, {date} {month} {year}, and it is {time}. Answer in English.",
    "es": "Hoy es {day}, {date} de {month} de {year}, y son las {time}. Responde en español.",
}


def question_messages(
    question: str, instructions: str, language: Language, now: datetime | None = None
) -> tuple[Message, ...]:
    """The messages for one question. `now` is the house's local time; None: this moment.

    What changes stands last, so that a server can keep what it worked out for the rest.
    """
    told = f"{instructions}\n{_moment(now or datetime.now(), language)}".strip()
    return (Message("system", told), Message("user", question))


def _moment(now: datetime, language: Language) -> str:
    return _NOW[language].format(
        day=_DAYS[language][now.weekday()],
        date=now.day,
        month=_MONTHS[language][now.month - 1],
        year=now.year,
        time=f"{now.hour:02}:{now.minute:02}",
    )
