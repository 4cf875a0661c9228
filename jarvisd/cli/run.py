"""`jarvisd run`: the daemon itself, in the foreground, as systemd wants it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

import click

from jarvisd.config.file import LoadedConfig, load_config


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options in front of the command."""

    config: str | None
    overrides: tuple[str, ...]

    def load(self) -> LoadedConfig:
        return load_config(self.config, self.overrides)

    def arguments(self) -> list[str]:
        """The same options for another process."""
        chosen = ["--config", self.config] if self.config else []
        return chosen + [part for override in self.overrides for part in ("--set", override)]


@click.command()
@click.pass_obj
def run(invocation: Invocation) -> None:
    """Run the daemon until SIGTERM or Ctrl-C. SIGHUP reloads what can change live."""
    # numpy's linear algebra would keep a thread and its memory for every core; nothing here needs one.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from jarvisd.daemon import Daemon

    asyncio.run(Daemon(invocation.load(), reload=invocation.load).run())
