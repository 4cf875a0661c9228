"""What a person sees of models: tables, and progress as a bar, or as plain lines where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from jarvisd.config import Config
from jarvisd.models import catalogue, pull, store
from jarvisd.models.catalogue import Wanted
from jarvisd.models.choose import RemoteFile
from jarvisd.models.pull import Plan, size
from jarvisd.models.store import Installed

PIPE_WIDTH = 200  # of a table that goes into a file or another program
_OUT = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)

_STATE_STYLE = {"complete": "green", "partial": "yellow", "damaged": "red", "not here": "yellow", "missing": "red"}


def row(model: Installed, config: Config, folder: Path) -> dict[str, Any]:
    """A model of the store, for `list`."""
    whole = model.whole_size_bytes
    missing = sum(file.size_bytes - store.bytes_present(model.folder, file) for file in model.missing)
    state = "complete" if model.complete else "partial"
    if model.record is None:
        state = "unknown"
    elif model.record.damaged:
        state = "damaged"
    return {
        "model": model.repository,
        "state": state,
        "percent": round(100 * (whole - missing) / whole, 1) if whole else 100.0,
        "size_bytes": whole,
        "licence": model.record.licence if model.record else "",
        "folder": str(model.folder),
        "used_by": _users(need for need in catalogue.wanted(config, folder) if need.repository == model.repository),
        "note": model.fault or ("" if model.complete else f"jarvisd models pull {model.repository}"),
    }


def absent_row(need: Wanted) -> dict[str, Any]:
    """A model that the configuration needs and the store does not have, for `list`."""
    if need.repository:
        state, note = "not here", f"jarvisd models pull {need.engine}"
    elif need.place.startswith("/"):
        state, note = ("own folder" if Path(need.place).exists() else "missing"), ""
    else:
        state, note = ("package", "") if need.obstacle.startswith("comes with") else ("missing", need.obstacle)
    return {
        "model": need.repository or need.place,
        "state": state,
        "percent": None,
        "size_bytes": None,
        "licence": "",
        "folder": None,
        "used_by": _users([need]),
        "note": note,
    }


def _users(needs: Any) -> list[str]:
    return [f"{need.engine} ({', '.join(need.users)})" if need.users else need.engine for need in needs]


def listing(folder: Path, rows: Sequence[Mapping[str, Any]], categories: Mapping[str, Sequence[Wanted]]) -> None:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for heading in ("model", "state", "size", "licence", "used by", ""):
        table.add_column(heading, overflow="fold")
    for found in rows:
        state = found["state"]
        shown = f"partial, {found['percent']:.0f} %" if state == "partial" else state
        table.add_row(
            escape(found["model"]),
            f"[{_STATE_STYLE.get(state, 'white')}]{shown}[/]",
            size(found["size_bytes"]) if found["size_bytes"] is not None else "",
            escape(found["licence"]),
            escape(", ".join(found["used_by"])) or "[dim]nobody[/dim]",
            escape(found["note"]),
        )
    if rows:
        _OUT.print(table)
    else:
        _OUT.print("No models here, and the configuration needs none.")
    for name, needs in categories.items():
        _OUT.print(f"  [dim]{name:<9}[/dim] {', '.join(need.engine for need in needs)}")
    _OUT.print(f"  [dim]in {escape(str(folder))}[/dim]")


def plans(found: Sequence[Plan], rate: float, measured: bool) -> None:
    """What is going to happen, before it does."""
    for plan in found:
        weights = max(plan.files, key=lambda file: file.size_bytes)
        _OUT.print(
            f"[bold]{plan.model.repository}[/bold]  {size(plan.total_bytes)} in {len(plan.files)} files "
            f"[dim](the largest: {escape(weights.path)})[/dim]\n"
            f"  licence {escape(plan.model.licence)}, to {escape(str(plan.folder))}"
        )
        if 0 < plan.present_bytes < plan.total_bytes:
            _OUT.print(f"  {size(plan.present_bytes)} of it are here already: continued")
    todo = sum(plan.todo_bytes for plan in found)
    if todo:
        line = "the speed of the last pull" if measured else "100 Mbit/s"
        _OUT.print(f"To fetch: {size(todo)}, about {duration(todo / rate)} at {line} ({size(rate)}/s)")


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def pulled(plan: Plan, hint: str) -> None:
    what = "every checksum is right." if plan.todo_bytes else "nothing to fetch."
    _OUT.print(f"[green]complete[/green] {plan.model.repository}: {what} {escape(str(plan.folder))}")
    if hint:
        _OUT.print(f"  for an engine of the configuration: {escape(hint)}")


def interrupted(plan: Plan, command: str) -> None:
    missing = store.look_at(plan.model.repository, plan.folder.parents[1]).missing
    present = plan.total_bytes - sum(
        file.size_bytes - store.bytes_present(plan.folder, file) for file in plan.files if file in missing
    )
    _OUT.print(
        f"[yellow]interrupted[/yellow] {plan.model.repository}: {size(present)} of {size(plan.total_bytes)} are kept. "
        f"To go on: {escape(command)}"
    )


def verified(model: Installed, wrong: Mapping[str, str]) -> None:
    if not wrong:
        _OUT.print(f"[green]good[/green]     {model.repository}")
        return
    for path, problem in wrong.items():
        _OUT.print(f"[red]wrong[/red]    {model.repository}: {escape(path)} {problem}")
    _OUT.print(f"  to fetch it anew: jarvisd models pull {model.repository}")


@contextmanager
def progress(plan: Plan) -> Iterator[pull.Progress]:
    if not _OUT.is_terminal:
        yield _Lines()
        return
    with _bar() as bar:
        task = bar.add_task(plan.model.repository, total=plan.total_bytes, completed=plan.present_bytes)
        yield _Bar(bar, task, plan)


@contextmanager
def reading(model: Installed) -> Iterator[Callable[[int], None]]:
    with _bar() as bar:
        task = bar.add_task(model.repository, total=model.whole_size_bytes, visible=_OUT.is_terminal)
        yield lambda count: bar.advance(task, count)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=_OUT,
        transient=True,
        disable=not _OUT.is_terminal,
    )


class _Bar:
    """One bar for the whole model; the file that is on its way is named beside it."""

    def __init__(self, bar: Progress, task: TaskID, plan: Plan) -> None:
        self._bar, self._task = bar, task
        begun_bytes = sum(store.bytes_present(plan.folder, file) for file in plan.files)
        self._whole_bytes = plan.present_bytes - begun_bytes

    def begin(self, file: RemoteFile, present_bytes: int) -> None:
        self._bar.update(self._task, description=escape(file.path))
        self._bar.update(self._task, completed=self._whole_bytes + present_bytes)

    def advance(self, count: int) -> None:
        self._bar.advance(self._task, count)

    def again(self, why: str, present_bytes: int) -> None:
        self._bar.console.print(f"  [yellow]{escape(why)}[/yellow] Going on at {size(present_bytes)} …")
        self._bar.update(self._task, completed=self._whole_bytes + present_bytes)

    def end(self, file: RemoteFile) -> None:
        self._whole_bytes += file.size_bytes
        self._bar.update(self._task, completed=self._whole_bytes)
        self._bar.console.print(f"  {escape(file.path)} [dim]{size(file.size_bytes)}[/dim]")


class _Lines:
    """For a log or a pipe: a line for each file."""

    def begin(self, file: RemoteFile, present_bytes: int) -> None:
        if present_bytes:
            _OUT.print(f"  {escape(file.path)} goes on at {size(present_bytes)}")

    def advance(self, count: int) -> None:
        """A line for each piece would be too many."""

    def again(self, why: str, present_bytes: int) -> None:
        _OUT.print(f"  {escape(why)} Going on at {size(present_bytes)} …")

    def end(self, file: RemoteFile) -> None:
        _OUT.print(f"  {escape(file.path)} {size(file.size_bytes)}")
