"""The `jarvisd` command.

Exit codes: 0 done; 1 it was tried and failed (a turn without an answer, a fault in the daemon); 2 wrong usage or
configuration; 3 no daemon answers; 130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

from jarvisd import __version__
from jarvisd.cli.run import Invocation
from jarvisd.errors import ConfigError, ControlError, JarvisError

# Where each command is. A command's module is imported when it is used: the daemon does not need what draws tables.
COMMANDS = {
    "run": "jarvisd.cli.run",
    "check": "jarvisd.cli.inspect",
    "ask": "jarvisd.cli.talk",
    "listen": "jarvisd.cli.talk",
    "status": "jarvisd.cli.inspect",
    "plugins": "jarvisd.cli.inspect",
    "models": "jarvisd.cli.models",
    "plan": "jarvisd.cli.plan",
    "engines": "jarvisd.cli.engines",
    "warm": "jarvisd.cli.orders",
    "unload": "jarvisd.cli.orders",
    "pin": "jarvisd.cli.orders",
    "unpin": "jarvisd.cli.orders",
    "gpu": "jarvisd.cli.orders",
    "stats": "jarvisd.cli.stats",
    "route": "jarvisd.cli.route",
    "privacy": "jarvisd.cli.privacy",
    "memory": "jarvisd.cli.memory",
}
EXIT_FAILED, EXIT_USAGE, EXIT_NO_DAEMON, EXIT_INTERRUPTED = 1, 2, 3, 130


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name]), cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="jarvisd")
@click.option(
    "--config",
    metavar="FILE",
    help="Configuration file, or profile:NAME. Default: $JARVISD_CONFIG, /etc/jarvisd/jarvisd.toml, "
    "~/.config/jarvisd/jarvisd.toml, else the embedded profile.",
)
@click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, help='Override one key, as in --set audio.source="none".'
)
@click.pass_context
def cli(context: click.Context, config: str | None, overrides: tuple[str, ...]) -> None:
    """A voice assistant that lives in the house and keeps everything at home.

    Exit codes: 0 done; 1 tried and failed; 2 wrong usage or configuration; 3 no daemon answers; 130 interrupted.
    """
    context.obj = Invocation(config=config, overrides=overrides)


def main() -> None:
    """Entry point: every expected error is one message on standard error and an exit code that means something."""
    try:
        code = cli.main(prog_name="jarvisd", standalone_mode=False)
    except click.Abort:
        code = EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        code = 0
    except ConfigError as error:
        code = _fail(error.message, EXIT_USAGE)
    except ControlError as error:
        code = _fail(error.message, EXIT_NO_DAEMON if error.code == "not_running" else EXIT_FAILED)
    except JarvisError as error:
        code = _fail(error.message, EXIT_FAILED)
    sys.exit(code or 0)


def _fail(message: str, code: int) -> int:
    click.echo(f"{Path(sys.argv[0]).name}: {message}", err=True)
    return code
