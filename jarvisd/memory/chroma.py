"""The index in a Chroma server, over its HTTP API (version 2, of Chroma 1.5): one collection for each shelf.

Only ids and vectors are sent: no texts, and of whom they are only a hash.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np

from jarvisd.errors import EngineError, EngineReplyError, IndexUnavailable
from jarvisd.memory.index import Shelf, Vectors, directions, last_of_each
from jarvisd.transport import request
from jarvisd.types import Endpoint

# An engine by name, waited for so many seconds, for as long as the block runs.
Lease: TypeAlias = Callable[[str, float], AbstractAsyncContextManager[Endpoint]]

WAIT_S = 5.0
# After a restart the first request to a collection waits until the server has read it in again: seconds for 10,000.
TIMEOUT_S = 60.0
# What is put together in the loop, in about 2 ms, and far below what servers refuse.
REQUEST_BYTES = 500_000
REMOVE_IDS = 1_000
# 100,000 ids and more.
MAX_REPLY_BYTES = 16 << 20
# Chroma's flush to its own files leaves them broken when it is killed in it, so it never flushes: its log is enough.
SYNC_THRESHOLD = 10_000_000
# Its own 100 misses 3 of 10 among vectors without any order; this costs 1 ms more.
EF_SEARCH = 400
_SPACE = "cosine"
_COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"
_PROBE_NAME = "jarvisd-probe"
# How requests tell a status; no other failure begins so.
_NOT_FOUND = "The model server refused the question (HTTP 404 "


class _Missing(EngineReplyError):  # noqa: N818 - a state
    """The server knows no such collection."""


class ChromaIndex:
    """A VectorIndex in the server that `lease` gives by the name of its engine."""

    def __init__(self, lease: Lease, engine: str, *, wait_s: float = WAIT_S, timeout_s: float = TIMEOUT_S) -> None:
        self._lease = lease
        self._engine = engine
        self._wait_s = wait_s
        self._timeout_s = timeout_s
        self._known: dict[Shelf, str] = {}
        # Two writers at once wait a second for each other, inside the server.
        self._writing = asyncio.Lock()

    async def put(self, shelf: Shelf, ids: Sequence[str], vectors: Vectors) -> None:
        ids, vectors = last_of_each(ids, vectors)
        rows = _rows_of_a_request(shelf, ids)
        directions(shelf, vectors[:0])
        for start in range(0, len(ids), rows):
            body = _upsert(ids[start : start + rows], directions(shelf, vectors[start : start + rows]))
            async with self._writing, self._server() as endpoint:
                await self._ask(endpoint, shelf, "upsert", body, make=True)

    async def remove(self, shelf: Shelf, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), REMOVE_IDS):
            async with self._writing, self._server() as endpoint:
                await self._ask(endpoint, shelf, "delete", {"ids": list(ids[start : start + REMOVE_IDS])})

    async def nearest(self, shelf: Shelf, vector: Vectors, count: int) -> list[tuple[str, float]]:
        (wanted,) = directions(shelf, vector[np.newaxis])
        if count <= 0:
            return []
        body = {"query_embeddings": [wanted.tolist()], "n_results": count, "include": ["distances"]}
        async with self._server() as endpoint:
            reply = await self._ask(endpoint, shelf, "query", body)
            return _found(reply) if reply is not None else []

    async def ids(self, shelf: Shelf) -> frozenset[str]:
        async with self._server() as endpoint:
            reply = await self._ask(endpoint, shelf, "get", {"include": []})
            return frozenset(_texts(reply, "ids")) if reply is not None else frozenset()

    async def drop(self, shelf: Shelf) -> None:
        self._known.pop(shelf, None)
        async with self._writing, self._server() as endpoint:
            with suppress(_Missing):
                await _call(endpoint, "DELETE", f"/{_name(shelf)}", timeout_s=self._timeout_s)

    @asynccontextmanager
    async def _server(self) -> AsyncIterator[Endpoint]:
        """What fails in the block fails in the lease, too: the engine's owner looks after it."""
        try:
            async with self._lease(self._engine, self._wait_s) as endpoint:
                yield endpoint
        except EngineError as error:
            raise IndexUnavailable(f"The index of vectors cannot be asked: {error.message}") from error

    async def _ask(
        self, endpoint: Endpoint, shelf: Shelf, what: str, body: Mapping[str, Any] | bytes, *, make: bool = False
    ) -> Any:
        """The reply of the shelf's collection; None where there is none and none shall be made.

        A collection that is gone, because the server's folder was thrown away, is looked up once more.
        """
        if (known := self._known.get(shelf)) is not None:
            with suppress(_Missing):
                return await _call(endpoint, "POST", f"/{known}/{what}", body, timeout_s=self._timeout_s)
            self._known.pop(shelf, None)
        if (known := await self._look_up(endpoint, shelf, make=make)) is None:
            return None
        return await _call(endpoint, "POST", f"/{known}/{what}", body, timeout_s=self._timeout_s)

    async def _look_up(self, endpoint: Endpoint, shelf: Shelf, *, make: bool) -> str | None:
        """The id of a shelf's collection, which is made where it is missing and `make` says so."""
        name = _name(shelf)
        if make:
            wanted = _new(name, {"model": shelf.model, "dimensions": shelf.dimensions})
            collection = await _call(endpoint, "POST", "", wanted, timeout_s=self._timeout_s)
        else:
            try:
                collection = await _call(endpoint, "GET", f"/{name}", timeout_s=self._timeout_s)
            except _Missing:
                return None
        _check(collection, name, shelf)
        self._known[shelf] = _id(collection)
        return self._known[shelf]


