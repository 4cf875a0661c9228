"""`jarvisd engines`: the environments that engines live in, and building them."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

import jarvisd
from jarvisd.cli import engines_screen as screen
from jarvisd.cli.run import Invocation
from jarvisd.errors import EngineError
from jarvisd.gpu.faults import Fault, fault_sentence
from jarvisd.gpu.nvml import Nvml
from jarvisd.installing import build, checks
from jarvisd.installing.recipes import KINDS, Cards, Interpreter, Kind, Recipe, recipe
from jarvisd.paths import runtime_dir, state_dir

# With none of these is there anything wrong.
_NO_CARD_HERE = {None, Fault.LIBRARY_NOT_FOUND, Fault.NO_CARD}


class _Numbers(click.ParamType[tuple[int, ...]]):
    """A version such as 580.65 or 12.0."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        parts = str(value).split(".")
        if len(parts) < 2 or not all(part.isascii() and part.isdigit() for part in parts):
            self.fail(f"{value} is no number such as 580.65 or 12.0", param, ctx)
        return tuple(map(int, parts))


_KIND = click.argument("kind", type=click.Choice(KINDS))
_CAPABILITY = click.option(
    "--gpu-capability",
    "capabilities",
    type=_Numbers(),
    multiple=True,
    metavar="N.N",
    help="A card of this CUDA capability, such as 12.0, in place of those of this machine; with --driver.",
)
_DRIVER = click.option(
    "--driver", type=_Numbers(), metavar="VERSION", help="NVIDIA's driver of that machine, such as 580.65."
)


@click.group()
def engines() -> None:
    """List, build and remove the environments that engines live in.

    Each is apart from jarvisd's own, below the state folder: engines/KIND.
    """


@engines.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_CAPABILITY
@_DRIVER
@click.pass_obj
def list_engines(
    invocation: Invocation, as_json: bool, capabilities: tuple[tuple[int, ...], ...], driver: tuple[int, ...] | None
) -> None:
    """List the kinds: where they are installed, in which version, and which cards they can serve."""
    config = invocation.load().config
    folder = build.engines_dir(state_dir(config.house)).absolute()
    report = screen.report(config, folder, *_cards(capabilities, driver))
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        screen.listing(report)


@engines.command("install")
@_KIND
@click.option("--dry-run", is_flag=True, help="Check, and print the exact commands, and do nothing.")
@click.option("--cpu", is_flag=True, help="For the processor, even where there is a card.")
@click.option("--from-source", is_flag=True, help="Compile llama.cpp here instead of taking a wheel.")
@click.option(
    "--python", "program", type=click.Path(path_type=Path), help="The Python to make it with. Default: this one."
)
@_CAPABILITY
@_DRIVER
@click.pass_obj
def install_engine(
    invocation: Invocation,
    kind: Kind,
    dry_run: bool,
    cpu: bool,
    from_source: bool,
    program: Path | None,
    capabilities: tuple[tuple[int, ...], ...],
    driver: tuple[int, ...] | None,
) -> None:
    """Build the environment that an engine kind needs, or go on where that was interrupted.

    Driver, disk and compiler are checked first. Exit codes: 0 done; 1 something is in the way, or a command failed;
    2 wrong usage; 130 interrupted.
    """
    if cpu and capabilities:
        raise click.UsageError("Either --cpu or --gpu-capability.")
    house = invocation.load().config.house
    cards, fault = (Cards(), "") if cpu else _cards(capabilities, driver)
    if fault:
        raise EngineError(f"{fault}. To go on without: --cpu, or --gpu-capability and --driver.", code="install")
    python = checks.look_at_python((program or _own_python()).absolute())
    folder = build.engines_dir(state_dir(house)).absolute()
    plan = recipe(kind, folder / kind, python, cards, _own_package(), from_source=from_source)
    before = build.look_at(kind, folder)
    todo = build.steps_to_do(plan, before)
    obstacles = _check(plan, python, cards) if todo or dry_run else ""
    if dry_run:
        screen.commands(plan, todo)
    if obstacles:
        raise EngineError(obstacles, code="install")
    if dry_run:
        return
    if todo:
        _build(invocation, plan, todo_from=len(plan.steps) - len(todo))
    else:
        screen.here_already(plan)
    screen.how_to_use(plan, python, runtime_dir(house))


@engines.command("remove")
@_KIND
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_engine(invocation: Invocation, kind: Kind, yes: bool) -> None:
    """Delete the environment of a kind. One that a process uses is refused."""
    folder = build.engines_dir(state_dir(invocation.load().config.house)).absolute()
    if not build.record_file(folder / kind).is_file():
        raise EngineError(f"{kind} is not installed in {folder}.", code="not_installed")
    if yes or click.confirm(f"Delete {folder / kind}?"):
        build.remove(kind, folder)
        click.echo(f"Deleted {folder / kind}.")


def _check(plan: Recipe, python: Interpreter, cards: Cards) -> str:
    """Show every check. What is in the way, for a person; empty: nothing."""
    found = checks.checks(
        plan,
        python,
        cards,
        free_bytes=checks.free_bytes(plan.place),
        present_bytes=checks.size_bytes(plan.place),
    )
    screen.checked(plan, found)
    if wrong := [check for check in found if not check.passed]:
        faults = "\n".join(f"  {check.name}: {check.said}" for check in wrong)
        return f"{plan.kind} cannot be installed yet:\n{faults}"
    return ""


def _build(invocation: Invocation, plan: Recipe, todo_from: int) -> None:
    if todo_from:
        click.echo(f"going on after step {todo_from} of {len(plan.steps)}")
    try:
        build.build(plan, screen.began(plan), screen.said)
    except KeyboardInterrupt:
        arguments = shlex.join(["jarvisd", *invocation.arguments(), "engines", "install", plan.kind])
        click.echo(f"\nInterrupted. What was done is kept; to go on, with the same options: {arguments}", err=True)
        raise


def _cards(capabilities: tuple[tuple[int, ...], ...], driver: tuple[int, ...] | None) -> tuple[Cards, str]:
    """Those that were named, or those of this machine; and why not all of them can be known, or an empty text."""
    if bool(capabilities) != (driver is not None):
        raise click.UsageError("--gpu-capability and --driver go together.")
    if driver is not None:
        return Cards(driver, tuple((one[0], one[1]) for one in capabilities)), ""
    scan = Nvml().read()
    known = tuple(one.capability for one in scan.readings if one.capability is not None)
    version = next((one.driver_version for one in scan.readings if one.driver_version), "")
    faults = [scan.fault, *(one.fault for one in scan.readings)]
    fault = next((fault for fault in faults if fault not in _NO_CARD_HERE), None)
    return Cards(tuple(int(part) for part in version.split(".") if part.isdigit()), known), (
        fault_sentence(fault) if fault is not None else ""
    )


def _own_python() -> Path:
    """The Python that this one's environment was made with, so that the new one does not depend on ours."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return base if os.access(base, os.X_OK) else Path(sys.executable)


def _own_package() -> Path:
    return Path(jarvisd.__file__).resolve().parent
