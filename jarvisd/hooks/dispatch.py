"""Calls the plugins. pluggy knows who implements what, and in which order; calling them safely is done here.

pluggy's own calls skip the rest after one failure, leak coroutines and know no time limit, so they are not used.
Order: `tryfirst`, then the plugins loaded last, then the earlier ones, then `trylast`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import logging
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pluggy

from jarvisd.bus import Bus, Mailbox
from jarvisd.errors import PluginError
from jarvisd.events import Event, PluginDisabled
from jarvisd.hooks.isolation import Isolation
from jarvisd.hooks.jarvis import Jarvis
from jarvisd.hooks.load import LoadedPlugins, PluginInfo
from jarvisd.hooks.specs import HOOKS, Call, Hook

_LOGGER = logging.getLogger(__name__)
_OUR_FOLDER = Path(__file__).parent
_T = TypeVar("_T")

# So many failures in a row, of one hook, disable the plugin.
MAX_FAILURES = 5

_Key: TypeAlias = tuple[str, str]  # plugin and hook


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """What a plugin answered to a hook called with `first`."""

    plugin: str
    value: Any


class Dispatcher:
    """All calls of plugins go through here. `timeout_s`, the limit of each call, may be changed at any time."""

    def __init__(self, loaded: LoadedPlugins, *, timeout_s: float, publish: Callable[[Event], None]) -> None:
        self.timeout_s = timeout_s
        self._loaded = loaded
        self._publish = publish
        self._isolation = Isolation()
        self._failures: Counter[_Key] = Counter()
        self._last_failure: dict[_Key, str] = {}
        self._disabled: dict[str, str] = {}
        self._readers: list[_Reader] = []

    def plugins(self) -> tuple[PluginInfo, ...]:
        """All plugins that were found, and how they are now."""
        return tuple(
            dataclasses.replace(info, state="disabled", error=self._disabled[info.name])
            if info.state == "active" and info.name in self._disabled
            else info
            for info in self._loaded.infos
        )

    async def notify(self, hook_name: str, /, **arguments: object) -> None:
        """Tell all plugins, side by side."""
        await self._call_all(_declared(hook_name, "notify"), arguments)

    async def collect(self, hook_name: str, /, **arguments: object) -> dict[str, Any]:
        """Ask all plugins, side by side; the answers that are not None, by plugin."""
        return await self._call_all(_declared(hook_name, "collect"), arguments)

    async def first(self, hook_name: str, /, **arguments: object) -> Given | None:
        """Ask one plugin after the other until one gives something else than None."""
        hook = _declared(hook_name, "first")
        for implementation in self._implementations(hook):
            value = await self._call(hook, implementation, arguments)
            if value is not None:
                return Given(implementation.plugin_name, value)
        return None

    async def fold(self, hook_name: str, value: _T, /, **arguments: object) -> _T:
        """Hand `value`, the hook's first argument, through all plugins; each may return a changed one."""
        hook = _declared(hook_name, "fold")
        for implementation in self._implementations(hook):
            revised = await self._call(hook, implementation, {**arguments, hook.arguments[0]: value})
            if revised is not None:
                value = revised
        return value

    async def startup(self, make_jarvis: Callable[[str], Jarvis]) -> None:
        """Call `startup` of every plugin with its own Jarvis; one that fails is disabled."""
        hook = HOOKS["startup"]
        async with asyncio.TaskGroup() as group:
            for implementation in self._implementations(hook):
                jarvis = make_jarvis(implementation.plugin_name)
                group.create_task(self._call(hook, implementation, {"jarvis": jarvis}))

    async def shutdown(self) -> None:
        """Let `events` deliver what is left, within the time limit of one call, then call `shutdown`."""
        try:
            async with asyncio.timeout(self.timeout_s):
                for reader in self._readers:
                    await reader.caught_up()
        except TimeoutError:
            _LOGGER.warning("Not every plugin took all events before the end")
        await self.notify("shutdown")

    async def events(self, bus: Bus) -> None:
        """A service: tells each plugin every event in order. A slow plugin delays neither others nor publishers;
        of what it cannot take, the oldest is dropped and counted by the bus.
        """
        hook = HOOKS["on_event"]
        with ExitStack() as stack:
            self._readers = [
                _Reader(implementation, stack.enter_context(bus.subscribe(f"plugin {implementation.plugin_name}")))
                for implementation in self._implementations(hook)
            ]
            stack.callback(self._readers.clear)
            async with asyncio.TaskGroup() as group:
                for reader in self._readers:
                    group.create_task(self._read(hook, reader), name=f"events of plugin {reader.name}")
                await asyncio.get_running_loop().create_future()  # a service ends only when cancelled

    async def _read(self, hook: Hook, reader: _Reader) -> None:
        while True:
            await self._call(hook, reader.implementation, {"event": await reader.next()})

    async def _call_all(self, hook: Hook, arguments: Mapping[str, object]) -> dict[str, Any]:
        async with asyncio.TaskGroup() as group:
            calls = {
                implementation.plugin_name: group.create_task(self._call(hook, implementation, arguments))
                for implementation in self._implementations(hook)
            }
        return {plugin: call.result() for plugin, call in calls.items() if call.result() is not None}

    def _implementations(self, hook: Hook) -> list[pluggy.HookImpl]:
        caller: pluggy.HookCaller = getattr(self._loaded.manager.hook, hook.name)
        return [one for one in reversed(caller.get_hookimpls()) if one.plugin_name not in self._disabled]

    async def _call(self, hook: Hook, implementation: pluggy.HookImpl, arguments: Mapping[str, object]) -> Any:
        """What the implementation returns; None, too, if it fails or its plugin is disabled."""
        plugin = implementation.plugin_name
        if plugin in self._disabled:
            return None
        wanted = inspect.signature(implementation.function).parameters.keys() & arguments.keys()
        try:
            result = await self._isolation.call(
                plugin, implementation.function, {name: arguments[name] for name in wanted}, self.timeout_s
            )
            _check_type(hook, result)
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises stays with that plugin
            self._failed(plugin, hook, error)
            return None
        self._succeeded(plugin, hook)
        return result

    def _failed(self, plugin: str, hook: Hook, error: Exception) -> None:
        reason = error.message if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        key = (plugin, hook.name)
        self._failures[key] += 1
        repeated = self._last_failure.get(key) == reason
        self._last_failure[key] = reason
        level = logging.DEBUG if repeated else logging.WARNING
        _LOGGER.log(level, "Plugin %s failed in %s: %s%s", plugin, hook.name, reason, _plugin_frames(error))
        if hook.name == "startup" or self._failures[key] >= MAX_FAILURES:
            self._disable(plugin, hook, reason)

    def _succeeded(self, plugin: str, hook: Hook) -> None:
        if self._failures.pop((plugin, hook.name), None):
            _LOGGER.info("Plugin %s works again in %s", plugin, hook.name)
            del self._last_failure[plugin, hook.name]

    def _disable(self, plugin: str, hook: Hook, reason: str) -> None:
        if plugin in self._disabled:
            return
        often = "" if hook.name == "startup" else f" {MAX_FAILURES} times in a row"
        self._disabled[plugin] = f"failed in {hook.name}{often}: {reason}"
        _LOGGER.error("Plugin %s is disabled until the next start: %s", plugin, self._disabled[plugin])
        self._publish(PluginDisabled(plugin, hook.name, self._disabled[plugin]))


