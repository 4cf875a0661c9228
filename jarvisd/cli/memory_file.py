"""Who answers `jarvisd memory`: the daemon, or, while none runs, this process with the file for itself alone."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from jarvisd.answering.scoring import FILE_NAME as CORRECTION_FILE
from jarvisd.answering.scoring import HouseholdScorer
from jarvisd.cli.run import Invocation
from jarvisd.config import Config
from jarvisd.control.client import request_result
from jarvisd.control.memory import memory_orders
from jarvisd.engines.spec import INDEX_FOLDER
from jarvisd.errors import ControlError, StoreError
from jarvisd.memory.memory import Memories
from jarvisd.memory.schema import FILE_NAME
from jarvisd.paths import STATE_LOCK, claim_state, find_control_socket, make_folder, state_dir
from jarvisd.routing.ledger import Ledger
from jarvisd.routing.ledger_file import FILE_NAME as LEDGER_FILE
from jarvisd.routing.refit import Turn as Corrected
from jarvisd.turns.log import FILE_NAME as TURNS_FILE
from jarvisd.turns.log import TurnLog


class Ask(Protocol):
    """Sends one request, gives its result. Raises JarvisError."""

    async def __call__(self, request: str, /, **data: Any) -> dict[str, Any]: ...


@asynccontextmanager
async def memory_of(invocation: Invocation, *, make: bool = False) -> AsyncIterator[Ask]:
    """`make`: a file that is not there yet may be made. Raises JarvisError."""
    config = invocation.load().config
    socket = find_control_socket(config.house)

    async def ask_daemon(request: str, /, **data: Any) -> dict[str, Any]:
        return await request_result(socket, request, data)

    if await _answers(socket):
        yield ask_daemon
        return
    async with _opened(config, make=make) as ask_file:
        yield ask_file


async def _answers(socket: Path) -> bool:
    """Whether a daemon is there; raises ControlError where there is one that may not be asked."""
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    except PermissionError:
        return True  # the request itself says what to do
    writer.close()
    return True


@asynccontextmanager
async def _opened(config: Config, *, make: bool) -> AsyncIterator[Ask]:
    folder = state_dir(config.house)
    if not make:
        await asyncio.to_thread(_must_be_there, folder)
    else:
        make_folder(folder, 0o700, "house.state_dir")
    logging.getLogger("jarvisd").addHandler(logging.NullHandler())  # what matters is printed
    with await asyncio.to_thread(claim_state, folder, Path("`jarvisd memory`")):
        memories = Memories(config.memory, folder, erase=(_erase_elsewhere(config, folder),))
        try:
            await memories.open()
            yield _asked_here(memories)
        finally:
            await memories.close()
            _leave_to_owner(folder)


def _must_be_there(folder: Path) -> None:
    try:
        if (folder / FILE_NAME).exists():
            return
    except OSError as error:
        raise StoreError(
            f"You may not read {folder}. Start the daemon, or open it as its owner: `sudo jarvisd memory …`.",
            code="memory_denied",
        ) from error
    hint = "" if os.geteuid() == 0 else " A stopped service's memory is opened with `sudo jarvisd memory …`."
    raise StoreError(f"Nothing is remembered in {folder} yet, and no daemon runs.{hint}", code="memory_none")


def _asked_here(memories: Memories) -> Ask:
    orders = memory_orders(memories)

    async def ask(request: str, /, **data: Any) -> dict[str, Any]:
        try:
            return dict(await orders[request](data))
        except ValueError as error:
            raise ControlError(f"Not a request: {error}", code="bad_request") from error

    return ask


def _erase_elsewhere(config: Config, folder: Path) -> Callable[[Sequence[str]], Awaitable[None]]:
    """The texts of turns in the daemon's other records, what was learned from them, and the index in a server's files:
    it is made again from the vectors that are left.
    """

    async def erase(ids: Sequence[str]) -> None:
        await asyncio.to_thread(shutil.rmtree, folder / INDEX_FOLDER, ignore_errors=True)
        turns = TurnLog(folder / TURNS_FILE)
        if await asyncio.to_thread(turns.erase_texts, ids):
            scorer = HouseholdScorer(
                folder / CORRECTION_FILE,
                lambda: [Corrected(turn.question or "", turn.corrected or "") for turn in turns.corrections()],
            )
            await scorer.refit()
        await asyncio.to_thread(Ledger(folder / LEDGER_FILE, config.cloud, config.engines).erase_texts, ids)

    return erase


def _leave_to_owner(folder: Path) -> None:
    """What root made here belongs to the folder's owner, or the daemon could not open it."""
    if os.geteuid() != 0:
        return
    owner = folder.stat()
    for name in (STATE_LOCK, FILE_NAME):
        with suppress(OSError):
            os.chown(folder / name, owner.st_uid, owner.st_gid)
