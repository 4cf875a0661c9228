"""Time and date as a person would say them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from jarvisd.types import Language

from .questions import Question

_EN_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EN_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ES_DAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
_ES_MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
_ES_NUMBERS = (
    "cero", "una", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez", "once", "doce", "trece",
    "catorce", "cuarto", "dieciséis", "diecisiete", "dieciocho", "diecinueve", "veinte", "veintiuno", "veintidós",
    "veintitrés", "veinticuatro", "veinticinco", "veintiséis", "veintisiete", "veintiocho", "veintinueve", "media",
)  # fmt: skip


def say(question: Question, now: datetime) -> str:
    tell_time, tell_date = _TELL[question.language]
    sentences = {
        "time": (tell_time,),
        "date": (tell_date,),
        "both": (tell_time, tell_date),
    }[question.about]
    return " ".join(tell(now) for tell in sentences)


def _time_en(now: datetime) -> str:
    hour = now.hour % 12 or 12
    half_of_day = "AM" if now.hour < 12 else "PM"
    if now.minute:
        return f"It's {hour}:{now.minute:02} {half_of_day}."
    if hour == 12:
        return "It's noon." if now.hour else "It's midnight."
    return f"It's {hour} {half_of_day}."


def _date_en(now: datetime) -> str:
    return f"It's {_EN_DAYS[now.weekday()]}, {_EN_MONTHS[now.month - 1]} {_ordinal(now.day)}, {now.year}."


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if 10 < number < 20 else endings.get(number % 10, 'th')}"


def _time_es(now: datetime) -> str:
    """Past the half hour it is counted back from the next hour: 12:50 is "la una menos diez"."""
    to_next = now.minute > 30
    hour = (now.hour + to_next) % 12 or 12
    minutes = 60 - now.minute if to_next else now.minute
    verb = "Es la una" if hour == 1 else f"Son las {_ES_NUMBERS[hour]}"
    if minutes:
        return f"{verb} {'menos' if to_next else 'y'} {_minutes_es(minutes)}."
    if hour == 12:
        return f"{verb} {'del mediodía' if now.hour else 'de la noche'}."
    return f"{verb} en punto."


def _minutes_es(minutes: int) -> str:
    return "uno" if minutes == 1 else _ES_NUMBERS[minutes]


def _date_es(now: datetime) -> str:
    return f"Hoy es {_ES_DAYS[now.weekday()]}, {now.day} de {_ES_MONTHS[now.month - 1]} de {now.year}."


_TELL: dict[Language, tuple[Callable[[datetime], str], Callable[[datetime], str]]] = {
    "en": (_time_en, _date_en),
    "es": (_time_es, _date_es),
}
