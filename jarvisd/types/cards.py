"""Graphics cards as they are read."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from jarvisd.types.engines import EngineEnergy


class GpuState(enum.StrEnum):
    """How a card is, in one word; from `OK` on, each is worse for who wants to use it than those before it."""

    OK = "ok"
    WARM = "warm"
    FOREIGN = "foreign"  # others hold memory of it
    FULL = "full"
    THROTTLED = "throttled"
    HOT = "hot"
    UNKNOWN = "unknown"  # it cannot be read now, for a reason of its own
    HUNG = "hung"  # the driver does not answer
    LOST = "lost"
    DRIVER_MISMATCH = "driver_mismatch"  # driver and library have different versions: until the machine starts again


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that uses a card. `memory_bytes` is None where the driver does not say; `ours`: this daemon's."""

    pid: int
    memory_bytes: int | None
    ours: bool = False


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One look at one card. None: the card does not tell it, or could not be read (`fault`, NVML's error code).

    `uuid` is the card's identity: its number changes with what else is there. `memory_used_bytes` is without what
    the driver holds for itself (`memory_reserved_bytes`) where that is told apart. `energy_joules` counts since the
    driver was loaded. `throttle_reasons`: why the clocks are lower than they could be. `xid`: the last critical
    error that the driver reported for it since the daemon began to look.
    """

    uuid: str
    name: str
    read_monotonic: float
    fault: int | None = None
    capability: tuple[int, int] | None = None
    driver_version: str = ""
    memory_total_bytes: int | None = None
    memory_used_bytes: int | None = None
    memory_free_bytes: int | None = None
    memory_reserved_bytes: int | None = None
    processes: tuple[GpuProcess, ...] = ()
    utilisation_percent: int | None = None
    temperature_celsius: int | None = None
    slowdown_celsius: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    energy_joules: float | None = None
    graphics_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    throttle_reasons: tuple[str, ...] = ()
    fan_percent: int | None = None
    pcie_generation: int | None = None
    pcie_width: int | None = None
    xid: int | None = None

    @property
    def foreign_bytes(self) -> int:
        """Memory that is known to be held by processes that are not ours."""
        return sum(process.memory_bytes or 0 for process in self.processes if not process.ours)


@dataclass(frozen=True, slots=True)
class GpuHealth:
    """`state` is the worst of what is so; `reasons` says all of it, the worst first, in words."""

    uuid: str
    name: str
    state: GpuState
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GpuStatus:
    """A snapshot to show. `energy_kwh`: used since the daemon first saw the card; `engines`: theirs of it."""

    reading: GpuReading
    health: GpuHealth
    energy_kwh: float
    engines: tuple[EngineEnergy, ...] = ()
