"""`jarvisd stats`: what the household's turns were answered by, how quickly, and for how much."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from jarvisd.cli.run import Invocation
from jarvisd.config import Config, RemoteEngine
from jarvisd.paths import state_dir
from jarvisd.routing.money import price_of, written
from jarvisd.turns.exposition import exposition
from jarvisd.turns.log import FILE_NAME, TurnLog, days_ago_s
from jarvisd.turns.stats import Price
from jarvisd.turns.stats import stats as figures

_OUT = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option(
    "--days", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True, help="So far back."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--prometheus", is_flag=True, help="Print them for Prometheus (node_exporter's textfile collector).")
@click.pass_obj
def stats(invocation: Invocation, days: float, as_json: bool, prometheus: bool) -> None:
    """Show who answered, how quickly, and what it cost; needs no running daemon."""
    config = invocation.load().config
    turns = TurnLog(state_dir(config.house) / FILE_NAME).since(days_ago_s(days))
    found = {"days": days, "currency": config.cloud.currency, **figures(turns, _cloud_price(config))}
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    elif prometheus:
        click.echo(exposition(found), nl=False)
    elif not turns:
        _OUT.print(f"No turns in the last {days:g} days. They are recorded by `jarvisd run`.")
    else:
        _table(found)


def _cloud_price(config: Config) -> Price | None:
    """What the first cloud with prices would have asked; None where there is none to compare with."""
    clouds = [engine for engine in config.engines.values() if isinstance(engine, RemoteEngine) and engine.is_cloud]
    prices = [price for price in map(price_of, clouds) if price is not None]
    return prices[0].cost_micros if prices else None


def _table(found: dict[str, Any]) -> None:
    _OUT.print(f"[bold]{found['turns']} turns[/bold] in {found['days']:g} days, {found['answered']} answered")
    table = Table("answered by", "share", "first word", "", "whole", "", box=None, padding=(0, 2), header_style="dim")
    for name, share in sorted(found["shares"].items(), key=lambda item: -item[1]):
        own = found["by_tier"][name]
        table.add_row(name, f"{share:.0%}", *_times(own["first_word_ms"]), *_times(own["total_ms"]))
    table.add_row("[bold]all[/bold]", "", *_times(found["first_word_ms"]), *_times(found["total_ms"]))
    _OUT.print(table)
    _OUT.print(f"  in the house       {_percent(found['local_share'])}")
    _OUT.print(f"  without a model    {_percent(found['without_model_share'])}")
    _OUT.print(f"  spent              {written(found['spent_micros'], found['currency'])}{_against(found)}")
    for title, name in (
        ("cold starts", "cold_starts"),
        ("asked again higher", "escalated"),
        ("corrected", "corrections"),
    ):
        _OUT.print(f"  {title:<18} {found[name]}")
    for code, count in found["failed"].items():
        _OUT.print(f"  [yellow]failed[/yellow]             {count} × {code}")


def _times(quantiles: dict[str, float | None]) -> tuple[str, str]:
    half, most = quantiles["p50"], quantiles["p95"]
    return ("" if half is None else _ms(half), "" if most is None else f"[dim]p95 {_ms(most)}[/dim]")


def _ms(value: float) -> str:
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _against(found: dict[str, Any]) -> str:
    if found["all_cloud_micros"] is None:
        return ""
    instead = written(found["all_cloud_micros"], found["currency"])
    return f" instead of {instead} with everything in the cloud ({found['saved_share']:.0%} less)"
