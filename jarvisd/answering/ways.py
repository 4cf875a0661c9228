"""The ways to an answer without a model: a yes that something waits for, skills, memory, Home Assistant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from jarvisd.answering.remembering import MemoryCommands, still_kept
from jarvisd.answering.remembering import Reply as MemoryReply
from jarvisd.home.reply import HomeReply
from jarvisd.sentences import sentence
from jarvisd.skills.command import Command
from jarvisd.skills.skills import Skills
from jarvisd.tools.confirm import Reply
from jarvisd.tools.confirm import understand as understand_reply
from jarvisd.tools.toolbox import Toolbox
from jarvisd.types import Language, ToolContext, Transcript, Turn, Via

if TYPE_CHECKING:  # brings websockets, which a house without Home Assistant need not load
    from jarvisd.home.agent import HomeAssistant

# "Stop", so soon after something rang, means that.
RINGS_FOR_S = 900.0
# A command of this length takes a millisecond to understand, and handing it to a thread another one.
AT_ONCE_CHARACTERS = 200
# So long Home Assistant's own confirmation lives.
CONFIRM_WITHIN_S = 60.0
_HOME = "home assistant"


@dataclass(frozen=True, slots=True)
class Said:
    """A whole answer, by whom, and in which language. `cited`: memories it quotes. `private`: nothing is kept of it."""

    text: str
    by: str
    via: Via
    language: Language
    cited: tuple[str, ...] = ()
    private: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question of ours that waits for a yes or a no."""

    yes: Callable[[Language], Awaitable[Said]]
    no: Callable[[Language], Said]
    by_s: float


@dataclass(slots=True)
class Ways:
    """Each way returns None for what is not its own. `home` is None where no Home Assistant is configured, `memory`
    where nothing is to be remembered.
    """

    skills: Skills | None = None
    toolbox: Toolbox | None = None
    home: HomeAssistant | None = None
    memory: MemoryCommands | None = None
    clock: Callable[[], float] = time.monotonic
    _waiting: dict[str | None, _Asked] = field(default_factory=dict)

    def may_hear_a_pin(self, turn: Turn) -> bool:
        """Whether what is said now may be a PIN, which is nobody's affair."""
        confirmations = self.toolbox.confirmations if self.toolbox is not None else None
        return confirmations is not None and confirmations.needs_pin and confirmations.waits(turn)

    async def confirmation(self, transcript: Transcript, turn: Turn, language: Language) -> Said | None:
        """A yes, a no or a PIN, where an action waits for one. To be asked first."""
        if self.toolbox is not None:
            text = await self.toolbox.hear(ToolContext(turn, language, transcript.text))
            if text is not None:
                return Said(text, "tools", "home", language)
        asked = self._waiting.pop(turn.room, None)
        if asked is None or self.clock() > asked.by_s:
            return None
        match understand_reply(transcript.text):
            case Reply.YES:
                return await asked.yes(language)
            case Reply.NO:
                return asked.no(language)
        return None

    async def skill(self, transcript: Transcript, turn: Turn) -> Said | None:
        """What the grammars know."""
        if self.skills is None:
            return None
        spoken = transcript.engine is not None
        understand = partial(self.skills.understand, transcript.text, transcript.language, spoken=spoken)
        at_once = self.skills.is_warm and len(transcript.text) <= AT_ONCE_CHARACTERS
        command = understand() if at_once else await asyncio.to_thread(understand)
        if command is None:
            return None
        if command.stops and (ring := await self.skills.bell.latest(RINGS_FOR_S)) is not None:
            await self.skills.bell.answered(ring)
        if command.skill == "memory":
            return await self._remembering(command, turn)
        return Said(await self.skills.perform(command, turn), command.skill, "skill", command.language)

    async def house(self, transcript: Transcript, turn: Turn, language: Language) -> Said | None:
        """What Home Assistant's local agent knows."""
        if self.home is None:
            return None
        reply = await self.home.converse(transcript.text, language, room=turn.room)
        return self._said(turn, reply) if isinstance(reply, HomeReply) else None

    async def _remembering(self, command: Command, turn: Turn) -> Said:
        if self.memory is None:
            return Said(sentence("no_memory", command.language), "memory", "memory", command.language)
        memory, reply = self.memory, await self.memory.perform(command, turn)
        if reply.forgets:

            async def forget(language: Language) -> Said:
                return _of_memory(await memory.forget(reply.forgets, language), language)

            self._ask(
                turn, forget, lambda language: _of_memory(MemoryReply(still_kept(language), private=True), language)
            )
        return _of_memory(reply, command.language)

    def _said(self, turn: Turn, reply: HomeReply) -> Said:
        if (token := reply.confirmation) is not None and (home := self.home) is not None:

            async def confirm(language: Language) -> Said:
                return self._said(turn, await home.confirm(token, language))

            self._ask(turn, confirm, lambda language: Said(sentence("not_done", language), _HOME, "home", language))
        return Said(reply.speech, _HOME, "home", reply.language)

    def _ask(self, turn: Turn, yes: Callable[[Language], Awaitable[Said]], no: Callable[[Language], Said]) -> None:
        self._waiting[turn.room] = _Asked(yes, no, self.clock() + CONFIRM_WITHIN_S)


def _of_memory(reply: MemoryReply, language: Language) -> Said:
    return Said(reply.text, "memory", "memory", language, cited=reply.cited, private=reply.private)
