"""An hour of recordings played round and round through the whole daemon: every question answered, memory flat."""

import asyncio
import os
from pathlib import Path

import pytest

from jarvisd.cli.temporary import engines_settled, spawned_daemon
from jarvisd.control.client import request_status

RECORDINGS = Path(__file__).parents[2] / "demo/recordings"
SOAK_S = float(os.environ.get("JARVISD_SOAK_S", "3600"))
# Caches fill and plugins see their first turns by then.
WARM_UP_S = min(120.0, SOAK_S / 4)
GROWTH_LIMIT_MB = 3.0
SAMPLES = 60

pytestmark = pytest.mark.slow


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


async def test_memory_stays_flat_and_every_question_is_answered(tmp_path, broker):
    overrides = (
        "audio.source=wav", f'audio.wav=["{RECORDINGS}"]', "audio.wav_loop=true",
        f"mqtt.host={broker.host}", f"mqtt.port={broker.port}",
    )  # fmt: skip
    arguments = ["--config", "profile:embedded", *(part for one in overrides for part in ("--set", one))]
    async with spawned_daemon(tmp_path, arguments) as daemon:
        await engines_settled(daemon)
        await asyncio.sleep(WARM_UP_S)
        pid = daemon.process.pid
        rss_mb, fds, running = [], [], []
        for _ in range(SAMPLES):
            rss_mb.append((await request_status(daemon.socket))["rss_mb"])
            fds.append(descriptors(pid))
            running.append(threads(pid))
            await asyncio.sleep((SOAK_S - WARM_UP_S) / SAMPLES)
        found = await request_status(daemon.socket)
    print(f"\nsoak: {SOAK_S:.0f} s, rss {min(rss_mb)}..{max(rss_mb)} MB, descriptors {min(fds)}..{max(fds)},"
          f" threads {min(running)}..{max(running)}, {found['plugin_status']['journal']}")  # fmt: skip
    assert max(rss_mb[-10:]) - max(rss_mb[:10]) < GROWTH_LIMIT_MB
    # A sample may fall into an open connection: what leaks raises the floor.
    assert min(fds[-10:]) <= min(fds[:10])
    assert min(running[-10:]) <= min(running[:10])
    assert found["failing"] == {}
    assert all(engine["restarts"] == 0 for engine in found["engines"])
    log = daemon.log.read_text()
    assert "Traceback" not in log
    assert "could not answer" not in log
