"""The devices of the house as tools for models: one tool for each verb, so that the person's own verb must agree.

What a tool did is read back from the state before anybody may say that it is done; what is dangerous waits for a yes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jarvisd.errors import HomeError
from jarvisd.home.devices import Devices, ServiceResult, exposed_as_data
from jarvisd.home.house import House
from jarvisd.types import Tool, ToolContext, ToolResult

SOURCE = "home assistant"
_ENTITY = {"type": "string", "description": "an entity_id as list_devices gives it"}
_CONFIRMED = {"done": True, "failed": False, "absent": False}


@dataclass(frozen=True, slots=True)
class _Verb:
    """One thing that can be done. `services`: by domain. `value`: the argument beside the device, as the service
    calls it, with its JSON schema. `words`: those of which one must be said; unset: as its name says.
    """

    name: str
    description: str
    services: Mapping[str, str]
    value: tuple[str, Mapping[str, Any]] | None = None
    dangerous: bool = False
    words: tuple[str, ...] = ()


# What people say to set something to a value, which no name of a tool tells.
_SET = ("set", "put", "make", "dim", "brighten", "turn", "raise", "lower", "pon", "sube", "baja", "ajusta", "cambia")
_SWITCHED = ("light", "switch", "fan", "input_boolean", "media_player", "climate", "humidifier", "siren")
_VERBS = (
    _Verb("turn_on", "Turns a device of the house on.", dict.fromkeys((*_SWITCHED, "scene", "script"), "turn_on")),
    _Verb("turn_off", "Turns a device of the house off.", dict.fromkeys(_SWITCHED, "turn_off")),
    _Verb(
        "set_brightness",
        "Sets how bright a light is.",
        {"light": "turn_on"},
        ("brightness_pct", {"type": "integer", "minimum": 1, "maximum": 100}),
        words=_SET,
    ),
    _Verb(
        "set_temperature",
        "Sets the temperature of a thermostat.",
        {"climate": "set_temperature"},
        ("temperature", {"type": "number", "minimum": 4, "maximum": 40}),
        words=_SET,
    ),
    _Verb("close_cover", "Closes a blind, curtain, garage or valve.", {"cover": "close_cover", "valve": "close_valve"}),
    _Verb("open_cover", "Opens a blind or curtain; not doors and garages.", {"cover": "open_cover"}),
    _Verb("lock_door", "Locks a door.", {"lock": "lock"}),
    _Verb(
        "open_door",
        "Opens a garage, gate or door, after the person has confirmed it.",
        {"cover": "open_cover", "valve": "open_valve"},
        dangerous=True,
    ),
    _Verb("unlock_door", "Unlocks a door, after the person has confirmed it.", {"lock": "unlock"}, dangerous=True),
)


def device_tools(devices: Devices, known: Callable[[], House]) -> tuple[Tool, ...]:
    """Tools for all that Home Assistant exposes. `known`: what that is, as far as it has been read."""

    async def listed(_arguments: Mapping[str, Any], _context: ToolContext) -> ToolResult:
        try:
            return ToolResult(exposed_as_data(await devices.list_exposed()))
        except HomeError as error:
            return ToolResult(error.message, failed=True)

    def names(_argument: str, value: Any) -> tuple[str, ...]:
        """What people call the device, or where it is, in place of its entity_id."""
        entity = known().entities.get(str(value))
        return () if entity is None else (*entity.names, *([entity.area] if entity.area else []))

    nothing = {"type": "object", "properties": {}, "additionalProperties": False}
    look = Tool("list_devices", "Lists the devices of the house with their states.", nothing, listed, source=SOURCE)
    return (look, *(_tool(verb, devices, names) for verb in _VERBS))


def _tool(verb: _Verb, devices: Devices, names: Callable[[str, Any], tuple[str, ...]]) -> Tool:
    properties: dict[str, Any] = {"entity_id": _ENTITY}
    if verb.value is not None:
        properties[verb.value[0]] = dict(verb.value[1])

    async def run(arguments: Mapping[str, Any], _context: ToolContext) -> ToolResult:
        entity_id = str(arguments["entity_id"])
        domain = entity_id.partition(".")[0]
        service = verb.services.get(domain)
        if service is None:
            return ToolResult(f"{verb.name} is not for {domain}: it is for {', '.join(verb.services)}.", failed=True)
        data = {key: value for key, value in arguments.items() if key != "entity_id"}
        result = await devices.call_service(domain, service, entity_id, data)
        if result.status == "needs_confirmation" and verb.dangerous:  # the person has just given it
            result = await devices.call_service(domain, service, entity_id, data, confirmed=result.confirmation)
        return _result(result)

    return Tool(
        verb.name,
        verb.description,
        {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False},
        run,
        acts=True,
        dangerous=verb.dangerous,
        words=verb.words,
        things=("entity_id",),
        names=names,
        source=SOURCE,
    )


def _result(result: ServiceResult) -> ToolResult:
    if result.status == "needs_confirmation":
        return ToolResult("Nothing was done: this needs the tool that asks the person first.", failed=True)
    return ToolResult(
        result.as_data(),
        confirmed=_CONFIRMED.get(result.status),
        failed=result.status in {"refused", "needs_confirmation"},
    )
