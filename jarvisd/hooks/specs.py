"""Every hook: its signature and one sentence. docs/hooks.md says more; a test holds the two together.

A plugin marks its functions with `@hookimpl`, names only the arguments it wants, and may write them
`def` (run on a thread of their own) or `async def` (run on the daemon's loop, so they must not block).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

import pluggy

from jarvisd.events import Event
from jarvisd.hooks.jarvis import Jarvis
from jarvisd.types import Tool, Transcript, Turn

PROJECT = "jarvisd"
hookimpl = pluggy.HookimplMarker(PROJECT)
_hookspec = pluggy.HookspecMarker(PROJECT)

Call: TypeAlias = Literal["notify", "collect", "first", "fold"]
_Spec = TypeVar("_Spec", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Hook:
    """How a hook is called, its arguments in order, and the type an implementation may return besides None."""

    name: str
    call: Call
    arguments: tuple[str, ...]
    result: type | None = None


HOOKS: dict[str, Hook] = {}


def _hook(call: Call, result: type | None = None) -> Callable[[_Spec], _Spec]:
    """notify: tell all. collect: ask all. first: ask in order until one answers. fold: hand a value through all."""

    def declare(spec: _Spec) -> _Spec:
        code = spec.__code__
        HOOKS[spec.__name__] = Hook(spec.__name__, call, code.co_varnames[: code.co_argcount], result)
        return _hookspec(spec)

    return declare


@_hook("notify")
def startup(jarvis: Jarvis) -> None:
    """Called once before the first turn, with what the plugin may use; raising here disables the plugin."""


@_hook("notify")
def shutdown() -> None:
    """Called once when the daemon ends, after the last event was told."""


@_hook("first", str)
def handle_command(transcript: Transcript, turn: Turn) -> str | None:
    """Answer a question without a model; the first plugin that returns a text has answered it."""


@_hook("fold", Transcript)
def revise_transcript(transcript: Transcript, turn: Turn) -> Transcript | None:
    """Correct what was understood; each plugin sees the previous one's result, None leaves it as it is."""


@_hook("notify")
def on_event(event: Event) -> None:
    """Told every fact of `jarvisd.events`, in order."""


@_hook("collect", str)
def report_status() -> str | None:
    """A short sentence for `jarvisd status`."""


@_hook("collect", tuple)
def register_tools() -> tuple[Tool, ...] | None:
    """Offer functions that language models may call; asked once, after `startup`."""
