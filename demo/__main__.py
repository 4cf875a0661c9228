"""The main job, watched: three recordings and typed questions go in, answers come out over MQTT. All parts real."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
from rich.console import Console
from rich.markup import escape

from demo.broker import Broker, running_broker
from jarvisd import __version__
from jarvisd.audio.source import wav_files
from jarvisd.cli.show import DEMONSTRATION_LABEL
from jarvisd.cli.talk import recording_pcm
from jarvisd.cli.temporary import engines_settled, spawned_daemon
from jarvisd.control.client import request_status, requests

RECORDINGS = Path(__file__).parent / "recordings"
SAID = {
    "1-time-in-one-breath.wav": "“Hey Jarvis, what time is it?”, in one breath",
    "2-time-after-a-pause.wav": "“Hey Jarvis.” (a pause) “What time is it?”",
    "3-open-question.wav": "“Hey Jarvis, why is the sky blue?”: no skill knows that, a language model answers",
}
# Typed, each with its language and what answers it: a skill, then memory, which is told something and asked for it.
TYPED = (
    ("¿qué día es hoy?", "es", "skill"),
    ("remember that the spare keys are with Marta next door", "en", "memory"),
    ("where did I say the spare keys are?", "en", "memory"),
)
NODE = "demo"
ANSWER_LIMIT_S = 60.0
BROKER_LIMIT_S = 30.0

out = Console(highlight=False, soft_wrap=True)


class Watcher:
    """An MQTT client of its own, as Home Assistant would be: shows what really travels over the broker."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._final = asyncio.Queue[dict[str, Any]]()
        self.deltas = 0

    async def run(self) -> None:
        await self._client.subscribe(f"jarvisd/{NODE}/#", qos=1)
        async for message in self._client.messages:
            self._show(str(message.topic), bytes(message.payload) if isinstance(message.payload, bytes) else b"")

    def _show(self, topic: str, payload: bytes) -> None:
        short = topic.removeprefix(f"jarvisd/{NODE}/")
        if short == "response/stream":
            self.deltas += 1
        elif short.startswith(("event/", "response", "ask")):
            text = payload.decode(errors="replace")
            streamed = (
                f" [dim](streamed in {self.deltas} pieces)[/dim]" if short == "response" and self.deltas > 1 else ""
            )
            out.print(f"    [cyan]MQTT  {topic}[/cyan]{streamed}")
            out.print(f"          [dim]{escape(text if len(text) <= 400 else text[:400] + ' …')}[/dim]")
        if short == "response":
            self.deltas = 0
            self._final.put_nowait(json.loads(payload))

    async def ask(self, text: str) -> None:
        await self._client.publish(f"jarvisd/{NODE}/ask/set", text, qos=1)

    async def answer(self) -> dict[str, Any]:
        """The next final answer that came over MQTT."""
        async with asyncio.timeout(ANSWER_LIMIT_S):
            return await self._final.get()


@asynccontextmanager
async def daemon(folder: Path, broker: Broker) -> AsyncIterator[Path]:
    """`jarvisd run` with the embedded profile, no microphone, and the demonstration's broker: its control socket."""
    settings = ("audio.source=none", f"house.node={NODE}", f"mqtt.host={broker.host}", f"mqtt.port={broker.port}")
    overrides = [part for setting in settings for part in ("--set", setting)]
    async with spawned_daemon(folder, ["--config", "profile:embedded", *overrides]) as running:
        out.print(f"  daemon   ready after {running.ready_s:.1f} s; its engines are starting …")
        await engines_settled(running)
        async with asyncio.timeout(BROKER_LIMIT_S):
            while not (await request_status(running.socket))["broker_connected"]:
                await asyncio.sleep(0.05)
        for engine in (await request_status(running.socket))["engines"]:
            after = f"after {engine['start_s']:.1f} s" if engine["start_s"] else escape(engine["detail"])
            out.print(f"  engine   {engine['name']} ({engine['kind']}): {engine['state']} {after}")
        yield running.socket


async def play(recording: Path, socket: Path, watcher: Watcher) -> bool:
    """One recording through the daemon's ears at the speed of a microphone; True when it was answered."""
    out.print(f"\n[bold]{recording.name}[/bold]  {SAID[recording.name]}")
    clock = time.monotonic()
    answered: dict[str, Any] | None = None
    replies = requests(socket, "listen", {"name": recording.name}, recording_pcm(recording, realtime=True))
    async with aclosing(replies):
        async for kind, data in replies:
            at = f"  [dim]{time.monotonic() - clock:5.2f} s[/dim]"
            match kind:
                case "wake":
                    out.print(f"{at}  wake word   {data['wake_word']}, score {data['score']:.3f}")
                case "transcript":
                    out.print(f"{at}  transcript  “{escape(data['text'])}” [dim]by {data['engine']}[/dim]")
                case "answer":
                    answered = data
                    show_answer(at, data)
    if answered is None:
        out.print("  [red]no answer[/red]")
        return False
    received = await watcher.answer()
    return bool(received["text"] == answered["text"]) and answered["error_code"] is None


def show_answer(at: str, data: dict[str, Any]) -> None:
    who = data["answered_by"] + (f" {escape(DEMONSTRATION_LABEL)}" if data["demonstration"] else "")
    out.print(f"{at}  [bold green]answer      {escape(data['text'])}[/bold green] [dim]by {who}[/dim]")
    stages = " · ".join(f"{name} {value:.0f}" for name, value in data["timings_ms"].items())
    out.print(f"           [dim]milliseconds: {stages}[/dim]")


async def typed(watcher: Watcher, question: str, language: str, via: str) -> bool:
    out.print(f"\n[bold]typed, over MQTT[/bold]  {question}")
    clock = time.monotonic()
    await watcher.ask(question)
    answer = await watcher.answer()
    show_answer(f"  [dim]{time.monotonic() - clock:5.2f} s[/dim]", answer)
    return (answer["language"], answer["via"], answer["error"]) == (language, via, None)


async def main() -> int:
    out.print(f"[bold]jarvisd {__version__}[/bold]: everything below happens on this machine, with real parts\n")
    with tempfile.TemporaryDirectory(prefix="jarvisd-demo-") as name:
        folder = Path(name)
        async with running_broker(folder) as broker:
            out.print(f"  broker   {broker.name} on {broker.host}:{broker.port}")
            async with (
                daemon(folder, broker) as socket,
                aiomqtt.Client(broker.host, broker.port, identifier="demo-watcher") as client,
                asyncio.TaskGroup() as group,
            ):
                watcher = Watcher(client)
                watching = group.create_task(watcher.run())
                good = [await play(file, socket, watcher) for file in wav_files([RECORDINGS])]
                good += [await typed(watcher, *one) for one in TYPED]
                watching.cancel()
    out.print(
        f"\n{sum(good)} of {len(good)} questions answered. Next: `.venv/bin/jarvisd run` in one terminal, "
        '`.venv/bin/jarvisd ask "what time is it"` in another.'
    )
    return 0 if all(good) else 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        sys.exit(130)
