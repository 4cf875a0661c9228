"""The control socket's requests about memory: what is kept, found and shown. Whoever may ask here sees everybody's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, TypeAlias, get_args

from jarvisd.control.fields import flag, texts, whole_number, words, words_or_none
from jarvisd.control.memory_upkeep import (
    check,
    export_lines,
    forget,
    gone_with,
    import_lines,
    rebuild,
)
from jarvisd.control.server import Order
from jarvisd.errors import OrderError, StoreError
from jarvisd.language import guess_language
from jarvisd.memory.memory import Memories
from jarvisd.memory.reading import Scope
from jarvisd.memory.when import told_day
from jarvisd.types import Found, Language, Memory, MemoryKind, Recalled

KINDS: tuple[MemoryKind, ...] = get_args(MemoryKind)
MOST_LISTED = 1000
MOST_FOUND = 50
# So many of what a dry run would forget are shown; the ids are all there.
SHOWN = 100

_Order: TypeAlias = Callable[[Memories, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


def memory_orders(
    memories: Memories | None, languages: Callable[[], Sequence[Language]] = lambda: get_args(Language)
) -> dict[str, Order]:
    """By the request's type; None: memory is switched off. Each raises StoreError where the file cannot be used."""

    async def search(memories: Memories, data: Mapping[str, Any]) -> Mapping[str, Any]:
        return await _search(memories, data, languages())

    orders: dict[str, _Order] = {
        "memory-list": _list,
        "memory-search": search,
        "memory-show": _show,
        "memory-forget": _forget,
        "memory-stats": _stats,
        "memory-verify": check,
        "memory-rebuild": rebuild,
        "memory-import": import_lines,
        "memory-export": export_lines,
    }
    return {name: _opened(memories, order) for name, order in orders.items()}


def _opened(memories: Memories | None, order: _Order) -> Order:
    async def follow(data: Mapping[str, Any]) -> Mapping[str, Any]:
        if memories is None:
            raise StoreError(
                "Memory is switched off (memory.enabled). What was kept before can be read and forgotten with "
                "`jarvisd memory` while the daemon is stopped.",
                code="memory_off",
            )
        _ = memories.store  # raises where it is not open
        return await order(memories, data)

    return follow


async def _list(memories: Memories, data: Mapping[str, Any]) -> Mapping[str, Any]:
    count = whole_number(data, "count", 20, most=MOST_LISTED)
    kind = data.get("kind")
    if kind is not None and kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}")
    scope = _scope(words_or_none(data, "person"))
    kinds = () if kind is None else (kind,)
    found = await asyncio.to_thread(memories.reader.newest, count, scope=scope, kinds=kinds)
    return {"memories": [asdict(memory) for memory in found]}


async def _search(memories: Memories, data: Mapping[str, Any], languages: Sequence[Language]) -> Mapping[str, Any]:
    text = words(data, "text")
    count = whole_number(data, "count", 5, most=MOST_FOUND)
    language = data.get("language") or guess_language(text, languages)
    if language not in get_args(Language):
        raise ValueError(f"`language` must be one of {', '.join(get_args(Language))}")
    person = words_or_none(data, "person")
    recalled = await _recalled(memories, text, language, person, count)
    return {
        "text": text,
        "language": language,
        "how": recalled.how,
        "asked": recalled.asked,
        "sure": recalled.sure,
        "found": [_found(one, language) for one in recalled.found],
    }


async def _recalled(memories: Memories, text: str, language: Language, person: str | None, count: int) -> Recalled:
    """As this person finds it; None: whoever said it."""
    recalled = await memories.recall(text, language, person=person, count=count)
    if person is not None:
        return recalled
    found = {one.memory.id: one for one in recalled.found}
    for other in await asyncio.to_thread(memories.reader.persons):
        more = await memories.recall(text, language, person=other, count=count)
        found |= {one.memory.id: one for one in more.found}
        recalled = replace(recalled, sure=recalled.sure or more.sure)
    return replace(recalled, found=tuple(sorted(found.values(), key=lambda one: -one.score)[:count]))


async def _show(memories: Memories, data: Mapping[str, Any]) -> Mapping[str, Any]:
    memory = await _known(memories, words(data, "id"))
    reader = memories.reader
    around = (await asyncio.to_thread(reader.around, [memory]))[memory.id]
    others = await asyncio.to_thread(reader.get, [*memory.sources, *filter(None, [memory.superseded_by])])
    every_fact = await asyncio.to_thread(reader.newest, 1_000_000, kinds=("fact",))
    return {
        "memory": asdict(memory),
        "before": [asdict(around[step]) for step in sorted(around) if step < 0],
        "after": [asdict(around[step]) for step in sorted(around) if step > 0],
        "sources": [asdict(others[one]) for one in memory.sources if one in others],
        "facts": [asdict(one) for one in every_fact if memory.id in one.sources],
        "superseded_by": asdict(others[memory.superseded_by]) if memory.superseded_by in others else None,
        "supersedes": [asdict(one) for one in every_fact if one.superseded_by == memory.id],
    }


async def _forget(memories: Memories, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A dry run tells what would go, with what would go along; what is forgotten then are ids."""
    about, everything, person = words_or_none(data, "about"), flag(data, "everything"), words_or_none(data, "person")
    if sum((data.get("ids") is not None, about is not None, everything)) != 1:
        raise ValueError("one of `ids`, `about` and `everything` must be there")
    unknown: list[str] = []
    if about is not None:
        chosen = await memories.about(about, None, everybody=True, hidden=True)
    elif everything:
        chosen = await asyncio.to_thread(memories.reader.newest, 1_000_000)
    else:
        ids = list(dict.fromkeys(texts(data, "ids")))
        known = await asyncio.to_thread(memories.reader.get, ids)
        chosen, unknown = list(known.values()), [one for one in ids if one not in known]
    if person is not None:
        chosen = [one for one in chosen if one.person == person]
    every = await gone_with(memories, chosen)
    if not flag(data, "dry_run"):
        return {**await forget(memories, every), "unknown": unknown}
    return {
        "ids": [one.id for one in every],
        "memories": [asdict(one) for one in every[:SHOWN]],
        "unknown": unknown,
    }


async def _stats(memories: Memories, _: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"file": str(memories.path), **await memories.stats()}


async def _known(memories: Memories, one: str) -> Memory:
    found = await asyncio.to_thread(memories.reader.get, [one])
    if one in found:
        return found[one]
    if await asyncio.to_thread(memories.reader.is_forgotten, [one]):
        raise OrderError(f"{one} was forgotten: nothing but this id is kept of it.", code="memory_forgotten")
    raise OrderError(f"No memory has the id {one}. `jarvisd memory list` shows them.", code="memory_unknown")


def _found(one: Found, language: Language) -> dict[str, Any]:
    memory = one.memory
    try:
        day = told_day(datetime.fromtimestamp(memory.at_s).date(), datetime.now().date(), language)
    except (OverflowError, OSError, ValueError):  # a clock at the end of all years
        day = ""
    return {**asdict(one), "score": round(one.score, 4), "day": day}


def _scope(person: str | None) -> Scope:
    return Scope(person, everybody=person is None)
