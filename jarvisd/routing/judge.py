"""Says whether a text may leave the house, as the daemon does: by rules, and by a trained score beside them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from jarvisd.outgoing import Verdict
from jarvisd.routing.privacy import check_text
from jarvisd.routing.scorer import Scorer
from jarvisd.types import Language


def build_judge() -> Callable[[str, Language | None], Verdict]:
    """Reads the weights: not for a running loop."""
    private = Scorer.load("private")
    return partial(check_text, score=lambda text: private.probabilities(text)["private"])
