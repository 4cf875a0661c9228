import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jarvisd.routing.scorer import Scorer
from training.corpus import CORPUS, CorpusError
from training.fit import train
from training.noise import Rates, noisy, unaccented
from training.samples import draw, draw_probe, labels_of

ROOT = Path(__file__).parents[2]
LINES = {
    ("en", "fruit"): ["(an apple|a pear|a plum) (please|now|)", "i (eat|like) (apples|pears|plums)"],
    ("en", "tool"): ["(a hammer|a saw|a drill) (please|now|)", "i (need|use) (hammers|saws|drills)"],
    ("es", "fruit"): ["(una manzana|una pera) (ya|)", "(como|quiero) (manzanas|peras)"],
    ("es", "tool"): ["(un martillo|una sierra) (ya|)", "(necesito|uso) (martillos|sierras)"],
}


@pytest.fixture
def corpus(tmp_path):
    shutil.copytree(CORPUS / "slots", tmp_path / "slots")
    for (language, label), lines in LINES.items():
        file = tmp_path / "things" / language / f"{label}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# what it is\n" + "\n".join(lines) + "\n")
    return tmp_path


def test_a_small_task_is_learned_and_the_same_corpus_gives_the_same_bytes(corpus):
    samples = draw("things", seed=1, corpus=corpus, sentences=120)
    weights = train([samples], ("fruit", "tool"))
    scorer = Scorer(weights)
    for text, label in (("i like pears", "fruit"), ("uso sierras", "tool"), ("me da una manzana", "fruit")):
        shares = scorer.probabilities(text)
        assert max(shares, key=shares.get) == label
    again = train([draw("things", seed=1, corpus=corpus, sentences=120)], ("fruit", "tool"))
    assert again.to_bytes() == weights.to_bytes()


def test_each_label_of_each_language_weighs_the_same(corpus):
    samples = draw("things", seed=2, corpus=corpus, sentences=50)
    for language, label in LINES:
        weights = [one.weight for one in samples if (one.language, one.label) == (language, label)]
        assert sum(weights) == pytest.approx(1)


def test_every_label_is_as_often_rambled_around(corpus):
    samples = draw("things", seed=3, corpus=corpus, sentences=400)
    lengths = {
        label: sorted(len(one.text.split()) for one in samples if one.label == label) for label in ("fruit", "tool")
    }
    medians = [found[len(found) // 2] for found in lengths.values()]
    assert max(found[-1] for found in lengths.values()) > 40
    assert max(medians) - min(medians) <= 2


def test_a_probe_has_plain_sentences_of_every_label(corpus):
    assert {label for label, _ in draw_probe("things", 1, corpus)} == {"fruit", "tool"}
    assert all(len(sentence.split()) <= 4 for _, sentence in draw_probe("things", 1, corpus))


def test_a_task_needs_its_folder_and_the_same_labels_in_each_language(corpus):
    with pytest.raises(CorpusError, match="no such task"):
        labels_of("nothing", corpus)
    (corpus / "things/es/tool.txt").unlink()
    with pytest.raises(CorpusError, match="same two or more labels"):
        labels_of("things", corpus)


def test_the_command_names_what_is_missing():
    done = subprocess.run(
        [sys.executable, "-m", "training", "nothing"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "nothing: no such task" in done.stderr


def test_noise_changes_the_sentence_and_never_empties_it():
    rng = random.Random(1)
    always = Rates(lost=1, repeated=0, letter_lost=0, alike=0, unaccented=1, before=0, after=0)
    assert noisy("qué hay en la lista", "es", rng, always) == "que hay lista"
    assert noisy("la de", "es", rng, always) == "la de"
    assert unaccented("mañana pingüino") == "manana pinguino"


def test_noise_adds_what_people_say_around():
    rates = Rates(lost=0, repeated=1, letter_lost=0, alike=0, unaccented=0, before=1, after=1)
    assert "lamp lamp" in noisy("lamp", "en", random.Random(1), rates)
    assert len(noisy("lamp", "en", random.Random(1), rates).split()) >= 4
