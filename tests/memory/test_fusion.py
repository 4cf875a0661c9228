"""From what words and vectors found to one order."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jarvisd.memory.fusion import UNKNOWN_LANGUAGE, Candidate, Wish, covers, fuse
from jarvisd.types import Memory

T = 1_760_000_000.0


def candidate(one: str, words=None, likeness=None, said="", **more) -> Candidate:
    memory = Memory(one, more.pop("at_s", T), said or f"{one} is somewhere", "en", **more)
    return Candidate(memory, words, likeness)


def order(*candidates, text="where", **wish) -> list[str]:
    return [one.memory.id for one in fuse(Wish(text, **wish), candidates)]


def test_nothing_found_is_nothing():
    assert fuse(Wish("x"), []) == []


def test_words_and_vectors_add_up():
    one_side = candidate("words", 6.0, 0.1), candidate("vectors", None, 0.9), candidate("none", 1.0, 0.0)
    assert order(*one_side, candidate("both", 5.0, 0.8))[0] == "both"
    assert order(candidate("a", 2.0), candidate("b", 3.0), candidate("c", 1.0)) == ["b", "a", "c"]
    assert order(candidate("a", None, 0.2), candidate("b", None, 0.3)) == ["b", "a"]


def test_vectors_count_for_less_where_their_model_does_not_know_the_language():
    found = candidate("words", 6.0, 0.1), candidate("vectors", 3.0, 0.9), candidate("none", 0.0, 0.0)
    assert order(*found, dense_weight=2.0)[0] == "vectors"
    assert order(*found, dense_weight=UNKNOWN_LANGUAGE)[0] == "words"


def test_a_fact_comes_before_a_turn_and_a_command_after_it_and_a_question_last():
    assert order(
        candidate("command", 1.0, kind="command"), candidate("fact", 1.0, kind="fact"), candidate("turn", 1.0)
    ) == ["fact", "turn", "command"]
    assert order(candidate("asks", 1.0, said="the key is where now?"), candidate("tells", 1.0, said="the key is here now"))[0] == "tells"  # fmt: skip


def test_who_is_named_and_the_time_that_is_named_count():
    ana, ben = candidate("a", 1.0, person="Ana", at_s=T), candidate("b", 1.0, person="Ben", at_s=T + 50)
    assert order(ana, ben, text="what did Ana say")[0] == "a"
    assert order(ana, ben, text="what did ben say")[0] == "b"
    assert order(ana, ben, since_s=T, until_s=T + 50)[0] == "a"
    assert order(ana, ben, since_s=T + 1, until_s=T + 51)[0] == "b"


def test_the_latest_is_the_newest():
    found = [candidate(str(at), 1.0, at_s=T + at) for at in range(5)]
    assert order(*found, latest=True) == ["4", "3", "2", "1", "0"]


def test_what_was_said_in_the_same_words_counts_once_as_the_newest():
    found = fuse(
        Wish("x"),
        [candidate("old", 9.0, said="¡La LUZ!", at_s=T), candidate("new", 1.0, said="la luz", at_s=T + 1), candidate("x", 2.0)],
    )  # fmt: skip
    assert [one.memory.id for one in found] == ["new", "x"]


def test_a_page_read_aloud_is_no_better_for_its_length():
    page, line = (
        candidate("page", 3.0, said="word " * 20_000),
        candidate("line", 5.0, said="the code of the gate is 12"),
    )
    assert (
        order(page, line, candidate("x", 2.0, said="one two"), candidate("y", 2.5, said="one two three"))[0] == "line"
    )


SCORES = st.none() | st.floats(0, 50)


@given(st.lists(st.tuples(SCORES, SCORES, st.text(max_size=8)), min_size=1, max_size=20), st.booleans())
def test_every_candidate_is_there_once_with_a_number(rows, latest):
    candidates = [candidate(str(at), words, likeness, said) for at, (words, likeness, said) in enumerate(rows)]
    found = fuse(Wish("x", latest=latest), candidates)
    assert len({one.memory.id for one in found}) == len(found) <= len(rows)
    assert all(math.isfinite(one.score) for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


@pytest.mark.parametrize(
    ("question", "said", "least", "most"),
    [
        ("where is the key of the shed", "the key of the shed hangs in the hall", 1.0, 1.0),
        ("where is the key of the shed", "the shed needs paint", 0.4, 0.6),
        ("where is the key of the shed", "the train leaves at nine", 0.0, 0.0),
        ("", "anything", 0.0, 0.0),
        ("¿dónde está?", "está en casa", 0.0, 0.0),
    ],
)
def test_which_share_of_a_question_a_memory_has(question, said, least, most):
    assert least <= covers(question, Memory("a", T, said, "en")) <= most


def test_neighbours_help_half():
    own, beside = Memory("a", T, "it hangs in the hall", "en"), Memory("b", T, "the key of the shed", "en")
    assert 0 < covers("the key of the shed", own, around=[beside]) < 1
