"""What every child does first, and what it does when it cannot serve."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

PARENT_VARIABLE = "JARVISD_PARENT_PID"
GROUP_VARIABLE = "JARVISD_CGROUP"
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """From now on the kernel ends this process when the daemon ends, however that ends.

    Started by hand, without the variable that the daemon sets, it lives by itself. The setting outlives `exec`. Where
    the daemon has control groups to give, this process goes into its own first: all that it starts will be in there.
    """
    _enter_group()
    parent = os.environ.pop(PARENT_VARIABLE, None)
    if parent is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != int(parent):  # it ended before the kernel was asked
        sys.exit("The daemon that started this process is gone.")


def _enter_group() -> None:
    """Without it, it serves as well; only what it starts and lets go cannot be found any more."""
    group = os.environ.pop(GROUP_VARIABLE, None)
    if group is None:
        return
    try:
        Path(group).mkdir(exist_ok=True)
        (Path(group) / "cgroup.procs").write_text("0")
    except OSError as error:
        sys.stderr.write(f"The control group {group} cannot be entered: {error.strerror}\n")


def cannot_serve(why: str) -> NoReturn:
    """End, with one line that says what a person can do. The daemon shows this line wherever it shows the engine."""
    sys.stderr.write(" ".join(why.split()) + "\n")
    sys.stderr.flush()
    sys.exit(os.EX_UNAVAILABLE)


def install_command(extra: str) -> str:
    """The command that installs an optional part of jarvisd into this Python."""
    return f"{sys.executable} -m pip install 'jarvisd[{extra}]'"
