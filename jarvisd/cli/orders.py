"""`jarvisd warm`, `unload`, `pin`, `unpin` and `gpu`: orders to the running daemon about its engines and cards."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import click

from jarvisd.cli import show
from jarvisd.cli.run import Invocation
from jarvisd.control.client import request_result
from jarvisd.paths import find_control_socket

_UNIT_S = {"d": 86_400, "h": 3600, "m": 60, "s": 1}


def duration_s(text: str) -> float:
    """Seconds of 2h, 90m, 1h30m or 1d."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([dhms])", text.casefold())
    if "".join(number + unit for number, unit in parts) != text.strip().casefold() or not parts:
        raise click.BadParameter(f"{text!r} is no duration: write 2h, 90m or 1h30m.")
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts)


@click.command()
@click.argument("engine")
@click.pass_obj
def warm(invocation: Invocation, engine: str) -> None:
    """Bring ENGINE (or the engine of a tier) up now, and wait until it is ready.

    Others make room for it as they would for a question. Ctrl-C ends the waiting, not the start.
    """
    with show.waiting(f"{engine} is coming up"):
        result = _order(invocation, "warm", engine=engine)
    click.echo(result)


@click.command()
@click.argument("engine")
@click.pass_obj
def unload(invocation: Invocation, engine: str) -> None:
    """End the process of ENGINE now; the next question that needs it starts it again."""
    with show.waiting(f"{engine} is ending"):
        result = _order(invocation, "unload", engine=engine)
    click.echo(result)


@click.command()
@click.argument("engine")
@click.pass_obj
def pin(invocation: Invocation, engine: str) -> None:
    """Bring ENGINE up and let it keep its place on its card until `unpin` or a restart."""
    click.echo(_order(invocation, "pin", engine=engine))


@click.command()
@click.argument("engine")
@click.pass_obj
def unpin(invocation: Invocation, engine: str) -> None:
    """End what `pin` began."""
    click.echo(_order(invocation, "unpin", engine=engine))


@click.group()
def gpu() -> None:
    """Take the graphics cards from the engines for a while, and give them back."""


@gpu.command()
@click.argument("duration", type=duration_s, metavar="DURATION")
@click.argument("card", default="")
@click.pass_obj
def release(invocation: Invocation, duration: float, card: str) -> None:
    """Empty a card for DURATION, such as 2h or 90m: for a game, or for other work.

    CARD is the beginning of its UUID or a part of its name, such as 5070; without it, all cards. Engines in use answer
    first. Questions meanwhile go to what is left; a restart of the daemon changes nothing about it.
    """
    with show.waiting("engines are leaving"):
        result = _order(invocation, "gpu-release", card=card, for_s=duration)
    click.echo(result)


@gpu.command()
@click.argument("card", default="")
@click.pass_obj
def reclaim(invocation: Invocation, card: str) -> None:
    """End a release before its time: CARD, or without it all cards."""
    click.echo(_order(invocation, "gpu-reclaim", card=card))


def _order(invocation: Invocation, kind: str, **data: Any) -> str:
    socket = find_control_socket(invocation.load().config.house)
    return str(asyncio.run(request_result(socket, kind, data))["text"])
