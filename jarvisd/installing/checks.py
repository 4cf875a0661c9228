"""What is in the way of building an environment: driver, disk, compiler, and where it would go."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jarvisd.errors import EngineError
from jarvisd.installing.recipes import GB, Cards, Interpreter, Recipe

# Left over on the disk for everything else.
SPARE_BYTES = GB
LEAST_PYTHON, FIRST_PYTHON_TOO_NEW = (3, 11), (3, 15)
_PROBE = """
import json, platform, sys, sysconfig
try:
    import ensurepip, venv
    able = True
except ImportError:
    able = False
libc, version = platform.libc_ver()
print(json.dumps({"version": sys.version_info[:2], "include": sysconfig.get_path("include"), "able": able,
                  "glibc": [int(part) for part in version.split(".")[:2]] if libc == "glibc" else [0, 0]}))
"""
_PROBE_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be right; `said` is what was found or, where it is wrong, what to do."""

    name: str
    passed: bool
    said: str


def look_at_python(program: Path) -> Interpreter:
    """What the environment would be made with. Raises EngineError for a program that is no Python."""
    try:
        done = subprocess.run(
            [program, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=True
        )
        told = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise EngineError(
            f"{program} is no Python that can be used ({error}): correct --python.", code="install"
        ) from error
    major, minor = told["version"]
    glibc_major, glibc_minor = told["glibc"]
    return Interpreter(program, (major, minor), Path(told["include"]), told["able"], (glibc_major, glibc_minor))


def checks(
    recipe: Recipe, python: Interpreter, cards: Cards, *, free_bytes: int, present_bytes: int = 0
) -> list[Check]:
    """Everything that must be right before the first command. `present_bytes`: what an earlier try left there."""
    found = [_target(recipe.place), _python(python), _disk(recipe, free_bytes, present_bytes)]
    if recipe.least_driver:
        least, here = _dots(recipe.least_driver), _dots(cards.driver)
        passed = cards.driver >= recipe.least_driver
        wrong = f"{recipe.build} needs {least} or newer, here is {here or 'none'}: update NVIDIA's driver"
        found.append(Check("driver", passed, f"{here} ({recipe.build} needs {least})" if passed else wrong))
    found += [_tool(name, why) for name, why in recipe.tools.items()]
    if recipe.headers:
        header = python.include_dir / "Python.h"
        wrong = f"{header} is not there: apt install python{_dots(python.version)}-dev"
        found.append(Check("Python.h", header.is_file(), str(header) if header.is_file() else wrong))
    return found


def free_bytes(folder: Path) -> int:
    """Of the disk where the folder is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def size_bytes(folder: Path) -> int:
    """Of all files in it, without following links."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(Path(parent) / name).st_size
    return total


def _target(place: Path) -> Check:
    """Never the environment of the daemon itself, nor one around it or inside it."""
    own, there = Path(sys.prefix).resolve(), place.resolve()
    if own.is_relative_to(there) or there.is_relative_to(own):
        return Check(
            "place", False, f"{place} is within jarvisd's own environment {own}: set house.state_dir elsewhere"
        )
    return Check("place", True, str(place))


def _python(python: Interpreter) -> Check:
    version = _dots(python.version)
    if not LEAST_PYTHON <= python.version < FIRST_PYTHON_TOO_NEW:
        wanted = f"{_dots(LEAST_PYTHON)} or newer, but older than {_dots(FIRST_PYTHON_TOO_NEW)}"
        return Check("Python", False, f"{python.program} is {version}, needed is {wanted}: name another with --python")
    if not python.makes_environments:
        return Check("Python", False, f"{python.program} cannot make environments: apt install python{version}-venv")
    return Check("Python", True, f"{version} ({python.program})")


def _disk(recipe: Recipe, free: int, present: int) -> Check:
    needed = max(0, recipe.needs_bytes - present) + SPARE_BYTES
    if free >= needed:
        return Check("disk", True, f"{gigabytes(free)} free, {gigabytes(needed)} needed")
    said = f"{gigabytes(needed)} are needed where {recipe.place} is, {gigabytes(free)} are free: make room for "
    return Check("disk", False, f"{said}{gigabytes(needed - free)}, or set house.state_dir elsewhere")


def _tool(name: str, why: str) -> Check:
    packages = {"cc": "gcc", "c++": "g++", "nvcc": "nvidia-cuda-toolkit"}
    found = shutil.which(name)
    return Check(name, found is not None, found or f"is missing ({why}): apt install {packages.get(name, name)}")


def gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / GB:.1f} GB"


def _dots(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
