"""Puts a vLLM server to sleep and wakes it. A 200 proves nothing: asleep, it answers that to nearly everything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from jarvisd.errors import EngineReplyError
from jarvisd.transport import request
from jarvisd.types import Endpoint

LEVEL_IN_RAM = 1
LEVEL_ON_DISK = 2


async def fall_asleep(endpoint: Endpoint, level: int) -> None:
    """Frees the card. Level 1 keeps the weights in the host's memory, level 2 nowhere. Raises EngineError."""
    await _post(endpoint, f"/sleep?level={level}")
    if not await is_sleeping(endpoint):
        raise EngineReplyError("The model server was sent to sleep and stays awake.")


async def wake_up(endpoint: Endpoint, level: int) -> None:
    """Back onto the card, from the `level` it was sent to. Raises EngineError."""
    if level == LEVEL_ON_DISK:
        await _post(endpoint, "/wake_up?tags=weights")
        await _post(endpoint, "/collective_rpc", {"method": "reload_weights"})
        await _post(endpoint, "/wake_up?tags=kv_cache")
    else:
        await _post(endpoint, "/wake_up")
    if await is_sleeping(endpoint):
        raise EngineReplyError("The model server was woken and goes on sleeping.")


async def is_sleeping(endpoint: Endpoint) -> bool:
    """What the server itself says. Raises EngineReplyError from one without sleep mode."""
    async with request(_root(endpoint), "GET", "/is_sleeping") as response:
        said = await response.json()
    if not isinstance(said, dict) or not isinstance(said.get("is_sleeping"), bool):
        raise EngineReplyError(f"The model server does not say whether it sleeps, but {json.dumps(said)[:100]}.")
    return bool(said["is_sleeping"])


async def _post(endpoint: Endpoint, path: str, body: dict[str, Any] | None = None) -> None:
    async with request(_root(endpoint), "POST", path, body):
        pass


def _root(endpoint: Endpoint) -> Endpoint:
    """These calls are no part of OpenAI's protocol, and lie beside it."""
    return replace(endpoint, url=endpoint.url.removesuffix("/v1"))
