"""What people order of the engines: warm, unload, pin, and a card for themselves. Each order ends in a sentence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from jarvisd.engines.pool import EnginePool
from jarvisd.engines.released import ReleasedCards
from jarvisd.errors import EngineError, OrderError
from jarvisd.types import EngineStatus, GpuStatus

# A card is lent for so long at most: a slip of the finger must not cost the house its models for a year.
LONGEST_RELEASE_S = 7 * 86_400.0
SHORTEST_RELEASE_S = 1.0


class Orders:
    """`engine_of`: engines by the names of tiers. `gpus`: the cards as they were last seen. Raises OrderError where
    an order cannot be followed, EngineError where it was tried.
    """

    def __init__(
        self,
        pool: EnginePool,
        released: ReleasedCards,
        *,
        engine_of: Callable[[], Mapping[str, str]],
        gpus: Callable[[], Sequence[GpuStatus]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pool = pool
        self._released = released
        self._engine_of = engine_of
        self._gpus = gpus
        self._clock = clock
        self._until_s: dict[str, float] = {}

    async def remember(self) -> None:
        """Cards that were released before a restart still are."""
        known = await asyncio.to_thread(self._released.read)
        now_s = self._clock()
        for uuid in self._pool.cards():
            left_s = known.get(uuid, 0.0) - now_s
            if 0 < left_s <= LONGEST_RELEASE_S:
                self._until_s[uuid] = now_s + left_s
                self._pool.release_card(uuid, left_s, _clock_time(now_s + left_s, now_s))

    async def warm(self, name: str, wait_s: float) -> str:
        """Brings an engine up as if it had just been used, and waits until it is ready."""
        engine = self._engine(name).name
        began_s = time.monotonic()
        self._pool.warm(engine)
        try:
            await self._pool.ready(engine, wait_s)
        except EngineError as error:
            raise OrderError(f"{engine} is not ready: {error.message}", code="not_ready") from error
        took_s = time.monotonic() - began_s
        return f"{engine} is ready" + (f" after {took_s:.1f} s." if took_s >= 0.05 else ".")

    async def unload(self, name: str) -> str:
        """Ends an engine's process, and waits for that. The next question that needs it starts it again."""
        status = self._engine(name)
        await self._pool.unload(status.name)
        return f"{status.name} is stopped. The next question that needs it starts it again."

    def pin(self, name: str, *, pinned: bool) -> str:
        engine = self._engine(name).name
        self._pool.pin(engine, pinned=pinned)
        if pinned:
            self._pool.warm(engine)
            return f"{engine} keeps its place until `jarvisd unpin {engine}` or a restart (for good: pinned = true)."
        return f"{engine} is not pinned any more."

    async def release(self, card: str, for_s: float) -> str:
        """Gives a card, or with an empty name all of them, to the person for a while."""
        if not SHORTEST_RELEASE_S <= for_s <= LONGEST_RELEASE_S:
            raise OrderError("A card is released for one second to seven days: try `jarvisd gpu release 2h`.")
        now_s = self._clock()
        uuids = self._cards(card)
        until = _clock_time(now_s + for_s, now_s)
        for uuid in uuids:
            self._until_s[uuid] = now_s + for_s
            self._pool.release_card(uuid, for_s, until)
        await self._keep()
        await self._pool.left(uuids)
        busy = self._pool.on_cards(uuids)
        what = f"{self._say(uuids)} {'is' if len(uuids) == 1 else 'are'} yours until {until}."
        return what + (f" Still in use, and ended after it: {', '.join(busy)}." if busy else "")

    async def reclaim(self, card: str) -> str:
        """Ends a release before its time."""
        uuids = [uuid for uuid in self._cards(card) if self._until_s.pop(uuid, 0.0) > self._clock()]
        for uuid in uuids:
            self._pool.reclaim_card(uuid)
        await self._keep()
        return f"{self._say(uuids)}: the engines may use it again." if uuids else "No card was released."

    async def _keep(self) -> None:
        await asyncio.to_thread(self._released.write, dict(self._until_s))

    def _engine(self, name: str) -> EngineStatus:
        statuses = {status.name: status for status in self._pool.statuses()}
        known = self._engine_of()
        found = statuses.get(name) or statuses.get(known.get(name, ""))
        if found is None:
            raise OrderError(
                f"There is no engine and no tier {name!r}. Engines: {', '.join(statuses) or 'none'}; "
                f"tiers: {', '.join(known) or 'none'}.",
                code="unknown_engine",
            )
        return found

    def _cards(self, wanted: str) -> list[str]:
        """Cards by the beginning of their UUID or by a part of their name."""
        uuids = list(self._pool.cards())
        if not uuids:
            raise OrderError("No engine has a card (`gpu` or `device` in its table): there is none to give.")
        if not wanted:
            return uuids
        names = self._names()
        found = [
            uuid
            for uuid in uuids
            if uuid.casefold().startswith(wanted.casefold()) or wanted.casefold() in names.get(uuid, "").casefold()
        ]
        if len(found) == 1:
            return found
        known = "; ".join(f"{uuid} {names.get(uuid, '')}".strip() for uuid in uuids)
        few = "no card" if not found else "more than one card"
        raise OrderError(f"{wanted!r} is {few} of these: {known}.", code="unknown_card")

    def _say(self, uuids: Sequence[str]) -> str:
        names = self._names()
        return " and ".join(names.get(uuid) or uuid[:12] for uuid in uuids)

    def _names(self) -> dict[str, str]:
        return {status.health.uuid: status.health.name for status in self._gpus()}


def _clock_time(until_s: float, now_s: float) -> str:
    """21:30, or with the day where that is another one."""
    until = datetime.fromtimestamp(until_s)
    far = until.date() != datetime.fromtimestamp(now_s).date()
    return until.strftime("%Y-%m-%d %H:%M" if far else "%H:%M")
