import random

import pytest

from training.corpus import CORPUS, CorpusError, Grammar, parse, read_templates

TASKS = sorted(folder.name for folder in CORPUS.iterdir() if folder.name != "slots")
FILES = sorted(file for task in TASKS for file in (CORPUS / task).glob("*/*.txt"))


def grammar(**slots):
    return Grammar({name: [parse(line, name) for line in lines] for name, lines in slots.items()})


def everything(line, **slots):
    template, its_grammar, rng = parse(line, "here:1"), grammar(**slots), random.Random(1)
    return {its_grammar.fill(template, rng) for _ in range(300)}


def test_alternatives_and_slots_are_filled():
    assert everything("(pon|quita) {what} (ya|)", what=["la luz", "(el|un) disco"]) == {
        f"{verb} {what}{now}" for verb in ("pon", "quita") for what in ("la luz", "el disco", "un disco")
        for now in ("", " ya")
    }  # fmt: skip


def test_a_template_knows_how_many_sentences_it_stands_for():
    template = parse("(a|b|(c|d)) {what}", "here:1")
    assert grammar(what=["x", "(y|z)"]).size(template) == 12


@pytest.mark.parametrize("line", ["(a|b", "a)b", "a|b", "{a b}", "a}", "((a)"])
def test_a_faulty_template_is_named(line):
    with pytest.raises(CorpusError, match="here:7"):
        parse(line, "here:7")


def test_an_unknown_slot_is_named():
    with pytest.raises(CorpusError, match=r"\{what\}"):
        grammar().fill(parse("pon {what}", "here:1"), random.Random(1))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_template_of_the_corpus_can_be_filled(file):
    rng, its_grammar = random.Random(1), Grammar.load(file.parent.name)
    templates = read_templates(file)
    said = [its_grammar.fill(template, rng) for template in templates for _ in range(3)]
    assert len(templates) >= 20
    assert [sentence for sentence in said if not sentence.strip() or set(sentence) & set("{}()|")] == []


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_slot_can_be_filled(language):
    rng, its_grammar = random.Random(1), Grammar.load(language)
    for file in sorted((CORPUS / "slots" / language).glob("*.txt")):
        for template in its_grammar.lines(file.stem):
            assert its_grammar.fill(template, rng)
