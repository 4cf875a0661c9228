"""`jarvisd plan`: which models fit the cards, with how much context, before anything is loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import click

from jarvisd.cli import plan_screen
from jarvisd.cli.plan_cards import cards_of
from jarvisd.cli.plan_models import DEFAULT_CONTEXT_TOKENS, Wish, candidate, wishes_for, wishes_of
from jarvisd.cli.run import Invocation
from jarvisd.config import Config
from jarvisd.errors import ModelError
from jarvisd.planning.cards import Card, imagined_card
from jarvisd.planning.fit import MOST_MODELS, Fit, fit, together
from jarvisd.planning.report import Fault, Report, as_json
from jarvisd.planning.suggest import suggest
from jarvisd.planning.traps import traps

EXIT_DOES_NOT_FIT, EXIT_BAD_INPUT = 1, 2
_LONGEST_CONTEXT = 1 << 24


class _Memory(click.ParamType[str]):
    name = "memory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            imagined_card(str(value), 1)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


@click.command()
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="ID|DIR|FILE",
    help="A model's folder, .gguf file, or name on the hub, in place of those of the configuration.",
)
@click.option("--suggest", "wants_suggestion", is_flag=True, help="Suggest a line-up for the cards.")
@click.option(
    "--gpu-memory",
    "memories",
    type=_Memory(),
    multiple=True,
    metavar="SIZE[@CAPABILITY]",
    help="Plan for a card of this size, such as 15.5GiB or 6GiB@7.5, in place of those of this machine.",
)
@click.option(
    "--context",
    "context_tokens",
    type=click.IntRange(16, _LONGEST_CONTEXT),
    metavar="TOKENS",
    help="Length of the conversation. Default: as configured, or 8192.",
)
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def plan(
    invocation: Invocation,
    models: tuple[str, ...],
    wants_suggestion: bool,
    memories: tuple[str, ...],
    context_tokens: int | None,
    wants_json: bool,
) -> None:
    """Say which models fit which card, with how much context, which of them together, and what never fits and why.

    Reads only the headers of the models' files, and asks the hub for what is on no disk. Exit codes: 0 every model
    has a card; 1 one fits none; 2 wrong usage, or a model that cannot be read.
    """
    config = invocation.load().config
    wishes, elsewhere = (wishes_for(models), []) if models else wishes_of(config)
    if wants_suggestion and not models:
        wishes, elsewhere = [], []
    if len(wishes) > MOST_MODELS:
        raise click.UsageError(f"A plan is made for at most {MOST_MODELS} models at a time.")
    cards: tuple[Card, ...] = tuple(imagined_card(one, number) for number, one in enumerate(memories, 1))
    if cards:  # imagined ones have no UUID that an engine could be tied to
        wishes = [replace(wish, card=None) for wish in wishes]
    elif wishes or wants_suggestion:
        cards = _cards(config)
    fits, faults = _fits(wishes, cards, config, context_tokens)
    report = Report(
        cards=cards,
        fits=tuple(fits),
        together=tuple(together(fits, card) for card in cards),
        traps={one.candidate.name: traps(one) for one in fits},
        faults=tuple(faults),
        elsewhere=tuple(elsewhere),
        line_ups=suggest(cards, context_tokens or DEFAULT_CONTEXT_TOKENS) if wants_suggestion else (),
    )
    if wants_json:
        click.echo(json.dumps(as_json(report), ensure_ascii=False, indent=2))
    else:
        plan_screen.show(report)
    _exit(report)


def _cards(config: Config) -> tuple[Card, ...]:
    try:
        return cards_of(config)
    except ModelError as error:
        raise click.UsageError(error.message) from error


def _fits(
    wishes: list[Wish], cards: tuple[Card, ...], config: Config, context_tokens: int | None
) -> tuple[list[Fit], list[Fault]]:
    """One model that cannot be read does not hide what is known of the others."""
    found, faults = [], []
    for wish in wishes:
        try:
            found.append(fit(candidate(wish, config, context_tokens), cards))
        except ModelError as error:
            faults.append(Fault(wish.name, error.message))
    return found, faults


def _exit(report: Report) -> None:
    for fault in report.faults:
        click.echo(f"jarvisd: {fault.message}", err=True)
    if report.faults:
        raise SystemExit(EXIT_BAD_INPUT)
    if not all(one.fits for one in report.fits):
        raise SystemExit(EXIT_DOES_NOT_FIT)