class _Reader:
    """One plugin's events, and whether it has taken all that there were."""

    def __init__(self, implementation: pluggy.HookImpl, mailbox: Mailbox) -> None:
        self.implementation = implementation
        self.name = implementation.plugin_name
        self._mailbox = mailbox
        self._idle = asyncio.Event()

    async def next(self) -> Event:
        """The next event; asking for it says that the one before is done."""
        if not len(self._mailbox):
            self._idle.set()
        event = await anext(self._mailbox)
        self._idle.clear()
        return event

    async def caught_up(self) -> None:
        if len(self._mailbox):
            self._idle.clear()
        await self._idle.wait()


def _declared(hook_name: str, call: Call) -> Hook:
    hook = HOOKS[hook_name]
    if hook.call != call:
        raise TypeError(f"{hook_name} is a hook to {hook.call}, not to {call}")
    return hook


def _check_type(hook: Hook, result: object) -> None:
    if result is None:
        return
    if hook.result is None or not isinstance(result, hook.result):
        expected = f"{hook.result.__name__} or None" if hook.result else "None"
        raise PluginError(f"returned {type(result).__name__} instead of {expected}")
    if isinstance(result, str) and not result.strip():
        raise PluginError("returned an empty text; return None instead")


def _plugin_frames(error: Exception) -> str:
    """The last places in the plugin's own code, for a log; our own frames and the caller's tell nothing."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent != _OUR_FOLDER
    ]
    if isinstance(error, PluginError) or not frames:
        return ""
    return "\n" + "".join(traceback.format_list(frames[-3:])).rstrip()
