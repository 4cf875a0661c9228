"""`jarvisd privacy`: what left the house, when, why, and what it cost. Reads files only; no daemon is needed."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from jarvisd.cli.run import Invocation
from jarvisd.paths import state_dir
from jarvisd.routing.account import Account
from jarvisd.routing.ledger import Ledger
from jarvisd.routing.ledger_file import FILE_NAME, LedgerError
from jarvisd.routing.money import MICROS, written
from jarvisd.routing.outbound import Left, read_outbound

_OUT = Console(highlight=False, soft_wrap=True)
_STATES = {
    "open": "never settled, counted in full",
    "settled": "",
    "failed": "cost not known, counted in full",
    "free": "nothing was billed",
}


@click.group()
def privacy() -> None:
    """What left the house."""


@privacy.command()
@click.option("--days", type=click.IntRange(1, 400), default=30, show_default=True, help="Today and the days before.")
@click.option("--full", is_flag=True, help="Show each request to the byte.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def report(invocation: Invocation, days: int, full: bool, as_json: bool) -> None:
    """Show every byte that left for a cloud: when, where to, why it was allowed, and what it cost.

    Works while the daemon is down: it reads the ledger in the state folder.
    """
    config = invocation.load().config
    path = state_dir(config.house) / FILE_NAME
    account = Ledger(path, config.cloud, config.engines).account()
    left = read_outbound(path, days, date.today())
    if account.trouble and not left:
        raise LedgerError(account.trouble)
    if as_json:
        click.echo(json.dumps(_as_json(left, account, days, config.cloud.allowed, full), ensure_ascii=False, indent=2))
        return
    _OUT.print(_headline(left, days, allowed=config.cloud.allowed))
    for request in left:
        _show(request, full)
    if left or config.cloud.allowed:
        _balance(account)


def _headline(left: tuple[Left, ...], days: int, *, allowed: bool) -> str:
    period = "today" if days == 1 else f"in the last {days} days"
    now = "The cloud is allowed (cloud.allowed)." if allowed else "The cloud is off (cloud.allowed)."
    if not left:
        return f"[green]Nothing left the house {period}.[/green] {now}"
    times = "once" if len(left) == 1 else f"{len(left)} times"
    sent = sum(request.bytes for request in left)
    return f"[bold]{sent} bytes left the house {period}, {times}.[/bold] {now}"


def _show(request: Left, full: bool) -> None:
    cost = written(request.charged_micros, request.currency)
    tokens = (
        f", {request.prompt_tokens} tokens in and {request.completion_tokens} out"
        if request.prompt_tokens is not None and request.completion_tokens is not None
        else ""
    )
    _OUT.print(
        f"\n[bold]{request.at:%Y-%m-%d %H:%M:%S}[/bold]  {escape(request.engine)}, turn {escape(request.turn_id)}: "
        f"{request.bytes} bytes, {cost}{tokens}"
    )
    said = _STATES[request.state]
    if said or request.note:
        _OUT.print(f"  [yellow]{escape(': '.join(part for part in (said, request.note) if part))}[/yellow]")
    _OUT.print(f"  why     {escape(request.why)}")
    words = request.body if full else request.question
    _OUT.print(f"  {'sent' if full else 'words':8}{escape(words)}" if words else "  the words are no longer kept")


def _balance(account: Account) -> None:
    spent_today, spent_month, left, unsettled = (
        written(amount, account.currency)
        for amount in (
            *(account.spent_today_micros, account.spent_month_micros),
            *(account.left_today_micros, account.unsettled_micros),
        )
    )
    _OUT.print(f"\nSpent today {spent_today}, this month {spent_month}; {left} may still be spent today.")
    if account.unsettled_micros:
        _OUT.print(f"{unsettled} of this month is money held for requests whose real cost nobody knows.")
    if account.trouble:
        _OUT.print(f"[yellow]{escape(account.trouble)}[/yellow]")


def _as_json(left: tuple[Left, ...], account: Account, days: int, allowed: bool, full: bool) -> dict[str, Any]:
    return {
        "days": days,
        "allowed": allowed,
        "bytes": sum(request.bytes for request in left),
        "cost": sum(request.charged_micros for request in left) / MICROS,
        "currency": account.currency,
        "spent_today": account.spent_today_micros / MICROS,
        "spent_month": account.spent_month_micros / MICROS,
        "left_today": account.left_today_micros / MICROS,
        "unsettled_month": account.unsettled_micros / MICROS,
        "trouble": account.trouble,
        "requests": [
            {
                "at": request.at.isoformat(timespec="seconds"),
                "engine": request.engine,
                "tier": request.tier,
                "turn_id": request.turn_id,
                "why": request.why,
                "bytes": request.bytes,
                "words": request.question,
                **({"sent": request.body} if full else {}),
                "cost": request.charged_micros / MICROS,
                "held": request.reserved_micros / MICROS,
                "currency": request.currency,
                "state": request.state,
                "note": request.note,
                "prompt_tokens": request.prompt_tokens,
                "completion_tokens": request.completion_tokens,
            }
            for request in left
        ],
    }
