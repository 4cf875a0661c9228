"""A plan for people: a table of models for each card, then what can share, what never fits, and what goes wrong."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jarvisd.engines.footprint import GIB
from jarvisd.planning.cards import Card
from jarvisd.planning.fit import Fit, OnCard, Together, gib, tokens
from jarvisd.planning.report import Report
from jarvisd.planning.suggest import LineUp

_OUT = Console(highlight=False, soft_wrap=True)


def show(report: Report) -> None:
    for card, both in zip(report.cards, report.together, strict=True):
        _card(card, both, report.fits)
    for one in report.fits:
        if not one.fits:
            _OUT.print(f"[red]never[/red]  {escape(one.reason)}")
    for line_up in report.line_ups:
        _suggestion(line_up)
    for trap in dict.fromkeys(trap.message for found in report.traps.values() for trap in found):
        _OUT.print(f"[yellow]trap[/yellow]   {escape(trap)}")
    if report.elsewhere:
        _OUT.print(f"[dim]on the processor or elsewhere: {escape(', '.join(report.elsewhere))}[/dim]")
    if not report.cards and not report.faults:
        _OUT.print("No model of the configuration wants a graphics card.")


def _card(card: Card, both: Together, fits: tuple[Fit, ...]) -> None:
    _OUT.print(f"[bold]{escape(card.name)}[/bold]  [dim]{escape(_about(card))}[/dim]")
    memory = f"  {gib(card.total_bytes)}, of which {gib(card.budget_bytes)} can be used"
    for count, what in (
        (card.reserved_bytes, "the driver's"),
        (card.kept_free_bytes, "kept free"),
        (card.foreign_bytes, "held by other programs"),
    ):
        if count:
            memory += f"; {gib(count)} {what}"
    _OUT.print(memory)
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("model", no_wrap=True, overflow="ellipsis", max_width=36)
    for title in ("weights", "cache", "engine", "sum GiB", "context"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in fits:
        for where in one.on_cards:
            if where.card.uuid == card.uuid:
                table.add_row(escape(one.candidate.name), *_figures(where))
    if table.row_count:
        _OUT.print(table)
    for group in both.share:
        _OUT.print(f"  [green]share[/green]      {escape(' + '.join(group))}")
    for first, second in both.alternate:
        _OUT.print(f"  [yellow]alternate[/yellow]  {escape(first)} or {escape(second)}, one at a time")


def _figures(where: OnCard) -> tuple[str, ...]:
    needs = where.footprint
    parts = (needs.weights_bytes, needs.kv_bytes, needs.engine_bytes, where.needed_bytes)
    longest = f"up to {tokens(where.context_tokens)}" if where.context_tokens else "-"
    return *(f"{one / GIB:.1f}" for one in parts), longest, "[green]fits[/green]" if where.fits else "[red]no[/red]"


def _about(card: Card) -> str:
    capability = f"sm_{card.capability[0]}{card.capability[1]}" if card.capability else ""
    driver = f"driver {card.driver}" if card.driver else ""
    uuid = "" if card.uuid.startswith("card-") else card.uuid
    return ", ".join(part for part in (uuid, capability, driver) if part)


def _suggestion(line_up: LineUp) -> None:
    _OUT.print(f"[bold]suggested for {escape(line_up.card.name)}[/bold]")
    for place in line_up.places:
        length = f", {tokens(place.context_tokens)} tokens of context at most" if place.context_tokens else ""
        _OUT.print(f"  {place.model.name}: {gib(place.needed_bytes)}{length}  [dim]{place.model.repository}[/dim]")
    if not line_up.places:
        _OUT.print("  nothing fits")
