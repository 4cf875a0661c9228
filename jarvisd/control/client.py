"""The other side of the control socket: what the command line uses to talk to the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from wyoming.event import Event as Frame
from wyoming.event import async_read_event, async_write_event

from jarvisd.errors import ControlError, JarvisError


async def requests(
    socket_path: Path, kind: str, data: dict[str, Any], sound: AsyncIterable[bytes] | None = None
) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
    """Send one request and yield the daemon's replies as (type, data) until it is done.

    Raises ControlError: no daemon (`not_running`), or the daemon's own error.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(socket_path)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise ControlError(
            f"No daemon answers at {socket_path}. Start one with `jarvisd run` or `systemctl start jarvisd`.",
            code="not_running",
        ) from error
    except PermissionError as error:
        raise ControlError(
            f"You may not talk to the daemon at {socket_path}. Join its group: `sudo usermod -aG jarvisd $USER`.",
            code="not_allowed",
        ) from error
    sending: asyncio.Task[None] | None = None
    try:
        await async_write_event(Frame(type=kind, data=data), writer)
        if sound is not None:
            # Owned by this generator: cancelled and awaited below. A TaskGroup may not span a yield.
            sending = asyncio.create_task(_send_sound(writer, sound))  # noqa: TID251
        while (reply := await async_read_event(reader)) is not None:
            if reply.type == "error":
                raise ControlError(str(reply.data.get("message")), code=str(reply.data.get("code")))
            if reply.type == "done":
                return
            yield reply.type, reply.data
            if kind != "listen" and reply.type in ("answer", "status", "result"):
                return
        if sending is not None and sending.done() and (broken := sending.exception()) is not None:
            raise broken
        raise ControlError("The daemon hung up before it was done; its log says why.", code="hung_up")
    finally:
        if sending is not None:
            sending.cancel()
            await asyncio.wait([sending])
        writer.close()


async def request_status(socket_path: Path) -> dict[str, Any]:
    async with aclosing(requests(socket_path, "status", {})) as replies:
        async for _, data in replies:
            return data
    raise ControlError("The daemon gave no status.", code="hung_up")


async def request_result(socket_path: Path, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """The result of an order. Raises ControlError, with the daemon's own words where it could not follow it."""
    async with aclosing(requests(socket_path, kind, data)) as replies:
        async for _, result in replies:
            return result
    raise ControlError("The daemon gave no result.", code="hung_up")


async def _send_sound(writer: asyncio.StreamWriter, sound: AsyncIterable[bytes]) -> None:
    try:
        async for pcm in sound:
            await async_write_event(Frame(type="audio-chunk", payload=pcm), writer)
        await async_write_event(Frame(type="audio-stop"), writer)
    except JarvisError:
        writer.close()  # ends the request, and whoever waits for its replies
        raise
