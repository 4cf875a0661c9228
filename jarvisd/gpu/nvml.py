"""Reads all cards through NVIDIA's library. Blocking, and it may hang with the driver: for a thread of its own.

Nothing here costs anything on a machine without that library: the binding is imported only after it was found.
"""

from __future__ import annotations

import ctypes
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jarvisd.gpu.faults import NEVER_TOLD, WHOLE_CARD, Fault
from jarvisd.types import GpuProcess, GpuReading

_LOGGER = logging.getLogger(__name__)

LIBRARY = "libnvidia-ml.so.1"  # the one name that the binding knows
# After trouble the library is opened anew, at most so often: it then looks for the cards again.
REOPEN_AFTER_S = 30.0
# Critical errors taken at one look; more wait for the next.
MOST_XIDS = 32


@dataclass(frozen=True, slots=True)
class Scan:
    """One look at all cards. `fault`: why there may be more cards than readings, or none; NVML's error code."""

    readings: tuple[GpuReading, ...]
    fault: int | None = None


class Nvml:
    """The cards of this machine. A card that was once seen is in every scan from then on. One thread at a time."""

    def __init__(self, *, reopen_after_s: float = REOPEN_AFTER_S) -> None:
        self._reopen_after_s = reopen_after_s
        self._nvml: Any = None
        self._open = False
        self._opened_at = -float("inf")
        self._fault: int | None = None
        self._cards: dict[str, _Card] = {}
        self._xids: _Xids | None = None

    def read(self) -> Scan:
        in_trouble = not self._open or self._fault is not None or any(card.fault for card in self._cards.values())
        if in_trouble and time.monotonic() - self._opened_at >= self._reopen_after_s:
            self._opened_at = time.monotonic()
            self._fault = self._open_library()
        if not self._open:
            readings = (card.unreadable(self._fault) for card in self._cards.values())
            return Scan(tuple(readings), self._fault)
        if self._xids is not None:
            self._xids.take(self._cards)
        return Scan(tuple(card.read() for card in self._cards.values()), self._fault)

    def _open_library(self) -> int | None:
        """Find library, driver and cards; a code where something of it fails."""
        if self._nvml is None:
            try:
                ctypes.CDLL(LIBRARY)
            except OSError as error:
                _LOGGER.debug("%s cannot be loaded: %s", LIBRARY, error)
                return Fault.LIBRARY_NOT_FOUND
            import pynvml  # here, because it costs 4 MB

            self._nvml = pynvml
        if self._open:
            with suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
        self._open = False
        try:
            self._nvml.nvmlInit()
            fault = self._find_cards(self._nvml)
        except self._nvml.NVMLError as error:
            return int(error.value)
        self._open = True
        return fault

    def _find_cards(self, nvml: Any) -> int | None:
        driver_version = nvml.nvmlSystemGetDriverVersion()
        found: dict[str, _Card] = {}
        fault = None
        for number in range(nvml.nvmlDeviceGetCount()):
            try:
                card = _Card(nvml, nvml.nvmlDeviceGetHandleByIndex(number), driver_version)
            except nvml.NVMLError as error:
                if error.value != Fault.INVALID_ARGUMENT:  # it went after the cards were counted
                    fault = int(error.value)  # which card it is cannot be known now
                continue
            found[card.uuid] = card
        for uuid, card in self._cards.items():
            if uuid in found:
                found[uuid].xid = card.xid
            else:
                card.gone(fault or Fault.LOST)
        self._cards |= found
        self._xids = _Xids.watch(nvml, found)
        return fault if found or fault else Fault.NO_CARD


class _Card:
    """One card, and which values it can tell: probed at its first reading."""

    def __init__(self, nvml: Any, handle: Any, driver_version: str) -> None:
        self.uuid: str = nvml.nvmlDeviceGetUUID(handle)
        self.handle = handle
        self.fault: int | None = None
        self.xid: int | None = None
        self._nvml = nvml
        self._gone = False
        self._driver_version = driver_version
        self._name: str = nvml.nvmlDeviceGetName(handle)
        self._values: dict[str, Callable[[Any, Any], Any]] = dict(_VALUES)
        self._lasting = self._told({name: self._values.pop(name) for name in _LASTING})

    def gone(self, code: int) -> None:
        """It is not among the cards any more."""
        self._gone, self.fault = True, code

    def unreadable(self, code: int | None) -> GpuReading:
        lasting = self._lasting | {"processes": ()}
        return self._reading(lasting, code if code is not None else Fault.UNKNOWN)

    def read(self) -> GpuReading:
        if self._gone:
            return self.unreadable(self.fault)
        try:
            values = self._lasting | _memory(self._nvml, self.handle) | self._told(self._values)
        except self._nvml.NVMLError as error:
            self.fault = int(error.value)
            return self.unreadable(self.fault)
        self.fault = None
        return self._reading(values, None)

    def _reading(self, values: Mapping[str, Any], fault: int | None) -> GpuReading:
        return GpuReading(
            uuid=self.uuid,
            name=self._name,
            read_monotonic=time.monotonic(),
            fault=fault,
            driver_version=self._driver_version,
            xid=self.xid,
            **values,
        )

    def _told(self, wanted: dict[str, Callable[[Any, Any], Any]]) -> dict[str, Any]:
        """The values that can be had; what this card never tells is taken out of `wanted`."""
        values = {}
        for name, ask in list(wanted.items()):
            try:
                values[name] = ask(self._nvml, self.handle)
            except self._nvml.NVMLError as error:
                if error.value in WHOLE_CARD:
                    raise
                if error.value in NEVER_TOLD:
                    del wanted[name]
        return values


