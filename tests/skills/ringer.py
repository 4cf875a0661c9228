"""A bell in a process of its own, to be killed: python -m tests.skills.ringer AGENDA HEARD

Takes {"do": "set", "id": ..., "in_s": ..., "kind": ...} and {"do": "cancel", "id": ...} on standard input, a line each,
and says on standard output what is done. Each ring is written down twice: in a table that takes an id once, as whoever
tells people about it must, and in one that takes every hand-over.
"""

import asyncio
import json
import sqlite3
import sys
from pathlib import Path

from jarvisd.skills.agenda import Agenda, Entry
from jarvisd.skills.bell import Bell


def open_heard(path):
    heard = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    heard.execute("PRAGMA journal_mode = WAL")
    heard.execute("CREATE TABLE IF NOT EXISTS told (id TEXT PRIMARY KEY)")
    heard.execute("CREATE TABLE IF NOT EXISTS handed (id TEXT, again INTEGER)")
    return heard


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def main(agenda, heard_path):
    heard = open_heard(heard_path)

    async def on_ring(ring):
        await asyncio.to_thread(heard.execute, "INSERT INTO handed VALUES (?, ?)", (ring.id, ring.again))
        await asyncio.to_thread(heard.execute, "INSERT OR IGNORE INTO told VALUES (?)", (ring.id,))
        say(f"rang {ring.id}")

    bell = Bell(Agenda(Path(agenda)), on_ring)

    async def serve():
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        say("ready")
        async for line in reader:
            wish = json.loads(line)
            if wish["do"] == "set":
                due_s = bell.wall() + wish["in_s"]
                kind = wish["kind"]
                timer_s = wish["in_s"] if kind == "timer" else None
                await bell.add(Entry(wish["id"], kind, "x", None, "en", due_s, duration_s=timer_s))
                say(f"set {wish['id']}")
            else:
                there = [entry for entry in await bell.entries() if entry.id == wish["id"]]
                say(f"cancelled {wish['id']} {await bell.remove(there)}")

    async with asyncio.TaskGroup() as group:
        group.create_task(bell.run())
        group.create_task(serve())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
