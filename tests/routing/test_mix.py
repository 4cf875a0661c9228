"""Probabilities in this household."""

import pytest

from jarvisd.routing.mix import KINDS, RAREST, TYPICAL, corrected, household_mix

EVEN = dict.fromkeys(KINDS, 0.25)


def test_an_even_mix_changes_nothing():
    said = {"home": 0.1, "fast": 0.5, "strong": 0.3, "reasoning": 0.1}
    assert corrected(said, EVEN) == pytest.approx(said)


def test_what_is_rare_here_needs_stronger_words():
    undecided = {"home": 0.0, "fast": 0.5, "strong": 0.0, "reasoning": 0.5}
    mix = {"home": 0.5, "fast": 0.4, "strong": 0.05, "reasoning": 0.05}
    result = corrected(undecided, mix)
    assert result["fast"] == pytest.approx(8 * result["reasoning"])
    assert sum(result.values()) == pytest.approx(1)


def test_without_turns_it_is_a_typical_household():
    assert household_mix([]) == pytest.approx(TYPICAL)


def test_it_is_learned_from_turns_and_no_kind_dies_out():
    mix = household_mix([{"fast": 1.0}] * 5000)
    assert mix["fast"] > 0.8
    assert min(mix.values()) > RAREST * 0.8
    assert sum(mix.values()) == pytest.approx(1)


def test_probabilities_of_nothing_are_the_mix():
    assert corrected({}, TYPICAL) == TYPICAL
