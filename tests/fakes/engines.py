"""Engines for tests: real child processes that play a model server, and a pool that runs while a test looks at it."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from jarvisd.bus import Bus, Mailbox
from jarvisd.config import Config
from jarvisd.engines.owner import Pace, SleepCalls
from jarvisd.engines.pool import EnginePool
from jarvisd.engines.spec import EngineSpec, engine_specs, unix_endpoint
from jarvisd.events import EngineStateChanged
from jarvisd.llm import chat, embeddings, sleep
from jarvisd.speech import transcribe
from jarvisd.types import EngineState, EngineStatus

VLLM = Path(__file__).with_name("vllm")
MODEL_SERVER = Path(__file__).with_name("model_server.py")
# No patience at all: tests do not wait for what will not come.
QUICK = Pace(first_delay_s=0.02, longest_delay_s=0.1, stable_after_s=60.0, proof_timeout_s=0.4)
SLEEP_CALLS = SleepCalls(sleep.fall_asleep, sleep.wake_up)
PROBES = {"openai": chat.probe, "wyoming": transcribe.probe, "embeddings": embeddings.probe}


def fake_engine(folder: Path, *options: str, name: str = "quick", **changes) -> EngineSpec:
    """A model server as a child process; `options` are those of tests/fakes/model_server.py."""
    socket = folder / f"{name}.sock"
    argv = (sys.executable, "-S", str(MODEL_SERVER), "--socket", str(socket), *options)
    values = {"start_timeout_s": 20.0, "stop_timeout_s": 5.0, "argv": argv, "model": "fake", **changes}
    return EngineSpec(name=name, kind="process", protocol="openai", endpoint=unix_endpoint(socket, "openai"), **values)


def fake_vllm(folder: Path, *options: str, name: str = "strong", **table) -> EngineSpec:
    """A vLLM engine as the configuration describes it, whose program is the fake one; `options` are that one's."""
    table = {
        "kind": "vllm",
        "command": str(VLLM),
        "model": "a/model",
        "kv_cache_bytes": 1 << 30,
        "start_timeout_s": 20.0,
        "env": {"FAKE_VLLM": shlex.join(options)},
        **table,
    }
    config = Config.model_validate({"engines": {name: table}})
    with ThreadPoolExecutor(1) as thread:  # it reads files, and the loop of a test may be running
        work = partial(engine_specs, config.engines, runtime_dir=folder, languages=("en",), gpus=config.gpus)
        (spec,) = thread.submit(work).result()
    return spec


@asynccontextmanager
async def running_pool(
    *specs: EngineSpec, pace: Pace = QUICK, probes=PROBES, **more
) -> AsyncIterator[tuple[EnginePool, Mailbox]]:
    """A running pool, and a mailbox with all that it tells."""
    bus = Bus()
    pool = EnginePool(specs, probes, bus, pace, sleep_calls=SLEEP_CALLS, **more)
    with bus.subscribe("test", size=10_000) as mailbox:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(pool.run())
            try:
                yield pool, mailbox
            finally:
                task.cancel()


async def until(mailbox: Mailbox, state: EngineState, name: str = "quick") -> EngineStatus:
    """The next time that an engine is told to be in a state."""
    async for event in mailbox:
        if isinstance(event, EngineStateChanged) and (event.status.name, event.status.state) == (name, state):
            return event.status
    raise AssertionError("a mailbox does not end")


async def until_gone(pid: int) -> None:
    """Waits for the end of any process, a child of ours or not."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(fd, gone.set)
    try:
        async with asyncio.timeout(20):
            await gone.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)


def is_running(pid: int) -> bool:
    """Whether a process still does something; one that only waits to be counted out does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
