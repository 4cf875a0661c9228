"""Tosses a coin and rolls dice, in Spanish and English."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from jarvisd import hookimpl
from jarvisd.types import Transcript

_COIN = re.compile(
    r"(?:please )?(?:toss|flip) (?:a|the) coin(?: please)?|heads or tails"
    r"|(?:por favor )?(?:tira|lanza|echa) (?:una|la) moneda(?: al aire)?(?: por favor)?|cara o cruz"
)
_DICE = re.compile(
    r"(?:please )?(?:roll|throw) (?P<en>a die|the dice|a dice|two dice|2 dice)(?: please)?"
    r"|(?:por favor )?(?:tira|lanza) (?P<es>un dado|el dado|los dados|dos dados|2 dados)(?: por favor)?"
)
_PAIRS = ("two dice", "2 dice", "the dice", "los dados", "dos dados", "2 dados")


class Plugin:
    """`number(n)` is where chance comes from: one of 1 to n."""

    def __init__(self, number: Callable[[int], int] = lambda most: random.randint(1, most)) -> None:
        self._number = number

    @hookimpl
    async def handle_command(self, transcript: Transcript) -> str | None:
        text = " ".join(re.findall(r"\w+", transcript.text.casefold()))
        if coin := _COIN.fullmatch(text):
            spanish = "moneda" in coin[0] or "cara" in coin[0]
            return [["Heads.", "Tails."], ["Cara.", "Cruz."]][spanish][self._number(2) - 1]
        dice = _DICE.fullmatch(text)
        if dice is None:
            return None
        spanish = dice["es"] is not None
        first = self._number(6)
        if (dice["es"] or dice["en"]) not in _PAIRS:
            return f"Ha salido un {first}." if spanish else f"It's a {first}."
        second = self._number(6)
        return f"{first} y {second}: {first + second}." if spanish else f"{first} and {second}: {first + second}."
