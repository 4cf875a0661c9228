"""Rings when something is due, whatever happened meanwhile: a restart, a kill, a clock that was set.

Timers run on a clock that nobody sets; the wall clock is only their record, for the next start. Alarms and reminders
follow the wall clock. Each ring is handed over at least once, under an id that never changes, and never again once its
hand-over was done: whoever is given it twice (killed in the middle) knows it by `id`, and sees `again`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

from jarvisd.errors import JarvisError
from jarvisd.plain import plain
from jarvisd.skills.agenda import Agenda, Begun, Entry, steady_s, wall_s
from jarvisd.skills.moments import recurs_next
from jarvisd.skills.phrases import ring_sentence
from jarvisd.types import Ring

_LOGGER = logging.getLogger(__name__)

# A clock that was set, or a machine that slept, is noticed after so long at most.
LOOK_S = 15.0
# Nobody can be told for so long about one ring.
HAND_OVER_LIMIT_S = 60.0
# Clocks that differ by less were not set, only adjusted.
_CLOCK_SET_S = 2.0
_FIRST_RETRY_S, _LONGEST_RETRY_S = 5.0, 300.0
# A ring later than this says so.
LATE_S = 60.0
MOST_ENTRIES = 200

_Result = TypeVar("_Result")
OnRing = Callable[[Ring], Awaitable[None]]


class Bell:
    """The one owner of the agenda. `on_ring` returns when the ring was handed over; if it raises, it is tried again."""

    def __init__(
        self,
        agenda: Agenda,
        on_ring: OnRing,
        *,
        wall: Callable[[], float] = wall_s,
        steady: Callable[[], float] = steady_s,
    ) -> None:
        self.wall = wall
        self._agenda = agenda
        self._on_ring = on_ring
        self._steady = steady
        self._changed = asyncio.Event()
        self._deadlines: dict[str, float] = {}  # of timers, on the steady clock
        self._offset_s = wall() - steady()
        self._ringing: set[str] = set()
        self._told: set[str] = set()
        self._retry_s: dict[str, float] = {}
        self.timer_names: frozenset[str] = frozenset()

    async def run(self) -> None:
        """A service."""
        trouble: JarvisError | None = None
        async with asyncio.TaskGroup() as rings:
            try:
                while True:
                    self._changed.clear()
                    await self._wait(await self._look(rings))
            except JarvisError as error:
                trouble = error  # raised below: rings that are being told are finished first, and no group wraps it
        if trouble is not None:
            raise trouble

    def _forget(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._deadlines.pop(entry.id, None)

    async def _wait(self, longest_s: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._changed.wait()

    async def entries(self) -> list[Entry]:
        return await asyncio.to_thread(self._agenda.entries)

    def left_s(self, entry: Entry) -> float:
        """How long until it is due; of a paused timer, how long it had left."""
        if entry.left_s is not None:
            return entry.left_s
        deadline = self._deadlines.get(entry.id)
        return entry.due_s - self.wall() if deadline is None else deadline - self._steady()

    async def add(self, entry: Entry) -> bool:
        """False when there are too many already. What is added is on disk."""
        if entry.kind == "timer":
            self._deadlines[entry.id] = self._steady() + entry.due_s - self.wall()
        added = await self._do(lambda: self._agenda.add(entry, MOST_ENTRIES))
        if added and entry.kind == "timer":
            self.timer_names |= {plain(entry.text)}  # it may be asked for by name at once
        return added

    async def remove(self, entries: Sequence[Entry]) -> int:
        """How many were still there; those will not ring."""
        removed = await self._do(lambda: self._agenda.remove(entries))
        self._forget(entries)
        return removed

    async def retime(self, timer: Entry, left_s: float, *, paused: bool = False) -> bool:
        """Let a timer end in `left_s`, or hold it there. False if it has rung meanwhile."""
        after = replace(timer, due_s=self.wall() + left_s, left_s=left_s if paused else None)
        before = self._deadlines.get(timer.id)
        self._deadlines[timer.id] = self._steady() + left_s  # first: it must not ring by its old one meanwhile
        changed = await self._do(lambda: self._agenda.change(timer, after))
        if not changed and before is not None:
            self._deadlines[timer.id] = before
        return changed

    async def skip(self, alarm: Entry) -> Entry | None:
        """Let a recurring alarm leave out its next time; None if it has rung or gone meanwhile."""
        left_out = replace(alarm, skip_day=datetime.fromtimestamp(alarm.due_s).date().isoformat())
        after = replace(left_out, due_s=_recurring_s(left_out, self.wall()))
        changed = await self._do(lambda: self._agenda.change(alarm, after))
        return after if changed else None

    async def latest(self, within_s: float) -> Begun | None:
        """The last ring that nobody has answered yet."""
        since_s = self.wall() - within_s
        return await asyncio.to_thread(self._agenda.latest, since_s)

    async def answered(self, ring: Begun) -> None:
        await asyncio.to_thread(self._agenda.answer, ring)

    async def _do(self, work: Callable[[], _Result]) -> _Result:
        """On a thread. Whoever is cancelled meanwhile (a turn) does not keep the bell from noticing."""
        loop = asyncio.get_running_loop()

        def change() -> _Result:
            try:
                return work()
            finally:
                loop.call_soon_threadsafe(self._changed.set)

        return await asyncio.to_thread(change)

    async def _look(self, rings: asyncio.TaskGroup) -> float | None:
        """Begin what is due, hand over what waits; returns when to look again, None if nothing will ring."""
        entries = await self.entries()
        entries = await self._follow_the_clock(entries)
        due = [entry for entry in entries if entry.left_s is None and self.left_s(entry) <= 0]
        if due:
            now_s = self.wall()
            await asyncio.to_thread(self._agenda.begin, due, now_s, lambda entry: _following(entry, now_s))
            self._forget(due)
        await self._hand_over_waiting(rings)
        entries = await self.entries()
        if not self._changed.is_set():  # else what was read may be old already, and the next look follows at once
            self.timer_names = frozenset(plain(entry.text) for entry in entries if entry.kind == "timer")
        waits = [max(0.0, self.left_s(entry)) for entry in entries if entry.left_s is None]
        waits += [max(0.0, at_s - self._steady()) for at_s in self._retry_s.values()]
        return min([*waits, LOOK_S]) if waits else None

    async def _follow_the_clock(self, entries: Sequence[Entry]) -> list[Entry]:
        """Write down anew when a timer ends, after the clock was set; and when a recurring alarm is next."""
        now_s, steady_now_s = self.wall(), self._steady()
        was_set = abs(now_s - steady_now_s - self._offset_s) > _CLOCK_SET_S
        self._offset_s = now_s - steady_now_s
        followed = []
        for entry in entries:
            due_s = entry.due_s
            if was_set and entry.id in self._deadlines and entry.left_s is None:
                due_s = now_s + self._deadlines[entry.id] - steady_now_s
            elif entry.days and due_s > now_s:
                due_s = _recurring_s(entry, now_s)
            after = replace(entry, due_s=due_s)
            if after != entry and not await asyncio.to_thread(self._agenda.change, entry, after):
                continue
            followed.append(after)
        return followed

    async def _hand_over_waiting(self, rings: asyncio.TaskGroup) -> None:
        for begun in await asyncio.to_thread(self._agenda.waiting):
            if begun.id not in self._ringing and self._retry_s.get(begun.id, 0.0) <= self._steady():
                self._ringing.add(begun.id)
                rings.create_task(self._hand_over(begun), name=f"ring {begun.id}")

    async def _hand_over(self, begun: Begun) -> None:
        try:
            begun = await asyncio.to_thread(self._agenda.try_again, begun)
            if begun.id not in self._told:
                async with asyncio.timeout(HAND_OVER_LIMIT_S):
                    await self._on_ring(ring_of(begun))
                self._told.add(begun.id)
                _LOGGER.info("the %s %s has rung", begun.kind, begun.id)
            await asyncio.to_thread(self._agenda.done, begun, self.wall())
            self._retry_s.pop(begun.id, None)
        except Exception as error:
            retry_s = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(begun.tries, 10))
            self._retry_s[begun.id] = self._steady() + retry_s
            expected = isinstance(error, JarvisError | TimeoutError)
            _LOGGER.error(  # noqa: TRY400 - expected trouble is told without a traceback
                "the %s that was due at %s could not be told (%s); trying again in %.0f s",
                begun.kind,
                datetime.fromtimestamp(begun.due_s).isoformat(" ", "seconds"),
                str(error) or type(error).__name__,
                retry_s,
                exc_info=None if expected else error,
            )
            self._ringing.discard(begun.id)  # only now: who looked before it was done would tell it again
        finally:
            self._changed.set()


def ring_of(begun: Begun) -> Ring:
    late_s = max(0.0, begun.began_s - begun.due_s)
    return Ring(
        begun.id,
        begun.kind,
        begun.text,
        begun.room,
        begun.language,
        due_s=begun.due_s,
        late_s=late_s,
        again=begun.tries > 1,
        sentence=ring_sentence(begun, late_s if late_s > LATE_S else 0.0),
    )


def _following(entry: Entry, now_s: float) -> Entry | None:
    """A recurring alarm after it rang; None for what rings once."""
    if not entry.days:
        return None
    rang = replace(entry, last_day=datetime.fromtimestamp(entry.due_s).date().isoformat())
    return replace(rang, due_s=_recurring_s(rang, now_s))


def _recurring_s(entry: Entry, now_s: float) -> float:
    """Never twice on one day, unless its last day lies ahead: then the clock was wrong."""
    now = datetime.fromtimestamp(now_s)
    last = date.fromisoformat(entry.last_day) if entry.last_day else None
    if last is not None and last > now.date():
        last = None
    skip = date.fromisoformat(entry.skip_day) if entry.skip_day else None
    return recurs_next(entry.hour or 0, entry.minute or 0, entry.days.split(","), now, last, skip).timestamp()
