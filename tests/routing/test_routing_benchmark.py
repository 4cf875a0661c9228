import json
import subprocess
import sys

import pytest

from benchmarks.routing import Parts, Row, figures_of, macro_f1, percentile, read_rows

ASKED_FOR = {
    "macro_f1_es", "macro_f1_en", "accuracy_es", "accuracy_en", "noisy_drop", "short_hard_recall",
    "long_easy_false_escalation", "device_actions_on_non_home", "private_blocked", "public_blocked", "scorer_p99_ms",
    "decision_p99_ms", "rss_added_mb",
}  # fmt: skip


def row(text, label, *accept, **more):
    return Row(text, more.pop("lang", "es"), label, accept or (label,), **more)


def says(**kinds):
    return Parts(lambda text, _: kinds[text])


def test_an_accepted_kind_counts_as_the_label():
    rows = [row("a", "home"), row("b", "strong", "strong", "reasoning"), row("c", "strong")]
    figures = figures_of(rows, says(a="home", b="reasoning", c="home"))
    assert figures["accuracy_es"] == pytest.approx(2 / 3)
    assert figures["macro_f1_es"] == pytest.approx((2 / 3 + 2 / 3) / 2)


def test_macro_f1_is_over_the_kinds_that_are_there():
    rows = [row("a", "home"), row("b", "fast")]
    assert macro_f1(rows, ["home", "reasoning"]) == 0.5
    assert macro_f1([], []) is None


def test_hard_is_either_hard_kind_and_the_right_one_is_counted_apart():
    rows = [row("a", "strong", tags=("short-hard",)), row("b", "fast", tags=("long-easy",))]
    figures = figures_of(rows, says(a="reasoning", b="home"))
    assert (figures["short_hard_recall"], figures["short_hard_accuracy"]) == (1, 0)
    assert (figures["long_easy_false_escalation"], figures["long_easy_accuracy"]) == (0, 0)


def test_the_language_that_loses_more_to_noise_counts():
    rows = [row("a", "home", text_noisy="A"), row("b", "home", lang="en", text_noisy="B")]
    assert figures_of(rows, says(a="home", b="home", A="home", B="fast"))["noisy_drop"] == 1


def test_what_is_not_built_in_or_has_no_rows_is_null():
    figures = figures_of([row("a", "home")], says(a="home"))
    assert {name for name in ASKED_FOR if figures.get(name, 0) is None} == {
        "macro_f1_en", "accuracy_en", "noisy_drop", "short_hard_recall", "long_easy_false_escalation",
        "device_actions_on_non_home", "private_blocked", "public_blocked", "decision_p99_ms",
    }  # fmt: skip


def test_other_parts_are_asked_where_they_are_there():
    rows = [row("a", "home"), row("b", "fast"), Row("c", "es", private=True), Row("d", "es", private=False)]
    parts = Parts(lambda *_: "home", lambda text, _: text in "ab", lambda text, _: text == "c", lambda *_: None)
    figures = figures_of(rows, parts)
    assert figures["device_actions_on_non_home"] == 1
    assert (figures["private_blocked"], figures["public_blocked"]) == (1, 0)
    assert figures["decision_p99_ms"] is not None


@pytest.mark.parametrize("percent, time", [(50, 2), (99, 4), (100, 4), (25, 1)])
def test_percentiles_are_times_that_were_measured(percent, time):
    assert percentile([4, 1, 3, 2], percent) == time


@pytest.mark.parametrize(
    "line, said",
    [('{"text": "a", "label": "clever"}', "no such kind: clever"), ('{"text": "a"}', "neither a label nor private"),
     ('{"label": "home"}', "no text"), ("{", "Expecting"), ("[]", "no attribute")],
)  # fmt: skip
def test_a_faulty_line_is_named(tmp_path, line, said):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a", "label": "home"}\n\n' + line + "\n")
    with pytest.raises(ValueError, match=f"rows.jsonl:3: .*{said}"):
        read_rows(file)


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "benchmarks.routing", *arguments], capture_output=True, text=True)


def test_json_has_every_key_that_is_asked_for(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "qué hora es", "label": "home", "lang": "es", "accept": ["home"]}\n')
    done = run(str(file), "--json")
    figures = json.loads(done.stdout.splitlines()[-1])
    assert set(figures) >= ASKED_FOR
    assert figures["accuracy_es"] == 1


def test_a_missing_file_is_named(tmp_path):
    done = run(str(tmp_path / "none.jsonl"))
    assert done.returncode == 2
    assert "none.jsonl" in done.stderr
