"""How a card is, from one reading after the other. Pure, and slow to change its mind.

Every finding has a limit to begin at and a milder one to end at, and some take several readings in a row: a value that
trembles around a limit changes nothing more than once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jarvisd.gpu.faults import Fault, fault_sentence
from jarvisd.types import GpuHealth, GpuReading, GpuState

MIB = 1024 * 1024
# Below a temperature limit by so much, the finding ends.
MARGIN_CELSIUS = 5
# So many good readings in a row, and a card that could not be read is believed again.
WELL_READINGS = 3
# So many failed readings in a row, and a card that cannot be read for no known reason is called so.
UNWELL_READINGS = 2
THROTTLED_READINGS = 2
CALM_READINGS = 3
# The clocks are held down against heat or for the supply's sake; at a set power limit they always are, under load.
_HELD_DOWN = frozenset({"hardware slowdown", "software thermal limit", "hardware thermal limit", "power brake"})
_WORSE = tuple(GpuState)
# What one failed reading is enough for.
_AT_ONCE = frozenset({GpuState.LOST, GpuState.DRIVER_MISMATCH, GpuState.HUNG})


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a card is warm, hot, full (free memory below) or others' (their memory above)."""

    warm_celsius: float
    hot_celsius: float
    full_bytes: int
    foreign_bytes: int


@dataclass(slots=True)
class _Finding:
    """Begins after `begin_after` readings in a row that say so, and ends after `end_after` that say the contrary."""

    begin_after: int = 1
    end_after: int = 1
    is_so: bool = False
    _in_a_row: int = 0

    def note(self, *, begins: bool, ends: bool) -> bool:
        contrary = ends if self.is_so else begins
        self._in_a_row = self._in_a_row + 1 if contrary else 0
        if self._in_a_row >= (self.end_after if self.is_so else self.begin_after):
            self.is_so, self._in_a_row = not self.is_so, 0
        return self.is_so


def _findings() -> dict[GpuState, _Finding]:
    return {
        GpuState.HOT: _Finding(),
        GpuState.THROTTLED: _Finding(THROTTLED_READINGS, CALM_READINGS),
        GpuState.FULL: _Finding(2, 2),
        GpuState.FOREIGN: _Finding(2, 2),
        GpuState.WARM: _Finding(),
    }


@dataclass(slots=True)
class HealthJudge:
    """Judges one card. `judge` takes its readings in their order."""

    _findings: dict[GpuState, _Finding] = field(default_factory=_findings)
    _trouble: GpuState | None = None
    _fault: int | None = None
    _well: int = 0
    _unwell: int = 0
    _last_good: GpuReading | None = None

    def judge(self, reading: GpuReading, limits: Limits, *, hung_s: float | None = None) -> GpuHealth:
        """`hung_s`: the driver has not answered for so long, and `reading` is the last it told."""
        self._note_trouble(reading, hung_s)
        if self._trouble is not None:
            return GpuHealth(reading.uuid, reading.name, self._trouble, (self._trouble_in_words(hung_s),))
        if reading.fault is None:
            self._last_good = reading
            self._note_values(reading, limits)
        elif self._last_good is None:
            return GpuHealth(reading.uuid, reading.name, GpuState.UNKNOWN, (fault_sentence(reading.fault),))
        else:
            reading = self._last_good  # one failure is forgiven
        said = _in_words(reading, limits)
        found = [state for state, finding in self._findings.items() if finding.is_so]
        if GpuState.HOT in found:  # hot is warm, too
            found = [state for state in found if state is not GpuState.WARM]
        reasons = tuple(said[state] for state in found)
        return GpuHealth(reading.uuid, reading.name, found[0] if found else GpuState.OK, reasons)

    def _note_trouble(self, reading: GpuReading, hung_s: float | None) -> None:
        trouble = _trouble_of(reading, hung_s)
        if trouble is None:
            self._unwell = 0
            self._well += 1
            if self._well >= WELL_READINGS:
                self._trouble = None
            return
        self._well = 0
        self._unwell += 1
        lasting = self._trouble is not None and _WORSE.index(self._trouble) > _WORSE.index(trouble)
        if not lasting and (trouble in _AT_ONCE or self._unwell >= UNWELL_READINGS):
            self._trouble, self._fault = trouble, reading.fault

    def _trouble_in_words(self, hung_s: float | None) -> str:
        if self._well:
            return f"it answers again, {self._well} of {WELL_READINGS} good readings in a row"
        if hung_s is not None:
            return f"NVIDIA's driver has not answered for {hung_s:.0f} s: see `journalctl -k`"
        return fault_sentence(self._fault if self._fault is not None else Fault.UNKNOWN)

    def _note_values(self, reading: GpuReading, limits: Limits) -> None:
        celsius, free = reading.temperature_celsius, reading.memory_free_bytes
        held_down = bool(_HELD_DOWN & set(reading.throttle_reasons))
        foreign = reading.foreign_bytes
        for state, limit in ((GpuState.HOT, limits.hot_celsius), (GpuState.WARM, limits.warm_celsius)):
            self._findings[state].note(
                begins=celsius is not None and celsius >= limit,
                ends=celsius is None or celsius < limit - MARGIN_CELSIUS,
            )
        self._findings[GpuState.THROTTLED].note(begins=held_down, ends=not held_down)
        self._findings[GpuState.FULL].note(
            begins=free is not None and free < limits.full_bytes, ends=free is None or free >= 2 * limits.full_bytes
        )
        self._findings[GpuState.FOREIGN].note(
            begins=foreign >= limits.foreign_bytes, ends=foreign < 0.8 * limits.foreign_bytes
        )


def _trouble_of(reading: GpuReading, hung_s: float | None) -> GpuState | None:
    if hung_s is not None:
        return GpuState.HUNG
    match reading.fault:
        case None:
            return None
        case Fault.LOST | Fault.RESET_REQUIRED | Fault.NOT_HERE:
            return GpuState.LOST
        case Fault.VERSION_MISMATCH:
            return GpuState.DRIVER_MISMATCH
        case _:
            return GpuState.UNKNOWN


def _in_words(reading: GpuReading, limits: Limits) -> Mapping[GpuState, str]:
    celsius = reading.temperature_celsius
    others = ", ".join(f"process {process.pid}" for process in reading.processes if not process.ours)
    held = ", ".join(reason for reason in reading.throttle_reasons if reason in _HELD_DOWN) or "until just now"
    return {
        GpuState.HOT: f"{celsius} °C, hot from {limits.hot_celsius:g} °C",
        GpuState.WARM: f"{celsius} °C, warm from {limits.warm_celsius:g} °C",
        GpuState.THROTTLED: f"its clocks are held down ({held})",
        GpuState.FULL: f"{(reading.memory_free_bytes or 0) // MIB} MiB free",
        GpuState.FOREIGN: f"others hold {reading.foreign_bytes // MIB} MiB of it ({others or 'ended just now'})",
    }
