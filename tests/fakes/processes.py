"""Whether processes are still there."""

import asyncio
from pathlib import Path


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def until_gone(pids):
    async with asyncio.timeout(10):
        while any(map(alive, pids)):
            await asyncio.sleep(0.02)
