"""Looks whether devices did what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from jarvisd.home.expect import Asked, as_asked
from jarvisd.home.states import EntityState, Watched


@dataclass(frozen=True, slots=True)
class Readback:
    """What the states show. `unknown`: nothing can show it. `absent`: Home Assistant has lost them, not only slow."""

    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return not self.failed and not self.absent


async def read_back(
    watched: Watched, entity_ids: Collection[str], asked: Asked, before: Mapping[str, EntityState], within_s: float
) -> Readback:
    """Waits until all of them are as asked, at most so long. Raises HomeError when the session ends before."""
    readback = _now(watched, entity_ids, asked, before)
    try:
        async with asyncio.timeout(within_s):
            while readback.failed:
                await watched.change()
                readback = _now(watched, entity_ids, asked, before)
    except TimeoutError:
        pass  # what is not so by now is told as it is
    return readback


def _now(watched: Watched, entity_ids: Collection[str], asked: Asked, before: Mapping[str, EntityState]) -> Readback:
    found: dict[str, list[str]] = {"done": [], "failed": [], "absent": [], "unknown": []}
    for entity_id in entity_ids:
        now = watched.now.get(entity_id)
        shown = as_asked(asked, before.get(entity_id), now)
        if shown is None:
            found["unknown"].append(entity_id)
        elif shown:
            found["done"].append(entity_id)
        else:
            found["absent" if now is None or now.state == "unavailable" else "failed"].append(entity_id)
    return Readback(**{name: tuple(ids) for name, ids in found.items()})
