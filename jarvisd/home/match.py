"""What Home Assistant's grammar made of a sentence, and whether that may be carried out. Nothing here acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jarvisd.config import HomeConfig

UNKNOWN = "Home Assistant's grammar does not know this sentence"
# Answers about the house, which change nothing in it.
QUERIES = frozenset({"HassGetState", "HassClimateGetTemperature", "HassGetTemperature", "HassGetWeather"})
# Intents that operate devices, and the domains they can reach; None: any. Those with a wildcard in their sentences are
# left out (lists, music by name, announcements): a story would match them. Timers are jarvisd's own.
ACTIONS: Mapping[str, frozenset[str] | None] = {
    "HassTurnOn": None,
    "HassTurnOff": None,
    "HassToggle": None,
    "HassLightSet": frozenset({"light"}),
    "HassSetPosition": frozenset({"cover", "valve"}),
    "HassStopMoving": frozenset({"cover", "valve"}),
    "HassClimateSetTemperature": frozenset({"climate"}),
    "HassFanSetSpeed": frozenset({"fan"}),
    "HassHumidifierSetpoint": frozenset({"humidifier"}),
    "HassHumidifierMode": frozenset({"humidifier"}),
    "HassSetVolume": frozenset({"media_player"}),
    "HassSetVolumeRelative": frozenset({"media_player"}),
    "HassMediaPause": frozenset({"media_player"}),
    "HassMediaUnpause": frozenset({"media_player"}),
    "HassMediaNext": frozenset({"media_player"}),
    "HassMediaPrevious": frozenset({"media_player"}),
    "HassMediaPlayerMute": frozenset({"media_player"}),
    "HassMediaPlayerUnmute": frozenset({"media_player"}),
    "HassVacuumStart": frozenset({"vacuum"}),
    "HassVacuumReturnToBase": frozenset({"vacuum"}),
    "HassLawnMowerStartMowing": frozenset({"lawn_mower"}),
    "HassLawnMowerDock": frozenset({"lawn_mower"}),
}


@dataclass(frozen=True, slots=True)
class Match:
    """A sentence that Home Assistant would carry out. `intent` is empty for a sentence trigger of the household."""

    sentence: str
    intent: str
    slots: Mapping[str, Any] = field(default_factory=dict)
    targets: tuple[str, ...] = ()

    @property
    def is_query(self) -> bool:
        return self.intent in QUERIES

    @property
    def is_device_action(self) -> bool:
        return self.intent in ACTIONS

    def domains(self) -> frozenset[str] | None:
        """The domains it can reach, by its intent and by what was said; None: any."""
        named = self.slots.get("domain")
        said = frozenset(str(one) for one in named) if isinstance(named, (list, tuple)) else None
        if isinstance(named, str):
            said = frozenset({named})
        reach = ACTIONS.get(self.intent)
        return reach if said is None else said if reach is None else reach & said


@dataclass(frozen=True, slots=True)
class NoMatch:
    """Nothing to carry out. `final`: it was understood and may not be done, so no other wording is tried."""

    reason: str
    final: bool = False


def choose(sentences: Sequence[str], results: Any, config: HomeConfig) -> Match | NoMatch:
    """The first sentence that matches, or why there is none. One that matches what may not be done ends the search."""
    reason = UNKNOWN
    rows = results if isinstance(results, list) else []
    for sentence, row in zip(sentences, rows, strict=False):
        if not isinstance(row, Mapping):
            continue
        if row.get("match") is not True:
            reason = _nearly(row) or reason
            continue
        match = _match(sentence, row)
        refusal = _refusal(match, row, config)
        return NoMatch(refusal, final=True) if refusal else match
    return NoMatch(reason)


def _match(sentence: str, row: Mapping[str, Any]) -> Match:
    intent = row.get("intent")
    details = row.get("details")
    targets = row.get("targets")
    return Match(
        sentence,
        str(intent.get("name", "")) if isinstance(intent, Mapping) else "",
        {name: one.get("value") for name, one in details.items() if isinstance(one, Mapping)}
        if isinstance(details, Mapping)
        else {},
        tuple(str(one) for one in targets) if isinstance(targets, Mapping) else (),
    )


def _refusal(match: Match, row: Mapping[str, Any], config: HomeConfig) -> str:
    if match.is_query:
        return ""
    if not config.allow_actions:
        return "devices may not be operated (home.allow_actions)"
    if match.is_device_action:
        return ""
    own = row.get("source") in {"trigger", "custom"}
    if (own and config.own_sentences) or (match.intent and match.intent in config.more_intents):
        return ""
    return f"{match.intent or 'a sentence trigger'} is not left to Home Assistant"


def _nearly(row: Mapping[str, Any]) -> str:
    """What was missing, in words."""
    unmatched = row.get("unmatched_slots")
    if not isinstance(unmatched, Mapping) or "name" not in unmatched:
        return ""
    return f"Home Assistant exposes nothing called {str(unmatched['name']).strip()!r}"
