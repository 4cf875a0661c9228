"""Which actions a model may propose at all, with which values, and which of them want a yes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from jarvisd.home.danger import is_dangerous, is_harmless
from jarvisd.home.house import Entity

Value: TypeAlias = str | float | bool | list[int]

MAX_VALUE_CHARACTERS = 40
_LIGHT = frozenset({"brightness_pct", "color_name", "color_temp_kelvin", "rgb_color", "transition"})
_NONE: frozenset[str] = frozenset()
_SWITCH: Mapping[str, frozenset[str]] = {"turn_on": _NONE, "turn_off": _NONE}
# What is not here cannot be called: no shell commands, no restarts, no notifications, no service that takes a target
# of its own.
SERVICES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "light": {"turn_on": _LIGHT, "turn_off": frozenset({"transition"})},
    "switch": _SWITCH,
    "input_boolean": _SWITCH,
    "fan": {**_SWITCH, "set_percentage": frozenset({"percentage"})},
    "humidifier": {**_SWITCH, "set_humidity": frozenset({"humidity"})},
    "cover": {
        "open_cover": _NONE,
        "close_cover": _NONE,
        "stop_cover": _NONE,
        "set_cover_position": frozenset({"position"}),
    },
    "valve": {"open_valve": _NONE, "close_valve": _NONE, "set_valve_position": frozenset({"position"})},
    "climate": {
        **_SWITCH,
        "set_temperature": frozenset({"temperature"}),
        "set_hvac_mode": frozenset({"hvac_mode"}),
        "set_preset_mode": frozenset({"preset_mode"}),
    },
    "media_player": {
        **_SWITCH,
        "media_play": _NONE,
        "media_pause": _NONE,
        "media_stop": _NONE,
        "media_next_track": _NONE,
        "media_previous_track": _NONE,
        "volume_set": frozenset({"volume_level"}),
        "volume_mute": frozenset({"is_volume_muted"}),
    },
    "vacuum": {"start": _NONE, "pause": _NONE, "stop": _NONE, "return_to_base": _NONE},
    "lawn_mower": {"start_mowing": _NONE, "pause": _NONE, "dock": _NONE},
    "scene": {"turn_on": _NONE},
    "script": {"turn_on": _NONE},
    "button": {"press": _NONE},
    "input_button": {"press": _NONE},
    "lock": {"lock": _NONE, "unlock": _NONE, "open": _NONE},
    "alarm_control_panel": {
        "alarm_arm_home": _NONE,
        "alarm_arm_away": _NONE,
        "alarm_arm_night": _NONE,
        "alarm_disarm": _NONE,
    },
    "siren": _SWITCH,
}


def refusal(domain: str, service: str, entity: Entity | None, data: Mapping[str, Any]) -> str:
    """Why this may not be called, in words for who proposed it; empty if it may. `entity`: None if not exposed."""
    if entity is None:
        return "There is no such device, or it is not exposed to voice assistants in Home Assistant."
    if entity.domain != domain:
        return f"{entity.entity_id} is not a {domain}."
    allowed = SERVICES.get(domain, {}).get(service)
    if allowed is None:
        known = ", ".join(SERVICES.get(domain, {})) or "nothing"
        return f"{domain}.{service} is not allowed; for {domain} there is: {known}."
    for name, value in data.items():
        if name not in allowed:
            return f"{domain}.{service} takes no {name!r}; it takes {', '.join(sorted(allowed)) or 'no values'}."
        if not _is_plain(value):
            return f"{name} must be a number, a short text, or three numbers for a colour."
    return ""


def needs_yes(kind: str, entity: Entity, more: Collection[str]) -> bool:
    """Whether a person has to confirm it; `kind`: what is asked (`jarvisd.home.expect`), empty for anything."""
    if is_harmless(entity.domain, kind) and entity.entity_id not in more:
        return False
    return is_dangerous(entity.entity_id, entity.name, entity.device_class, more)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) == 3 and all(isinstance(one, int) and 0 <= one <= 255 for one in value)
    if isinstance(value, str):
        return len(value) <= MAX_VALUE_CHARACTERS
    return isinstance(value, (bool, int, float)) and abs(value) < 1_000_000
