"""A whole plan as one value, and as JSON with the keys that docs/plan.md promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jarvisd.planning.cards import Card
from jarvisd.planning.fit import Fit, Nearest, OnCard, Together
from jarvisd.planning.suggest import LineUp
from jarvisd.planning.traps import Trap

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """A model that cannot be read."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """`traps` by the model's name; `elsewhere`: engines that need no card; `line_ups` where they were asked for."""

    cards: tuple[Card, ...]
    fits: tuple[Fit, ...]
    together: tuple[Together, ...]
    traps: Mapping[str, tuple[Trap, ...]]
    faults: tuple[Fault, ...] = ()
    elsewhere: tuple[str, ...] = ()
    line_ups: tuple[LineUp, ...] = ()


def as_json(report: Report) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "fits": bool(not report.faults and all(one.fits for one in report.fits)),
        "cards": [_card(card, both) for card, both in zip(report.cards, report.together, strict=True)],
        "models": [_model(one, report.traps.get(one.candidate.name, ())) for one in report.fits],
        "faults": [asdict(one) for one in report.faults],
        "elsewhere": list(report.elsewhere),
        "suggestions": [_line_up(one) for one in report.line_ups],
    }


def _card(card: Card, both: Together) -> dict[str, Any]:
    return {
        "uuid": card.uuid,
        "name": card.name,
        "capability": ".".join(map(str, card.capability)) if card.capability else None,
        "driver": card.driver or None,
        "total_bytes": card.total_bytes,
        "reserved_bytes": card.reserved_bytes,
        "foreign_bytes": card.foreign_bytes,
        "kept_free_bytes": card.kept_free_bytes,
        "budget_bytes": card.budget_bytes,
        "share": [list(group) for group in both.share],
        "alternate": [list(pair) for pair in both.alternate],
    }


def _model(one: Fit, traps: tuple[Trap, ...]) -> dict[str, Any]:
    candidate = one.candidate
    facts = candidate.facts
    return {
        "name": candidate.name,
        "source": facts.source,
        "file_format": facts.format,
        "architecture": facts.architecture,
        "quantization": facts.quantization or None,
        "engine": candidate.serving.by,
        "context_tokens": candidate.context_tokens if facts.cache else None,
        "model_context_tokens": facts.max_context_tokens,
        "weights_bytes": facts.weights_bytes,
        "kv_bytes_per_token": facts.cache.bytes_per_token(candidate.serving.kv_dtype) if facts.cache else None,
        "fits": one.fits,
        "reason": one.reason or None,
        "nearest": _nearest(one.nearest) if one.nearest else None,
        "cards": [_on_card(where) for where in one.on_cards],
        "traps": [asdict(trap) for trap in traps],
    }


def _on_card(where: OnCard) -> dict[str, Any]:
    return {
        "uuid": where.card.uuid,
        "fits": where.fits,
        "needed_bytes": where.needed_bytes,
        "weights_bytes": where.footprint.weights_bytes,
        "kv_bytes": where.footprint.kv_bytes,
        "engine_bytes": where.footprint.engine_bytes,
        "max_context_tokens": where.context_tokens if where.footprint.kv_bytes else None,
    }


def _nearest(near: Nearest) -> dict[str, Any]:
    return {
        "name": near.name,
        "repository": near.repository,
        "card": near.card.uuid,
        "needed_bytes": near.needed_bytes,
        "max_context_tokens": near.context_tokens or None,
    }


def _line_up(one: LineUp) -> dict[str, Any]:
    return {
        "card": one.card.uuid,
        "models": [
            {
                "name": place.model.name,
                "repository": place.model.repository,
                "needed_bytes": place.needed_bytes,
                "max_context_tokens": place.context_tokens or None,
            }
            for place in one.places
        ],
    }
