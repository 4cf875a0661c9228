"""Sentences to train on: templates filled, wrapped in rambling, and heard badly.

Rambling is what makes length say nothing: sentences of every label get the same kind of it, before and behind.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.corpus import CORPUS, CorpusError, Grammar, Template, read_templates
from training.noise import noisy

# Tasks in which what is said beside the matter may tell the label just as well: nothing is said beside it there.
PLAIN_TASKS = frozenset({"private"})
# Sentences drawn for each label of a language.
SENTENCES = 5_500
# Sentences of each label and language that a correction is tried on.
PROBE_SENTENCES = 80
# A template that stands for 2 ** 24 sentences is drawn no more often than one of 2 ** 16.
MOST_BITS = 16.0
RAMBLING_BEFORE = 0.4
RAMBLING_BEHIND = 0.08
# Rambling made of pieces of other sentences, of any label: what was said on the way must not matter, whatever it was.
MIXED_BEFORE = 0.25
MIXED_BEHIND = 0.06
CLOSING = 0.12
NOISY = 0.7


@dataclass(frozen=True, slots=True)
class Sample:
    """`place` is the template it came from: what is held out is held out by place."""

    text: str
    label: str
    language: str
    place: str
    weight: float


def labels_of(task: str, corpus: Path = CORPUS) -> dict[str, tuple[str, ...]]:
    """Labels by language. Raises CorpusError where there is nothing, or where languages differ."""
    found = {
        folder.name: tuple(sorted(file.stem for file in folder.glob("*.txt")))
        for folder in sorted((corpus / task).glob("*"))
    }
    if not found:
        raise CorpusError(f"{corpus / task}: no such task. A task is a folder with <language>/<label>.txt in it.")
    if len(set(found.values())) != 1 or len(next(iter(found.values()))) < 2:
        raise CorpusError(f"{corpus / task}: every language needs the same two or more labels, but there are {found}")
    return found


def draw(task: str, seed: int, corpus: Path = CORPUS, sentences: int = SENTENCES) -> list[Sample]:
    """The samples of a task; each label of each language weighs the same."""
    samples: list[Sample] = []
    for language, labels in labels_of(task, corpus).items():
        grammar = Grammar.load(language, corpus)
        by_label = {label: read_templates(corpus / task / language / f"{label}.txt") for label in labels}
        templates = [template for found in by_label.values() for template in found]
        wrapper = Wrapper(language, grammar, templates, rambles=task not in PLAIN_TASKS)
        for label, own in by_label.items():
            rng = random.Random(f"{seed} {language} {label}")
            drawn = list(_draw_label(own, grammar, sentences, rng))
            total = sum(share for _, _, share in drawn)
            samples += [
                Sample(wrapper.wrap(sentence, rng), label, language, template.place, share / total)
                for sentence, template, share in drawn
            ]
    return samples


def draw_probe(task: str, seed: int, corpus: Path = CORPUS, each: int = PROBE_SENTENCES) -> list[tuple[str, str]]:
    """Label and sentence, one from a template, with nothing around: what a household's corrections must leave alone."""
    found: list[tuple[str, str]] = []
    for language, labels in labels_of(task, corpus).items():
        grammar = Grammar.load(language, corpus)
        for label in labels:
            templates = read_templates(corpus / task / language / f"{label}.txt")
            rng = random.Random(f"probe {seed} {language} {label}")
            chosen = rng.sample(templates, min(each, len(templates)))
            found += [(label, grammar.fill(template, rng)) for template in chosen]
    return found


def _draw_label(
    templates: Sequence[Template], grammar: Grammar, sentences: int, rng: random.Random
) -> Iterator[tuple[str, Template, float]]:
    """Sentence, its template, and its share. What can be said in many ways is drawn more often."""
    bits = [min(MOST_BITS, 1 + math.log2(grammar.size(template))) for template in templates]
    for template, its_bits in zip(templates, bits, strict=True):
        times = max(1, round(sentences * its_bits / sum(bits)))
        for sentence, count in Counter(grammar.fill(template, rng) for _ in range(times)).items():
            # Twice at most, once so and once otherwise heard; the weight says how often it was drawn.
            copies = min(count, 2)
            for _ in range(copies):
                yield sentence, template, count / copies


@dataclass(frozen=True, slots=True)
class Wrapper:
    """Puts rambling around sentences of one language, where it `rambles`, and has them heard badly."""

    language: str
    grammar: Grammar
    templates: Sequence[Template]
    rambles: bool = True

    def wrap(self, sentence: str, rng: random.Random) -> str:
        text = self._ramble(sentence, rng) if self.rambles else sentence
        return noisy(text, self.language, rng) if rng.random() < NOISY else text

    def _ramble(self, text: str, rng: random.Random) -> str:
        chance = rng.random()
        if chance < RAMBLING_BEFORE:
            text = f"{self._from_slot('ramble', rng)} {text}"
        elif chance < RAMBLING_BEFORE + MIXED_BEFORE:
            text = f"{self._mixed(rng)} {self._from_slot('turn', rng)} {text}"
        chance = rng.random()
        if chance < RAMBLING_BEHIND:
            text = f"{text} {self._from_slot('afterthought', rng)}"
        elif chance < RAMBLING_BEHIND + MIXED_BEHIND:
            text = f"{text} {self._from_slot('link', rng)} {self._mixed(rng)}"
        if rng.random() < CLOSING:
            text = f"{text} {self._from_slot('closing', rng)}"
        return text

    def _mixed(self, rng: random.Random) -> str:
        pieces: list[str] = []
        for _ in range(rng.randint(2, 6)):
            words = self.grammar.fill(rng.choice(self.templates), rng).split()
            start = rng.randrange(max(1, len(words) - 3))
            pieces += [*words[start : start + rng.randint(2, 6)], self._from_slot("link", rng)]
        return " ".join(pieces[:-1])

    def _from_slot(self, slot: str, rng: random.Random) -> str:
        return self.grammar.fill(rng.choice(self.grammar.lines(slot)), rng)
