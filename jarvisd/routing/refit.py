"""What a household's own corrections add to the shipped weights. Small, reversible, never silent.

A corrected turn moves only what was seen in it, and most of all what is rare elsewhere, just far enough that it comes
out as corrected with something to spare. A probe set of ordinary sentences, shipped beside the weights, says what else
changes; where that would cost too much, the whole correction is made smaller, and what was not learned is said.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from jarvisd.errors import ModelError
from jarvisd.routing.features import LOOKS, Seen, seen
from jarvisd.routing.scorer import Correction, Scorer, Weights, feature_hash

# How far before the others a corrected label must come, in scores: its paraphrases should follow.
MARGIN = 5.0
ROUNDS = 30
# Share of the probe set that may come out worse.
COST_ALLOWED = 0.005


@dataclass(frozen=True, slots=True)
class Turn:
    """A sentence and the label that it should have, as a household said or a probe set has it."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Change:
    """A sentence of the probe set that comes out otherwise than with the shipped weights alone."""

    text: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Refit:
    """`cost` is the share of the probe set that was right before and is no longer, less what became right."""

    correction: Correction
    not_learned: tuple[Turn, ...]
    changes: tuple[Change, ...]
    cost: float


def load_probe(task: str = "kinds") -> tuple[Turn, ...]:
    file = resources.files("jarvisd.routing") / "weights" / f"{task}.probe.tsv"
    pairs = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())
    return tuple(Turn(text, label) for label, text in pairs)


def refit(weights: Weights, turns: Sequence[Turn], probe: Sequence[Turn]) -> Refit:
    """Always from all corrected turns: taking one back is refitting without it. No turns, no correction.

    Raises ValueError for a label that the weights do not have. A second or two for hundreds of turns: not in the loop.
    """
    unknown = {turn.label for turn in turns} - set(weights.labels)
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: no such label; there are {', '.join(weights.labels)}")
    latest = tuple({turn.text: turn for turn in turns}.values())
    full = _learn(weights, latest, probe)
    share = 1.0
    while True:
        correction = _scaled(full, share)
        scorer = Scorer(weights, correction)
        changes, cost = _compare(Scorer(weights), scorer, probe)
        if cost <= COST_ALLOWED or share < 0.1:
            break
        share *= 0.7
    not_learned = tuple(turn for turn in latest if best(scorer, turn.text) != turn.label)
    return Refit(correction, not_learned, changes, cost)


def best(scorer: Scorer, text: str) -> str:
    scores = scorer.scores(text)
    return scorer.labels[scores.index(max(scores))]


def _learn(weights: Weights, turns: Sequence[Turn], probe: Sequence[Turn]) -> Correction:
    """Passive-aggressive: a turn that is right with room to spare changes nothing, another changes until it is."""
    common = Counter(feature for turn in probe for feature in {feature for _, feature, _ in seen(turn.text)})
    lessons = [(turn, _that_lasts(turn.text)) for turn in turns]
    width = len(weights.labels)
    rows: defaultdict[int, list[float]] = defaultdict(lambda: [0.0] * (len(LOOKS) * width))
    scores = {turn.text: Scorer(weights).scores(turn.text) for turn, _ in lessons}
    for _ in range(ROUNDS):
        learned = True
        for turn, features in lessons:
            now = [
                shipped + added for shipped, added in zip(scores[turn.text], _added(rows, features, width), strict=True)
            ]
            wanted = weights.labels.index(turn.label)
            rival = max((label for label in range(width) if label != wanted), key=lambda label: now[label])
            missing = MARGIN - (now[wanted] - now[rival])
            if missing > 1e-6 and features:
                learned = False
                _move(rows, features, common, (wanted, rival), missing)
        if learned:
            break
    return Correction({key: tuple(row) for key, row in rows.items()})


def _that_lasts(text: str) -> tuple[Seen, ...]:
    """What is seen in a sentence but for how it begins and ends: another way to say it begins and ends otherwise."""
    return tuple(one for one in seen(text) if one[1][0] != "^" and one[1][-1] != "$")


def _move(
    rows: defaultdict[int, list[float]],
    features: Sequence[Seen],
    common: Mapping[str, int],
    towards: tuple[int, int],
    missing: float,
) -> None:
    """The smallest change that makes up what is missing, where changing what is common counts for more."""
    ease = [share / (1 + common.get(feature, 0)) ** 2 for _, feature, share in features]
    step = missing / (2 * sum(share * its_ease for (_, _, share), its_ease in zip(features, ease, strict=True)))
    wanted, rival = towards
    for (look, feature, _), its_ease in zip(features, ease, strict=True):
        row = rows[feature_hash(feature)]
        width = len(row) // len(LOOKS)
        row[look * width + wanted] += step * its_ease
        row[look * width + rival] -= step * its_ease


def _added(rows: Mapping[int, Sequence[float]], features: Sequence[Seen], width: int) -> list[float]:
    added = [0.0] * width
    for look, feature, share in features:
        row = rows.get(feature_hash(feature))
        if row is not None:
            for label in range(width):
                added[label] += share * row[look * width + label]
    return added


def _scaled(correction: Correction, share: float) -> Correction:
    return Correction({key: tuple(value * share for value in row) for key, row in correction.rows.items()})


def _compare(shipped: Scorer, corrected: Scorer, probe: Sequence[Turn]) -> tuple[tuple[Change, ...], float]:
    changes: list[Change] = []
    worse = 0
    for turn in probe:
        before, after = best(shipped, turn.text), best(corrected, turn.text)
        if before != after:
            changes.append(Change(turn.text, before, after))
            worse += (before == turn.label) - (after == turn.label)
    return tuple(changes), worse / max(1, len(probe))


def write_correction(file: Path, correction: Correction, weights: Weights) -> None:
    """Whole or not at all."""
    rows = {str(key): row for key, row in sorted(correction.rows.items())}
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps({"weights": weights.fingerprint(), "rows": rows}), encoding="utf-8")
    draft.replace(file)


def read_correction(file: Path, weights: Weights) -> Correction | None:
    """None where there is none, or one for other weights: it must be made anew from the corrected turns.

    Raises ModelError for a damaged file.
    """
    width = len(LOOKS) * len(weights.labels)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["weights"] != weights.fingerprint():
            return None
        rows = {int(key): tuple(map(float, row)) for key, row in content["rows"].items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(file) from error
    if any(len(row) != width for row in rows.values()):
        raise _damaged(file)
    return Correction(rows)


def _damaged(file: Path) -> ModelError:
    return ModelError(
        f"{file} cannot be read as a correction of the router. Delete it: the shipped weights work without it, "
        "and it is made anew from the corrected turns."
    )
