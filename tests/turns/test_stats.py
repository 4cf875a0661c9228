"""The household's figures."""

from dataclasses import replace

import pytest

from jarvisd.turns.log import TurnRecord
from jarvisd.turns.stats import stats

SKILL = TurnRecord("s", 1.0, "cli", "en", "skill", 4.0, first_word_ms=4.0)
FAST = TurnRecord("f", 2.0, "cli", "en", "model", 900.0, tier="fast", engine="small", first_word_ms=300.0)
CLOUD = TurnRecord(
    "c", 3.0, "cli", "en", "model", 2000.0, tier="cloud", engine="remote", cloud=True, first_word_ms=700.0,
    prompt_tokens=100, completion_tokens=50, cost_micros=150, cold=True,
)  # fmt: skip


def price(prompt_tokens, completion_tokens):
    return prompt_tokens + completion_tokens


def test_shares_are_of_answers_and_failures_are_counted_apart():
    said = stats([SKILL, SKILL, FAST, CLOUD, replace(FAST, error="deadline")])
    assert (said["turns"], said["answered"], said["failed"]) == (5, 4, {"deadline": 1})
    assert said["shares"] == {"cloud": 0.25, "fast": 0.25, "skill": 0.5}
    assert (said["local_share"], said["without_model_share"]) == (0.75, 0.5)


def test_times_are_quantiles_of_what_really_was():
    said = stats([replace(FAST, total_ms=float(ms), first_word_ms=float(ms) / 2) for ms in range(1, 101)])
    assert said["total_ms"] == {"p50": 50.0, "p95": 95.0}
    assert said["by_tier"]["fast"]["first_word_ms"] == {"p50": 25.0, "p95": 47.5}


def test_money_against_what_all_cloud_would_have_cost():
    said = stats([CLOUD, replace(FAST, prompt_tokens=300, completion_tokens=300)], price)
    assert (said["spent_micros"], said["all_cloud_micros"]) == (150, 750)
    assert said["saved_share"] == pytest.approx(0.8)


def test_what_no_model_counted_is_estimated_from_its_text():
    said = stats([replace(SKILL, question="x" * 400)], price)
    assert said["all_cloud_micros"] == 100 + 80 + 60


def test_without_a_price_there_is_no_claim():
    said = stats([CLOUD])
    assert (said["all_cloud_micros"], said["saved_share"]) == (None, None)


def test_cold_starts_escalations_memories_and_corrections():
    said = stats([CLOUD, replace(FAST, escalated=True, memory_hits=3), replace(FAST, corrected="strong")])
    assert (said["cold_starts"], said["escalated"], said["memory_hits"], said["corrections"]) == (1, 1, 1, 1)


def test_no_turns_no_figures():
    said = stats([], price)
    assert (said["turns"], said["local_share"], said["shares"], said["total_ms"]) == (
        0,
        None,
        {},
        {"p50": None, "p95": None},
    )
