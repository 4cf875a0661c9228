"""What the house remembers."""

from __future__ import annotations

from typing import Literal

from jarvisd.config.section import Languages, Name, Section, key


class MemoryConfig(Section):
    """Memory: what was said here, found again and cited. Everything stays in the state folder."""

    enabled: bool = key(True, "Keep what is said. false: nothing is kept, and nothing recalled.")
    embedder: Name | None = key(
        None,
        "Name of an embedding engine below, to find what means the same in other words. Unset: words alone.",
        examples=["embed"],
    )
    embedder_languages: Languages | None = key(
        None,
        "Languages that its model knows; it counts for less in others. Unset: English for all-MiniLM-L6-v2, else all.",
        examples=[("en",)],
    )
    index: Literal["exact", "chroma"] = key(
        "exact",
        "Where vectors are searched. exact: in memory, right up to some 50,000 memories; chroma: in a Chroma server.",
    )
    index_engine: Name | None = key(None, 'Name of the chroma engine below, for index = "chroma".', examples=["chroma"])
    recall_count: int = key(5, "So many memories are shown to a model.", live=True, ge=1, le=20)
    recall_tokens: int = key(600, "They take about so many tokens of its context at most.", live=True, ge=50, le=8000)
    retell: bool = key(
        True,
        "A model answers from the memories, and only what stands in them is said. false: they are quoted word for "
        "word, which needs no model.",
        live=True,
    )
    keep_commands_days: float = key(
        30.0, "Commands (lights, timers) are forgotten after so long; 0: never.", live=True, ge=0
    )
    keep_turns_days: float = key(0.0, "Questions and answers are forgotten after so long; 0: never.", live=True, ge=0)
    extract: bool = key(
        False,
        "Every night, when the best model of the house is warm and idle, have it read facts out of what people said.",
        live=True,
    )
