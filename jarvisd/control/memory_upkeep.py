"""Keeping the memory in order on request: forget, check, rebuild, take in, give out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from jarvisd.control.fields import texts, whole_number, words_or_none
from jarvisd.errors import IndexUnavailable
from jarvisd.memory.forgetting import SHORTEST_BYTES, files_read, traces
from jarvisd.memory.memory import Memories
from jarvisd.memory.portable import Fault, read, written
from jarvisd.memory.reading import Reader
from jarvisd.types import Memory

# A request or a reply carries so many memories.
MOST_LINES = 500
# Each is looked for in every file.
MOST_TEXTS = 20
# What is shorter may stand in an answer by chance.
SHORTEST_QUOTED = 12


async def gone_with(memories: Memories, chosen: Sequence[Memory]) -> list[Memory]:
    """Those, the facts that were read out of them, and the answers that quoted them."""
    return await asyncio.to_thread(_gone_with, memories.reader, chosen)


async def forget(memories: Memories, chosen: Sequence[Memory]) -> dict[str, Any]:
    gone = await memories.forget([one.id for one in chosen])
    folder = memories.path.parent
    return {
        "forgotten": len(gone.memories),
        "took_s": round(gone.took_s, 4),
        "folder": str(folder),
        "checked_bytes": await asyncio.to_thread(_checked_bytes, folder),
        "left": sorted({str(trace.file) for trace in gone.left}),
    }


async def check(memories: Memories, data: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the file is sound, and where in the state folder some texts are still found."""
    wanted = texts(data, "texts")
    if len(wanted) > MOST_TEXTS:
        raise ValueError(f"`texts` must be {MOST_TEXTS} at most")
    for text in wanted:
        if len(text.encode()) < SHORTEST_BYTES:
            raise ValueError(
                f"{text!r} is too short to be looked for: it occurs by chance below {SHORTEST_BYTES} bytes"
            )
    faults = await memories.write(memories.store.check)
    folder, counts = memories.path.parent, await memories.stats()
    found = await asyncio.to_thread(traces, folder, wanted)
    return {
        "faults": faults,
        "memories": counts["memories"],
        "forgotten": counts["forgotten"],
        "index": counts["index"],
        "folder": str(folder),
        "checked_bytes": await asyncio.to_thread(_checked_bytes, folder) if wanted else 0,
        "traces": [{"text": one.text, "file": str(one.file), "offset": one.offset} for one in found],
    }


async def rebuild(memories: Memories, _: Mapping[str, Any]) -> dict[str, Any]:
    """The index of words anew from the memories, and the index of vectors held against the disk."""
    count = await memories.write(memories.store.rebuild_words)
    index = memories.state
    if memories.indexing is not None:
        try:
            await memories.indexing.reconcile()
            index = memories.state
        except IndexUnavailable as error:
            index = error.message
    return {"words": count, "index": index}


async def import_lines(memories: Memories, data: Mapping[str, Any]) -> dict[str, Any]:
    """`lines` as `memory-export` gives them; `first` is the number of the first one, for the faults."""
    lines = texts(data, "lines")
    first = whole_number(data, "first", 1, most=1_000_000_000)
    if not lines or len(lines) > MOST_LINES:
        raise ValueError(f"`lines` must be from 1 to {MOST_LINES} lines")
    good: list[Memory] = []
    faults: list[Fault] = []
    for one in await asyncio.to_thread(lambda: list(read(lines))):
        if isinstance(one, Fault):
            faults.append(replace(one, line=one.line + first - 1))
        else:
            good.append(one)
    done = await memories.take_in(good)
    return {**asdict(done), "faults": [asdict(fault) for fault in faults]}


async def export_lines(memories: Memories, data: Mapping[str, Any]) -> dict[str, Any]:
    """The oldest first, from behind number `after`; `after` of the reply goes on, null when that was all."""
    after = whole_number(data, "after", 0, least=0, most=1 << 60)
    count = whole_number(data, "count", MOST_LINES, most=MOST_LINES)
    person = words_or_none(data, "person")
    rows = await asyncio.to_thread(memories.reader.all, after, count)
    kept = [memory for _, memory in rows if person is None or memory.person == person]
    return {"lines": list(written(kept)), "after": rows[-1][0] if len(rows) == count else None}


def _gone_with(reader: Reader, chosen: Sequence[Memory]) -> list[Memory]:
    found = {one.id: one for one in chosen}
    rows = reader.newest(1_000_000, kinds=("fact", "recall")) if found else []
    others = [one for one in rows if one.id not in found]
    waiting = list(chosen)
    while waiting and others:
        gone = waiting.pop()
        along = [one for one in others if gone.id in one.sources or _quotes(one, gone.said.strip())]
        others = [one for one in others if one not in along]
        found |= {one.id: one for one in along}
        waiting += along
    return list(found.values())


def _quotes(answer: Memory, said: str) -> bool:
    return answer.kind == "recall" and len(said) >= SHORTEST_QUOTED and said in answer.answered


def _checked_bytes(folder: Path) -> int:
    total = 0
    for file in files_read(folder):
        with suppress(OSError):  # gone meanwhile
            total += file.stat().st_size
    return total
