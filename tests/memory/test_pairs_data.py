import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "benchmarks/data/memory_pairs.jsonl"


@pytest.fixture(scope="module")
def lines():
    return [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


def _of(lines, kind):
    return [line for line in lines if line["type"] == kind]


def test_counts_by_language(lines):
    targets = {one for pair in _of(lines, "pair") for one in pair["memory"]}
    memories = Counter((one["language"], one["id"] in targets) for one in _of(lines, "memory"))
    asked = Counter((line["type"], line["question_language"]) for line in lines if "question" in line)

    assert memories == {("es", True): 50, ("en", True): 50, ("es", False): 200, ("en", False): 200}
    assert asked == {
        ("pair", "es"): 100, ("pair", "en"): 100, ("unanswerable", "es"): 30, ("unanswerable", "en"): 30,
        ("foreign", "es"): 20, ("foreign", "en"): 20,
    }  # fmt: skip
    assert {line["type"] for line in lines} == {"memory", "pair", "unanswerable", "foreign"}


def test_each_target_is_asked_once_in_each_language(lines):
    languages = {one["id"]: one["language"] for one in _of(lines, "memory")}
    pairs = _of(lines, "pair")

    assert all(len(pair["memory"]) == 1 and pair["memory"][0] in languages for pair in pairs)
    assert set(Counter((pair["memory"][0], pair["question_language"]) for pair in pairs).values()) == {1}
    assert Counter(pair["direction"] for pair in pairs) == dict.fromkeys(("es-es", "es-en", "en-es", "en-en"), 50)
    for pair in pairs:
        assert pair["direction"] == f"{pair['question_language']}-{languages[pair['memory'][0]]}", pair


def test_memories_are_whole_and_in_order(lines):
    memories = _of(lines, "memory")

    assert [one["id"] for one in memories] == [f"m{number:03}" for number in range(1, 501)]
    times = [datetime.fromisoformat(one["at"]) for one in memories]
    assert times == sorted(times)
    assert {time.month for time in times} == set(range(1, 11))
    assert {time.year for time in times} == {2026}
    for one in memories:
        assert one.keys() == {"type", "id", "language", "at", "person", "room", "said", "answered"}
        assert one["said"].strip() == one["said"] != ""
        assert all(one[name] is None or one[name].strip() for name in ("person", "room")), one


def test_nothing_is_said_or_asked_twice(lines):
    questions = Counter(line["question"].casefold() for line in lines if "question" in line)
    said = Counter(line["said"].casefold() for line in lines if "said" in line)

    assert {text for text, count in (questions + said).items() if count > 1} == set()
