"""NVML's error codes that mean something of their own, and what a person can do about each. Pure."""

from __future__ import annotations

import enum


class Fault(enum.IntEnum):
    """Names as in NVIDIA's nvml.h, shortened; below zero are our own."""

    NOT_HERE = -1
    UNINITIALIZED = 1
    INVALID_ARGUMENT = 2
    NOT_SUPPORTED = 3
    NO_PERMISSION = 4
    DRIVER_NOT_LOADED = 9
    TIMEOUT = 10
    LIBRARY_NOT_FOUND = 12
    FUNCTION_NOT_FOUND = 13
    LOST = 15
    RESET_REQUIRED = 16
    BLOCKED = 17
    VERSION_MISMATCH = 18
    ARGUMENT_VERSION = 25
    NO_CARD = 28
    UNKNOWN = 999


# A single value that fails with one of these is none that this card or driver will ever tell.
NEVER_TOLD = frozenset(
    {
        Fault.INVALID_ARGUMENT,
        Fault.NOT_SUPPORTED,
        Fault.NO_PERMISSION,
        Fault.FUNCTION_NOT_FOUND,
        Fault.ARGUMENT_VERSION,
    }
)
# Failing with one of these, it is the card or the driver that is in trouble, not the value.
WHOLE_CARD = frozenset(
    {
        Fault.UNINITIALIZED,
        Fault.DRIVER_NOT_LOADED,
        Fault.LOST,
        Fault.RESET_REQUIRED,
        Fault.BLOCKED,
        Fault.VERSION_MISMATCH,
    }
)
# What most machines say: no trouble, only no card.
NO_CARD_HERE = frozenset({Fault.LIBRARY_NOT_FOUND, Fault.DRIVER_NOT_LOADED, Fault.NO_CARD})

_SENTENCES: dict[int, str] = {
    Fault.NOT_HERE: "the configuration names it and this machine has no such card: `nvidia-smi -L` shows those it has",
    Fault.NO_PERMISSION: "this user may not use it: see the owner and mode of /dev/nvidia*",
    Fault.DRIVER_NOT_LOADED: "NVIDIA's driver is installed but not loaded (`modprobe nvidia`)",
    Fault.LIBRARY_NOT_FOUND: "no NVIDIA driver here (libnvidia-ml.so.1)",
    Fault.LOST: "it fell off the bus or lost its power: start the machine again, and look for Xid in `journalctl -k`",
    Fault.RESET_REQUIRED: "it needs a reset: `nvidia-smi --gpu-reset -i UUID` with nothing using it, or a restart",
    Fault.BLOCKED: "the system blocks it: allow the service its devices (DeviceAllow=char-nvidia*)",
    Fault.VERSION_MISMATCH: "NVIDIA's driver was upgraded under the running one: start the machine again",
    Fault.NO_CARD: "NVIDIA's driver finds no card",
    Fault.UNKNOWN: "NVIDIA's driver reports an error that it does not know itself: see `journalctl -k`",
}


def fault_sentence(code: int) -> str:
    """What it means and what can be done, without a full stop."""
    return _SENTENCES.get(code, f"NVIDIA's driver reports error {code}")
