"""`jarvisd route`: which tier would answer and why, which did, and saying that it was the wrong one."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any, get_args

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jarvisd.cli.run import Invocation
from jarvisd.control.client import request_result
from jarvisd.paths import find_control_socket
from jarvisd.types import Kind

_OUT = Console(highlight=False, soft_wrap=True)


class Route(click.Group):
    """What is no subcommand is a question."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "show", show, args


@click.group(cls=Route, options_metavar="", subcommand_metavar="QUESTION... | correct | recent")
def route() -> None:
    """Show which tier would answer QUESTION, and why, without asking it."""


@click.command("show")
@click.argument("question", nargs=-1, required=True)
@click.option("--language", type=click.Choice(["es", "en"]), help="Language of the question, when not to be guessed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(invocation: Invocation, question: tuple[str, ...], language: str | None, as_json: bool) -> None:
    """Show which tier would answer QUESTION, and why."""
    found = _ask(invocation, "route", text=" ".join(question), language=language)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    _OUT.print("  " + " · ".join(f"{kind} {share:.0%}" for kind, share in found["probabilities"].items()))
    table = Table("tier", "engine", "cost", "first word", "", box=None, padding=(0, 2), header_style="dim")
    for one in found["routes"]:
        table.add_row(one["tier"], one["engine"], f"{one['cost']:.2f}", f"{one['eta_s']:.1f} s", escape(one["reason"]))
    for tier, why in found["refused"].items():
        table.add_row(f"[yellow]{tier}[/yellow]", "", "", "", escape(f"not asked: {why}"))
    _OUT.print(table)
    if found["grey"]:
        _OUT.print("  its first sentence is looked at before it is spoken")


@route.command()
@click.argument("turn")
@click.argument("kind", type=click.Choice([*get_args(Kind), "none"]))
@click.pass_obj
def correct(invocation: Invocation, turn: str, kind: str) -> None:
    """Say what TURN (an id, or `last`) really was: home, fast, strong or reasoning; `none` takes that back.

    The scorer learns from all corrections at once, and says what that changes.
    """
    click.echo(_ask(invocation, "route-correct", turn=turn, kind=None if kind == "none" else kind)["text"])


@route.command()
@click.option("--count", type=click.IntRange(1, 200), default=10, show_default=True, help="So many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def recent(invocation: Invocation, count: int, as_json: bool) -> None:
    """List the last turns with their ids, who answered, and why."""
    turns = _ask(invocation, "turns", count=count)["turns"]
    if as_json:
        click.echo(json.dumps(turns, ensure_ascii=False, indent=2))
        return
    table = Table("turn", "at", "by", "first word", "question", "why", box=None, padding=(0, 1), header_style="dim")
    for one in turns:
        first = "" if one["first_word_ms"] is None else f"{one['first_word_ms']:.0f} ms"
        by = one["tier"] or one["via"]
        at = datetime.fromtimestamp(one["at_s"]).strftime("%d %H:%M")
        said = escape(one["question"] or "(not kept)")
        why = escape(one["reason"] + (f" [corrected: {one['corrected']}]" if one["corrected"] else ""))
        table.add_row(one["id"], at, by, first, said, why)
    _OUT.print(table)


def _ask(invocation: Invocation, request: str, /, **data: Any) -> dict[str, Any]:
    return asyncio.run(request_result(find_control_socket(invocation.load().config.house), request, data))
