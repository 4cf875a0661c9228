"""Plugins that raise, hang, block or lie at every hook, and what becomes of the others."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jarvisd import Jarvis, hookimpl
from jarvisd.bus import Bus
from jarvisd.events import Event, PluginDisabled, TurnStarted
from jarvisd.hooks.dispatch import MAX_FAILURES, Dispatcher
from jarvisd.hooks.isolation import MAX_STUCK_THREADS
from jarvisd.hooks.specs import HOOKS
from jarvisd.types import Transcript, Turn
from tests.fakes.plugins import dispatcher_of

TURN = Turn("cli", "en", 60)
HEARD = Transcript("hello")
EVENT = TurnStarted(TURN)
GOOD = {"handle_command": "fine", "revise_transcript": Transcript("fine"), "report_status": "fine"}


def plugin_with(hook_name: str, function: Callable[[], object]) -> object:
    """An object that implements one hook by that function, which takes no arguments."""
    implementation = hookimpl(specname=hook_name)(function)
    return type("Made", (), {"hook": staticmethod(implementation)})()


async def call(dispatcher: Dispatcher, hook_name: str) -> object:
    match HOOKS[hook_name].call:
        case "first":
            return await dispatcher.first(hook_name, transcript=HEARD, turn=TURN)
        case "fold":
            return await dispatcher.fold(hook_name, HEARD, turn=TURN)
        case "collect":
            return await dispatcher.collect(hook_name)
        case _:
            arguments = dict.fromkeys(HOOKS[hook_name].arguments, EVENT)
            return await dispatcher.notify(hook_name, **arguments)


def raises() -> None:
    raise ValueError("of its own making")


async def raises_async() -> None:
    raise ValueError("of its own making")


async def times_out_by_itself() -> None:
    async with asyncio.timeout(0):
        await asyncio.sleep(10)


async def loses_a_task() -> None:
    async def fails() -> None:
        raise ValueError("in a task")

    async with asyncio.TaskGroup() as group:
        group.create_task(fails())


def exits() -> None:
    raise SystemExit(3)


async def exits_async() -> None:
    raise SystemExit(3)


async def cancels_itself() -> None:
    raise asyncio.CancelledError


async def hangs() -> None:
    await asyncio.get_running_loop().create_future()


async def hangs_whatever_comes() -> None:
    while True:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            continue


async def answers_when_cancelled() -> object:
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        return "late"


async def fails_when_cancelled() -> None:
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        raise ValueError("while cleaning up")


def gives_a_list() -> object:
    return ["not", "this"]


def gives_a_coroutine() -> object:
    return hangs()


def gives_a_future() -> object:
    loop = asyncio.new_event_loop()
    try:
        return loop.create_future()
    finally:
        loop.close()


FAULTS = {
    raises: "ValueError: of its own making",
    raises_async: "ValueError: of its own making",
    times_out_by_itself: "TimeoutError",
    loses_a_task: "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)",
    exits: "raised SystemExit",
    exits_async: "raised SystemExit",
    cancels_itself: "raised CancelledError",
    hangs: "took longer than 0.05 s",
    answers_when_cancelled: "took longer than 0.05 s",
    fails_when_cancelled: "took longer than 0.05 s",
    gives_a_list: "returned list instead of",
    gives_a_coroutine: "returned a coroutine; declare it with async def",
    gives_a_future: "returned something to await (Future)",
}


@pytest.mark.parametrize("hook_name", HOOKS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_fault_stays_with_its_plugin(fault, hook_name, caplog):
    called = []

    async def good() -> object:
        called.append(hook_name)
        return GOOD.get(hook_name)

    bad_plugin, good_plugin = plugin_with(hook_name, fault), plugin_with(hook_name, good)
    dispatcher = dispatcher_of(timeout_s=0.05, good=good_plugin, bad=bad_plugin)

    result = await call(dispatcher, hook_name)

    assert called == [hook_name]
    if hook_name in GOOD:
        assert "fine" in str(result)
        assert "bad" not in str(result)
    warning = next(record for record in caplog.records if record.levelno == logging.WARNING)
    assert f"Plugin bad failed in {hook_name}: {FAULTS[fault]}" in warning.getMessage()


async def test_an_empty_text_is_no_answer(caplog):
    dispatcher = dispatcher_of(empty=plugin_with("handle_command", lambda: " "))
    assert await call(dispatcher, "handle_command") is None
    assert "returned an empty text" in caplog.text


@pytest.mark.parametrize("hook_name", sorted(HOOKS.keys() - {"startup"}))
async def test_a_blocked_thread_is_left_behind_and_no_more_than_a_few_pile_up(hook_name, caplog):
    let_go = threading.Event()
    entered = []

    def blocks() -> None:
        entered.append(threading.current_thread())
        let_go.wait()

    dispatcher = dispatcher_of(timeout_s=0.01, bad=plugin_with(hook_name, blocks))
    try:
        for _ in range(MAX_STUCK_THREADS + 1):
            await call(dispatcher, hook_name)
        assert len(entered) == MAX_STUCK_THREADS
        assert f"{MAX_STUCK_THREADS} earlier calls still hang" in caplog.text
        assert dispatcher.plugins()[0].state == "disabled"
    finally:
        let_go.set()
    for thread in entered:
        await asyncio.to_thread(thread.join)


async def test_threads_that_come_back_late_do_not_count_for_ever():
    let_go, entered = threading.Event(), []

    def slow_at_first() -> str:
        entered.append(threading.current_thread())
        let_go.wait()
        return "fine"

    dispatcher = dispatcher_of(timeout_s=0.01, slow=plugin_with("handle_command", slow_at_first))
    for _ in range(MAX_STUCK_THREADS):
        assert await call(dispatcher, "handle_command") is None
    let_go.set()
    for thread in entered:
        await asyncio.to_thread(thread.join)
    dispatcher.timeout_s = 10
    assert (await call(dispatcher, "handle_command")).value == "fine"


async def test_a_coroutine_that_swallows_cancellation_is_abandoned(caplog):
    dispatcher = dispatcher_of(timeout_s=0.02, bad=plugin_with("handle_command", hangs_whatever_comes))
    assert await call(dispatcher, "handle_command") is None
    assert "went on after its time was over; it was left behind" in caplog.text


async def test_an_async_implementation_that_blocks_the_loop_is_found_out(caplog):
    async def blocks_the_loop() -> str:
        until = time.monotonic() + 0.05
        while time.monotonic() < until:
            pass
        return "too late"

    dispatcher = dispatcher_of(timeout_s=0.01, bad=plugin_with("handle_command", blocks_the_loop))
    assert await call(dispatcher, "handle_command") is None
    assert "blocked the event loop for" in caplog.text
    assert "write it as a plain def" in caplog.text


@pytest.mark.parametrize("fault", [hangs, answers_when_cancelled, fails_when_cancelled, hangs_whatever_comes])
async def test_cancelling_the_turn_cancels_the_plugin_and_is_no_failure_of_it(fault, caplog):
    entered = asyncio.Event()

    async def enters_and_then() -> object:
        entered.set()
        return await fault()

    dispatcher = dispatcher_of(timeout_s=0.2, bad=plugin_with("handle_command", enters_and_then))
    went_on = False

    async def turn() -> None:
        nonlocal went_on
        await call(dispatcher, "handle_command")
        went_on = True

    async with asyncio.TaskGroup() as group:
        task = group.create_task(turn())
        await entered.wait()
        task.cancel()
    assert task.cancelled()
    assert not went_on
    assert "failed" not in caplog.text


async def test_cancelling_the_turn_does_not_wait_for_a_plain_implementation():
    entered, let_go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def blocks() -> None:
        loop.call_soon_threadsafe(entered.set)
        let_go.wait()

    dispatcher = dispatcher_of(timeout_s=60, bad=plugin_with("handle_command", blocks))
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(call(dispatcher, "handle_command"))
            await entered.wait()
            task.cancel()
        assert task.cancelled()
        assert dispatcher.plugins()[0].state == "active"
    finally:
        let_go.set()


async def cancels_the_task() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


@pytest.mark.parametrize("fault", [loses_a_task, times_out_by_itself, cancels_itself, cancels_the_task, exits_async])
async def test_what_a_plugin_does_to_its_task_leaves_the_turn_intact(fault):
    """Time limits of the turn work by cancelling it: a count left over would make them fail later."""
    dispatcher = dispatcher_of(bad=plugin_with("handle_command", fault))
    assert await call(dispatcher, "handle_command") is None
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.sleep(10)


async def test_cancelled_implementations_may_clean_up():
    entered, cleaned = asyncio.Event(), []

    async def tidy() -> None:
        entered.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    dispatcher = dispatcher_of(tidy=plugin_with("handle_command", tidy))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(call(dispatcher, "handle_command"))
        await entered.wait()
        task.cancel()
    assert cleaned == [True]


class Flaky:
    def __init__(self) -> None:
        self.works = False
        self.asked = 0

    @hookimpl
    async def handle_command(self) -> str:
        self.asked += 1
        if not self.works:
            raise ValueError("no luck")
        return "luck"


async def test_five_failures_in_a_row_disable_the_plugin_visibly(caplog):
    published: list[Event] = []
    flaky = Flaky()
    dispatcher = dispatcher_of(publish=published.append, flaky=flaky)

    for _ in range(MAX_FAILURES - 1):
        await call(dispatcher, "handle_command")
    assert published == []
    assert dispatcher.plugins()[0].state == "active"

    await call(dispatcher, "handle_command")
    reason = "failed in handle_command 5 times in a row: ValueError: no luck"
    assert published == [PluginDisabled("flaky", "handle_command", reason)]
    assert (dispatcher.plugins()[0].state, dispatcher.plugins()[0].error) == ("disabled", reason)
    assert f"Plugin flaky is disabled until the next start: {reason}" in caplog.text

    flaky.works = True
    assert await call(dispatcher, "handle_command") is None
    assert flaky.asked == MAX_FAILURES


async def test_a_success_resets_the_count_and_is_said(caplog):
    caplog.set_level(logging.INFO)
    flaky = Flaky()
    dispatcher = dispatcher_of(flaky=flaky)
    for _ in range(3):
        flaky.works = False
        for _ in range(MAX_FAILURES - 1):
            await call(dispatcher, "handle_command")
        flaky.works = True
        assert (await call(dispatcher, "handle_command")).value == "luck"
    assert dispatcher.plugins()[0].state == "active"
    assert caplog.text.count("Plugin flaky works again in handle_command") == 3


async def test_the_same_failure_is_logged_once_with_the_plugins_own_frames(caplog):
    def culprit() -> None:
        raise ValueError("here")

    def innocent() -> None:
        culprit()

    dispatcher = dispatcher_of(bad=plugin_with("handle_command", innocent))
    for _ in range(3):
        await call(dispatcher, "handle_command")
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    message = warnings[0].getMessage()
    assert "in culprit" in message
    assert "isolation.py" not in message.replace("test_isolation.py", "")
    assert len(message.splitlines()) <= 7


async def test_a_plugin_whose_startup_fails_is_not_used(tmp_path):
    class Broken(Flaky):
        @hookimpl
        def startup(self) -> None:
            raise OSError("no such device")

    published: list[Event] = []
    broken = Broken()
    dispatcher = dispatcher_of(publish=published.append, broken=broken)
    await dispatcher.startup(lambda plugin: make_jarvis(plugin, tmp_path))

    assert await call(dispatcher, "handle_command") is None
    assert broken.asked == 0
    assert [type(event) for event in published] == [PluginDisabled]
    assert dispatcher.plugins()[0].error == "failed in startup: OSError: no such device"


async def test_each_plugin_gets_its_own_jarvis(tmp_path):
    given = {}

    class Starts:
        def __init__(self, name: str) -> None:
            self.name = name

        @hookimpl
        def startup(self, jarvis: Jarvis) -> None:
            given[self.name] = jarvis.state_dir

    dispatcher = dispatcher_of(a=Starts("a"), b=Starts("b"))
    await dispatcher.startup(lambda plugin: make_jarvis(plugin, tmp_path))
    assert given == {"a": tmp_path / "a", "b": tmp_path / "b"}


async def test_a_disabled_plugin_hears_no_more_events():
    heard = []
    done = asyncio.Event()

    class Deaf:
        @hookimpl
        async def on_event(self) -> None:
            heard.append("deaf")
            raise ValueError("what?")

    class Hears:
        @hookimpl
        async def on_event(self) -> None:
            heard.append("hears")
            if heard.count("hears") == 10:
                done.set()

    bus, dispatcher = Bus(), dispatcher_of(deaf=Deaf(), hears=Hears())
    async with asyncio.TaskGroup() as group:
        service = group.create_task(dispatcher.events(bus))
        await asyncio.sleep(0)
        for _ in range(10):
            bus.publish(EVENT)
        await done.wait()
        await dispatcher.shutdown()
        service.cancel()
    assert heard.count("deaf") == MAX_FAILURES


async def test_a_hanging_event_hook_does_not_hold_up_the_end(caplog):
    bus, dispatcher = Bus(), dispatcher_of(timeout_s=0.05, bad=plugin_with("on_event", hangs))
    async with asyncio.TaskGroup() as group:
        service = group.create_task(dispatcher.events(bus))
        await asyncio.sleep(0)
        for _ in range(3):
            bus.publish(EVENT)
        await dispatcher.shutdown()
        service.cancel()
    assert "Not every plugin took all events before the end" in caplog.text


def make_jarvis(plugin: str, folder: Path) -> Jarvis:
    async def ask(text: str, language: object) -> object:
        raise AssertionError("nobody asks here")

    return Jarvis(plugin, settings={}, plugins_dir=folder, languages=lambda: ("en",), ask=ask)
