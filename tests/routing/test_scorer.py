import gzip
import subprocess
import sys
from array import array

import pytest

from jarvisd.routing.features import LOOKS, MOST_WORDS, plain_words, seen
from jarvisd.routing.scorer import KINDS, Correction, Scorer, Weights, feature_hash

SENTENCES = (
    "enciéndeme la luz del salón",
    "how tall is the eiffel tower",
    "si tengo 3 camisas y 4 pantalones de cuántas formas me puedo vestir",
    "explain recursion to a child and then to a mathematician and tell me what both of them miss about it",
)


@pytest.fixture(scope="module")
def weights():
    return Weights.load("kinds")


@pytest.fixture(scope="module")
def scorer(weights):
    return Scorer(weights)


def best(scorer, text, language=None):
    shares = scorer.probabilities(text, language)
    return max(shares, key=shares.get)


def added_up(weights, text):
    """What the scorer computes, as features.seen has it: slowly."""
    width = len(weights.labels)
    places = {key: place for place, key in enumerate(weights.hashes)}
    totals = [0.0] * width
    for look, feature, share in seen(text):
        if (place := places.get(feature_hash(feature))) is not None:
            start = (place * len(LOOKS) + look) * width
            for label in range(width):
                totals[label] += weights.rows[start + label] * weights.scales[look] * share
    return totals


@pytest.mark.parametrize("text", SENTENCES)
def test_the_quick_sum_is_the_sum(weights, scorer, text):
    assert scorer.scores(text) == pytest.approx(added_up(weights, text))


@pytest.mark.parametrize("text, kind", list(zip(SENTENCES, ("home", "fast", "reasoning", "strong"), strict=True)))
def test_each_kind_is_told(scorer, text, kind):
    assert best(scorer, text) == kind


def test_the_labels_are_the_kinds(scorer):
    assert tuple(scorer.probabilities("hola")) == scorer.labels == KINDS


@pytest.mark.parametrize("text", ["", "   ", "🎉🔥", "?!", "…"])
def test_nothing_said_is_nothing_known(scorer, text):
    assert set(scorer.probabilities(text, "es").values()) == {0.25}


@pytest.mark.parametrize(
    "text", ["今日の天気はどうですか", "включи свет на кухне", "صباح الخير", "zzxq vvkj qqwp", "\x00\x01"]
)
def test_another_language_is_an_answer_with_shares_that_add_up(scorer, text):
    assert sum(scorer.probabilities(text).values()) == pytest.approx(1)


def test_five_thousand_words_are_read_at_both_ends_only(scorer):
    assert len(plain_words("una palabra " * 2_500)) == MOST_WORDS
    assert best(scorer, "bueno pues nada " + "bla y " * 2_500 + "y ahora pon un temporizador de diez minutos") == "home"


def test_the_same_text_gives_the_same_shares_in_another_process(scorer):
    program = f"from jarvisd.routing.scorer import Scorer; print(repr(Scorer.load().scores({SENTENCES[2]!r})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == repr(scorer.scores(SENTENCES[2]))


def test_the_language_changes_how_far_scores_are_trusted_and_nothing_else(scorer):
    assert best(scorer, SENTENCES[0], "es") == best(scorer, SENTENCES[0], "en") == best(scorer, SENTENCES[0])


def test_what_a_recogniser_loses_changes_nothing(scorer):
    assert scorer.scores("¿Qué tal está la calefacción?") == scorer.scores(
        "oye jarvis que tal esta la calefaccion porfa"
    )


def tiny():
    keys = sorted(feature_hash(word) for word in ("luz", "por que"))
    rows = array("b", range(len(keys) * len(LOOKS) * 2))
    return Weights(("one", "two"), (0.5,) * len(LOOKS), {"": 1.0}, array("I", keys), rows)


def test_weights_come_back_from_their_bytes():
    assert Weights.from_bytes(tiny().to_bytes()) == tiny()


def test_the_same_weights_are_the_same_bytes(weights):
    assert tiny().to_bytes() == tiny().to_bytes()
    assert Weights.from_bytes(weights.to_bytes()) == weights


def test_a_correction_is_added(weights):
    text = "luz"
    key = feature_hash("luz")
    row = [0.0] * (len(LOOKS) * 4)
    row[3] = 2.0  # the whole sentence, reasoning
    plain, corrected = Scorer(weights), Scorer(weights, Correction({key: tuple(row)}))
    gained = [after - before for before, after in zip(plain.scores(text), corrected.scores(text), strict=True)]
    share = sum(share for look, feature, share in seen(text) if look == 0 and feature == "luz")
    # "luz" is both a word and a piece of itself.
    assert gained == pytest.approx([0, 0, 0, 2.0 * share])


def test_the_shipped_file_is_small():
    content = Weights.load("kinds").to_bytes()
    assert len(content) < 1_000_000
    assert len(gzip.decompress(content)) < 2_000_000
