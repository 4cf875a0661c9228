"""How the tier is chosen that answers."""

from __future__ import annotations

from jarvisd.config.section import Section, key


class RoutingConfig(Section):
    """How the tier is chosen that answers."""

    comfort_s: float = key(
        2.0,
        "A first word within so long is soon enough; a tier that takes longer is chosen only where it is worth it.",
        live=True,
        gt=0,
        le=60,
    )
    look_first: bool = key(
        True,
        "Where it is doubtful whether the fast tier will do, its first sentence is looked at before it is spoken, and "
        "another tier answers when it is unsure.",
        live=True,
    )
    look_ms: float = key(
        400.0, "The first sentence is held back for that no longer than this.", live=True, gt=0, le=5000
    )
    unsure_logprob: float = key(
        -1.1,
        "A first sentence whose words the model found less likely than this, in the mean of their log-probabilities, "
        "is unsure. Engines that tell none are judged by their words alone.",
        live=True,
        lt=0,
    )
    think_tokens: int = key(
        1500, "A reasoning tier thinks for so many tokens at most before it must answer.", live=True, ge=16
    )
    think_s: float = key(25.0, "And for so long at most.", live=True, gt=0)
