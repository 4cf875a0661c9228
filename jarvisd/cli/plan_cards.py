"""The graphics cards of this machine, as a plan needs them."""

from __future__ import annotations

from pathlib import Path

from jarvisd.config import Config
from jarvisd.errors import ModelError
from jarvisd.gpu.faults import fault_sentence
from jarvisd.gpu.nvml import Nvml
from jarvisd.planning.cards import Card
from jarvisd.types import GpuReading

# A parent of init's depth is found in fewer steps; a circle cannot be, but nothing is trusted here.
_MOST_PARENTS = 64


def cards_of(config: Config) -> tuple[Card, ...]:
    """The cards that the driver shows, or else those whose memory the configuration tells. Raises ModelError."""
    scan = Nvml().read()
    found = tuple(_card(reading, config) for reading in scan.readings if reading.memory_total_bytes)
    if found:
        return found
    told = tuple(
        Card(
            uuid,
            uuid,
            card.memory_bytes,
            kept_free_bytes=card.reserved_bytes,
            capability=_capability(card.compute_capability),
        )
        for uuid, card in config.gpus.items()
        if card.memory_bytes
    )
    if told:
        return told
    why = fault_sentence(scan.fault) if scan.fault is not None else "No graphics card was found"
    raise ModelError(f"{why}. To plan for a card that is not here: --gpu-memory 15.5GiB")


def _card(reading: GpuReading, config: Config) -> Card:
    settings = config.gpus.get(reading.uuid)
    total = reading.memory_total_bytes or 0
    return Card(
        uuid=reading.uuid,
        name=reading.name,
        total_bytes=min(total, settings.memory_bytes) if settings and settings.memory_bytes else total,
        reserved_bytes=reading.memory_reserved_bytes or 0,
        foreign_bytes=max(0, (reading.memory_used_bytes or 0) - _ours(reading)),
        kept_free_bytes=settings.reserved_bytes if settings else 0,
        capability=reading.capability or _capability(settings.compute_capability if settings else None),
        driver=reading.driver_version,
    )


def _ours(reading: GpuReading) -> int:
    """What this house's own engines hold: they are what the plan is about."""
    return sum(one.memory_bytes or 0 for one in reading.processes if _is_ours(one.pid))


def _capability(text: str | None) -> tuple[int, int] | None:
    major, _, minor = (text or "").partition(".")
    return (int(major), int(minor)) if major and minor else None


def _is_ours(pid: int) -> bool:
    """Whether a process is jarvisd's or a child of it, by its parents' command lines: its memory is in the plan."""
    for _ in range(_MOST_PARENTS):
        try:
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        if any(Path(one.decode(errors="replace")).name.partition(".")[0] == "jarvisd" for one in argv[:4]):
            return True
        pid = int(stat.rpartition(")")[2].split()[1])
    return False
