"""Building an environment step by step, going on after an interruption, and what stands in its folder."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from jarvisd.errors import EngineError
from jarvisd.installing.recipes import DISTRIBUTIONS, KINDS, Kind, Recipe, Step

# What a person's settings for pip and Python may do that would lead out of the environment.
_LEADS_ELSEWHERE = (
    "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "PYTHONHOME", "PYTHONPATH",
)  # fmt: skip
_LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Installed:
    """What stands in the folder of a kind. `whole`: every command of its recipe was done."""

    kind: Kind
    place: Path
    whole: bool
    build: str
    version: str
    python: str
    commands: tuple[str, ...]
    done: int


def engines_dir(state_dir: Path) -> Path:
    return state_dir / "engines"


def record_file(place: Path) -> Path:
    """Says how far the folder beside it is: its commands and how many are done. (Inside, making anew would lose it.)"""
    return place.with_name(f"{place.name}.json")


def look_at(kind: Kind, folder: Path) -> Installed | None:
    """What was built or begun in this folder; None where nothing of ours is. Raises EngineError for a broken record."""
    place = folder / kind
    file = record_file(place)
    try:
        text = file.read_text(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise EngineError(f"{file} cannot be read ({error.strerror}): run it as root.", code="install") from error
    try:
        record = json.loads(text)
        commands, done, build = tuple(map(str, record["commands"])), int(record["done"]), str(record["build"])
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(
            f"{file} is damaged: run `jarvisd engines remove {kind}` and install it again.", code="damaged"
        ) from error
    version, python = version_in(place, DISTRIBUTIONS[kind])
    return Installed(kind, place, 0 < len(commands) <= done, build, version, python, commands, done)


def all_installed(folder: Path) -> list[Installed]:
    return [found for kind in KINDS if (found := look_at(kind, folder)) is not None]


def version_in(place: Path, distribution: str) -> tuple[str, str]:
    """The version of a distribution in an environment, and its Python's; empty where it has none."""
    name = distribution.replace("-", "_").lower()
    for info in sorted(place.glob("lib/python3.*/site-packages/*.dist-info")):
        found, _, version = info.name.removesuffix(".dist-info").partition("-")
        if found.replace("-", "_").lower() == name:
            return version, info.parents[1].name.removeprefix("python")
    return "", ""


def steps_to_do(recipe: Recipe, before: Installed | None) -> tuple[Step, ...]:
    """Those that an interrupted run left over; all, when the recipe is another one by now."""
    commands = tuple(step.shell() for step in recipe.steps)
    if before is None or before.commands != commands or not (recipe.place / "bin/python").exists():
        return recipe.steps
    return recipe.steps[before.done :]


def build(recipe: Recipe, began: Callable[[int, Step], None], said: Callable[[str], None]) -> None:
    """Run what is not done yet. `began` hears number and step, `said` each line that it prints.

    Raises EngineError with the last lines of a command that failed; what was done is kept.
    """
    place = recipe.place
    with _alone(place) as lock:
        before = look_at(recipe.kind, place.parent)
        if place.is_symlink() or (before is None and _holds_something(place)):
            raise EngineError(
                f"{place} holds something that jarvisd did not put there: move it away first.", code="install"
            )
        todo = steps_to_do(recipe, before)
        first = len(recipe.steps) - len(todo)
        for number, step in enumerate(todo, first):
            _write_record(recipe, number)
            began(number, step)
            _run(step, said, lock)
        _write_record(recipe, len(recipe.steps))


def remove(kind: Kind, folder: Path) -> None:
    """Delete what was built or begun. Raises EngineError while a process uses it, or where there is nothing."""
    place = folder / kind
    if not record_file(place).is_file():
        raise EngineError(f"{kind} is not installed in {folder}.", code="not_installed")
    with _alone(place):
        if pids := users(place):
            raise EngineError(
                f"{kind} is in use by process {', '.join(map(str, pids))}: stop the daemon or the engine first.",
                code="in_use",
            )
        try:
            if place.exists():
                shutil.rmtree(place)
            record_file(place).unlink()
        except OSError as error:
            raise EngineError(f"{place} cannot be deleted whole: {error}", code="install") from error


def users(place: Path) -> list[int]:
    """Processes that were started with something out of this folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended, or is none of our business
            parts = file.read_bytes().split(b"\0")
            if any(part.startswith(os.fsencode(place) + b"/") for part in parts[:2]):
                found.append(int(file.parent.name))
    return sorted(found)


def _holds_something(place: Path) -> bool:
    return place.exists() and (not place.is_dir() or any(place.iterdir()))


@contextmanager
def _alone(place: Path) -> Iterator[int]:
    """No second run on the same folder at the same time. Yields the lock's descriptor."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = (place.parent / f".{place.name}.lock").open("w")
    except OSError as error:
        raise EngineError(
            f"{place.parent} cannot be written ({error.strerror}): run it as root.", code="install"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EngineError(f"{place} is being worked on by another jarvisd: wait for it.", code="busy") from error
        yield lock.fileno()


def _run(step: Step, said: Callable[[str], None], lock: int) -> None:
    """The command holds the lock, too: should it outlive us, nobody else writes into its folder."""
    env = {name: value for name, value in os.environ.items() if name not in _LEADS_ELSEWHERE} | dict(step.env)
    last: deque[str] = deque(maxlen=_LAST_LINES)
    try:
        process = subprocess.Popen(
            step.argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", pass_fds=(lock,),
        )  # fmt: skip
    except OSError as error:
        raise EngineError(
            f"{step.what}: {step.argv[0]} cannot be started ({error.strerror}).", code="install"
        ) from error
    try:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                last.append(line.rstrip())
                said(last[-1])
        code = process.wait()
    except BaseException:  # also Ctrl-C: nothing goes on writing into the folder
        process.terminate()
        process.wait()
        raise
    if code:
        raise EngineError(
            f"{step.what} failed with exit code {code}:\n  "
            + "\n  ".join(last)
            + f"\nThe command was: {step.shell()}\nWhat was done is kept: running it again goes on from here.",
            code="install",
        )


def _write_record(recipe: Recipe, done: int) -> None:
    file = record_file(recipe.place)
    record = {"build": recipe.build, "done": done, "commands": [step.shell() for step in recipe.steps]}
    partial = file.with_suffix(".part")
    try:
        partial.write_text(json.dumps(record, indent=2) + "\n")
        partial.replace(file)
    except OSError as error:
        raise EngineError(f"{file} cannot be written ({error.strerror}).", code="install") from error


def condensed(line: str) -> str:
    """What of a line of pip is worth a person's time; empty: nothing."""
    words = line.split()
    if not words:
        return ""
    if words[0] == "Downloading" and len(words) > 1:
        name = words[1].rsplit("/", 1)[-1].split("-")[0]
        return f"fetch {name} {' '.join(words[2:])}".rstrip()
    if line.startswith("Successfully installed"):
        return f"{len(words) - 2} packages installed"
    if line.startswith("Installing collected packages"):
        return "unpack"
    if words[0] in {"ERROR:", "error:"} or "Retrying" in words or line.startswith("Building wheel"):
        return line.strip()
    return ""
