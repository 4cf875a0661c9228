"""What was asked of a device, and whether its state shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from jarvisd.home.states import ABSENT, EntityState

# Devices round: 40 % of 255 is 102, and some have only ten steps.
PERCENT_TOLERANCE = 5.0
TEMPERATURE_TOLERANCE = 0.5

Kind: TypeAlias = Literal[
    "on", "off", "brightness", "position", "temperature", "speed", "humidity", "volume", "paused", "playing", "press",
    "mode", "unknown",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """`value`: percent, degrees or a mode, where there is one. "on" opens a cover, and locks a lock."""

    kind: Kind
    value: float | str | None = None


_INTENTS: Mapping[str, tuple[Kind, str]] = {
    "HassTurnOn": ("on", ""),
    "HassTurnOff": ("off", ""),
    "HassSetPosition": ("position", "position"),
    "HassClimateSetTemperature": ("temperature", "temperature"),
    "HassFanSetSpeed": ("speed", "percentage"),
    "HassHumidifierSetpoint": ("humidity", "humidity"),
    "HassHumidifierMode": ("mode", "mode"),
    "HassSetVolume": ("volume", "volume_level"),
    "HassMediaPause": ("paused", ""),
    "HassMediaUnpause": ("playing", ""),
    "HassVacuumStart": ("on", ""),
    "HassVacuumReturnToBase": ("off", ""),
    "HassLawnMowerStartMowing": ("on", ""),
    "HassLawnMowerDock": ("off", ""),
}
_SERVICES: Mapping[str, tuple[Kind, str]] = {
    "turn_on": ("on", ""),
    "turn_off": ("off", ""),
    "open_cover": ("on", ""),
    "close_cover": ("off", ""),
    "set_cover_position": ("position", "position"),
    "open_valve": ("on", ""),
    "close_valve": ("off", ""),
    "set_valve_position": ("position", "position"),
    "lock": ("on", ""),
    "unlock": ("off", ""),
    "open": ("off", ""),
    "set_temperature": ("temperature", "temperature"),
    "set_hvac_mode": ("mode", "hvac_mode"),
    "set_preset_mode": ("unknown", ""),
    "set_percentage": ("speed", "percentage"),
    "set_humidity": ("humidity", "humidity"),
    "volume_set": ("volume", "volume_level"),
    "media_pause": ("paused", ""),
    "media_play": ("playing", ""),
    "press": ("press", ""),
    "start": ("on", ""),
    "return_to_base": ("off", ""),
    "start_mowing": ("on", ""),
    "dock": ("off", ""),
    "alarm_arm_home": ("mode", "armed_home"),
    "alarm_arm_away": ("mode", "armed_away"),
    "alarm_arm_night": ("mode", "armed_night"),
    "alarm_disarm": ("mode", "disarmed"),
}
_DEFAULT_ON = frozenset({"on"})
_ON: Mapping[str, frozenset[str]] = {
    "cover": frozenset({"open", "opening"}),
    "valve": frozenset({"open", "opening"}),
    "lock": frozenset({"locked", "locking"}),
    "vacuum": frozenset({"cleaning"}),
    "lawn_mower": frozenset({"mowing"}),
}
_OFF: Mapping[str, frozenset[str]] = {
    "cover": frozenset({"closed", "closing"}),
    "valve": frozenset({"closed", "closing"}),
    "lock": frozenset({"unlocked", "unlocking", "open", "opening"}),
    "media_player": frozenset({"off", "standby"}),
    "vacuum": frozenset({"docked", "returning"}),
    "lawn_mower": frozenset({"docked", "returning"}),
}
# Where "on" is whatever is not off.
_ON_IS_NOT_OFF = frozenset({"climate", "media_player", "water_heater"})
_MOMENTARY = frozenset({"scene", "button", "input_button"})
_ARMING = frozenset({"arming", "pending"})


def asked_by_intent(intent: str, slots: Mapping[str, Any]) -> Asked:
    if intent == "HassLightSet":
        return Asked("brightness", number) if (number := _number(slots.get("brightness"))) is not None else Asked("on")
    kind, slot = _INTENTS.get(intent, ("unknown", ""))
    value = slots.get(slot) if slot else None
    return Asked(kind, value if kind == "mode" and isinstance(value, str) else _number(value))


def asked_by_service(service: str, data: Mapping[str, Any]) -> Asked:
    if service == "turn_on" and (number := _number(data.get("brightness_pct"))) is not None:
        return Asked("brightness", number)
    kind, name = _SERVICES.get(service, ("unknown", ""))
    if kind == "mode":
        return Asked(kind, str(data.get(name, name)))
    value = _number(data.get(name)) if name else None
    return Asked(kind, value * 100 if kind == "volume" and value is not None else value)


def as_asked(asked: Asked, before: EntityState | None, now: EntityState | None) -> bool | None:
    """Whether the state shows what was asked, or is on its way there. None: no state can show it."""
    if now is None:
        return False
    if now.domain in _MOMENTARY or asked.kind == "press":
        return before is not None and now.state != "unavailable" and now.state != before.state
    if now.domain == "script" and asked.kind == "on":
        return now.state == "on" or (before is not None and _differs("last_triggered", before, now))
    if now.state in ABSENT:
        return False
    match asked.kind:
        case "unknown" | "press":
            return None
        case "on" | "off":
            return _switched(asked.kind, now)
        case "paused":
            return now.state != "playing"
        case "playing":
            return now.state in {"playing", "buffering"}
        case "mode":
            return now.state == asked.value or now.state in _ARMING or now.attributes.get("mode") == asked.value
        case _:
            return _measured(asked, before, now)


def _switched(kind: str, now: EntityState) -> bool | None:
    if now.domain == "alarm_control_panel":
        return None
    off = _OFF.get(now.domain, frozenset({"off"}))
    if kind == "off":
        return now.state in off
    return now.state not in off if now.domain in _ON_IS_NOT_OFF else now.state in _ON.get(now.domain, _DEFAULT_ON)


def _measured(asked: Asked, before: EntityState | None, now: EntityState) -> bool | None:
    """A value that is near, or nearer than it was: it is on its way."""
    value = asked.value
    if not isinstance(value, float):
        return None
    if asked.kind == "position" and now.state in {"opening", "closing"}:
        return True
    if asked.kind == "brightness" and value == 0:
        return now.state == "off"
    attribute, scale, tolerance = _MEASURES[asked.kind]
    is_now = _number(now.attributes.get(attribute))
    if is_now is None:
        return False if asked.kind == "brightness" and now.state == "off" else None
    missing = abs(is_now * scale - value)
    if missing <= tolerance or before is None:
        return missing <= tolerance
    was = _number(before.attributes.get(attribute))
    if was is None and before.state == "off":
        was = 0.0
    return was is not None and was != is_now and missing < abs(was * scale - value)


_MEASURES: Mapping[str, tuple[str, float, float]] = {
    "brightness": ("brightness", 100 / 255, PERCENT_TOLERANCE),
    "position": ("current_position", 1.0, PERCENT_TOLERANCE),
    "temperature": ("temperature", 1.0, TEMPERATURE_TOLERANCE),
    "speed": ("percentage", 1.0, 2 * PERCENT_TOLERANCE),
    "humidity": ("humidity", 1.0, PERCENT_TOLERANCE),
    "volume": ("volume_level", 100.0, PERCENT_TOLERANCE),
}


def _differs(attribute: str, before: EntityState, now: EntityState) -> bool:
    return bool(before.attributes.get(attribute) != now.attributes.get(attribute))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
