"""Where lasting files and sockets go, by configuration, systemd, or who runs the daemon."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from jarvisd.config import HouseConfig
from jarvisd.errors import ConfigError, ControlError

CONTROL_SOCKET = "control.sock"
STATE_LOCK = "jarvisd.lock"


def runtime_dir(house: HouseConfig) -> Path:
    """The folder of the sockets: configured, systemd's RuntimeDirectory, /run for root, or the user's own."""
    if house.runtime_dir is not None:
        return house.runtime_dir
    if from_systemd := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(from_systemd.split(":")[0])
    if os.geteuid() == 0:
        return Path("/run/jarvisd")
    if from_session := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(from_session) / "jarvisd"
    return Path(f"/tmp/jarvisd-{os.geteuid()}")


def state_dir(house: HouseConfig) -> Path:
    """The folder of what must last: configured, systemd's StateDirectory, /var/lib for root, or the user's own."""
    if house.state_dir is not None:
        return house.state_dir
    if from_systemd := os.environ.get("STATE_DIRECTORY"):
        return Path(from_systemd.split(":")[0])
    if os.geteuid() == 0:
        return Path("/var/lib/jarvisd")
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(base) / "jarvisd"


def control_socket(house: HouseConfig) -> Path:
    return runtime_dir(house) / CONTROL_SOCKET


def find_control_socket(house: HouseConfig) -> Path:
    """The socket a client should try: this user's daemon, or else the system's where there is one."""
    own, system = control_socket(house), Path("/run/jarvisd") / CONTROL_SOCKET
    if house.runtime_dir is None and not own.exists() and system.exists():
        return system
    return own


def make_folder(folder: Path, mode: int, key: str) -> None:
    """Raises ConfigError, which names the configuration's `key`, where it cannot be made."""
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{key}: the folder {folder} cannot be made ({error.strerror}). "
            "Choose another one, or run jarvisd as its owner."
        ) from error


def claim_state(folder: Path, socket: Path) -> TextIO:
    """Has the state folder for this process alone until the file is closed, or the process ends in whatever way.

    `socket` is how others find this daemon. Raises ControlError, which names the daemon that has the folder already.
    """
    try:
        lock = (folder / STATE_LOCK).open("a+")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        owner = lock.read().strip() or "it is just starting"
        lock.close()
        raise ControlError(
            f"Another jarvisd ({owner}) keeps its state in {folder}. "
            "Stop it (`systemctl stop jarvisd`), or give this one its own house.state_dir.",
            code="already_running",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"house.state_dir: nothing can be kept in {folder} ({error.strerror}). "
            "Choose another one, or run jarvisd as its owner."
        ) from error
    with suppress(OSError):  # a full disk: held all the same
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, {socket}\n")
        lock.flush()
    return lock
