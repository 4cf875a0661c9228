"""`jarvisd memory`: what the house remembers, as its owner sees it. Works while the daemon is down, too."""

from __future__ import annotations

import asyncio
import json
from typing import Any, get_args

import click

from jarvisd.cli import memory_screen as screen
from jarvisd.cli.memory_file import memory_of
from jarvisd.cli.memory_lines import export, import_
from jarvisd.cli.run import Invocation
from jarvisd.types import Language, MemoryKind

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def memory() -> None:
    """List, search, forget, check and carry away what the house remembers.

    The running daemon is asked; while none runs, the file in the state folder is opened. Whoever may do that sees what
    everybody said, not only what a person would be told.

    \b
    jarvisd memory search "where is the spare key"
    jarvisd memory forget --about "the spare key"
    jarvisd memory export memories.jsonl
    """


@memory.command("list")
@click.option("--count", type=click.IntRange(1, 1000), default=20, show_default=True, help="So many.")
@click.option("--person", help="As this person finds them: their own and the house's.")
@click.option("--kind", type=click.Choice(get_args(MemoryKind)), help="Only these.")
@_JSON
@click.pass_obj
def list_(invocation: Invocation, count: int, person: str | None, kind: str | None, as_json: bool) -> None:
    """List the newest memories with their ids.

    \b
    jarvisd memory list --count 50
    jarvisd memory list --kind fact --person ana
    """
    found = _ask(invocation, "memory-list", count=count, person=_plain(person), kind=kind)["memories"]
    if as_json:
        _print_json(found)
    else:
        screen.memories(found)


@memory.command()
@click.argument("text", nargs=-1, required=True)
@click.option("--count", type=click.IntRange(1, 50), default=5, show_default=True, help="So many at most.")
@click.option("--person", help="As this person would find it: their own memories and the house's.")
@click.option("--language", type=click.Choice(get_args(Language)), help="Language of TEXT, when not to be guessed.")
@_JSON
@click.pass_obj
def search(
    invocation: Invocation, text: tuple[str, ...], count: int, person: str | None, language: str | None, as_json: bool
) -> None:
    """Show what is found for TEXT, as a question to the house would find it, and by what.

    \b
    jarvisd memory search "what did I say about the boiler"
    jarvisd memory search --person ana "dónde está la llave"
    """
    found = _ask(
        invocation,
        "memory-search",
        text=_plain(" ".join(text)),
        count=count,
        person=_plain(person),
        language=language,
    )
    if as_json:
        _print_json(found)
    else:
        screen.found(found)


@memory.command()
@click.argument("one", metavar="ID")
@_JSON
@click.pass_obj
def show(invocation: Invocation, one: str, as_json: bool) -> None:
    """Show all that is kept of one memory: the words, what was said around it, what was read out of it.

    \b
    jarvisd memory show 3659003ea8ed
    """
    found = _ask(invocation, "memory-show", id=_plain(one))
    if as_json:
        _print_json(found)
    else:
        screen.whole(found)


@memory.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--about", metavar="TEXT", help="All that speaks of this.")
@click.option("--everything", is_flag=True, help="All that is remembered.")
@click.option("--person", help="Of those, only what this person said.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def forget(
    invocation: Invocation, ids: tuple[str, ...], about: str | None, everything: bool, person: str | None, yes: bool
) -> None:
    """Forget memories for good, and show that no file holds them any more.

    What goes is shown before, with the facts that were read out of it and the answers that quoted it. It cannot be
    brought back, not even by an import: its ids are kept so that an older copy does not return it.

    \b
    jarvisd memory forget 3659003ea8ed 91b2a1c07f44
    jarvisd memory forget --about "the spare key"
    jarvisd memory forget --everything --person ana
    """
    if sum((bool(ids), about is not None, everything)) != 1:
        raise click.UsageError("Name ids, or --about TEXT, or --everything: one of them.")
    what = {"about": _plain(about)} if about is not None else {"everything": True} if everything else {"ids": list(ids)}
    going = _ask(invocation, "memory-forget", **what, person=_plain(person), dry_run=True)
    screen.going(going)
    if not going["ids"]:
        raise SystemExit(1 if going["unknown"] else 0)
    if not yes:
        click.confirm("Forget this for good?", abort=True)
    with screen.waiting("every file is looked through"):
        gone = _ask(invocation, "memory-forget", ids=going["ids"])
    screen.gone(gone)
    raise SystemExit(1 if gone["left"] or going["unknown"] else 0)


@memory.command()
@_JSON
@click.pass_obj
def stats(invocation: Invocation, as_json: bool) -> None:
    """Show how much is remembered, of whom, since when, and how it is searched."""
    found = _ask(invocation, "memory-stats")
    if as_json:
        _print_json(found)
    else:
        screen.stats(found)


@memory.command()
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@_JSON
@click.pass_obj
def verify(invocation: Invocation, texts: tuple[str, ...], as_json: bool) -> None:
    """Check the file, and that no file of the state folder holds TEXT.

    Each TEXT is looked for letter by letter, as it was said. Exit code 1: something is wrong, or a TEXT was found.

    \b
    jarvisd memory verify
    jarvisd memory verify "under the third flower pot"
    """
    with screen.waiting("every file is looked through"):
        found = _ask(invocation, "memory-verify", texts=[_plain(text) for text in texts])
    if as_json:
        _print_json(found)
    else:
        screen.verified(found, len(texts))
    raise SystemExit(1 if found["faults"] or found["traces"] else 0)


@memory.command()
@click.pass_obj
def rebuild(invocation: Invocation) -> None:
    """Make the index of words anew, and hold the index of vectors against the memories."""
    with screen.waiting("the words are indexed"):
        made = _ask(invocation, "memory-rebuild")
    click.echo(f"The words of {made['words']} memories are indexed anew. Vectors: {made['index']}.")


memory.add_command(export)
memory.add_command(import_)


def _ask(invocation: Invocation, request: str, /, **data: Any) -> dict[str, Any]:
    async def asked() -> dict[str, Any]:
        async with memory_of(invocation) as ask:
            return await ask(request, **data)

    return asyncio.run(asked())


def _plain(text: str | None) -> str | None:
    """An argument may hold bytes that are no UTF-8."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def _print_json(found: Any) -> None:
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))
