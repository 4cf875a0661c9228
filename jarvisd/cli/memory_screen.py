"""What `jarvisd memory` prints for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from jarvisd.quoting import cut, harmless

_OUT = Console(highlight=False, soft_wrap=True)
_ERR = Console(stderr=True, highlight=False, soft_wrap=True)
_LINE = 160
_DAY = "%Y-%m-%d %H:%M"


def waiting(text: str) -> Status:
    """On a terminal, that something takes a while."""
    return _ERR.status(f"{text} …")


def memories(found: Sequence[dict[str, Any]]) -> None:
    if not found:
        _OUT.print("Nothing is remembered that fits.")
        return
    table = Table("id", "at", "kind", "who", "said", box=None, padding=(0, 1), header_style="dim")
    for one in found:
        table.add_row(_line(one["id"]), when(one["at_s"]), one["kind"], _line(one["person"]), _said(one))
    _OUT.print(table)


def found(found: dict[str, Any]) -> None:
    if not found["found"]:
        _OUT.print(f"Nothing is remembered that fits. [dim](by {escape(found['how'])})[/dim]")
        return
    for one in found["found"]:
        memory = one["memory"]
        places = [f"{side} {one[side] + 1}." for side in ("words", "vectors") if one[side] is not None]
        alike = [] if one["likeness"] is None else [f"alike {one['likeness']:.2f}"]
        who = [_line(memory["person"])] if memory["person"] else []
        facts = [
            _line(memory["id"]),
            when(memory["at_s"]),
            one["day"],
            *who,
            f"score {one['score']:.2f}",
            *places,
            *alike,
        ]
        _OUT.print(f"{_said(memory)}\n  [dim]{' · '.join(facts)}[/dim]")
    answered = "speaks of it" if found["sure"] else "may not be what is meant: none speaks clearly of it"
    _OUT.print(f"  [dim]by {escape(found['how'])}; what was found {answered}[/dim]")


def whole(found: dict[str, Any]) -> None:
    memory = found["memory"]
    for one in found["before"]:
        _OUT.print(f"  [dim]before      {_said(one)}[/dim]")
    _OUT.print(f"  said        [bold]{_text(memory['said'])}[/bold]")
    if memory["answered"]:
        _OUT.print(f"  answered    {_text(memory['answered'])}")
    for one in found["after"]:
        _OUT.print(f"  [dim]after       {_said(one)}[/dim]")
    _OUT.print(f"  at          {when(memory['at_s'])}")
    for name in ("id", "kind", "language", "person", "room", "tier", "session"):
        if memory[name]:
            _OUT.print(f"  {name:<11} {_line(memory[name])}")
    if memory["pinned"]:
        _OUT.print("  pinned      kept until it is forgotten")
    for title, name in (("read out of", "sources"), ("fact", "facts"), ("replaces", "supersedes")):
        for one in found[name]:
            _OUT.print(f"  {title:<11} {_line(one['id'])} {_said(one)}")
    if (newer := found["superseded_by"]) is not None:
        _OUT.print(f"  [yellow]replaced by {_line(newer['id'])} {_said(newer)}[/yellow]")


def going(found: dict[str, Any]) -> None:
    for one in found["unknown"]:
        _OUT.print(f"[yellow]No memory has the id {_line(one)}.[/yellow]")
    if not found["ids"]:
        _OUT.print("Nothing is remembered that fits; nothing is forgotten.")
        return
    memories(found["memories"])
    if (more := len(found["ids"]) - len(found["memories"])) > 0:
        _OUT.print(f"  … and {more} more")


def gone(found: dict[str, Any]) -> None:
    head = f"Forgotten: {found['forgotten']}."
    checked = f"(checked {_size(found['checked_bytes'])} in {found['took_s'] * 1000:.0f} ms)"
    if not found["left"]:
        _OUT.print(f"{head} No file of {escape(found['folder'])} holds it any more {checked}.")
        return
    _OUT.print(f"{head} [red]Pieces of it are still in:[/red]")
    for file in found["left"]:
        _OUT.print(f"  {_line(file)}")
    _OUT.print("If that file is a log or a copy of yours, delete it; then try `jarvisd memory verify TEXT`.")


def stats(found: dict[str, Any]) -> None:
    _OUT.print(f"[bold]{found['memories']} memories[/bold] in {_line(found['file'])} ({_size(found['file_bytes'])})")
    if found["memories"]:
        _OUT.print(f"  from {when(found['first_at_s'])} to {when(found['last_at_s'])}")
    _counts("kinds", found["kinds"])
    _counts("who", {name or "not known": count for name, count in found["persons"].items()})
    _counts("vectors", found["vectors"])
    _OUT.print(f"  {'index':<13} {escape(harmless(found['index']))}")
    for title, name in (
        ("pinned", "pinned"),
        ("replaced", "superseded"),
        ("forgotten", "forgotten"),
        ("to be indexed", "waiting"),
        ("not on disk", "waiting_for_disk"),
    ):
        if found[name]:
            _OUT.print(f"  {title:<13} {found[name]}")
    if found["private"]:
        _OUT.print("  [yellow]nothing is kept now: the house was asked to be private[/yellow]")


def verified(found: dict[str, Any], texts: int) -> None:
    for fault in found["faults"]:
        _OUT.print(f"[red]wrong[/red]  {escape(harmless(fault))}")
    if found["faults"]:
        _OUT.print(
            "`jarvisd memory rebuild` mends the index of words. What it does not mend is restored from an export:"
        )
        _OUT.print("stop the daemon, move memory.sqlite away, and `jarvisd memory import FILE`.")
    else:
        _OUT.print(
            f"[green]sound[/green]  {found['memories']} memories; {found['forgotten']} forgotten, none of them is back"
        )
    for trace in found["traces"]:
        _OUT.print(f"[red]found[/red]  “{_line(trace['text'])}” in {_line(trace['file'])}, byte {trace['offset']}")
    if found["traces"]:
        _OUT.print('What is remembered goes with `jarvisd memory forget --about "…"`; other files are yours to delete.')
    elif texts:
        looked = f"{_size(found['checked_bytes'])} below {escape(found['folder'])}"
        _OUT.print(f"[green]gone[/green]   nothing of it is in {looked}")


def when(at_s: float) -> str:
    try:
        return datetime.fromtimestamp(at_s).strftime(_DAY)
    except (OverflowError, OSError, ValueError):  # a clock at the end of all years
        return "?"


def _counts(title: str, counts: dict[str, int]) -> None:
    if counts:
        told = " · ".join(f"{_line(name)} {count}" for name, count in counts.items())
        _OUT.print(f"  {title:<13} {told}")


def _said(one: dict[str, Any]) -> str:
    said = _line(one["said"])
    if one["superseded_by"]:
        said += " [dim](replaced)[/dim]"
    return f"{said} [dim]→ {_line(one['answered'])}[/dim]" if one["answered"] and one["kind"] != "fact" else said


def _line(text: str | None) -> str:
    """On one line, and without what a terminal would obey."""
    return escape(cut(" ".join(harmless(text or "").split()), _LINE))


def _text(text: str) -> str:
    return escape(harmless(text))


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.0f} kB"
