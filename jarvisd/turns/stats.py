"""The household's figures, from its turns. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jarvisd.turns.log import TurnRecord

# What a question and its answer are in tokens where no model has counted them: about four characters each.
CHARACTERS_A_TOKEN = 4
# A prompt has instructions beside the question.
INSTRUCTION_TOKENS = 80
TYPICAL_ANSWER_TOKENS = 60

# What a call would have cost: millionths for so many prompt and answer tokens.
Price = Callable[[int, int], int]


def stats(turns: Sequence[TurnRecord], cloud_price: Price | None = None) -> dict[str, Any]:
    """Figures for people and programs. Shares are of all turns that ended in an answer; money in millionths.

    `cloud_price` prices a call of the cloud that is configured; without one, what all-cloud would have cost is None.
    """
    answered = [turn for turn in turns if not turn.error]
    spent = sum(turn.cost_micros for turn in turns)
    all_cloud = sum(cloud_price(*_tokens(turn)) for turn in answered) if cloud_price else None
    return {
        "turns": len(turns),
        "answered": len(answered),
        "failed": _counts(turn.error for turn in turns if turn.error),
        "shares": _shares(answered, lambda turn: turn.tier or turn.via),
        "local_share": _share(answered, lambda turn: not turn.cloud),
        "without_model_share": _share(answered, lambda turn: turn.via in {"skill", "home", "plugin", "memory"}),
        "first_word_ms": _quantiles(turn.first_word_ms for turn in answered),
        "total_ms": _quantiles(turn.total_ms for turn in answered),
        "by_tier": {
            tier: {
                "turns": len(own),
                "first_word_ms": _quantiles(turn.first_word_ms for turn in own),
                "total_ms": _quantiles(turn.total_ms for turn in own),
            }
            for tier, own in _groups(answered)
        },
        "spent_micros": spent,
        "all_cloud_micros": all_cloud,
        "saved_share": round(1 - spent / all_cloud, 4) if all_cloud else None,
        "cold_starts": sum(turn.cold for turn in turns),
        "escalated": sum(turn.escalated for turn in turns),
        "memory_hits": sum(turn.memory_hits > 0 for turn in turns),
        "corrections": sum(turn.corrected is not None for turn in turns),
    }


def _tokens(turn: TurnRecord) -> tuple[int, int]:
    question = len(turn.question or "") // CHARACTERS_A_TOKEN + INSTRUCTION_TOKENS
    return turn.prompt_tokens or question, turn.completion_tokens or TYPICAL_ANSWER_TOKENS


def _groups(turns: Sequence[TurnRecord]) -> Iterable[tuple[str, list[TurnRecord]]]:
    names = sorted({turn.tier or turn.via for turn in turns})
    return [(name, [turn for turn in turns if (turn.tier or turn.via) == name]) for name in names]


def _shares(turns: Sequence[TurnRecord], name: Callable[[TurnRecord], str]) -> dict[str, float]:
    return {key: round(count / len(turns), 4) for key, count in sorted(Counter(map(name, turns)).items())}


def _share(turns: Sequence[TurnRecord], such: Callable[[TurnRecord], bool]) -> float | None:
    return round(sum(map(such, turns)) / len(turns), 4) if turns else None


def _counts(names: Iterable[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(name for name in names if name).items()))


def _quantiles(values: Iterable[float | None]) -> dict[str, float | None]:
    known = sorted(value for value in values if value is not None)
    return {"p50": _quantile(known, 0.5), "p95": _quantile(known, 0.95)}


def _quantile(known: Sequence[float], share: float) -> float | None:
    """Nearest rank: a time that really was."""
    return known[max(0, math.ceil(share * len(known)) - 1)] if known else None
