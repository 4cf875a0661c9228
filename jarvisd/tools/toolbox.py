"""All functions that models may call: who offers them, what is offered for a turn, and calling one.

Whatever a tool does or a model writes, `Toolbox.call` ends in an `Outcome`; a fault costs the call, not the turn.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from jarvisd.config import ToolsConfig
from jarvisd.errors import PluginError
from jarvisd.events import Event, ToolCalled
from jarvisd.hooks.isolation import Isolation
from jarvisd.quoting import as_data, cut, harmless
from jarvisd.tools import spoken
from jarvisd.tools.confirm import Confirmations
from jarvisd.tools.guard import why_not
from jarvisd.tools.schema import ArgumentsCheck, read_arguments, tidy
from jarvisd.types import Tool, ToolCall, ToolContext, ToolResult

_LOGGER = logging.getLogger(__name__)

# What OpenAI's protocol allows.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_DESCRIPTION_CHARACTERS = 1000
MAX_TOOLS_OF_ONE = 64
# Arguments in events are for people who look for a fault.
MAX_SHOWN_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call. `message` is for the model, as the content of a "tool" message.

    `question`: an action waits for the person's yes; this is to be said, and the turn ends. `malformed`: the model
    called what is not there, or with arguments that do not fit.
    """

    message: str
    result: ToolResult | None = None
    acted: bool = False
    question: str | None = None
    malformed: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    tool: Tool
    check: ArgumentsCheck


