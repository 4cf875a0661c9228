"""What is kept of a turn, and for how long."""

from dataclasses import replace

import pytest

from jarvisd.config import MemoryConfig
from jarvisd.memory.policy import DAY_S, Retention, exchange, retention
from jarvisd.types import Answer, Memory, Turn

TURN = Turn("voice", "es", 30.0, room="cocina", person="Ana", id="t1")
ANSWER = Answer("A las ocho.", "es", "strong", question="¿Cuándo viene?", via="model", tier="deep")


def test_an_exchange_is_kept_word_for_word():
    assert exchange(TURN, ANSWER, 5.0) == Memory(
        "t1", 5.0, "¿Cuándo viene?", "es", answered="A las ocho.", person="Ana", room="cocina", tier="deep"
    )


@pytest.mark.parametrize(
    ("via", "kind"),
    [("model", "turn"), ("skill", "command"), ("home", "command"), ("plugin", "command"), ("memory", "recall"),
     ("jarvisd", "turn")],
)  # fmt: skip
def test_its_kind_is_the_way_it_was_answered(via, kind):
    assert exchange(TURN, replace(ANSWER, via=via), 5.0).kind == kind


def test_what_quotes_a_memory_is_no_memory_to_be_found():
    kept = exchange(TURN, replace(ANSWER, cited=("m1", "m2")), 5.0)
    assert (kept.kind, kept.sources) == ("recall", ("m1", "m2"))


@pytest.mark.parametrize(
    "changes",
    [{"private": True}, {"question": ""}, {"question": " \n"}, {"error_code": "nothing_heard"},
     {"error_code": "no_transcription"}],
)  # fmt: skip
def test_nothing_is_kept_of_what_is_private_or_was_not_said(changes):
    assert exchange(TURN, replace(ANSWER, **changes), 5.0) is None


def test_the_daemons_excuse_is_no_answer():
    kept = exchange(TURN, replace(ANSWER, error_code="models_failed", text="None of them."), 5.0)
    assert (kept.said, kept.answered) == ("¿Cuándo viene?", "")


def test_what_goes_is_counted_from_now_and_nothing_goes_by_itself():
    assert retention(MemoryConfig(keep_commands_days=0, keep_turns_days=0), 1e9) == []
    assert retention(MemoryConfig(keep_commands_days=2, keep_turns_days=0.5), 1e9) == [
        Retention(("command",), 1e9 - 2 * DAY_S),
        Retention(("turn", "recall"), 1e9 - 0.5 * DAY_S),
    ]
    assert all("fact" not in rule.kinds for rule in retention(MemoryConfig(keep_turns_days=1), 1e9))
