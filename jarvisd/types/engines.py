"""Engines as they are shown, and where they listen."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class EngineState(enum.StrEnum):
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    ASLEEP = "asleep"  # loaded and off its card; wakes within seconds
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """A snapshot to show, never to act upon. `detail`: why it is so, and what a person can do.

    `on_demand`: stopped is how it waits for its first question. `pinned`: it keeps its place.
    """

    name: str
    kind: str
    state: EngineState
    detail: str = ""
    restarts: int = 0
    leases: int = 0
    pid: int | None = None
    start_s: float | None = None
    on_demand: bool = False
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine listens. `url`: `unix:///path`, `tcp://host:port` (Wyoming) or `http(s)://...` (OpenAI).

    For OpenAI HTTP over a Unix socket, `socket_path` is set and `url` is the base as sent in requests.
    `cloud`: outside the house; only `jarvisd.llm.cloud` may send anything there.
    """

    url: str
    socket_path: str | None = None
    api_key: str | None = field(default=None, repr=False)
    cloud: bool = False


@dataclass(frozen=True, slots=True)
class EngineUse:
    """An engine on a card: how it is, and how long it has been in use since the daemon began."""

    name: str
    card: str
    state: EngineState
    used_s: float


@dataclass(frozen=True, slots=True)
class EngineEnergy:
    """What an engine has used of a card: while it was in use, and while it was only up.

    `idle_watts`: what it adds to the card at rest; None until the card was seen at rest with it and without it.
    """

    name: str
    used_kwh: float
    idle_kwh: float
    idle_watts: float | None = None
