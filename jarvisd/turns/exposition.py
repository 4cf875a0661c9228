"""The household's figures in Prometheus' text format (version 0.0.4). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = {
    "turns": "Turns in the period.",
    "answered": "Turns that ended in an answer.",
    "local_share": "Share of answers that were made in the house.",
    "without_model_share": "Share of answers that needed no model.",
    "cold_starts": "Turns whose engine had to start or wake up.",
    "escalated": "Turns that went on to another tier.",
    "memory_hits": "Turns that used a memory.",
    "corrections": "Turns that a person has corrected.",
}
_QUANTILES = {"p50": "0.5", "p95": "0.95"}


def exposition(figures: Mapping[str, Any]) -> str:
    """Gauges over the last `days`; what is not known is left out."""
    lines: list[str] = []
    for name, meaning in _PLAIN.items():
        lines += _gauge(name, meaning, [("", figures[name])])
    lines += _gauge("share", "Share of answers by who gave them.", _labelled("by", figures["shares"]))
    lines += _gauge("failed", "Turns that failed, by code.", _labelled("code", figures["failed"]))
    for name in ("first_word_ms", "total_ms"):
        quantiles = [(f'quantile="{_QUANTILES[key]}"', value) for key, value in figures[name].items()]
        seconds = [(label, None if value is None else value / 1000) for label, value in quantiles]
        lines += _gauge(name.replace("_ms", "_seconds"), "Time since the end of the question.", seconds)
    money = [('what="spent"', figures["spent_micros"]), ('what="all_cloud"', figures["all_cloud_micros"])]
    lines += _gauge("money", "In the currency of the budget.", [(a, b if b is None else b / 1e6) for a, b in money])
    return "\n".join(lines) + "\n"


def _gauge(name: str, meaning: str, values: list[tuple[str, float | None]]) -> Iterator[str]:
    known = [(labels, value) for labels, value in values if value is not None]
    if known:
        yield f"# HELP jarvisd_{name} {meaning}"
        yield f"# TYPE jarvisd_{name} gauge"
        for labels, value in known:
            yield f"jarvisd_{name}{{{labels}}} {value:g}" if labels else f"jarvisd_{name} {value:g}"


def _labelled(label: str, values: Mapping[str, float]) -> list[tuple[str, float | None]]:
    return [(f'{label}="{name}"', value) for name, value in values.items()]
