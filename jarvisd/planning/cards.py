"""Graphics cards as a plan sees them: how much of each there is, and what the card can do."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

# What an engine may take of a whole card, as vLLM's own default has it: the rest is the driver's, and holes.
USABLE = 0.92
_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?b)?(?:@(\d{1,2})\.(\d))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Card:
    """`reserved_bytes`: the driver's own; `foreign_bytes`: other programs' now; `kept_free_bytes`: what shall be left
    for those, whether they take it now or not.

    `capability` is CUDA's, (7, 5) for sm_75; None and an empty `driver` where nobody was asked.
    """

    uuid: str
    name: str
    total_bytes: int
    reserved_bytes: int = 0
    foreign_bytes: int = 0
    kept_free_bytes: int = 0
    capability: tuple[int, int] | None = None
    driver: str = ""

    @property
    def budget_bytes(self) -> int:
        """What engines may take together."""
        margin = max(self.reserved_bytes, math.ceil(self.total_bytes * (1 - USABLE)))
        return max(0, self.total_bytes - margin - max(self.foreign_bytes, self.kept_free_bytes))

    @property
    def driver_major(self) -> int | None:
        head = self.driver.partition(".")[0]
        return int(head) if head.isdigit() else None


def imagined_card(text: str, number: int) -> Card:
    """A card by its memory alone, as in `15.5GiB`, or with its capability, `6GiB@7.5`. Raises ValueError."""
    match = _MEMORY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no amount of memory; write 15.5GiB, 16GB, or 6GiB@7.5 with CUDA's capability")
    amount, unit, major, minor = match.groups()
    total = round(float(amount) * _UNITS[(unit or "").lower()])
    if not 0 < total < 1 << 50:
        raise ValueError(f"{text!r} is no amount of memory that a card has")
    capability = (int(major), int(minor)) if major else None
    return Card(f"card-{number}", f"card {number} ({text.strip().partition('@')[0]})", total, capability=capability)
