"""`jarvisd check`, `status` and `plugins`: looking, without changing anything."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import click

from jarvisd.cli import show
from jarvisd.cli.run import Invocation
from jarvisd.control.client import request_status
from jarvisd.errors import ConfigError
from jarvisd.paths import find_control_socket

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command()
@click.pass_obj
def check(invocation: Invocation) -> None:
    """Check the configuration and show every fault with its place."""
    try:
        loaded = invocation.load()
    except ConfigError as error:
        show.faults(error)
        raise SystemExit(2) from error
    show.config_is_good(loaded)


@click.command()
@_AS_JSON
@click.pass_obj
def status(invocation: Invocation, as_json: bool) -> None:
    """Show how the running daemon is: services, engines, broker, ears, plugins."""
    found = _status(invocation)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        show.status(found)


@click.command()
@_AS_JSON
@click.pass_obj
def plugins(invocation: Invocation, as_json: bool) -> None:
    """List the running daemon's plugins, where they come from, and why one is not loaded."""
    found = _status(invocation)["plugins"]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        show.plugins(found)


def _status(invocation: Invocation) -> dict[str, Any]:
    return asyncio.run(request_status(find_control_socket(invocation.load().config.house)))