async def probe(endpoint: Endpoint, model: str = "") -> None:  # noqa: ARG001 - it serves no model
    """Raises EngineError unless the server stores vectors and finds the nearer one. The caller has the clock.

    The collection that it makes for this is deleted again; one that a broken-off proof left behind goes first.
    """
    with suppress(_Missing):
        await _call(endpoint, "DELETE", f"/{_PROBE_NAME}")
    collection = _id(await _call(endpoint, "POST", "", _new(_PROBE_NAME, {"dimensions": 2})))
    vectors = np.array([[1, 0], [0.6, 0.8]], np.float32)
    await _call(endpoint, "POST", f"/{collection}/upsert", _upsert(["east", "north-east"], vectors))
    query = {"query_embeddings": [[0.8, 0.6]], "n_results": 2, "include": ["distances"]}
    found = _found(await _call(endpoint, "POST", f"/{collection}/query", query))
    await _call(endpoint, "DELETE", f"/{_PROBE_NAME}")
    likeness = dict(found)
    if [one for one, _ in found] != ["north-east", "east"] or not math.isclose(likeness["east"], 0.8, abs_tol=1e-3):
        raise EngineReplyError("Chroma does not find the vectors that were just stored.")


async def _call(
    endpoint: Endpoint,
    method: str,
    path: str,
    body: Mapping[str, Any] | bytes | None = None,
    *,
    timeout_s: float | None = None,
) -> Any:
    """One request below the collections. Raises _Missing where there is no such collection, else EngineError."""
    sent = dict(body) if isinstance(body, Mapping) else body
    try:
        async with asyncio.timeout(timeout_s), request(endpoint, method, _COLLECTIONS + path, sent) as response:
            return await response.json(MAX_REPLY_BYTES)
    except TimeoutError:
        raise EngineReplyError(f"Chroma did not answer within {timeout_s:g} s.") from None
    except EngineReplyError as error:
        if error.message.startswith(_NOT_FOUND):
            raise _Missing(error.message, code=error.code) from error
        raise


def _name(shelf: Shelf) -> str:
    """A collection's name: safe anywhere, another one for each shelf, and not to be read as anybody's."""
    whose = json.dumps([shelf.person, shelf.model, shelf.dimensions])
    return "jarvisd-" + hashlib.blake2b(whose.encode(), digest_size=20).hexdigest()


def _new(name: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    hnsw = {"space": _SPACE, "sync_threshold": SYNC_THRESHOLD, "ef_search": EF_SEARCH}
    return {"name": name, "metadata": dict(metadata), "configuration": {"hnsw": hnsw}, "get_or_create": True}


def _rows_of_a_request(shelf: Shelf, ids: Sequence[str]) -> int:
    """How many vectors fit into one request: base64 is 4/3 of the bytes, an escaped letter up to 12 of them."""
    longest = max(map(len, ids), default=0)
    return max(1, REQUEST_BYTES // (shelf.dimensions * 4 * 4 // 3 + 12 * longest + 16))


def _upsert(ids: Sequence[str], vectors: Vectors) -> bytes:
    written = [base64.b64encode(row.tobytes()).decode("ascii") for row in vectors.astype("<f4", copy=False)]
    return json.dumps({"ids": list(ids), "embeddings": written}).encode()


def _check(collection: Any, name: str, shelf: Shelf) -> None:
    """Raises IndexUnavailable for a collection that somebody else made as it is of no use here."""
    with _as_its_api_says():
        space = collection["configuration_json"]["hnsw"]["space"]
        told, real = (collection.get("metadata") or {}).get("dimensions"), collection.get("dimension")
    if space != _SPACE:
        why = f"measures the distance {space}, not {_SPACE}"
    elif told != shelf.dimensions or real not in {None, shelf.dimensions}:
        why = f"is for vectors of {real or told} dimensions, not {shelf.dimensions}"
    else:
        return
    raise IndexUnavailable(f"Chroma's collection {name} {why}: delete it, and it is made anew.")


def _id(collection: Any) -> str:
    with _as_its_api_says():
        return str(UUID(collection["id"]))  # it becomes a part of addresses


def _found(reply: Any) -> list[tuple[str, float]]:
    """The answer to a query. Distances are 1 - cosine, and rounding may lead beyond it."""
    with _as_its_api_says():
        (distances,) = reply["distances"]
        (ids,) = reply["ids"]
        found = [(one, 1.0 - float(far)) for one, far in zip(ids, distances, strict=True)]
        if not all(isinstance(one, str) and math.isfinite(likeness) for one, likeness in found):
            raise TypeError("ids or distances")
    return sorted(((one, min(1.0, max(-1.0, likeness))) for one, likeness in found), key=lambda pair: -pair[1])


def _texts(reply: Any, name: str) -> list[str]:
    with _as_its_api_says():
        texts = reply[name]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise TypeError(name)
    return texts


@contextmanager
def _as_its_api_says() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EngineReplyError("Chroma's reply is not what its API says; is this its address?") from error
