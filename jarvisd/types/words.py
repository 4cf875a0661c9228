"""Words that have only a few values."""

from __future__ import annotations

from typing import Literal, TypeAlias

Language: TypeAlias = Literal["es", "en"]
# What a question is: for the house's devices, a short fact or chat, an explanation or a text, a problem to think about.
Kind: TypeAlias = Literal["home", "fast", "strong", "reasoning"]
# Which of them a tier is meant for.
Level: TypeAlias = Literal["fast", "strong", "reasoning"]
Source: TypeAlias = Literal["microphone", "file", "cli", "mqtt", "http", "plugin"]
