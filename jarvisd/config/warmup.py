"""The tables of when engines are up: what is learned, the hours that people set, and the hours of rest."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from jarvisd.config.clock import DAY_MINUTES, Day, minute_of_day, minutes_of_span
from jarvisd.config.section import Name, Section, key


def _clock(text: str) -> str:
    if minute_of_day(text) == DAY_MINUTES:
        raise ValueError('must be a time from "00:00" to "23:59"; midnight is "00:00"')
    return text


def _span(text: str) -> str:
    minutes_of_span(text)
    return text


def _one_is_a_list(days: object) -> object:
    return [days] if isinstance(days, str) else days


ClockTime: TypeAlias = Annotated[str, AfterValidator(_clock)]
ClockSpans: TypeAlias = Annotated[tuple[Annotated[str, AfterValidator(_span)], ...], Field(strict=False)]
Days: TypeAlias = Annotated[tuple[Day, ...], Field(strict=False), BeforeValidator(_one_is_a_list)]


class WarmupConfig(Section):
    """When engines with start = "demand" are up, once their hours are known."""

    learn: bool = key(
        True, "Learn from use when an engine will be wanted, and have it up then. false: keep_alive_s only.", live=True
    )
    idle_hours_a_day: float = key(
        8.0,
        "So many hours a day an engine may be up without being used. More of them mean fewer cold starts.",
        live=True,
        ge=0,
        le=24,
    )
    quiet_hours: ClockSpans = key(
        (),
        'Times of the day such as ["23:30-06:30"] in which no engine is warmed ahead, and one with start = "demand" '
        "goes five minutes after its last use. A question still starts what it needs.",
        live=True,
    )


class WarmupTimeConfig(Section):
    """Hours at which an engine with start = "demand" is up, whatever was learned."""

    engine: Name = key(..., "Name of the engine.", live=True, examples=["llama_cpp"])
    at: ClockTime = key(..., "When it begins, on the clock on the wall.", live=True, examples=["07:00"])
    days: Days = key(
        ("daily",),
        "Days on which it begins: mon, tue, wed, thu, fri, sat, sun, weekdays, weekend, daily. One, or a list.",
        live=True,
        min_length=1,
    )
    for_minutes: float = key(120.0, "So long it is kept, used or not.", live=True, ge=1, le=1440)
