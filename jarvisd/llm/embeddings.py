"""Asks an embedding model for the vectors of texts, in OpenAI's protocol."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jarvisd.errors import EngineReplyError
from jarvisd.llm.chat import first_model
from jarvisd.transport import request
from jarvisd.types import Endpoint

# Texts of one request: what a server answers to so many is taken apart in a few milliseconds.
REQUEST_TEXTS = 32
MAX_REPLY_BYTES = 8 << 20
TIMEOUT_S = 30.0
_PROBE_TEXTS = ("Enciende la luz de la cocina.", "What is the capital of Spain?")
# Vectors that differ by less are the same, but for how they were rounded.
_THE_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class Embeddings:
    """`vectors` [texts, dimensions] has the row of each text; `tokens` is None where the server does not count.

    An array, because whoever asks for vectors multiplies them with others: a matrix product of 10,000 takes
    a millisecond, a loop over tuples seconds.
    """

    vectors: npt.NDArray[np.float32]
    tokens: int | None = None


async def embed(
    endpoint: Endpoint, model: str, texts: Sequence[str], *, timeout_s: float | None = TIMEOUT_S
) -> Embeddings:
    """The vectors of `texts`, none of which may be empty. An empty `model` asks for the first that the server lists.

    Many texts are asked for in several requests, between which others get their turn; `timeout_s` is for each of
    them. Raises EngineUnavailable or EngineReplyError.
    """
    try:
        async with asyncio.timeout(timeout_s):
            model = model or await first_model(endpoint)
        found = []
        for start in range(0, len(texts), REQUEST_TEXTS):
            async with asyncio.timeout(timeout_s):
                found.append(await _ask(endpoint, model, texts[start : start + REQUEST_TEXTS]))
    except TimeoutError:
        raise EngineReplyError(f"The embedding model gave no vectors within {timeout_s:g} s.") from None
    if len({one.vectors.shape[1] for one in found}) > 1:
        raise EngineReplyError("The embedding model gave vectors of different lengths.")
    if not found:
        return Embeddings(np.empty((0, 0), np.float32), 0)
    counts = [one.tokens for one in found if one.tokens is not None]
    return Embeddings(
        np.concatenate([one.vectors for one in found]), sum(counts) if len(counts) == len(found) else None
    )


async def probe(endpoint: Endpoint, model: str = "") -> None:
    """Raises EngineError unless the model gives vectors that tell two sentences apart. The caller has the clock."""
    vectors = (await embed(endpoint, model, _PROBE_TEXTS, timeout_s=None)).vectors
    lengths = np.linalg.norm(vectors, axis=1)
    if not lengths.all():
        raise EngineReplyError("The embedding model gave a vector of zeros.")
    if float(np.linalg.norm(vectors[0] - vectors[1])) < _THE_SAME * float(lengths.max()):
        raise EngineReplyError("The embedding model gave the same vector for two different sentences.")


async def _ask(endpoint: Endpoint, model: str, texts: Sequence[str]) -> Embeddings:
    """One request. Base64 is a quarter of the size of written numbers; a server that does not know it sends those."""
    body = {"model": model, "input": list(texts), "encoding_format": "base64"}
    async with request(endpoint, "POST", "/embeddings", body) as response:
        reply = await response.json(MAX_REPLY_BYTES)
    try:
        rows = {row["index"]: _vector(row["embedding"]) for row in reply["data"]}
        vectors = np.stack([rows[at] for at in range(len(texts))])
        usage = reply.get("usage") or {}
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise EngineReplyError("The embedding model's reply does not have one vector for each text.") from error
    if len(rows) != len(texts) or vectors.ndim != 2 or not vectors.shape[1]:
        raise EngineReplyError("The embedding model's reply does not have one vector for each text.")
    if not np.isfinite(vectors).all():
        raise EngineReplyError("The embedding model gave vectors that are no numbers.")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return Embeddings(vectors, tokens if isinstance(tokens, int) else None)


def _vector(written: Any) -> npt.NDArray[np.float32]:
    if isinstance(written, str):
        return np.frombuffer(base64.b64decode(written, validate=True), "<f4").astype(np.float32)
    return np.asarray(written, np.float32)
