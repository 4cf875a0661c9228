"""Whether the beginning of an answer sounds as if the model did not know. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# The end of a sentence, or of so much of one that it is enough to judge.
_SENTENCE_END = re.compile(r"[.!?…](?=\s|$)|\n")
LONG_ENOUGH_CHARACTERS = 160
# Fewer words than these say nothing in the mean.
FEWEST_TOKENS = 4
_HEDGES = re.compile(
    r"\b(?:i (?:do not|don't|dont) (?:know|have (?:access|enough|any)|understand)|i'?m not (?:sure|certain|able)"
    r"|i am not (?:sure|certain|able)|i (?:cannot|can't|can not) (?:help|answer|access|provide|determine|say)"
    r"|it is (?:unclear|not clear)|as an (?:ai|artificial)|i have no (?:information|idea|way)|not enough information"
    r"|i would need more|it depends|sorry, (?:but )?i"
    r"|no lo se\b|no se(?=[,.;!]|$| si\b| cual| quien)|no estoy segur[oa]"
    r"|no tengo (?:acceso|informacion|suficiente|forma|datos)"
    r"|no puedo (?:ayudar|responder|acceder|proporcionar|decir|determinar)|como (?:modelo|inteligencia|una ia|ia)\b"
    r"|no entiendo|no esta claro|no me es posible|depende de|necesitaria mas|lo siento, (?:pero )?no)",
    re.IGNORECASE,
)


def first_sentence(text: str) -> str | None:
    """The first sentence, or as much as is judged; None while it is not complete."""
    found = _SENTENCE_END.search(text)
    if found is not None:
        return text[: found.end()]
    return text if len(text) >= LONG_ENOUGH_CHARACTERS else None


def is_unsure(text: str, logprobs: Sequence[float], limit: float) -> bool:
    """Whether it hedges, or its tokens were unlikely in the mean (natural logarithms). Without any, words decide."""
    if _HEDGES.search(_without_accents(text)):
        return True
    return len(logprobs) >= FEWEST_TOKENS and sum(logprobs) / len(logprobs) < limit


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(one for one in decomposed if not unicodedata.combining(one))
