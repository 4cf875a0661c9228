"""Runs one of our workers in another Python's environment: `PYTHON …/jarvisd/workers/foreign.py WORKER ARGUMENTS`.

Only this package is lent to it. On PYTHONPATH, all that lies beside the package would come along and hide what that
environment has of the same name. The package's own `__init__` is left out: it imports what workers do not need.
"""

import os
import runpy
import sys
import types
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - this is not our own Python
        sys.stderr.write(f"{sys.executable} is {sys.version.split()[0]}, needed is 3.11 or newer: correct `python`.\n")
        sys.exit(os.EX_UNAVAILABLE)
    # Python puts the folder of its script first, where a worker would hide the package that it imports.
    sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != PACKAGE / "workers"]
    package = types.ModuleType("jarvisd")
    package.__path__ = [str(PACKAGE)]
    sys.modules["jarvisd"] = package
    worker = sys.argv.pop(1)
    try:
        runpy.run_module(f"jarvisd.workers.{worker}", run_name="__main__", alter_sys=True)
    except ImportError as error:
        sys.stderr.write(f"{sys.executable} lacks what the worker {worker} needs ({error}): correct `python`.\n")
        sys.exit(os.EX_UNAVAILABLE)


if __name__ == "__main__":
    main()
