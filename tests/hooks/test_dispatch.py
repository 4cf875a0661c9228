import asyncio
import threading
from dataclasses import replace

import pytest

from jarvisd import hookimpl
from jarvisd.bus import Bus
from jarvisd.events import AnswerDelta, TurnStarted
from jarvisd.hooks.dispatch import Given
from jarvisd.types import Transcript, Turn
from tests.fakes.plugins import dispatcher_of

TURN = Turn("cli", "en", 60)
HEARD = Transcript("hello")


class Says:
    """Answers every command with its own text, as plain `def`."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.asked = 0

    @hookimpl
    def handle_command(self) -> str | None:
        self.asked += 1
        return self.text


class SaysAsync(Says):
    @hookimpl
    async def handle_command(self) -> str | None:
        self.asked += 1
        await asyncio.sleep(0)
        return self.text


class Appends:
    def __init__(self, word: str) -> None:
        self.word = word

    @hookimpl
    async def revise_transcript(self, transcript: Transcript) -> Transcript:
        return replace(transcript, text=f"{transcript.text} {self.word}")


async def test_first_asks_the_plugin_loaded_last_first_and_stops_at_an_answer():
    early, late, silent = Says("early"), SaysAsync("late"), Says(None)
    dispatcher = dispatcher_of(early=early, late=late, silent=silent)

    given = await dispatcher.first("handle_command", transcript=HEARD, turn=TURN)

    assert given == Given("late", "late")
    assert (silent.asked, late.asked, early.asked) == (1, 1, 0)


async def test_first_without_an_answer_is_none():
    dispatcher = dispatcher_of(one=Says(None))
    assert await dispatcher.first("handle_command", transcript=HEARD, turn=TURN) is None


async def test_tryfirst_and_trylast_are_respected():
    class Eager(Says):
        @hookimpl(tryfirst=True)
        def handle_command(self) -> str | None:
            return self.text

    class Reluctant(Says):
        @hookimpl(trylast=True)
        def handle_command(self) -> str | None:
            return self.text

    both = dispatcher_of(eager=Eager("eager"), normal=Says("normal"), reluctant=Reluctant("reluctant"))
    without_eager = dispatcher_of(normal=Says("normal"), reluctant=Reluctant("reluctant"))

    assert await both.first("handle_command", transcript=HEARD, turn=TURN) == Given("eager", "eager")
    assert await without_eager.first("handle_command", transcript=HEARD, turn=TURN) == Given("normal", "normal")


async def test_fold_hands_the_result_of_one_to_the_next():
    dispatcher = dispatcher_of(second=Appends("two"), first=Appends("one"))
    revised = await dispatcher.fold("revise_transcript", HEARD, turn=TURN)
    assert revised.text == "hello one two"


async def test_fold_leaves_the_value_alone_where_a_plugin_gives_none():
    class Nothing:
        @hookimpl
        def revise_transcript(self, turn: Turn) -> None:
            assert turn is TURN

    dispatcher = dispatcher_of(one=Appends("one"), nothing=Nothing())
    assert (await dispatcher.fold("revise_transcript", HEARD, turn=TURN)).text == "hello one"


async def test_collect_has_the_answers_by_plugin():
    class Reports:
        def __init__(self, text: str | None) -> None:
            self.text = text

        @hookimpl
        def report_status(self) -> str | None:
            return self.text

    dispatcher = dispatcher_of(a=Reports("fine"), b=Reports(None), c=Reports("well"))
    assert await dispatcher.collect("report_status") == {"a": "fine", "c": "well"}


async def test_implementations_take_only_the_arguments_that_they_want():
    taken = {}

    class Picky:
        @hookimpl
        def handle_command(self, turn: Turn, *, transcript: Transcript, own: str = "own") -> None:
            taken.update(turn=turn, transcript=transcript, own=own)

    await dispatcher_of(picky=Picky()).first("handle_command", transcript=HEARD, turn=TURN)
    assert taken == {"turn": TURN, "transcript": HEARD, "own": "own"}


async def test_plain_implementations_run_off_the_loop_and_async_ones_on_it():
    threads = {}

    class Plain:
        @hookimpl
        def shutdown(self) -> None:
            threads["plain"] = threading.current_thread()

    class Async:
        @hookimpl
        async def shutdown(self) -> None:
            threads["async"] = threading.current_thread()

    await dispatcher_of(plain=Plain(), on_loop=Async()).notify("shutdown")
    assert threads["async"] is threading.current_thread()
    assert threads["plain"] is not threading.current_thread()
    assert threads["plain"].daemon


async def test_a_hook_called_in_the_wrong_style_is_a_mistake_of_ours():
    dispatcher = dispatcher_of()
    with pytest.raises(TypeError, match="handle_command is a hook to first, not to notify"):
        await dispatcher.notify("handle_command", transcript=HEARD, turn=TURN)
    with pytest.raises(KeyError):
        await dispatcher.notify("no_such_hook")


class Listens:
    """Keeps the indices of the deltas that it is told; waits for `may_go_on` in each."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.all_heard = asyncio.Event()

    @hookimpl
    async def on_event(self, event: object) -> None:
        await self.may_go_on.wait()
        if isinstance(event, AnswerDelta):
            self.heard.append(event.index)
            if event.index == 99:
                self.all_heard.set()


