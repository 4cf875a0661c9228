"""How much of the host's memory engines may sleep in."""

from __future__ import annotations

from pathlib import Path

MEMINFO = Path("/proc/meminfo")
# For everything else on the machine, so that a sleeping engine never makes it swap.
KEPT_FREE_BYTES = 2 << 30


def memory_for_sleep_bytes(meminfo: Path = MEMINFO) -> int | None:
    """What could be taken now (MemAvailable of proc(5), a figure of the kernel's, read without touching a disk)."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    kib = next((int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)
    return None if kib is None else max(0, kib * 1024 - KEPT_FREE_BYTES)
