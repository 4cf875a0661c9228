"""What of the house is exposed to voice assistants: its entities with their names, and its areas."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jarvisd.errors import HomeError
from jarvisd.home.session import HomeRefusal, Session
from jarvisd.home.states import EntityState, watch

ASSISTANT = "conversation"  # what Home Assistant calls its own voice assistant where it is asked who may see what


@dataclass(frozen=True, slots=True)
class Entity:
    """Something that is exposed. `names`: how people call it, its own name first. `area`: empty where it has none."""

    entity_id: str
    names: tuple[str, ...]
    area: str = ""
    device_class: str = ""

    @property
    def domain(self) -> str:
        return self.entity_id.partition(".")[0]

    @property
    def name(self) -> str:
        return self.names[0]


@dataclass(frozen=True, slots=True)
class House:
    """All that is exposed. `spellings`: words of names and areas, by what is left of them without accents."""

    entities: Mapping[str, Entity] = field(default_factory=dict)
    areas: tuple[tuple[str, ...], ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict)


def fold(text: str) -> str:
    """Small letters without accents, one space between words."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())


def house_of(entities: Iterable[Entity], areas: Iterable[tuple[str, ...]]) -> House:
    """The house with the spellings of its names."""
    entities, areas = tuple(entities), tuple(areas)
    said = [*(name for one in entities for name in one.names), *(name for names in areas for name in names)]
    spellings = {fold(word): word for name in said for word in re.findall(r"\w+", name.casefold())}
    return House(
        {one.entity_id: one for one in entities},
        areas,
        {plain: word for plain, word in spellings.items() if plain != word},
    )


async def read_house(session: Session) -> House:
    """Asks for what is exposed. An administrator's token is told at once; another reads it from the registry.

    Raises HomeError.
    """
    try:
        return await _read(session)
    except (AttributeError, TypeError, KeyError) as error:
        raise HomeError(f"Home Assistant lists its entities in a form that is not understood ({error!r}).") from error


async def _read(session: Session) -> House:
    registry = await _exposed(session)
    areas = _rows(await session.ask("config/area_registry/list"))
    by_area = {str(area.get("area_id")): _names(area.get("name"), area.get("aliases")) for area in areas}
    devices = {str(device.get("id")): device for device in _rows(await session.ask("config/device_registry/list"))}
    now = (await watch(session, registry)).now if registry else {}
    entities = [
        _entity(now[entity_id], entry or {}, by_area, devices)
        for entity_id, entry in registry.items()
        if entity_id in now
    ]
    return house_of(entities, [names for names in by_area.values() if names])


async def _exposed(session: Session) -> dict[str, Mapping[str, Any] | None]:
    """The registry's entry of each exposed entity; None for one that has none."""
    try:
        told = await session.ask("homeassistant/expose_entity/list")
    except HomeRefusal as refusal:
        if refusal.reason != "unauthorized":
            raise
        rows = _rows((await session.ask("config/entity_registry/list_for_display")).get("entities"))
        entries = await session.ask(
            "config/entity_registry/get_entries", entity_ids=[str(row.get("ei")) for row in rows]
        )
        return {entity_id: entry for entity_id, entry in entries.items() if entry and _is_exposed(entry)}
    exposed = [entity_id for entity_id, to in told.get("exposed_entities", {}).items() if to.get(ASSISTANT) is True]
    if not exposed:
        return {}
    entries = await session.ask("config/entity_registry/get_entries", entity_ids=exposed)
    return {entity_id: entries.get(entity_id) for entity_id in exposed}


def _is_exposed(entry: Mapping[str, Any]) -> bool:
    options = entry.get("options")
    ours = options.get(ASSISTANT) if isinstance(options, Mapping) else None
    return isinstance(ours, Mapping) and ours.get("should_expose") is True


def _entity(
    now: EntityState,
    entry: Mapping[str, Any],
    areas: Mapping[str, tuple[str, ...]],
    devices: Mapping[str, Mapping[str, Any]],
) -> Entity:
    device = devices.get(str(entry.get("device_id")), {})
    area = areas.get(str(entry.get("area_id") or device.get("area_id")), ())
    return Entity(now.entity_id, _names(now.name, entry.get("aliases")), area[0] if area else "", now.device_class)


def _names(name: Any, aliases: Any) -> tuple[str, ...]:
    others = aliases if isinstance(aliases, list) else []
    return tuple(str(one) for one in dict.fromkeys([name, *others]) if one)


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
