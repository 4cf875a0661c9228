"""Starts another program in its own place, so that it dies with the daemon: `python -m jarvisd.workers.launch -- ARGV`.

A program that is not ours does not ask the kernel for that itself, and the request survives `exec`.
"""

from __future__ import annotations

import argparse
import os

from jarvisd.workers.lifeline import cannot_serve, die_with_parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m jarvisd.workers.launch", description=__doc__)
    parser.add_argument("--otherwise", default="install it, or correct argv in the configuration", metavar="ADVICE",
                        help="what to do when it cannot be started")  # fmt: skip
    parser.add_argument("argv", nargs="+", metavar="ARGV", help="the program and its arguments, after --")
    arguments = parser.parse_args()
    argv: list[str] = arguments.argv
    die_with_parent()
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        cannot_serve(f"{argv[0]} cannot be started ({error.strerror}): {arguments.otherwise}.")


if __name__ == "__main__":
    main()
