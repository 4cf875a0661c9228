"""States of entities as Home Assistant tells them: all of them first, then what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jarvisd.home.session import Session

# Home Assistant's own words for an entity that cannot say how it is.
ABSENT = frozenset({"unavailable", "unknown"})


@dataclass(frozen=True, slots=True)
class EntityState:
    """How an entity is. Its name and its state are what others wrote: data, never instructions."""

    entity_id: str
    state: str
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        return self.entity_id.partition(".")[0]

    @property
    def name(self) -> str:
        return str(self.attributes.get("friendly_name") or self.entity_id)

    @property
    def device_class(self) -> str:
        return str(self.attributes.get("device_class") or "")


class Watched:
    """Some entities, watched over one session. Those that do not exist are not in `now`."""

    def __init__(self, session: Session, subscription: int) -> None:
        self.now: dict[str, EntityState] = {}
        self._session = session
        self._subscription = subscription

    async def change(self) -> None:
        """Waits for the next change and takes it over."""
        self._fold(await self._session.told(self._subscription))

    def _fold(self, event: Mapping[str, Any]) -> None:
        for entity_id, told in _entries(event, "a"):
            self.now[entity_id] = EntityState(entity_id, str(told.get("s", "")), _mapping(told.get("a")))
        for entity_id, told in _entries(event, "c"):
            if (before := self.now.get(entity_id)) is not None:
                self.now[entity_id] = _changed(before, told)
        removed = event.get("r")
        for entity_id in removed if isinstance(removed, list) else ():
            self.now.pop(str(entity_id), None)


async def watch(session: Session, entity_ids: Iterable[str]) -> Watched:
    """The entities as they are now, and from now on."""
    wanted = sorted(set(entity_ids))
    subscription = await session.subscribe("subscribe_entities", entity_ids=wanted)
    watched = Watched(session, subscription)
    if wanted:  # an empty list would mean all of them, and is not waited for
        await watched.change()
    return watched


def _changed(before: EntityState, told: Mapping[str, Any]) -> EntityState:
    added, removed = _mapping(told.get("+")), _mapping(told.get("-"))
    attributes = {**before.attributes, **_mapping(added.get("a"))}
    gone = removed.get("a")
    for name in gone if isinstance(gone, list) else ():
        attributes.pop(str(name), None)
    return EntityState(before.entity_id, str(added.get("s", before.state)), attributes)


def _entries(event: Mapping[str, Any], key: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    return ((str(entity_id), _mapping(told)) for entity_id, told in _mapping(event.get(key)).items())


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
