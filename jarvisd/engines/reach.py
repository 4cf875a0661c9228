"""Whether anything listens at an endpoint."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from jarvisd.types import Endpoint

CONNECT_TIMEOUT_S = 1.0
_DEFAULT_PORTS = {"http": 80, "https": 443}


async def is_listening(endpoint: Endpoint) -> bool:
    """Connects and hangs up."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, writer = await _connect(endpoint)
    except OSError:  # TimeoutError is one
        return False
    writer.transport.abort()
    return True


async def _connect(endpoint: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if endpoint.socket_path is not None:
        return await asyncio.open_unix_connection(endpoint.socket_path)
    parts = urlsplit(endpoint.url)
    return await asyncio.open_connection(parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme])
