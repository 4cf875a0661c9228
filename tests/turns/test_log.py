"""The file of turns."""

import sqlite3

import pytest

from jarvisd.errors import JarvisError
from jarvisd.turns.log import TurnLog, TurnRecord, days_ago_s

PLAIN = TurnRecord("a1", 1000.0, "cli", "en", "skill", 12.5)
FULL = TurnRecord(
    "b2", 2000.0, "microphone", "es", "model", 2310.0, room="cocina", question="¿por qué el cielo es azul?",
    tier="strong", engine="big", cloud=True, cold=True, escalated=True, probabilities={"strong": 0.7, "fast": 0.3},
    margin=0.2, eta_s=0.8, reason="strong: 70 % strong", first_word_ms=810.0, prompt_tokens=90, completion_tokens=41,
    cost_micros=1234, memory_hits=2,
)  # fmt: skip


@pytest.fixture
def log(tmp_path):
    return TurnLog(tmp_path / "turns.sqlite")


def test_a_turn_comes_back_as_it_was(log):
    log.add(PLAIN)
    log.add(FULL)
    assert log.since(0) == (PLAIN, FULL)
    assert log.since(1500) == (FULL,)
    assert log.last(1) == (FULL,)


def test_texts_are_forgotten_before_turns_and_not_left_in_the_file(log, tmp_path):
    log.add(PLAIN)
    log.add(FULL)
    log.forget(texts_before_s=3000.0, turns_before_s=1500.0)
    (left,) = log.since(0)
    assert (left.id, left.question) == ("b2", None)
    with sqlite3.connect(tmp_path / "turns.sqlite") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"cielo" not in (tmp_path / "turns.sqlite").read_bytes()


def test_a_correction_keeps_its_text_and_can_be_taken_back(log):
    log.add(FULL)
    assert log.correct("b2", "reasoning").question == FULL.question
    log.forget(texts_before_s=3000.0, turns_before_s=0.0)
    (corrected,) = log.corrections()
    assert (corrected.corrected, corrected.question) == ("reasoning", FULL.question)
    log.correct("b2", None)
    assert log.corrections() == ()


def test_the_last_is_the_last_that_a_model_answered(log):
    log.add(FULL)
    log.add(TurnRecord("c3", 3000.0, "cli", "en", "skill", 3.0, question="what time is it"))
    assert log.correct("last", "fast").id == "b2"


def test_what_cannot_be_corrected_is_told(log):
    log.add(PLAIN)
    with pytest.raises(JarvisError, match="no turn zz: `jarvisd route --recent`"):
        log.correct("zz", "fast")
    with pytest.raises(JarvisError, match="is not kept any more"):
        log.correct("a1", "fast")


def test_a_file_that_is_none_is_named_and_left_alone(tmp_path):
    file = tmp_path / "turns.sqlite"
    file.write_bytes(b"no database at all, only a text" * 100)
    with pytest.raises(JarvisError, match="Move it away") as failure:
        TurnLog(file).add(PLAIN)
    assert str(file) in failure.value.message
    assert file.read_bytes().startswith(b"no database")


def test_before_the_first_turn_there_are_none_and_no_file(log, tmp_path):
    assert (log.since(0), log.last(3), log.corrections()) == ((), (), ())
    assert list(tmp_path.iterdir()) == []


def test_days_ago():
    assert days_ago_s(2, now_s=200_000.0) == 200_000.0 - 172_800.0
