"""Which model fits which card, with how much context, and which of them at the same time. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from jarvisd.engines.footprint import GIB, Footprint, ModelFacts, Serving, footprint, longest_context
from jarvisd.planning import known
from jarvisd.planning.cards import Card

# Sets of models are tried one by one; a house has a handful.
MOST_MODELS = 12
_TURING = (7, 5)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that someone wants to run. `card`: the only card it may have, None for any.

    `known_bytes`: what it takes as the configuration says or as was measured; the larger counts.
    """

    name: str
    facts: ModelFacts
    serving: Serving
    context_tokens: int
    card: str | None = None
    known_bytes: int = 0


@dataclass(frozen=True, slots=True)
class OnCard:
    """One model on one card by itself. `context_tokens`: the most it can have there; 0 for models without."""

    card: Card
    footprint: Footprint
    needed_bytes: int
    fits: bool
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Nearest:
    """A model that does fit."""

    name: str
    repository: str
    card: Card
    needed_bytes: int
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Fit:
    """What becomes of a candidate. `reason` and perhaps `nearest` are set where it fits no card."""

    candidate: Candidate
    on_cards: tuple[OnCard, ...]
    reason: str = ""
    nearest: Nearest | None = None

    @property
    def fits(self) -> bool:
        return any(one.fits for one in self.on_cards)


@dataclass(frozen=True, slots=True)
class Together:
    """The models that fit a card: `share` are the largest sets at the same time, `alternate` pairs that cannot be."""

    card: Card
    share: tuple[tuple[str, ...], ...]
    alternate: tuple[tuple[str, str], ...]


def whisper_type(compute_type: str, capability: tuple[int, int] | None) -> str:
    """CTranslate2's compute type on a card, where the configuration leaves it open."""
    if compute_type not in {"auto", "default"}:
        return compute_type
    return "int8_float16" if capability is not None and capability <= _TURING else "float16"


def serving_on(serving: Serving, card: Card) -> Serving:
    if serving.by != "whisper":
        return serving
    return replace(serving, compute_type=whisper_type(serving.compute_type or "auto", card.capability))


def on_card(candidate: Candidate, card: Card) -> OnCard:
    serving = serving_on(candidate.serving, card)
    needs = footprint(candidate.facts, serving, candidate.context_tokens)
    needed = max(needs.total_bytes, candidate.known_bytes)
    longest = longest_context(candidate.facts, serving, card.budget_bytes) if candidate.facts.cache else 0
    return OnCard(card, needs, needed, needed <= card.budget_bytes, longest)


def fit(candidate: Candidate, cards: Sequence[Card]) -> Fit:
    """Where a model fits by itself, or why nowhere."""
    allowed = [card for card in cards if candidate.card in {None, card.uuid}]
    tried = tuple(on_card(candidate, card) for card in allowed)
    if any(one.fits for one in tried):
        return Fit(candidate, tried)
    if not allowed:
        there = ", ".join(card.uuid for card in cards) or "none"
        said = f"{candidate.name} is configured for the card {candidate.card}, which is not there (there: {there})."
        return Fit(candidate, tried, said)
    near = nearest(candidate, allowed)
    largest = max(tried, key=lambda one: one.card.budget_bytes)
    return Fit(candidate, tried, _refusal(candidate, largest, near, several=len(cards) > 1), near)


def nearest(candidate: Candidate, cards: Sequence[Card]) -> Nearest | None:
    """The best known model for the same purpose that fits one of these cards."""
    others = {"chat": known.CHAT, "speech": known.SPEECH}.get(candidate.facts.purpose, ())
    for other in others:
        context = min(candidate.context_tokens, other.facts.max_context_tokens or candidate.context_tokens)
        for card in sorted(cards, key=lambda one: one.budget_bytes, reverse=True):
            found = on_card(Candidate(other.name, other.facts, other.serving, context), card)
            if found.fits and other.facts.weights_bytes < _weights(candidate):
                return Nearest(other.name, other.repository, card, found.needed_bytes, found.context_tokens)
    return None


def _weights(candidate: Candidate) -> int:
    """So that the nearest to a small model with a long context may be the same model."""
    return candidate.facts.weights_bytes + 1 + (candidate.facts.weights_bytes >> 4)


def together(fits: Sequence[Fit], card: Card) -> Together:
    """Which of the models that fit this card fit it at the same time."""
    needed = {
        one.candidate.name: where.needed_bytes
        for one in fits
        for where in one.on_cards
        if where.fits and where.card.uuid == card.uuid
    }
    names = list(needed)
    whole: list[tuple[str, ...]] = []
    for size in range(len(names), 0, -1):
        for group in combinations(names, size):
            if any(set(group) <= set(larger) for larger in whole):
                continue
            if sum(needed[name] for name in group) <= card.budget_bytes:
                whole.append(group)
    pairs = [pair for pair in combinations(names, 2) if sum(needed[name] for name in pair) > card.budget_bytes]
    return Together(card, tuple(group for group in whole if len(group) > 1), tuple(pairs))


def tokens(count: int) -> str:
    """8192 as `8k`, as people say it; below a thousand the number itself."""
    return (
        f"{count // 1024}k"
        if count >= 1024 and count % 1024 == 0
        else (f"{count // 1000}k" if count >= 1000 else str(count))
    )


def gib(count: int) -> str:
    return f"{count / GIB:.1f} GiB"


def _refusal(candidate: Candidate, best: OnCard, near: Nearest | None, *, several: bool) -> str:
    needs, card = best.footprint, best.card
    parts = [f"weights {needs.weights_bytes / GIB:.1f}"]
    if needs.kv_bytes:
        parts.append(f"cache {needs.kv_bytes / GIB:.1f}")
    parts.append(f"engine {needs.engine_bytes / GIB:.1f}")
    context = f" with {tokens(candidate.context_tokens)} context" if needs.kv_bytes else ""
    told = " as configured or measured" if best.needed_bytes > needs.total_bytes else f" ({', '.join(parts)})"
    text = f"{candidate.name} needs {gib(best.needed_bytes)}{context}{told}; {_has(card, named=several)}."
    if 0 < best.context_tokens < candidate.context_tokens:
        text += f" It fits with {tokens(best.context_tokens)} context."
    if near is not None:
        length = f", {tokens(near.context_tokens)} tokens" if near.context_tokens else ""
        text += f" Nearest: {near.name}, {gib(near.needed_bytes)}{length}."
    elif candidate.facts.purpose == "embedding":
        text += " Run it on the processor."
    return text


def _has(card: Card, *, named: bool) -> str:
    taken = f" and other programs hold {gib(card.foreign_bytes)}" if card.foreign_bytes else ""
    name = card.name if named else "this card"
    return f"{name} has {card.total_bytes / GIB:.1f}, of which {card.budget_bytes / GIB:.1f} can be used{taken}"