async def test_events_arrive_in_order_and_a_slow_plugin_delays_no_other():
    bus, slow, quick = Bus(), Listens(), Listens()
    slow.may_go_on.clear()
    dispatcher = dispatcher_of(slow=slow, quick=quick)

    async with asyncio.TaskGroup() as group:
        service = group.create_task(dispatcher.events(bus))
        await asyncio.sleep(0)
        for index in range(100):
            bus.publish(AnswerDelta(TURN, "x", index))
        await quick.all_heard.wait()
        assert quick.heard == list(range(100))
        assert slow.heard == []

        slow.may_go_on.set()
        await slow.all_heard.wait()
        assert slow.heard == list(range(100))
        service.cancel()


async def test_plain_on_event_implementations_keep_the_order_too():
    heard = []
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Plain:
        @hookimpl
        def on_event(self, event: AnswerDelta) -> None:
            heard.append(event.index)
            if event.index == 29:
                loop.call_soon_threadsafe(done.set)

    bus, dispatcher = Bus(), dispatcher_of(plain=Plain())
    async with asyncio.TaskGroup() as group:
        service = group.create_task(dispatcher.events(bus))
        await asyncio.sleep(0)
        for index in range(30):
            bus.publish(AnswerDelta(TURN, "x", index))
        await done.wait()
        service.cancel()
    assert heard == list(range(30))


async def test_shutdown_comes_after_the_last_event():
    story = []

    class Diary:
        @hookimpl
        async def on_event(self, event: object) -> None:
            await asyncio.sleep(0)
            story.append(type(event).__name__)

        @hookimpl
        async def shutdown(self) -> None:
            story.append("shutdown")

    bus, dispatcher = Bus(), dispatcher_of(diary=Diary())
    async with asyncio.TaskGroup() as group:
        service = group.create_task(dispatcher.events(bus))
        await asyncio.sleep(0)
        for _ in range(3):
            bus.publish(TurnStarted(TURN))
        await dispatcher.shutdown()
        service.cancel()
    assert story == ["TurnStarted", "TurnStarted", "TurnStarted", "shutdown"]


async def test_the_events_service_runs_without_any_plugin_until_it_is_cancelled():
    bus = Bus()
    async with asyncio.TaskGroup() as group:
        service = group.create_task(dispatcher_of().events(bus))
        await asyncio.sleep(0)
        bus.publish(TurnStarted(TURN))
        assert not service.done()
        service.cancel()


async def test_the_events_service_can_be_started_again():
    bus, listens = Bus(), Listens()
    dispatcher = dispatcher_of(listens=listens)
    for first, last in ((0, 50), (50, 100)):
        async with asyncio.TaskGroup() as group:
            service = group.create_task(dispatcher.events(bus))
            await asyncio.sleep(0)
            for index in range(first, last):
                bus.publish(AnswerDelta(TURN, "x", index))
            await dispatcher.shutdown()
            service.cancel()
    assert listens.heard == list(range(100))
    assert bus.dropped() == {}
