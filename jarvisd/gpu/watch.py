"""The service that watches the graphics cards: asks for readings, judges them, tells what changed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from jarvisd.config import GpuWatchConfig
from jarvisd.events import GpuHealthChanged
from jarvisd.gpu.energy import EnergyLedger
from jarvisd.gpu.faults import NO_CARD_HERE, Fault, fault_sentence
from jarvisd.gpu.health import MIB, HealthJudge, Limits
from jarvisd.gpu.nvml import Scan
from jarvisd.gpu.thread import OneThread
from jarvisd.types import EngineUse, GpuHealth, GpuReading, GpuState, GpuStatus

_LOGGER = logging.getLogger(__name__)

SAVE_EVERY_S = 300.0
# A state that a person should look at; the others come and go with use.
_WORRYING = frozenset(
    {GpuState.THROTTLED, GpuState.HOT, GpuState.UNKNOWN, GpuState.HUNG, GpuState.LOST, GpuState.DRIVER_MISMATCH}
)


class GpuWatch:
    """All cards, as they were when last read.

    `read` looks at all cards and may hang (`Nvml.read`); `publish` is told each change of a card's health; `is_ours`
    tells this daemon's processes; `on_read` gets the statuses after each look; `uses` tells how the engines are used.
    """

    def __init__(
        self,
        settings: GpuWatchConfig,
        read: Callable[[], Scan],
        energy: EnergyLedger,
        *,
        publish: Callable[[GpuHealthChanged], None],
        is_ours: Callable[[int], bool],
        on_read: Callable[[Sequence[GpuStatus]], None],
        uses: Callable[[], Sequence[EngineUse]] = tuple,
    ) -> None:
        self._settings = settings
        self._read = read
        self._energy = energy
        self._publish = publish
        self._is_ours = is_ours
        self._on_read = on_read
        self._uses = uses
        self._statuses: dict[str, GpuStatus] = {}
        self._judges: dict[str, HealthJudge] = {}
        self._memory_bytes: dict[str, int] = {}
        self._detail = "not read yet"
        self._saved_at = time.monotonic()
        self._look_now = asyncio.Event()
        self._looked = asyncio.Condition()
        self._begun = self._taken = 0
        self._runs = False

    @property
    def detail(self) -> str:
        """The driver, or why there is no card to be seen."""
        return self._detail

    def statuses(self) -> tuple[GpuStatus, ...]:
        """Every card seen since the start, in the driver's order."""
        return tuple(self._statuses.values())

    def memory_bytes(self, uuid: str) -> int | None:
        """What programs can have of a card's memory, by its last good reading; None before the first."""
        return self._memory_bytes.get(uuid)

    def reconfigure(self, settings: GpuWatchConfig) -> None:
        self._settings = settings

    async def run(self) -> None:
        """A service: until cancelled, or until it is sure that this machine has no NVIDIA driver."""
        await asyncio.to_thread(self._energy.load)
        thread = OneThread(self._read, "nvml")
        self._runs = True
        try:
            while True:
                self._look_now.clear()
                self._begun += 1
                scan = await self._answer(thread)
                self._take(scan)
                await self._tell_waiting()
                if scan.fault == Fault.LIBRARY_NOT_FOUND:
                    return
                await self._save_sometimes()
                await self._until_due()
        finally:
            self._runs = False
            thread.close()
            await self._tell_waiting()
            await self._save()

    async def fresh(self) -> None:
        """Returns once a reading that began after this call was taken; at once where nothing is watched."""
        begun = self._begun
        self._look_now.set()
        async with self._looked:
            await self._looked.wait_for(lambda: not self._runs or self._taken > begun)

    async def _until_due(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.poll_s):
                await self._look_now.wait()

    async def _tell_waiting(self) -> None:
        self._taken = self._begun
        async with self._looked:
            self._looked.notify_all()

    async def _answer(self, thread: OneThread[Scan]) -> Scan:
        """The next scan. While it does not come, the cards are called hung, and everything else goes on."""
        asked_at = time.monotonic()
        answer = thread.ask()
        while True:
            done, _ = await asyncio.wait({answer}, timeout=self._settings.hung_after_s)
            if done:
                return answer.result()
            self._hung(time.monotonic() - asked_at)

    def _hung(self, waited_s: float) -> None:
        self._say(f"NVIDIA's driver has not answered for {self._settings.hung_after_s:g} s or longer", logging.WARNING)
        for status in self.statuses():
            self._judge(status.reading, hung_s=waited_s)
        self._on_read(self.statuses())

    def _take(self, scan: Scan) -> None:
        if scan.fault is not None:
            self._say(fault_sentence(scan.fault), logging.INFO if scan.fault in NO_CARD_HERE else logging.WARNING)
        elif scan.readings:
            self._say(f"NVIDIA driver {scan.readings[0].driver_version}", logging.INFO)
        uses = self._uses()
        for reading in (*map(self._marked, scan.readings), *_missing(scan, uses)):
            self._note_xid(reading)
            self._energy.note(reading, uses, others=reading.foreign_bytes >= self._limits().foreign_bytes)
            if reading.memory_total_bytes is not None:
                self._memory_bytes[reading.uuid] = reading.memory_total_bytes - (reading.memory_reserved_bytes or 0)
            self._judge(reading)
        self._on_read(self.statuses())

    def _marked(self, reading: GpuReading) -> GpuReading:
        processes = tuple(replace(process, ours=self._is_ours(process.pid)) for process in reading.processes)
        return replace(reading, processes=processes)

    def _judge(self, reading: GpuReading, hung_s: float | None = None) -> None:
        before = self._statuses.get(reading.uuid)
        judge = self._judges.setdefault(reading.uuid, HealthJudge())
        health = judge.judge(reading, self._limits(), hung_s=hung_s)
        energy = self._energy
        self._statuses[reading.uuid] = GpuStatus(
            reading, health, energy.kwh(reading.uuid), energy.engines(reading.uuid)
        )
        if before is None or before.health.state is not health.state:
            _log_change(before.health if before else None, health)
            self._publish(GpuHealthChanged(before.health.state if before else None, health))

    def _limits(self) -> Limits:
        settings = self._settings
        return Limits(
            warm_celsius=settings.warm_celsius,
            hot_celsius=settings.hot_celsius,
            full_bytes=settings.full_below_mib * MIB,
            foreign_bytes=settings.foreign_mib * MIB,
        )

    def _note_xid(self, reading: GpuReading) -> None:
        known = self._statuses.get(reading.uuid)
        if reading.xid is not None and (known is None or known.reading.xid != reading.xid):
            _LOGGER.warning("%s (%s): the driver reports Xid %d", reading.name, reading.uuid, reading.xid)

    def _say(self, detail: str, level: int) -> None:
        if detail != self._detail:
            _LOGGER.log(level, "graphics cards: %s", detail)
            self._detail = detail

    async def _save_sometimes(self) -> None:
        if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            await self._save()

    async def _save(self) -> None:
        self._saved_at = time.monotonic()
        await asyncio.to_thread(self._energy.save, self._energy.contents())


def _missing(scan: Scan, uses: Sequence[EngineUse]) -> list[GpuReading]:
    """Cards that the configuration gives to engines and that are not here, though the driver shows all others.

    A part of a card (`MIG-...`) is not among the driver's cards.
    """
    if scan.fault is not None or not scan.readings:
        return []
    here = [reading.uuid for reading in scan.readings]
    wanted = sorted({use.card for use in uses if use.card.startswith("GPU-")})
    return [
        GpuReading(card, "missing card", time.monotonic(), fault=Fault.NOT_HERE)
        for card in wanted
        if not any(uuid.startswith(card) for uuid in here)
    ]


def _log_change(before: GpuHealth | None, health: GpuHealth) -> None:
    worrying = health.state in _WORRYING
    _LOGGER.log(
        logging.WARNING if worrying else logging.INFO,
        "%s (%s): %s%s",
        health.name,
        health.uuid,
        f"{before.state} -> {health.state}" if before else health.state,
        "".join(f"; {reason}" for reason in health.reasons),
    )
