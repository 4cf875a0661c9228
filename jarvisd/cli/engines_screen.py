"""What a person sees of engines' environments: a table, the checks, the commands, and progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jarvisd.config import Config, EmbedEngine, EngineConfig, VllmEngine
from jarvisd.installing import build
from jarvisd.installing.checks import Check
from jarvisd.installing.recipes import DISTRIBUTIONS, KINDS, Cards, Interpreter, Kind, Recipe, Step, library_path
from jarvisd.installing.recipes import obstacle as obstacle_of

_WITHOUT_CARDS = {"CPU", "compiled"}  # builds for the processor
PIPE_WIDTH = 200  # of a table that goes into a file or another program
_OUT = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def report(config: Config, folder: Path, cards: Cards, fault: str) -> dict[str, Any]:
    """Everything that `list` shows. `cards_served`: for each card, why this kind cannot serve it, or an empty text."""
    rows = [_row(kind, _built(kind, folder), cards) for kind in KINDS]
    rows += [_row(kind, own, cards) for kind in KINDS if (own := _own(kind)) is not None]
    rows += [
        _row(kind, _configured(name, kind, place), cards)
        for name, engine in config.engines.items()
        for kind, place in _elsewhere(engine)
        if place != folder / kind
    ]
    return {
        "folder": str(folder),
        "driver": ".".join(map(str, cards.driver)),
        "cards": [_capability(one) for one in cards.capabilities],
        "fault": fault,
        "engines": rows,
    }


def _row(kind: Kind, found: dict[str, Any], cards: Cards) -> dict[str, Any]:
    served = {_capability(one): obstacle_of(kind, one, cards.driver) for one in cards.capabilities}
    if found["build"] in _WITHOUT_CARDS:
        served = dict.fromkeys(served, "was built for the processor")
    return {"kind": kind, **found, "cards_served": served}


def _built(kind: Kind, folder: Path) -> dict[str, Any]:
    found = build.look_at(kind, folder)
    if found is None:
        return _entry("not installed", None, note=f"jarvisd engines install {kind}")
    state = "installed" if found.whole else "partial"
    note = "" if found.whole else f"{found.done} of {len(found.commands)} steps: jarvisd engines install {kind}"
    return _entry(state, found.place, found.version, found.python, found.build, note)


def _own(kind: Kind) -> dict[str, Any] | None:
    """What jarvisd's own environment has of a kind. Embeddings are computed there by ONNX Runtime, without a card."""
    note = "jarvisd's own environment"
    version, python = build.version_in(Path(sys.prefix), DISTRIBUTIONS[kind])
    if kind == "embed" and not version and build.version_in(Path(sys.prefix), "tokenizers")[0]:
        version, python = build.version_in(Path(sys.prefix), "onnxruntime")
        return _entry("installed", Path(sys.prefix), version, python, "CPU", f"{note}, with ONNX Runtime")
    return _entry("installed", Path(sys.prefix), version, python, note=note) if version else None


def _elsewhere(engine: EngineConfig) -> list[tuple[Kind, Path]]:
    """The environment that an engine of the configuration names."""
    if isinstance(engine, VllmEngine):
        return [("vllm", engine.command)]
    return [("embed", engine.python)] if isinstance(engine, EmbedEngine) and engine.python else []


def _configured(name: str, kind: Kind, named: Path) -> dict[str, Any]:
    """`named`: a program, or the folder of its environment."""
    place = named.parents[1] if named.is_file() else named
    version, python = build.version_in(place, DISTRIBUTIONS[kind])
    there = (place / "bin/vllm").is_file() if kind == "vllm" else bool(version)
    return _entry("installed" if there else "missing", place, version, python, note=f"engines.{name}")


def _entry(
    state: str, place: Path | None, version: str = "", python: str = "", made_for: str = "", note: str = ""
) -> dict[str, Any]:
    return {
        "state": state,
        "place": str(place) if place else None,
        "version": version,
        "python": python,
        "build": made_for,
        "note": note,
    }


def _capability(one: tuple[int, int]) -> str:
    return f"{one[0]}.{one[1]}"