class _Xids:
    """Critical errors, as the driver reports them."""

    def __init__(self, nvml: Any, events: Any) -> None:
        self._nvml = nvml
        self._events = events

    @classmethod
    def watch(cls, nvml: Any, cards: Mapping[str, _Card]) -> _Xids | None:
        """None where no card reports them."""
        watched = 0
        try:
            events = nvml.nvmlEventSetCreate()
        except nvml.NVMLError:
            return None
        for card in cards.values():
            with suppress(nvml.NVMLError):
                if nvml.nvmlDeviceGetSupportedEventTypes(card.handle) & nvml.nvmlEventTypeXidCriticalError:
                    nvml.nvmlDeviceRegisterEvents(card.handle, nvml.nvmlEventTypeXidCriticalError, events)
                    watched += 1
        return cls(nvml, events) if watched else None

    def take(self, cards: Mapping[str, _Card]) -> None:
        """Note what was reported since the last time, without waiting. A time-out means: nothing more."""
        by_address = {_address(card.handle): card for card in cards.values()}
        with suppress(self._nvml.NVMLError):
            for _ in range(MOST_XIDS):
                event = self._nvml.nvmlEventSetWait_v2(self._events, 0)
                if (card := by_address.get(_address(event.device))) is not None:
                    card.xid = int(event.eventData)


def _address(handle: Any) -> int | None:
    return ctypes.cast(handle, ctypes.c_void_p).value


def _memory(nvml: Any, card: Any) -> dict[str, int | None]:
    """Older drivers do not tell apart what they hold for themselves; a card that shares the host's tells nothing."""
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(card, version=nvml.nvmlMemory_v2)
        reserved = int(memory.reserved)
    except nvml.NVMLError as error:
        if error.value not in NEVER_TOLD:
            raise
        reserved = None
        try:
            memory = nvml.nvmlDeviceGetMemoryInfo(card)
        except nvml.NVMLError as never:
            if never.value not in NEVER_TOLD:
                raise
            return {}
    return {
        "memory_total_bytes": int(memory.total),
        "memory_used_bytes": int(memory.used),
        "memory_free_bytes": int(memory.free),
        "memory_reserved_bytes": reserved,
    }


def _processes(nvml: Any, card: Any) -> tuple[GpuProcess, ...]:
    """A process that computes and draws is in both lists, each time with all of its memory.

    Asked by the name of the call: for a driver that has it not, the binding would raise an error of another kind.
    """
    memory_by_pid: dict[int, int | None] = {}
    for found in (
        nvml.nvmlDeviceGetComputeRunningProcesses_v3(card),
        nvml.nvmlDeviceGetGraphicsRunningProcesses_v3(card),
    ):
        for process in found:
            known = memory_by_pid.get(process.pid)
            memory_by_pid[process.pid] = (
                process.usedGpuMemory if known is None else max(known, process.usedGpuMemory or 0)
            )
    return tuple(GpuProcess(pid, memory) for pid, memory in sorted(memory_by_pid.items()))


def _temperature(nvml: Any, card: Any) -> int:
    """By the new call, or the one that older drivers have."""
    try:
        return int(nvml.nvmlDeviceGetTemperatureV(card, nvml.NVML_TEMPERATURE_GPU))
    except nvml.NVMLError as error:
        if error.value not in NEVER_TOLD:
            raise
        return int(nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU))


# Bits of nvmlClocksEventReasons (nvml.h). An idle card's low clocks are no throttling and have no name here.
_THROTTLE_BITS = {
    0x002: "clocks set",
    0x004: "power cap",
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "software thermal limit",
    0x040: "hardware thermal limit",
    0x080: "power brake",
    0x100: "display clocks",
}


def _throttle_reasons(nvml: Any, card: Any) -> tuple[str, ...]:
    bits = nvml.nvmlDeviceGetCurrentClocksThrottleReasons(card)
    return tuple(name for bit, name in _THROTTLE_BITS.items() if bits & bit)


# All that a card may or may not tell, by the name of its field in GpuReading. GeForce cards tell most of it.
_VALUES: Mapping[str, Callable[[Any, Any], Any]] = {
    "capability": lambda nvml, card: tuple(nvml.nvmlDeviceGetCudaComputeCapability(card)),
    "slowdown_celsius": lambda nvml, card: nvml.nvmlDeviceGetTemperatureThreshold(
        card, nvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN
    ),
    "power_limit_watts": lambda nvml, card: nvml.nvmlDeviceGetEnforcedPowerLimit(card) / 1e3,
    "processes": _processes,
    "utilisation_percent": lambda nvml, card: int(nvml.nvmlDeviceGetUtilizationRates(card).gpu),
    "temperature_celsius": _temperature,
    "power_watts": lambda nvml, card: nvml.nvmlDeviceGetPowerUsage(card) / 1e3,
    "energy_joules": lambda nvml, card: nvml.nvmlDeviceGetTotalEnergyConsumption(card) / 1e3,
    "graphics_clock_mhz": lambda nvml, card: nvml.nvmlDeviceGetClockInfo(card, nvml.NVML_CLOCK_GRAPHICS),
    "memory_clock_mhz": lambda nvml, card: nvml.nvmlDeviceGetClockInfo(card, nvml.NVML_CLOCK_MEM),
    "throttle_reasons": _throttle_reasons,
    "fan_percent": lambda nvml, card: nvml.nvmlDeviceGetFanSpeed(card),
    "pcie_generation": lambda nvml, card: nvml.nvmlDeviceGetCurrPcieLinkGeneration(card),
    "pcie_width": lambda nvml, card: nvml.nvmlDeviceGetCurrPcieLinkWidth(card),
}
# What does not change while the library is open is asked once.
_LASTING = ("capability", "slowdown_celsius")
