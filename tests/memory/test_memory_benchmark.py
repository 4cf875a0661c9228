"""The benchmark of memory runs as a person runs it. What it measures is not asked here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.memory_sets import read_locomo, read_pairs

ROOT = Path(__file__).parents[2]
SAID = (
    ("Ana", "I moved to Bilbao because of the new job."),
    ("Ben", "Wow! Did you find a flat with a garden?"),
    ("Ana", "Yes, and the neighbours gave me a lemon tree."),
    ("Ben", "My sister is getting married in the old lighthouse."),
)
ASKED = (
    ("Who gave Ana a lemon tree?", ["D1:3"], 4),
    ("Where does Ben's sister marry, and where did Ana move?", ["D1:1; D1:4"], 1),
    ("What did Ana say about whales?", ["D1:2", "D"], 5),
    ("What is asked without evidence?", ["D9:9"], 4),
)


def locomo_file(folder: Path, conversations: int = 2) -> Path:
    file = folder / "locomo.json"
    file.write_text(json.dumps([conversation(number) for number in range(conversations)]), encoding="utf-8")
    return file


def conversation(number: int) -> dict:
    turns = [
        {"speaker": speaker, "dia_id": f"D1:{turn}", "text": f"{text} {number}", "blip_caption": "a whale"}
        for turn, (speaker, text) in enumerate(SAID, 1)
    ]
    said = {"speaker_a": "Ana", "speaker_b": "Ben", "session_1_date_time": "1:56 pm on 8 May, 2023", "session_1": turns}
    asked = [{"question": text, "evidence": evidence, "category": category} for text, evidence, category in ASKED]
    return {"sample_id": f"c{number}", "conversation": said, "qa": asked}


def run(*arguments: str) -> subprocess.CompletedProcess:
    argv = [sys.executable, "-m", "benchmarks.memory", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=100)


def test_a_file_of_locomo_gives_all_figures(tmp_path):
    done = run(str(locomo_file(tmp_path)), "--json", "--words-alone")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    for name in ("recall_at_5", "recall_at_10", "adversarial_recall_at_10", "lexical_only_recall_at_10"):
        assert figures[name] == 1, name
    for name in ("pooled_recall_at_5", "baseline_fts5_recall_at_10"):
        assert 0.5 <= figures[name] < 1, (
            name
        )  # both conversations say the same; nothing but its neighbours finds a turn
    for name in ("baseline_chroma_recall_at_10", "held_out_recall_at_5", "held_out_recall_at_10"):
        assert figures[name] is None, name
    assert 0 < figures["query_p50_ms"] <= figures["query_p99_ms"]
    assert figures["query_store_memories"] == 8
    assert (figures["evidence_repaired"], figures["evidence_dropped"], figures["questions_without_evidence"]) == (
        2,
        4,
        2,
    )
    assert figures["pairs_words_es_es_at_5"] > 0.5
    assert figures["pairs_words_foreign_sure"] <= 0.1


def test_people_get_a_table(tmp_path):
    done = run(str(locomo_file(tmp_path, 1)), "--words-alone")
    assert done.returncode == 0, done.stderr
    head, ours = done.stdout.splitlines()[:2]
    assert "4 single-hop" in head
    assert ours.split()[0] == "jarvisd"
    assert "1.000 /1.000" in ours


def test_a_missing_file_is_told_in_one_sentence_with_where_it_comes_from(tmp_path):
    done = run(str(tmp_path / "none.json"))
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "none.json" in line
    assert "snap-research/locomo" in line


@pytest.mark.parametrize("written", ["{", "[]", "[3]", '[{"conversation": {}, "qa": []}]'])
def test_a_file_of_something_else_is_refused(tmp_path, written):
    (tmp_path / "x.json").write_text(written)
    with pytest.raises(ValueError, match="snap-research/locomo"):
        read_locomo(tmp_path / "x.json")


def test_captions_are_left_out_and_turns_keep_their_order(tmp_path):
    read = read_locomo(locomo_file(tmp_path)).conversations[1]
    assert [(one.person, one.said) for one in read.memories] == [(person, f"{said} 1") for person, said in SAID]
    assert sorted(one.at_s for one in read.memories) == [one.at_s for one in read.memories]
    assert read.questions[1].evidence == {"c1/D1:1", "c1/D1:4"}


def test_pairs_are_read_by_direction():
    pairs = read_pairs()
    counts = {name: len(some) for name, some in pairs.questions.items()}
    assert counts == dict.fromkeys(("es-es", "es-en", "en-es", "en-en"), 50) | {"unanswerable": 60, "foreign": 40}
    assert len(pairs.memories) == 500