def listing(found: dict[str, Any]) -> None:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for heading in ("kind", "state", "version", "Python", "build", "cards", "place", ""):
        table.add_column(heading, overflow="fold")
    for row in found["engines"]:
        table.add_row(
            row["kind"],
            row["state"],
            row["version"],
            row["python"],
            row["build"],
            ", ".join(card for card, why in row["cards_served"].items() if not why),
            escape(row["place"] or ""),
            escape(row["note"]),
        )
    _OUT.print(table)
    reasons = {
        f"  {row['kind']} not on {card}: {why}"
        for row in found["engines"]
        for card, why in row["cards_served"].items()
        if why
    }
    for reason in sorted(reasons):
        _OUT.print(escape(reason))
    if found["fault"]:
        _OUT.print(f"  {escape(found['fault'])}")
    elif not found["cards"]:
        _OUT.print("  no graphics card was found: llama-cpp, whisper and embed then compute on the processor")


def checked(plan: Recipe, found: Sequence[Check]) -> None:
    _OUT.print(f"[bold]{plan.kind}[/bold] ({plan.build}) in {escape(str(plan.place))}")
    for check in found:
        mark = "[green]good [/green]" if check.passed else "[red]wrong[/red]"
        _OUT.print(f"  {mark} {check.name}: {escape(check.said)}")


def commands(plan: Recipe, todo: Sequence[Step]) -> None:
    """What would be done, for a shell."""
    if done := len(plan.steps) - len(todo):
        _OUT.print(f"# {done} of {len(plan.steps)} steps are done already")
    for step in todo:
        _OUT.print(f"# {escape(step.what)}\n{escape(step.shell())}")


def here_already(plan: Recipe) -> None:
    _OUT.print(f"{plan.kind} ({plan.build}) is installed already: {escape(str(plan.place))}")


def began(plan: Recipe) -> Callable[[int, Step], None]:
    def tell(number: int, step: Step) -> None:
        _OUT.print(f"[bold]{number + 1}/{len(plan.steps)}[/bold] {escape(step.what)}")

    return tell


def said(line: str) -> None:
    if short := build.condensed(line):
        _OUT.print(f"      [dim]{escape(short)}[/dim]")


def how_to_use(plan: Recipe, python: Interpreter, sockets: Path) -> None:
    """The table for the configuration."""
    _OUT.print("For the configuration:\n")
    _OUT.print(escape("\n".join(_table(plan, python, sockets))))


def _table(plan: Recipe, python: Interpreter, sockets: Path) -> list[str]:
    if plan.kind == "vllm":
        return ["[engines.NAME]", 'kind = "vllm"', f'command = "{plan.place}"', 'model = "FOLDER"', 'gpu = "GPU-…"']
    if plan.kind == "embed":
        device = 'device = "GPU-…"' if plan.build not in _WITHOUT_CARDS else 'device = "cpu"'
        return ["[engines.NAME]", 'kind = "embed"', f'python = "{plan.place}"', 'model = "FOLDER"', device]
    worker, protocol = ("whisper", "wyoming") if plan.kind == "whisper" else ("llama", "openai")
    options = ', "--languages", "es,en"' if plan.kind == "whisper" else ""
    with_card = plan.build not in _WITHOUT_CARDS
    if with_card and plan.kind == "llama-cpp":
        options = ', "--gpu-layers", "99"'
    socket = sockets / f"{worker}.sock"
    lines = [
        "[engines.NAME]",
        'kind = "process"',
        f'protocol = "{protocol}"',
        f'url = "unix://{socket}"',
        f'argv = ["{plan.place}/bin/python", "-P", "-m", "jarvisd.workers.{worker}", "--socket", "{socket}",',
        f'        "--model", "FOLDER OR FILE"{options}]',
    ]
    if with_card:
        lines.append('gpu = "GPU-…"')
    if with_card and plan.kind == "whisper":
        lines.append(f'env = {{ LD_LIBRARY_PATH = "{library_path(plan.place, python.version)}" }}')
    return lines
