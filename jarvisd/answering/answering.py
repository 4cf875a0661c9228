"""Asks the tiers for an answer: the best first, each that fails replaced by the next, until something was said.

Where it is doubtful whether the fast tier will do, the beginning of its answer is looked at before it is spoken; if it
is unsure, the better tier answers instead, once and silently. After the first spoken word nobody takes over.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field, replace

from jarvisd.answering.progress import Progress
from jarvisd.answering.question import Asked, Question, StreamAnswer
from jarvisd.config import RoutingConfig, TierConfig
from jarvisd.errors import CloudRefused, EngineError, EngineReplyError, TurnTrouble
from jarvisd.events import Routed
from jarvisd.llm.doubt import first_sentence, is_unsure
from jarvisd.llm.thinking import TooMuchThought
from jarvisd.routing.decision import Decision
from jarvisd.sentences import sentence
from jarvisd.types import Answer, Delta, Endpoint, Finished, Route

_LOGGER = logging.getLogger(__name__)

Lease = Callable[[str], AbstractAsyncContextManager[Endpoint]]
# Sources at which somebody waits in silence.
_SPOKEN = frozenset({"microphone", "file"})


class Unsure(Exception):  # noqa: N818 - a finding, not a fault; never leaves this file
    """The beginning of an answer was looked at, and not good enough to be spoken."""


@dataclass(slots=True)
class Answering:
    """`decide` weighs the tiers for a question, `route` puts one of them into words, `want` brings an engine up for
    later. `publish` is told each attempt, `answered` an engine's time to its first word in seconds. `price` says what
    so many tokens in and out cost at an engine outside, in millionths.
    """

    decide: Callable[[Question], Awaitable[Decision]]
    route: Callable[[Decision, int], Route]
    lease: Lease
    stream: StreamAnswer
    want: Callable[[str], None]
    publish: Callable[[Routed], None]
    answered: Callable[[str, float], None]
    price: Callable[[str, int, int], int | None]
    tiers: Callable[[], Mapping[str, TierConfig]]
    settings: Callable[[], RoutingConfig]
    demonstration: frozenset[str] = frozenset()

    async def answer(self, question: Question, progress: Progress) -> Answer:
        """Raises TurnTrouble where nobody could answer, or the answer broke off after its first word."""
        decision = await self.decide(question)
        if decision.wanted is not None:
            self.want(self.tiers()[decision.wanted].engine)
        attempts = [self.route(decision, rank) for rank in range(len(decision.order))]
        look = decision.escalate_to if self.settings().look_first else None
        troubles: list[str] = []
        while attempts:
            route = attempts.pop(0)
            self.publish(Routed(question.turn, route))
            try:
                return await self._ask(question, progress, route, look=look is not None)
            except Unsure as unsure:
                _LOGGER.info("turn %s: %s is unsure (%s): %s answers", question.turn.id, route.tier, unsure, look)
                attempts = [*sorted(attempts, key=lambda one: one.tier != look), route]
                look = None
            except (EngineError, CloudRefused) as error:
                _LOGGER.warning("turn %s: %s could not answer: %s", question.turn.id, route.engine, error)
                if progress.spoke:
                    raise TurnTrouble("answer_broke_off", "model", error.message) from error
                troubles.append(error.message)
        if not troubles:
            refused = next(iter((decision.refused or {}).values()), "")
            raise TurnTrouble("no_model" if not refused else "models_failed", "route", refused)
        raise TurnTrouble("models_failed", "model", troubles[0])

    async def _ask(self, question: Question, progress: Progress, route: Route, *, look: bool) -> Answer:
        tier = self.tiers()[route.tier]
        if tier.level == "reasoning" and question.turn.source in _SPOKEN:
            await progress.fill(sentence("thinking", question.language))
        asked = Asked(question, route, tier, look=look)
        try:
            heard = await self._hear(asked, progress)
        except TooMuchThought:
            _LOGGER.info("turn %s: %s thinks for too long and must answer now", question.turn.id, route.engine)
            try:
                heard = await self._hear(replace(asked, think=False), progress)
            except TooMuchThought:
                raise EngineReplyError(f"{route.engine} only thinks and does not answer.") from None
        text = heard.whole
        if offers := look and is_unsure(text, heard.logprobs, self.settings().unsure_logprob):
            offer = sentence("think_more", question.language)
            await progress.say(f" {offer}")
            text = f"{text} {offer}"
        return Answer(
            text,
            question.language,
            answered_by=route.engine,
            via="model",
            tier=route.tier,
            route=route,
            demonstration=route.engine in self.demonstration,
            prompt_tokens=heard.finished.prompt_tokens if heard.finished else None,
            completion_tokens=heard.finished.completion_tokens if heard.finished else None,
            cost_micros=self._cost_micros(route, heard.finished),
            offers_more=offers,
            cited=heard.finished.cited if heard.finished else (),
            recalled=question.recalled.how if question.recalled else "",
        )

    def _cost_micros(self, route: Route, finished: Finished | None) -> int:
        """What the server counted, at its price; nothing where it did not say, or nothing is to be paid."""
        if not route.cloud or finished is None or finished.prompt_tokens is None or finished.completion_tokens is None:
            return 0
        return self.price(route.engine, finished.prompt_tokens, finished.completion_tokens) or 0

    async def _hear(self, asked: Asked, progress: Progress) -> _Heard:
        """One stream from its first word to its last, spoken as it comes."""
        engine, heard = asked.route.engine, _Heard(looking=asked.look)
        clock = asyncio.get_running_loop().time
        async with self.lease(engine) as endpoint:
            began_s, started = clock(), time.monotonic()
            async with aclosing(self.stream(endpoint, asked)) as stream:
                async for piece in stream:
                    if isinstance(piece, Finished):
                        heard.finished = piece
                        break
                    if not heard.said:
                        heard.first_at_s = clock()
                        progress.mark("first_token", started)
                        self.answered(engine, heard.first_at_s - began_s)
                    if text := heard.take(piece, clock(), self.settings()):
                        await progress.say(text)
        if text := heard.rest(self.settings()):
            await progress.say(text)
        if not heard.whole:
            raise EngineReplyError(f"{engine} answered without a word.")
        return heard


@dataclass(slots=True)
class _Heard:
    """What has been received of an answer. While `looking`, its beginning is held back."""

    looking: bool
    said: list[str] = field(default_factory=list)
    finished: Finished | None = None
    first_at_s: float = 0.0
    _held: str = ""
    logprobs: list[float] = field(default_factory=list)

    @property
    def whole(self) -> str:
        return "".join(self.said).strip()

    def take(self, piece: Delta, now_s: float, settings: RoutingConfig) -> str:
        """What may be spoken now. Raises Unsure."""
        self.said.append(piece.text)
        if not self.looking:
            return piece.text
        self._held += piece.text
        self.logprobs += piece.logprobs
        if first_sentence(self._held) is None and now_s - self.first_at_s < settings.look_ms / 1000:
            return ""
        return self.rest(settings)

    def rest(self, settings: RoutingConfig) -> str:
        """What is still held back, if it is good enough. Raises Unsure."""
        if self.looking and is_unsure(self._held, self.logprobs, settings.unsure_logprob):
            raise Unsure(" ".join(self._held.split())[:80])
        self.looking, held, self._held = False, self._held, ""
        return held
