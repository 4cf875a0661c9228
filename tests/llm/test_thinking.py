"""Thoughts are not spoken, however the stream cuts them."""

import pytest

from jarvisd.llm.thinking import ThoughtFilter

WHOLE = "<think>4 times 3 < 13,\nso 12</think>\nYou have 12 < 13 ways."


def said(pieces, **how):
    thoughts = ThoughtFilter(**how)
    return "".join([*(thoughts.feed(piece) for piece in pieces), thoughts.end()])


@pytest.mark.parametrize("length", range(1, len(WHOLE)))
def test_wherever_it_is_cut(length):
    pieces = [WHOLE[at : at + length] for at in range(0, len(WHOLE), length)]
    assert said(pieces) == "\nYou have 12 < 13 ways."


def test_where_the_prompt_has_opened_it():
    assert said(["so 12</thi", "nk>12 ways."], begins_thinking=True) == "12 ways."


def test_without_thoughts_nothing_is_lost():
    assert said(["a < b", " and <thin", "gs>"]) == "a < b and <things>"


def test_a_thought_that_does_not_end_says_nothing():
    thoughts = ThoughtFilter()
    assert thoughts.feed("<think>and on") == ""
    assert thoughts.feed(" and on") == ""
    assert (thoughts.thinking, thoughts.pieces_thought, thoughts.end()) == (True, 1, "")


def test_it_knows_when_it_thinks():
    thoughts = ThoughtFilter(begins_thinking=True)
    assert thoughts.thinking
    thoughts.feed("hm</think>yes")
    assert not thoughts.thinking
