"""Writes down every turn, from what is told of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jarvisd.bus import Bus
from jarvisd.config import TurnsConfig
from jarvisd.errors import JarvisError
from jarvisd.events import Answered, Event, Routed, TurnCancelled, TurnStarted
from jarvisd.turns.log import DAY_S, TurnLog, TurnRecord, days_ago_s
from jarvisd.turns.stats import stats
from jarvisd.types import Answer, Route, Turn

_LOGGER = logging.getLogger(__name__)

# What is lost of the record when the process is killed.
WRITE_AFTER_S = 0.5
SHOW_EVERY_S = 60.0
FORGET_EVERY_S = 6 * 3600.0
# Kept for the next attempt while the file cannot be written.
MOST_UNWRITTEN = 1000


@dataclass(slots=True)
class _Running:
    at_s: float
    routes: list[Route] = field(default_factory=list)


class Recorder:
    """`run` is a service. A record that cannot be written costs one warning, and no answer; it is tried again.

    `show` gets the figures of today and of 30 days, at the start and then with turns, at most once a minute.
    """

    def __init__(
        self,
        log: TurnLog,
        settings: TurnsConfig,
        *,
        show: Callable[[Mapping[str, Any]], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._log = log
        self._settings = settings
        self._show = show
        self._clock = clock
        self._shown_at_s = float("-inf")
        self._running: dict[str, _Running] = {}
        self._unwritten: list[TurnRecord] = []
        self._anything = asyncio.Event()
        self._told = False
        self._forgot_at_s = float("-inf")

    def reconfigure(self, settings: TurnsConfig) -> None:
        self._settings = settings

    async def run(self, bus: Bus) -> None:
        with bus.subscribe("turns", size=1024) as mailbox:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._keep_writing(), name="turn records")
                    async for event in mailbox:
                        if (record := self._note(event)) is not None:
                            self._unwritten.append(record)
                            self._anything.set()
            finally:
                await self._write()

    async def flush(self) -> None:
        """Writes what is not written yet."""
        await self._write()

    async def _keep_writing(self) -> None:
        """A little later and together: the disk is not asked while the next question is being answered."""
        await self._figures()
        while True:
            await self._anything.wait()
            await asyncio.sleep(WRITE_AFTER_S)
            self._anything.clear()
            await self._write()
            await self._figures()

    def _note(self, event: Event) -> TurnRecord | None:
        match event:
            case TurnStarted(turn):
                self._running[turn.id] = _Running(self._clock())
            case Routed(turn, route) if turn.id in self._running:
                self._running[turn.id].routes.append(route)
            case Answered(turn, answer) if (running := self._running.pop(turn.id, None)) is not None:
                return self._record(turn, answer, running)
            case TurnCancelled(turn):
                self._running.pop(turn.id, None)
        return None

    def _record(self, turn: Turn, answer: Answer, running: _Running) -> TurnRecord:
        route = next((one for one in reversed(running.routes) if one.tier == answer.tier), None)
        if route is None and running.routes:
            route = running.routes[-1]
        keeps_text = self._settings.keep_text_days > 0
        return TurnRecord(
            id=turn.id,
            at_s=running.at_s,
            source=turn.source,
            room=turn.room,
            language=answer.language,
            question=answer.question if keeps_text and not answer.private else None,
            via=answer.via,
            tier=answer.tier,
            engine=answer.answered_by,
            cloud=route.cloud if route and answer.via == "model" else False,
            cold=route.cold if route else False,
            escalated=len({one.tier for one in running.routes}) > 1,
            probabilities=route.probabilities if route else {},
            margin=route.margin if route else 0.0,
            eta_s=route.eta_s if route else 0.0,
            reason=route.reason if route else "",
            first_word_ms=answer.timings_ms.get("first_word"),
            total_ms=answer.timings_ms.get("total", 0.0),
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            cost_micros=answer.cost_micros,
            memory_hits=len(answer.cited),
            error=answer.error_code,
        )

    async def _figures(self) -> None:
        now_s = self._clock()
        if 0 <= now_s - self._shown_at_s < SHOW_EVERY_S:
            return
        self._shown_at_s = now_s
        with suppress(JarvisError):  # told when it was written
            self._show(await asyncio.to_thread(self._by_period, now_s))

    def _by_period(self, now_s: float) -> dict[str, Any]:
        midnight = datetime.fromtimestamp(now_s).replace(hour=0, minute=0, second=0, microsecond=0)
        month = self._log.since(days_ago_s(30, now_s))
        today = [turn for turn in month if turn.at_s >= midnight.timestamp()]
        return {"today": stats(today), "month": stats(month)}

    async def _write(self) -> None:
        records, self._unwritten = self._unwritten, []
        if not records:
            return
        now_s = records[-1].at_s
        try:
            await asyncio.to_thread(self._log.add, *records)
            if not 0 <= now_s - self._forgot_at_s < FORGET_EVERY_S:
                self._forgot_at_s = now_s
                await asyncio.to_thread(
                    self._log.forget,
                    texts_before_s=now_s - self._settings.keep_text_days * DAY_S,
                    turns_before_s=now_s - self._settings.keep_days * DAY_S,
                )
            self._told = False
        except JarvisError as error:
            self._unwritten = [*records, *self._unwritten][-MOST_UNWRITTEN:]
            if not self._told:
                _LOGGER.warning("%s", error.message)
            self._told = True
