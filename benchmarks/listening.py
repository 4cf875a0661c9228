"""What the ears alone cost: a process with the listener and nothing else, fed at a microphone's speed.

    python -m benchmarks.listening [--json] [--seconds 20]

`benchmarks.pipeline` measures the whole daemon; this shows how much of it is the ears.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from benchmarks.feeder import speech
from jarvisd.audio.listener import Listener, ListeningModels
from jarvisd.audio.source import CommandSource
from jarvisd.audio.wake import WakeModels, WakeStream
from jarvisd.config import EndpointConfig, WakeConfig
from jarvisd.types import CHUNK_S, CHUNK_SAMPLES, AudioChunk

# First inferences and the settling of the level meter are over by then.
SETTLE_S = 4.0
WARM_UP_CHUNKS = 50


def wake_cpu_ms_per_chunk(words: Sequence[str] = ("hey_jarvis",), chunks: int = 600) -> float:
    """Processor time of one wake word step (80 ms of sound), run back to back."""
    stream = WakeStream(WakeModels(words))
    sound = speech()
    pcm = [sound[at : at + CHUNK_SAMPLES].tobytes() for at in range(0, len(sound) - CHUNK_SAMPLES, CHUNK_SAMPLES)]
    for number in range(WARM_UP_CHUNKS):
        stream.step(pcm[number % len(pcm)])
    began = time.process_time()
    for number in range(chunks):
        stream.step(pcm[number % len(pcm)])
    return (time.process_time() - began) / chunks * 1000


def listening_figures(sound: str, seconds: float) -> dict[str, float]:
    """`cpu_percent` and `rss_mb` of a process of its own that listens to `quiet` or `speech`."""
    command = [sys.executable, "-m", "benchmarks.listening", "--listen", sound, "--seconds", str(seconds)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(ended.stdout)
    return figures


async def listen(sound: str, seconds: float) -> dict[str, float]:
    with ListeningModels(["hey_jarvis"]) as models:
        listener = Listener(models, WakeConfig(), EndpointConfig())
        source = _Measured(CommandSource([sys.executable, "-m", "benchmarks.feeder", sound]), seconds)
        async with aclosing(listener.listen(source)) as heard:
            async for _ in heard:
                pass
        return {"cpu_percent": source.cpu_percent, "rss_mb": source.rss_mb}


class _Measured:
    """A source that ends after so many seconds of sound and knows what they cost this process."""

    def __init__(self, source: CommandSource, seconds: float) -> None:
        self.name = source.name
        self.cpu_percent = self.rss_mb = 0.0
        self._source = source
        self._seconds = seconds

    def relax(self, chunks: int) -> None:
        self._source.relax(chunks)

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        began, cpu_s = 0.0, 0.0
        async with aclosing(self._source.chunks()) as chunks:
            async for chunk in chunks:
                if chunk.at_s < SETTLE_S:
                    began, cpu_s = time.monotonic(), time.process_time()
                elif chunk.at_s >= SETTLE_S + self._seconds:
                    break
                yield chunk  # noqa: ASYNC119 - left with aclosing
        self.cpu_percent = 100 * (time.process_time() - cpu_s) / (time.monotonic() - began)
        self.rss_mb = _rss_mb()


def _rss_mb() -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in status if line.startswith("VmRSS"))


def measure(seconds: float) -> dict[str, float]:
    quiet, talk = listening_figures("quiet", seconds), listening_figures("speech", seconds)
    return {
        "wake_cpu_ms_per_chunk": round(wake_cpu_ms_per_chunk(), 3),
        "wake_cpu_percent_back_to_back": round(wake_cpu_ms_per_chunk() / (CHUNK_S * 10), 2),
        "quiet_cpu_percent": round(quiet["cpu_percent"], 2),
        "speech_cpu_percent": round(talk["cpu_percent"], 2),
        "quiet_rss_mb": round(quiet["rss_mb"], 1),
        "speech_rss_mb": round(talk["rss_mb"], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one flat JSON object as the last line")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each processor measurement")
    parser.add_argument("--listen", choices=("quiet", "speech"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.listen:
        print(json.dumps(asyncio.run(listen(arguments.listen, arguments.seconds))))
        return
    figures = measure(arguments.seconds)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
