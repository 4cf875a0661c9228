"""The control socket's requests about routing: what would be decided, what was, and what a person says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol, get_args

from jarvisd.answering.question import Question
from jarvisd.answering.tiers import Tiers
from jarvisd.control.server import Order
from jarvisd.language import guess_language
from jarvisd.routing.wishes import wishes
from jarvisd.turns.log import TurnLog
from jarvisd.types import Kind, Language, Turn

KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_RECENT = 200


class Refit(Protocol):
    """Learns anew from all corrections; says what that changed."""

    async def __call__(self) -> str: ...


def routing_orders(
    tiers: Tiers,
    languages: Callable[[], Sequence[Language]],
    turns: TurnLog,
    *,
    refit: Refit,
    flush: Callable[[], Awaitable[None]],
) -> dict[str, Order]:
    """By the request's type. `flush` has the last turns written."""

    async def route(data: Mapping[str, Any]) -> Mapping[str, Any]:
        text = data.get("text")
        if not isinstance(text, str) or not text.strip():
            raise ValueError("`text` must be a non-empty string")
        language = data.get("language") or guess_language(text, languages())
        heard = wishes(text, language)
        question = Question(Turn("cli", language, 60.0), heard.rest or text, language, heard.wishes)
        decision = await asyncio.to_thread(tiers.decide, question)
        routes = [tiers.route(decision, rank) for rank in range(len(decision.order))]
        return {
            "text": question.text,
            "language": language,
            "wishes": asdict(heard.wishes),
            "probabilities": {kind: round(share, 4) for kind, share in decision.probabilities.items()},
            "margin": round(decision.margin, 4),
            "grey": decision.grey,
            "routes": [
                {
                    "tier": one.tier,
                    "engine": one.engine,
                    "reason": one.reason,
                    "eta_s": one.eta_s,
                    "cloud": one.cloud,
                    "cost": round(weighed.cost, 4),
                }
                for one, weighed in zip(routes, decision.order, strict=True)
            ],
            "refused": dict(decision.refused or {}),
        }

    async def correct(data: Mapping[str, Any]) -> Mapping[str, Any]:
        turn_id, kind = data.get("turn"), data.get("kind")
        if not isinstance(turn_id, str) or not turn_id:
            raise ValueError('`turn` must be the id of a turn, or "last"')
        if kind is not None and kind not in KINDS:
            raise ValueError(f"`kind` must be one of {', '.join(KINDS)}")
        await flush()
        record = await asyncio.to_thread(turns.correct, turn_id, kind)
        said = f"Turn {record.id}, “{record.question}”, "
        said += f"was {kind}." if kind else "is not corrected any more."
        return {"text": f"{said} {await refit()}".strip(), "turn": record.id}

    async def recent(data: Mapping[str, Any]) -> Mapping[str, Any]:
        count = data.get("count", 10)
        if not isinstance(count, int) or not 1 <= count <= MOST_RECENT:
            raise ValueError(f"`count` must be from 1 to {MOST_RECENT}")
        await flush()
        return {"turns": [asdict(turn) for turn in await asyncio.to_thread(turns.last, count)]}

    return {"route": route, "route-correct": correct, "turns": recent}
