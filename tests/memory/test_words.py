"""The words by which memories are found."""

import sqlite3
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvisd.memory.words import (
    AROUND_CHARACTERS,
    INDEXED_CHARACTERS,
    MOST_TERMS,
    content_words,
    day_words,
    document,
    folded_words,
    spanish_stems,
    terms,
)
from jarvisd.types import Memory

FRIDAY_S = datetime(2026, 11, 20, 12).timestamp()


def memory(said: str, **more) -> Memory:
    return Memory("a", FRIDAY_S, said, "es", **more)


def test_a_question_is_searched_by_what_it_says():
    assert terms("¿Dónde está la llave del cajón?", "es").content == ("llave", "cajon")
    assert terms("Where is the key of my drawer?", "en").content == ("key", "drawer")
    assert terms("¿Qué es esto?", "es").content == ("que", "es", "esto")  # nothing else is there
    assert terms("llave LLAVE llavé", "es").content == ("llave",)


def test_english_needs_no_stems_of_its_own():
    assert terms("the keys", "en").stems == ()
    assert terms("las llaves", "es").stems == tuple(spanish_stems("llave"))


def test_nothing_to_search_for_is_no_search():
    for text in ("", " ", "🎂 … ¿?", "\ud800"):
        assert terms(text, "es").match == ""


def test_a_long_question_is_cut():
    assert len(terms(" ".join(f"word{at}" for at in range(500)), "en").content) == MOST_TERMS


@pytest.mark.parametrize(
    ("one", "other"),
    [("medicinas", "medicina"), ("revisará", "revisaron"), ("CAMIÓN", "camiones"), ("niñas", "ninas")],
)
def test_endings_accents_and_capitals_make_no_difference(one, other):
    assert content_words(one) == content_words(other)


def test_days_are_in_both_languages_and_a_broken_clock_has_none():
    assert day_words(FRIDAY_S) == "friday viernes 20 november noviembre 2026"
    assert [day_words(at_s) for at_s in (1e300, -1e300, float("nan"), float("inf"))] == ["", "", "", ""]


def test_a_document_has_its_day_its_person_and_what_was_said_around_it():
    around = {step: memory(f"paso {step + 5}", person="Ben") for step in (-2, -1, 1, 2)}
    own, answered, before, after, farther, stems = document(memory("La caldera", person="Ana", answered="Vale"), around)
    assert own == "friday viernes 20 november noviembre 2026 Ana La caldera"
    assert (answered, before, after, farther) == ("Vale", "Ben paso 4", "Ben paso 6", "Ben paso 3 Ben paso 7")
    assert {*spanish_stems("caldera paso"), "4", "6"} <= set(stems.split())
    assert not {"3", "7"} & set(stems.split())


def test_a_page_is_indexed_by_its_beginning():
    page = memory("x" * 100_000, answered="y" * 100_000)
    own, answered, before, *_ = document(page, {-1: page})
    assert (own.count("x"), len(answered)) == (INDEXED_CHARACTERS, INDEXED_CHARACTERS)
    assert before.count("x") == AROUND_CHARACTERS


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec=None)), st.sampled_from(["es", "en"]))
def test_any_question_is_an_expression_that_sqlite_takes(text, language):
    database = sqlite3.connect(":memory:")
    database.execute(
        "CREATE VIRTUAL TABLE words USING fts5(own, answered, before, after, farther, stems, "
        "tokenize = 'porter unicode61 remove_diacritics 2')"
    )
    if match := terms(text, language).match:
        assert database.execute("SELECT rowid FROM words WHERE words MATCH ?", (match,)).fetchall() == []
    database.close()


@given(st.text(alphabet=st.characters(codec=None)))
def test_words_are_found_whatever_the_text(text):
    assert all(word and word == word.casefold() for word in folded_words(text))
    assert content_words(text) <= set(spanish_stems(text))
