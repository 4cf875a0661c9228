"""What this household asks: the scorer was trained on an even mix of kinds, and no house asks one.

Probabilities are corrected to the household's own mix by the ratio of the two (Saerens, Latinne and Decaestecker,
"Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 14, 2002, equation 2.4).
The mix is estimated from the probabilities of the turns so far, as in their EM step, with a belief to begin with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jarvisd.types import Kind

KINDS: tuple[Kind, ...] = ("home", "fast", "strong", "reasoning")
# What homes ask when nothing is known yet of this one. Commands that a grammar knows never come to the scorer.
TYPICAL: Mapping[Kind, float] = {"home": 0.3, "fast": 0.35, "strong": 0.25, "reasoning": 0.1}
# The typical mix counts like so many turns.
PRIOR_TURNS = 100.0
# No kind becomes so rare that it is not recognised any more.
RAREST = 0.05


def corrected(probabilities: Mapping[Kind, float], mix: Mapping[Kind, float]) -> dict[Kind, float]:
    """The probabilities in a household with this mix. The scorer's own is even."""
    weighted = {kind: probabilities.get(kind, 0.0) * mix[kind] for kind in KINDS}
    whole = sum(weighted.values())
    return {kind: share / whole for kind, share in weighted.items()} if whole > 0 else dict(mix)


def household_mix(turns: Iterable[Mapping[Kind, float]]) -> dict[Kind, float]:
    """The mix of a household from the corrected probabilities of its last turns."""
    counts = {kind: PRIOR_TURNS * TYPICAL[kind] for kind in KINDS}
    for turn in turns:
        for kind in KINDS:
            counts[kind] += turn.get(kind, 0.0)
    whole = sum(counts.values())
    shares = {kind: max(RAREST, count / whole) for kind, count in counts.items()}
    kept = sum(shares.values())
    return {kind: share / kept for kind, share in shares.items()}
