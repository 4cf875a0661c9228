"""Memories as lines of JSON: there and back, and files with holes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jarvisd.memory.portable import LONGEST_CHARACTERS, Fault, read, written
from jarvisd.types import Memory

GOOD = {"id": "a", "at_s": 1.5, "said": "La llave está en el cajón", "language": "es"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
MEMORIES = st.builds(
    Memory,
    id=TEXT.filter(str.strip),
    at_s=st.floats(allow_nan=False, allow_infinity=False),
    said=TEXT.filter(str.strip),
    language=st.sampled_from(["es", "en"]),
    answered=TEXT,
    kind=st.sampled_from(["turn", "command", "fact", "recall"]),
    person=st.none() | TEXT.filter(bool),
    room=st.none() | TEXT.filter(bool),
    session=TEXT,
    tier=TEXT,
    pinned=st.booleans(),
    sources=st.lists(TEXT).map(tuple),
    superseded_by=st.none() | TEXT.filter(bool),
)


@given(st.lists(MEMORIES, max_size=5))
def test_what_is_written_is_read_back_as_it_was(memories):
    lines = list(written(memories))
    assert not any("\n" in line or "\r" in line for line in lines)
    assert list(read(lines)) == memories


def test_a_line_has_only_what_is_there_and_always_a_time():
    (line,) = written([Memory("a", 0.0, "קוד 🗝", "en")])
    assert json.loads(line) == {"id": "a", "at_s": 0.0, "said": "קוד 🗝", "language": "en", "kind": "turn"}
    assert "קוד 🗝" in line


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "no JSON"),
        ("nothing", "no JSON"),
        ("[" * 10_000, "recursion"),
        ("[" * 10_000 + "]" * 10_000, "recursion"),
        ('{"a":' * 10_000, "recursion"),
        ("[]", "not an object in braces"),
        ("null", "not an object in braces"),
        (GOOD | {"mood": 1, "colour": 2}, "unknown: colour, mood"),
        (GOOD | {"id": ""}, "must not be empty"),
        (GOOD | {"said": " \n"}, "must not be empty"),
        (GOOD | {"id": 7}, "id is missing or no text"),
        ({name: value for name, value in GOOD.items() if name != "said"}, "said is missing or no text"),
        (GOOD | {"said": "x" * (LONGEST_CHARACTERS + 1)}, "longer than 1000000 characters"),
        (GOOD | {"said": "half \ud800"}, "half of a character"),
        (GOOD | {"answered": "\udfff"}, "half of a character"),
        (GOOD | {"person": "\udfff"}, "half of a character"),
        (GOOD | {"person": ["Ana"]}, "person is missing or no text"),
        (GOOD | {"at_s": None}, "at_s is missing or no time"),
        (GOOD | {"at_s": "yesterday"}, "at_s is missing or no time"),
        (GOOD | {"at_s": True}, "at_s is missing or no time"),
        (GOOD | {"at_s": float("nan")}, "at_s is missing or no time"),
        (GOOD | {"at_s": float("inf")}, "at_s is missing or no time"),
        (GOOD | {"at_s": 10**400}, "at_s is missing or no time"),
        ('{"id": "a", "at_s": ' + "9" * 5_000 + "}", "digits"),
        (GOOD | {"language": "fr"}, "language is not one of"),
        (GOOD | {"language": ["es"]}, "language is not one of"),
        (GOOD | {"kind": {}}, "kind is not one of"),
        (GOOD | {"sources": "b"}, "sources is not a list of ids"),
        (GOOD | {"sources": [1]}, "sources is not a list of ids"),
    ],
)
def test_each_fault_is_named_with_its_line_and_the_rest_is_read(line, why):
    lines = ["", json.dumps(GOOD), line if isinstance(line, str) else json.dumps(line), "  ", json.dumps(GOOD)]
    first, fault, last = read(lines)
    assert first == last == Memory("a", 1.5, "La llave está en el cajón", "es")
    assert isinstance(fault, Fault)
    assert (fault.line, why in fault.why) == (3, True), fault


@given(st.text(max_size=60) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5),
       lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "kind", "sources"]), inner),
       max_leaves=10).map(json.dumps))  # fmt: skip
def test_no_line_ends_an_import(line):
    *_, last = read([line, json.dumps(GOOD)])
    assert last == Memory("a", 1.5, "La llave está en el cajón", "es")


def test_an_empty_person_is_nobody():
    assert next(iter(read([json.dumps(GOOD | {"person": "", "room": None})]))).person is None
