"""Our own workers, run as the daemon runs them, and asked by hand."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from pathlib import Path

from wyoming.event import Event

from jarvisd.config import Config
from jarvisd.engines.process import ChildProcess
from jarvisd.engines.spec import PYTHON_MODULE, EngineSpec, engine_specs
from jarvisd.speech.wyoming_client import WyomingConnection, connect
from jarvisd.types import Endpoint

RECORDINGS = Path(__file__).parent.parent / "recordings"
SOUND = {"rate": 16_000, "width": 2, "channels": 1}


def recording(name: str) -> bytes:
    with wave.open(str(RECORDINGS / name)) as file:
        return file.readframes(file.getnframes())


def worker_spec(folder: Path, name: str, languages=("en", "es"), **engine) -> EngineSpec:
    """The engine as the configuration describes it."""
    config = Config.model_validate({"engines": {name: engine}})
    (spec,) = engine_specs(config.engines, runtime_dir=folder, languages=languages, models_dir=folder / "models")
    return spec


async def how_it_ended(module: str, *arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Exit code and last words of a worker that cannot serve."""
    process = ChildProcess.start("quick", (*PYTHON_MODULE, f"jarvisd.workers.{module}", *arguments), env or {})
    assert await process.wait(30)
    await process.stop(0)
    return process.exit_code, process.how_it_ended()


async def say(server: WyomingConnection, pcm: bytes, sound: Mapping[str, int] = SOUND, **request) -> None:
    await server.send(
        Event("transcribe", request), Event("audio-start", dict(sound)), Event("audio-chunk", dict(sound), pcm)
    )
    await server.send(Event("audio-stop"))


async def transcript(endpoint: Endpoint, pcm: bytes, **request) -> dict:
    """What a recogniser answers, as it is sent."""
    async with connect(endpoint) as server:
        await say(server, pcm, **request)
        return (await server.receive("transcript")).data
