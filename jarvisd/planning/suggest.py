"""A line-up for the cards of a house: ears where there is room for them, the best model on what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jarvisd.engines.footprint import longest_context
from jarvisd.planning.cards import Card
from jarvisd.planning.fit import Candidate, OnCard, on_card, serving_on
from jarvisd.planning.known import CHAT, WHISPER_TURBO, KnownModel


@dataclass(frozen=True, slots=True)
class Place:
    """A model in a line-up: `context_tokens` is what it can have beside the others of its card."""

    model: KnownModel
    needed_bytes: int
    context_tokens: int


@dataclass(frozen=True, slots=True)
class LineUp:
    """What could live on one card, all at the same time."""

    card: Card
    places: tuple[Place, ...]


def suggest(cards: Sequence[Card], context_tokens: int) -> tuple[LineUp, ...]:
    """Whisper goes to the smallest card that holds it; each card gets the best language model beside what it has."""
    smallest_first = sorted(cards, key=lambda card: card.budget_bytes)
    ears = next((card for card in smallest_first if _whisper(card).fits), None)
    return tuple(_line_up(card, context_tokens, with_ears=card is ears) for card in cards)


def _line_up(card: Card, context_tokens: int, *, with_ears: bool) -> LineUp:
    places = []
    left = card
    if with_ears:
        needed = _whisper(card).needed_bytes
        places.append(Place(WHISPER_TURBO, needed, 0))
        left = replace(
            card, reserved_bytes=card.total_bytes - card.budget_bytes + needed, foreign_bytes=0, kept_free_bytes=0
        )
    for model in CHAT:
        found = on_card(Candidate(model.name, model.facts, model.serving, context_tokens), left)
        if found.fits:
            longest = longest_context(model.facts, serving_on(model.serving, left), left.budget_bytes)
            places.append(Place(model, found.needed_bytes, longest))
            break
    return LineUp(card, tuple(places))


def _whisper(card: Card) -> OnCard:
    return on_card(Candidate(WHISPER_TURBO.name, WHISPER_TURBO.facts, WHISPER_TURBO.serving, 0), card)
