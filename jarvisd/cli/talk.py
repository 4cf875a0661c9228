"""`jarvisd ask` and `jarvisd listen`: questions to the running daemon, typed or recorded."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from jarvisd.audio.source import WavSource, wav_files
from jarvisd.cli import show
from jarvisd.cli.run import Invocation
from jarvisd.cli.temporary import temporary_daemon
from jarvisd.control.client import requests
from jarvisd.paths import find_control_socket

# A file ends where its last word does; the endpointer waits for silence after it.
TAIL_SILENCE_S = 1.5


@click.command()
@click.argument("question", nargs=-1, required=True)
@click.option("--language", type=click.Choice(["es", "en"]), help="Language of the question, when not to be guessed.")
@click.option("--person", help="Who asks: finds what this person said, and keeps it as theirs.")
@click.option("--room", help="The room it is asked in.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object.")
@click.pass_obj
def ask(
    invocation: Invocation,
    question: tuple[str, ...],
    language: str | None,
    person: str | None,
    room: str | None,
    as_json: bool,
) -> None:
    """Ask the running daemon QUESTION; the answer appears while it is made. `-` reads standard input."""
    text = sys.stdin.read() if question == ("-",) else " ".join(question)
    socket = find_control_socket(invocation.load().config.house)
    replies = requests(socket, "ask", {"text": text, "language": language, "person": person, "room": room})
    answer = asyncio.run(_follow(replies, as_json))
    raise SystemExit(1 if not answer or answer[-1].get("error_code") else 0)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--fast", is_flag=True, help="As fast as possible instead of at the speed of a microphone.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as one JSON line.")
@click.pass_obj
def listen(invocation: Invocation, files: tuple[Path, ...], fast: bool, as_json: bool) -> None:
    """Play recordings (WAV FILES or folders) into the daemon's ears, wake word and all.

    Without a running daemon a temporary one is started for it.
    """
    answers = asyncio.run(_listen(invocation, files, realtime=not fast, as_json=as_json))
    failed = [answer for answer in answers if answer.get("error_code")]
    if not answers:
        click.echo("No wake word and question heard.", err=True)
    raise SystemExit(1 if failed or not answers else 0)


async def _listen(
    invocation: Invocation, files: tuple[Path, ...], *, realtime: bool, as_json: bool
) -> list[dict[str, Any]]:
    socket = find_control_socket(invocation.load().config.house)
    async with temporary_daemon(invocation, socket) as serving:
        answers = []
        for file in wav_files(files):
            show.playing(file, as_json)
            replies = requests(serving, "listen", {"name": file.name}, recording_pcm(file, realtime=realtime))
            answers += await _follow(replies, as_json)
        return answers


async def recording_pcm(file: Path, *, realtime: bool) -> AsyncIterator[bytes]:
    """The sound of a recording as the daemon wants it, with silence after its last word."""
    source = WavSource([file], realtime=realtime, trailing_silence_s=TAIL_SILENCE_S)
    async with aclosing(source.chunks()) as chunks:
        async for chunk in chunks:
            yield chunk.pcm  # noqa: ASYNC119 - read to its end


async def _follow(replies: AsyncGenerator[tuple[str, dict[str, Any]], None], as_json: bool) -> list[dict[str, Any]]:
    """Show replies as they come; returns the answers."""
    answers = []
    screen = show.Conversation()
    async with aclosing(replies):
        async for kind, data in replies:
            if as_json:
                if kind != "delta":
                    click.echo(json.dumps({"event": kind, **data}, ensure_ascii=False))
            else:
                screen.reply(kind, data)
            if kind == "answer":
                answers.append(data)
    return answers
