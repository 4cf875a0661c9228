"""The household's own scorer: corrected, kept, and taken back."""

import asyncio
import logging

import pytest

from jarvisd.answering.scoring import HouseholdScorer
from jarvisd.routing.refit import Turn

TEXT = "what did the plumber charge last time"


def best(scorer, text=TEXT):
    shares = scorer.probabilities(text, "en")
    return max(shares, key=lambda kind: shares[kind])


@pytest.fixture
def corrections():
    return []


async def made(file, corrections):
    return await asyncio.to_thread(HouseholdScorer, file, lambda: corrections)


async def test_a_correction_is_learned_told_kept_and_taken_back(tmp_path, corrections):
    scorer = await made(tmp_path / "correction.json", corrections)
    before = best(scorer)
    wanted = "reasoning" if before != "reasoning" else "fast"
    corrections.append(Turn(TEXT, wanted))
    said = await scorer.refit()
    assert said.startswith("Learned. ")
    assert "changed" in said
    assert best(scorer) == wanted
    assert best(await made(tmp_path / "correction.json", corrections)) == wanted
    corrections.clear()
    assert await scorer.refit() == "The shipped weights hold."
    assert best(scorer) == before


def test_a_damaged_file_costs_the_corrections_and_is_told(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    (tmp_path / "correction.json").write_text("{")
    scorer = HouseholdScorer(tmp_path / "correction.json", list)
    assert sum(scorer.probabilities(TEXT, "en").values()) == pytest.approx(1)
    assert "cannot be read as a correction" in caplog.text


async def test_what_cannot_be_kept_is_learned_all_the_same(tmp_path, caplog):
    scorer = await made(tmp_path / "none" / "correction.json", [Turn(TEXT, "reasoning")])
    await scorer.refit()
    assert best(scorer) == "reasoning"
    assert "cannot be kept" in caplog.text
