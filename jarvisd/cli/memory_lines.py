"""`jarvisd memory export` and `import`: all memories as lines of JSON."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from jarvisd.cli.memory_file import Ask, memory_of
from jarvisd.cli.run import Invocation
from jarvisd.errors import StoreError
from jarvisd.quoting import harmless

_ERR = Console(stderr=True, highlight=False, soft_wrap=True)
# A request carries so much at most; one line goes alone where it is longer.
LINES, BYTES = 200, 1 << 20


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--person", help="Only what this person said.")
@click.pass_obj
def export(invocation: Invocation, file: Path, person: str | None) -> None:
    """Write all memories to FILE, a line of JSON for each; `-` is standard output.

    FILE is replaced as a whole when all is written, and only you may read it. It holds what was said in the house.

    \b
    jarvisd memory export memories.jsonl
    jarvisd memory export - | gzip > memories.jsonl.gz
    """
    if str(file) == "-":
        asyncio.run(_export(invocation, person, sys.stdout.buffer))
        return
    try:
        with _replacing(file) as out:
            count = asyncio.run(_export(invocation, person, out))
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"{count} memories are in {file}.", err=True)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.pass_obj
def import_(invocation: Invocation, file: BinaryIO) -> None:
    """Add the memories of FILE, as `export` writes them; `-` is standard input.

    What is here already is passed over, and so is what was forgotten here. A line that cannot be read is named, and the
    others are added all the same; the exit code is 1 then.

    \b
    jarvisd memory import memories.jsonl
    zcat memories.jsonl.gz | jarvisd memory import -
    """
    with _ERR.status("0 lines …") as shown:
        totals = asyncio.run(_import(invocation, file, shown))
    click.echo(f"{totals['added']} added, {totals['passed_over']} were here already or forgotten.")
    if totals["faults"]:
        click.echo(f"{totals['faults']} lines cannot be read; they are named above.", err=True)
        raise SystemExit(1)


async def _export(invocation: Invocation, person: str | None, out: BinaryIO) -> int:
    count = 0
    async with memory_of(invocation) as ask:
        async for line in _lines(ask, person):
            out.write(f"{line}\n".encode())
            count += 1
    out.flush()
    return count


async def _lines(ask: Ask, person: str | None) -> AsyncIterator[str]:
    after: int | None = 0
    while after is not None:
        page = await ask("memory-export", after=after, person=person)
        for line in page["lines"]:
            yield line
        after = page["after"]


async def _import(invocation: Invocation, file: BinaryIO, shown: Status) -> dict[str, int]:
    totals = {"added": 0, "passed_over": 0, "faults": 0}
    async with memory_of(invocation, make=True) as ask:
        for first, lines in _pieces(_text_lines(file, totals)):
            done = await ask("memory-import", first=first, lines=lines)
            for fault in done["faults"]:
                _tell(fault, totals)
            for name in ("added", "passed_over"):
                totals[name] += done[name]
            shown.update(f"{first + len(lines) - 1} lines, {totals['added']} added …")
    return totals


def _text_lines(file: BinaryIO, totals: dict[str, int]) -> Iterator[tuple[int, str]]:
    """The lines that have something in them, with their numbers."""
    for number, line in enumerate(file, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            _tell({"line": number, "why": f"no UTF-8 ({error.reason})"}, totals)
            continue
        if text:
            yield number, text


def _pieces(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """What goes into one request: lines that follow each other, and the number of the first."""
    first, some, size = 0, list[str](), 0
    for number, line in lines:
        if some and (number != first + len(some) or len(some) == LINES or size + len(line) > BYTES):
            yield first, some
            some, size = [], 0
        if not some:
            first = number
        some.append(line)
        size += len(line)
    if some:
        yield first, some


def _tell(fault: dict[str, Any], totals: dict[str, int]) -> None:
    totals["faults"] += 1
    _ERR.print(escape(f"line {fault['line']}: {harmless(fault['why'])}"))


@contextmanager
def _replacing(file: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `file` when it is whole."""
    beside = file.with_name(f".{file.name}.part")
    beside.unlink(missing_ok=True)
    beside.touch(0o600, exist_ok=False)
    try:
        with beside.open("wb") as out:
            yield out
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
