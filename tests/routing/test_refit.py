import json

import pytest

from benchmarks.routing import OURS, Parts, figures_of, read_rows
from jarvisd.errors import ModelError
from jarvisd.routing.refit import Turn, best, load_probe, read_correction, refit, write_correction
from jarvisd.routing.scorer import Correction, Scorer, Weights

# What a household says, another way to say it, and how far down the shipped weights have the kind that it wants.
SAID = (
    ("modo gruta en la bodega", "ponme el modo gruta en la bodega", 1),
    ("cuéntame lo del comité de riesgos", "cuéntame lo del comité de riesgos de ayer", 1),
    ("give me the pelican report", "could you give me the pelican report", 2),
    ("who wins chelsea or my dad in a debate", "who wins my dad or chelsea in a debate", 1),
    ("run the numbers on the barn", "please run the numbers on the old barn", 2),
)


@pytest.fixture(scope="module")
def weights():
    return Weights.load("kinds")


@pytest.fixture(scope="module")
def probe():
    return load_probe()


@pytest.fixture(scope="module")
def wanted(weights):
    turns = []
    for text, _, rank in SAID:
        shares = Scorer(weights).probabilities(text)
        turns.append(Turn(text, sorted(shares, key=shares.get, reverse=True)[rank]))
    return turns


@pytest.fixture(scope="module")
def corrected(weights, wanted, probe):
    return refit(weights, wanted, probe)


def macro_f1(scorer):
    figures = figures_of(read_rows(OURS), Parts(lambda text, _: best(scorer, text)))
    return figures["macro_f1_es"], figures["macro_f1_en"]


def test_five_corrections_turn_those_and_their_near_paraphrases(weights, wanted, corrected):
    scorer = Scorer(weights, corrected.correction)
    assert corrected.not_learned == ()
    assert [best(scorer, text) for text, _, _ in SAID] == [turn.label for turn in wanted]
    assert [best(scorer, other) for _, other, _ in SAID] == [turn.label for turn in wanted]


def test_it_costs_next_to_nothing_elsewhere(weights, corrected):
    before, after = macro_f1(Scorer(weights)), macro_f1(Scorer(weights, corrected.correction))
    assert [old - new < 0.01 for old, new in zip(before, after, strict=True)] == [True, True]
    assert corrected.cost <= 0.005


def test_what_changes_on_the_probe_set_is_told(weights, probe, corrected):
    plain, scorer = Scorer(weights), Scorer(weights, corrected.correction)
    changed = {turn.text: (best(plain, turn.text), best(scorer, turn.text)) for turn in probe}
    assert {one.text: (one.before, one.after) for one in corrected.changes} == {
        text: kinds for text, kinds in changed.items() if kinds[0] != kinds[1]
    }


def test_a_household_that_wants_the_opposite_of_everything_is_held_back(weights, probe):
    turns = [Turn(turn.text, "reasoning") for turn in probe if turn.label == "home"][:60]
    held = refit(weights, turns, probe)
    assert held.cost <= 0.005
    assert held.not_learned != ()


def test_the_same_turns_give_the_same_correction(weights, wanted, probe, corrected):
    assert refit(weights, wanted, probe) == corrected


def test_no_turns_no_correction(weights, probe):
    nothing = refit(weights, [], probe)
    assert (nothing.correction.rows, nothing.changes, nothing.cost) == ({}, (), 0)


def test_the_last_word_counts(weights, probe):
    text = SAID[0][0]
    again = refit(weights, [Turn(text, "strong"), Turn(text, "home")], probe)
    assert best(Scorer(weights, again.correction), text) == "home"


def test_an_empty_sentence_teaches_nothing_and_is_told(weights, probe):
    assert refit(weights, [Turn("", "strong")], probe).not_learned == (Turn("", "strong"),)


def test_an_unknown_label_is_refused(weights, probe):
    with pytest.raises(ValueError, match="clever: no such label; there are home, fast"):
        refit(weights, [Turn("hola", "clever")], probe)


def test_a_correction_comes_back_from_its_file(weights, corrected, tmp_path):
    file = tmp_path / "kinds.correction.json"
    write_correction(file, corrected.correction, weights)
    found = read_correction(file, weights)
    assert Scorer(weights, found).scores("modo gruta") == Scorer(weights, corrected.correction).scores("modo gruta")
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_without_the_file_the_shipped_weights_are_back(weights, tmp_path):
    assert read_correction(tmp_path / "none.json", weights) is None


def test_a_correction_for_other_weights_is_not_used(weights, tmp_path):
    file = tmp_path / "kinds.correction.json"
    write_correction(file, Correction({1: (0.0,) * 20}), weights)
    content = json.loads(file.read_text()) | {"weights": 1}
    file.write_text(json.dumps(content))
    assert read_correction(file, weights) is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"weights": 1}', "null", "\x00"])
def test_a_damaged_file_says_what_to_do(weights, tmp_path, content):
    file = tmp_path / "kinds.correction.json"
    file.write_text(content)
    with pytest.raises(ModelError, match="Delete it"):
        if read_correction(file, weights) is None:
            file.write_text(content.replace("1", str(weights.fingerprint())))
            read_correction(file, weights)


def test_rows_of_another_width_are_damage(weights, tmp_path):
    file = tmp_path / "kinds.correction.json"
    write_correction(file, Correction({1: (0.0, 1.0)}), weights)
    with pytest.raises(ModelError, match="Delete it"):
        read_correction(file, weights)
