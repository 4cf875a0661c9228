"""The ways to an answer without a model: a yes that something waits for, the daemon's skills, Home Assistant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from jarvisd.home.reply import HomeReply
from jarvisd.sentences import sentence
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


@dataclass(frozen=True, slots=True)
class Said:
    """A whole answer, by whom, and in which language."""

    text: str
    by: str
    via: Via
    language: Language


@dataclass(slots=True)
class Ways:
    """Each way returns None for what is not its own. `home` is None where no Home Assistant is configured."""

    skills: Skills | None = None
    toolbox: Toolbox | None = None
    home: HomeAssistant | None = None
    clock: Callable[[], float] = time.monotonic
    _waiting: dict[str | None, tuple[str, float]] = field(default_factory=dict)

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
        token, by_s = self._waiting.pop(turn.room, ("", 0.0))
        if not token or self.home is None or self.clock() > by_s:
            return None
        match understand_reply(transcript.text):
            case Reply.YES:
                return self._said(turn, await self.home.confirm(token, language))
            case Reply.NO:
                return Said(sentence("not_done", language), "home assistant", "home", language)
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
        return Said(await self.skills.perform(command, turn), command.skill, "skill", command.language)

    async def house(self, transcript: Transcript, turn: Turn, language: Language) -> Said | None:
        """What Home Assistant's local agent knows."""
        if self.home is None:
            return None
        reply = await self.home.converse(transcript.text, language, room=turn.room)
        return self._said(turn, reply) if isinstance(reply, HomeReply) else None

    def _said(self, turn: Turn, reply: HomeReply) -> Said:
        if reply.confirmation is not None:
            self._waiting[turn.room] = (reply.confirmation, self.clock() + CONFIRM_WITHIN_S)
        return Said(reply.speech, "home assistant", "home", reply.language)
