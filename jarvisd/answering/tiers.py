"""The tiers as they are now, and the decision between them put into routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jarvisd.answering.question import Question
from jarvisd.config import ConversationConfig, EngineConfig, RemoteEngine, RoutingConfig, TierConfig
from jarvisd.outgoing import Verdict
from jarvisd.routing.account import Account, Refusal
from jarvisd.routing.decision import Decision, Option, decide
from jarvisd.routing.latency import Latency
from jarvisd.routing.mix import corrected
from jarvisd.types import EngineState, EngineStatus, Kind, Language, Level, Route

# A prompt's words in tokens at most: a token is a byte or more.
PROMPT_BYTES = 2_000
_COLD = frozenset({EngineState.STOPPED, EngineState.STARTING, EngineState.ASLEEP, EngineState.STOPPING})


@dataclass(slots=True)
class Tiers:
    """Weighs the tiers for a question.

    `score` gives the probabilities of the kinds, as in an even mix; `mix` is the household's. `refusal` says why the
    ledger would not pay for a call with so many tokens in and out, `price` what that costs, `account` what is left.
    """

    conversation: Callable[[], ConversationConfig]
    tiers: Callable[[], Mapping[str, TierConfig]]
    engines: Callable[[], Mapping[str, EngineConfig]]
    settings: Callable[[], RoutingConfig]
    statuses: Callable[[], Sequence[EngineStatus]]
    latency: Latency
    score: Callable[[str, Language | None], Mapping[Kind, float]]
    mix: Callable[[], Mapping[Kind, float]]
    judge: Callable[[str, Language], Verdict]
    refusal: Callable[[str, int, int], Refusal | None]
    price: Callable[[str, int, int], int | None]
    account: Callable[[], Account]

    def decide(self, question: Question) -> Decision:
        """Blocks for the ledger's file where a tier is outside the house: then call it on a thread."""
        probabilities = corrected(self.score(question.text, question.language), self.mix())
        statuses = {status.name: status for status in self.statuses()}
        options = [self._option(name, question, statuses) for name in self.conversation().tiers]
        wished = {option.tier for option in options if question.wishes.cloud and self._is_outside(option.engine)}
        return decide(
            probabilities,
            options,
            comfort_s=self.settings().comfort_s,
            wish=question.wishes.level,
            last_tier=question.follows,
            prefer=wished,
            look=self.settings().look_first,
        )

    async def decided(self, question: Question) -> Decision:
        """The same, for a running loop."""
        return await asyncio.to_thread(self.decide, question) if self.is_blocking() else self.decide(question)

    def route(self, decision: Decision, rank: int) -> Route:
        """The decision's attempt of this rank, with why."""
        weighed = decision.order[rank]
        option = weighed.option
        status = next((status for status in self.statuses() if status.name == option.engine), None)
        return Route(
            option.tier,
            option.engine,
            decision.reason(weighed),
            probabilities=decision.probabilities,
            margin=round(decision.margin, 4),
            eta_s=round(option.eta_s, 3),
            cloud=self._is_outside(option.engine),
            cold=status is not None and status.state in _COLD,
            wanted=decision.wanted,
        )

    def is_blocking(self) -> bool:
        """Whether a decision reads the ledger."""
        return any(self._is_outside(self.tiers()[name].engine) for name in self.conversation().tiers)

    def _option(self, name: str, question: Question, statuses: Mapping[str, EngineStatus]) -> Option:
        tier = self.tiers()[name]
        status = statuses.get(tier.engine)
        failing = f"{tier.engine} has failed" if status is None or status.state is EngineState.FAILED else ""
        refused, price = self._outside(tier, question) if self._is_outside(tier.engine) else ("", 0.0)
        return Option(
            name,
            tier.engine,
            level_of(name, tier),
            self.latency.eta_s(status, tier.engine),
            price=price,
            refused=refused,
            failing=failing,
        )

    def _outside(self, tier: TierConfig, question: Question) -> tuple[str, float]:
        """Why this question may not be asked outside the house; or what it costs, as a part of what is left today."""
        if question.wishes.cloud is False:
            return "you want it without the cloud", 0.0
        size = len(question.text.encode()) + PROMPT_BYTES
        if (refusal := self.refusal(tier.engine, size, tier.max_tokens)) is not None:
            return refusal.reason, 0.0
        verdict = self.judge(question.text, question.language)
        if verdict.private:
            return f"it stays in the house: {', '.join(verdict.reasons) or 'it is private'}", 0.0
        left = self.account().left_today_micros
        cost = self.price(tier.engine, size // 4, tier.max_tokens) or 0
        return "", cost / left if left > 0 else 1.0

    def _is_outside(self, engine: str) -> bool:
        config = self.engines().get(engine)
        return isinstance(config, RemoteEngine) and config.is_cloud


def level_of(name: str, tier: TierConfig) -> Level:
    """What a tier is good for: as configured, or as its name says, or strong."""
    if tier.level is not None:
        return tier.level
    match name:
        case "fast" | "strong" | "reasoning":
            return name
    return "strong"