class Toolbox:
    """`pin`: what must be said before dangerous actions; None: a yes is enough."""

    def __init__(
        self,
        config: ToolsConfig,
        *,
        publish: Callable[[Event], None],
        pin: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._publish = publish
        self._entries: dict[str, dict[str, _Entry]] = {}
        self._faults: dict[str, tuple[str, ...]] = {}
        self._isolation = Isolation()
        self.confirmations = Confirmations(within_s=config.confirm_within_s, pin=pin, clock=clock)

    def reconfigure(self, config: ToolsConfig) -> None:
        self._config = config

    async def replace(self, source: str, tools: Sequence[Tool]) -> tuple[str, ...]:
        """From now on `source` offers these and no others, but for faulty ones, which are told. Returns their names."""
        entries, faults = await asyncio.to_thread(_checked, source, tools)
        taken = {name: other for other in self._entries if other != source for name in self._entries[other]}
        for name in sorted(entries.keys() & taken.keys()):
            faults.append(f"{name}: {taken[name]} offers a tool of that name already")
            del entries[name]
        self._entries[source] = entries
        if tuple(faults) != self._faults.get(source, ()):
            for fault in faults:
                _LOGGER.warning("A tool of %s is not offered: %s", source, fault)
        self._faults[source] = tuple(faults)
        return tuple(entries)

    def faults(self) -> dict[str, tuple[str, ...]]:
        """Tools that are not offered, and why, by who brings them."""
        return {source: faults for source, faults in self._faults.items() if faults}

    def offered(self, *, private: bool) -> tuple[Tool, ...]:
        """The tools of a turn. Private ones get none that tells somebody outside what is asked."""
        return tuple(
            entry.tool
            for entries in self._entries.values()
            for name, entry in entries.items()
            if name not in self._config.deny and not (private and entry.tool.leaves_house)
        )

    async def call(self, call: ToolCall, context: ToolContext, *, private: bool) -> Outcome:
        """Call what a model asks for, if it may be called on this person's behalf."""
        started = time.monotonic()
        tool = next((tool for tool in self.offered(private=private) if tool.name == call.name), None)
        if tool is None:
            told = f"there is no tool {harmless(call.name)[:64]!r}; go on without it"
            self._tell(call, context, "", "malformed", started, told)
            return Outcome(as_data("jarvisd", told), malformed=True)
        try:
            arguments = read_arguments(call.arguments)
            faults = self._entries[tool.source][tool.name].check.faults(arguments)
        except ValueError as error:
            faults, arguments = [str(error)], {}
        if faults:
            told = f"{tool.name} was not called: {'; '.join(faults)}"
            self._tell(call, context, tool.source, "malformed", started, told)
            return Outcome(as_data("jarvisd", cut(told, MAX_SHOWN_CHARACTERS)), malformed=True)
        if tool.acts and (reason := self._refusal(tool, arguments, context)):
            self._tell(call, context, tool.source, "refused", started, reason)
            told = f"{tool.name} was not called: {reason}. Say that it was not done."
            return Outcome(as_data("jarvisd", told), ToolResult(reason, failed=True))
        if tool.dangerous:
            self.confirmations.put(context.turn, tool, arguments)
            self._tell(call, context, tool.source, "question", started)
            told = f"{tool.name} was not called: the person is asked to confirm it."
            return Outcome(as_data("jarvisd", told), question=self._question(tool, arguments, context))
        result = await self._run(tool, arguments, context)
        self._tell(call, context, tool.source, _how(tool, result), started, result.text if result.failed else "")
        text = cut(result.text, self._config.max_result_characters)
        return Outcome(as_data(tool.name, _with_state(tool, result, text)), result, acted=tool.acts)

    async def hear(self, context: ToolContext) -> str | None:
        """What is said to a turn that answers a waiting action; None for a turn that is about something else.

        To be asked before anything else is done with the turn: after it, nothing waits any more, or the action is done.
        """
        replied = self.confirmations.reply(context.turn, context.said)
        if replied is None:
            return None
        code, pending = replied
        if pending is None:
            return spoken.sentence(code, context.language)
        started = time.monotonic()
        call = ToolCall("confirmed", pending.tool.name, "")
        if pending.tool.name not in {tool.name for tool in self.offered(private=False)}:
            return spoken.sentence("failed", context.language)
        result = await self._run(pending.tool, pending.arguments, context)
        how = _how(pending.tool, result)
        self._tell(call, context, pending.tool.source, how, started, result.text if result.failed else "")
        return spoken.outcome([result], context.language)

    def _refusal(self, tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> str | None:
        if context.turn.source == "plugin":
            return "no person asked for it"
        try:
            return why_not(tool, arguments, context.said)
        except Exception as error:  # a tool's own `names`
            _LOGGER.exception("%s of %s cannot say what it acts upon", tool.name, tool.source)
            return f"what it acts upon cannot be told ({error})"

    def _question(self, tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> str:
        wanted = tool.things if tool.things is not None else tuple(arguments)
        things = [
            str((tool.names(name, arguments[name]) or (arguments[name],))[0] if tool.names else arguments[name])
            for name in wanted
            if name in arguments and isinstance(arguments[name], str | int | float)
        ]
        shown = tuple(cut(harmless(thing), 60) for thing in things or [tool.name.replace("_", " ")])
        return spoken.question(context.said, shown, context.language, pin=self.confirmations.needs_pin)

    async def _run(self, tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        run = partial(tool.run, arguments, context)
        try:
            result = await self._isolation.call(tool.source, run, {}, self._config.call_timeout_s)
            if not isinstance(result, ToolResult):
                raise PluginError(f"returned {type(result).__name__} instead of ToolResult")
        except Exception as error:  # noqa: BLE001 - whatever a tool raises stays with that call
            reason = error.message if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
            _LOGGER.warning("tool %s of %s failed: %s", tool.name, tool.source, reason)
            return ToolResult(f"{tool.name} failed: {reason}", failed=True)
        return replace(result, confirmed=result.confirmed if tool.acts else None)

    def _tell(
        self, call: ToolCall, context: ToolContext, source: str, how: str, started: float, detail: str = ""
    ) -> None:
        took_ms = round((time.monotonic() - started) * 1000, 1)
        shown = cut(harmless(call.arguments), MAX_SHOWN_CHARACTERS)
        detail = cut(harmless(detail), MAX_SHOWN_CHARACTERS)
        self._publish(ToolCalled(context.turn, cut(harmless(call.name), 64), source, how, shown, took_ms, detail))


def _checked(source: str, tools: Sequence[Tool]) -> tuple[dict[str, _Entry], list[str]]:
    """The tools that can be offered, and what is wrong with the others."""
    entries: dict[str, _Entry] = {}
    faults = []
    for tool in tools:
        name = getattr(tool, "name", None)
        try:
            if not isinstance(tool, Tool):
                raise TypeError(f"{type(tool).__name__} is no Tool")
            if not _NAME.fullmatch(tool.name):
                raise ValueError("a name is made of 1 to 64 letters, digits, - and _")
            if tool.name in entries:
                raise ValueError("it is offered twice")
            if len(entries) == MAX_TOOLS_OF_ONE:
                raise ValueError(f"there are {MAX_TOOLS_OF_ONE} from there already")
            parameters = tidy(tool.parameters)
            check = ArgumentsCheck(parameters)
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            faults.append(f"{cut(harmless(str(name)), 64)}: {error}")
            continue
        description = cut(" ".join(harmless(tool.description).split()), MAX_DESCRIPTION_CHARACTERS)
        entries[tool.name] = _Entry(
            replace(
                tool,
                source=source,
                description=description,
                parameters=parameters,
                acts=tool.acts or tool.dangerous,
            ),
            check,
        )
    return entries, faults


def _how(tool: Tool, result: ToolResult) -> str:
    if result.failed or result.confirmed is False:
        return "failed"
    if not tool.acts:
        return "answered"
    return "done" if result.confirmed else "unconfirmed"


def _with_state(tool: Tool, result: ToolResult, text: str) -> str:
    """The model is told, too, whether an action was seen to be done."""
    if not tool.acts or result.failed:
        return text
    states = {True: "done, and checked", False: "not done: the state did not change", None: "sent, but not checked"}
    return f"{states[result.confirmed]}. {text}".strip()
