"""What a person asks of memory itself: keep this, what do you know, forget that, say nothing of this to anybody."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jarvisd.errors import StoreError
from jarvisd.memory.grounding import listed
from jarvisd.memory.memory import FOREVER, Memories
from jarvisd.skills.command import Command
from jarvisd.skills.phrases import duration_phrase
from jarvisd.types import Language, Memory, Turn

# A question whether something is to be forgotten waits so long for its answer.
CONFIRM_WITHIN_S = 60.0
TOLD = 3

_SAYS: dict[str, dict[Language, str]] = {
    "kept": {"en": "Noted.", "es": "Apuntado."},
    "private_keep": {
        "en": "We are in private mode, so I note nothing. Say “back on the record” first.",
        "es": "Estamos en modo privado, así que no apunto nada. Di antes «sal del modo privado».",
    },
    "nothing_last": {"en": "There is nothing recent to forget here.", "es": "Aquí no hay nada reciente que olvidar."},
    "nothing_about": {"en": "I have nothing noted about “{topic}”.", "es": "No tengo nada apuntado sobre «{topic}»."},
    "nothing_at_all": {"en": "I have nothing noted.", "es": "No tengo nada apuntado."},
    "forgotten": {"en": "Forgotten.", "es": "Olvidado."},
    "forgotten_many": {"en": "Forgotten: {count} memories.", "es": "Olvidado: {count} recuerdos."},
    "still_there": {
        "en": "I have forgotten it, but a file still holds it; the log says which one.",
        "es": "Lo he olvidado, pero un fichero aún lo contiene; el registro dice cuál.",
    },
    "ask_one": {
        "en": "About “{topic}” I have this: {what} Shall I forget it?",
        "es": "Sobre «{topic}» tengo esto: {what} ¿Lo olvido?",
    },
    "ask_many": {
        "en": "About “{topic}” I have {count} memories, the last ones: {what} Shall I forget them all?",
        "es": "Sobre «{topic}» tengo {count} recuerdos, los últimos: {what} ¿Los olvido todos?",
    },
    "ask_all": {
        "en": "I remember {count} things. Shall I forget all of them, for good?",
        "es": "Recuerdo {count} cosas. ¿Las olvido todas, para siempre?",
    },
    "still_kept": {"en": "Okay, I keep it.", "es": "Vale, lo conservo."},
    "private_on": {"en": "Private mode: I keep nothing of what is said.", "es": "Modo privado: no guardo nada."},
    "private_for": {
        "en": "Private mode for {time}: I keep nothing of what is said.",
        "es": "Modo privado durante {time}: no guardo nada.",
    },
    "private_off": {"en": "I remember things again.", "es": "Vuelvo a recordar."},
    "know": {"en": "This is what I have: {what}", "es": "Tengo esto: {what}"},
    "know_more": {
        "en": "I have {count} things, the last ones: {what}",
        "es": "Tengo {count} cosas, las últimas: {what}",
    },
    "broken": {
        "en": "I can't use my memory right now. The log says why.",
        "es": "Ahora mismo no puedo usar mi memoria. El registro dice por qué.",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said. `forgets`: ids that are to be forgotten once the person says yes. `private`: it names what goes.
    `cited`: ids of what is quoted.
    """

    text: str
    forgets: tuple[str, ...] = ()
    cited: tuple[str, ...] = ()
    private: bool = False


@dataclass(slots=True)
class MemoryCommands:
    memories: Memories
    clock: Callable[[], float] = time.time
    now: Callable[[], datetime] = field(default=datetime.now)

    async def perform(self, command: Command, turn: Turn) -> Reply:
        """Never raises for a memory that cannot be used: it is said."""
        try:
            return await self._perform(command, turn)
        except StoreError:
            return Reply(_say("broken", command.language))

    async def forget(self, ids: Sequence[str], language: Language) -> Reply:
        try:
            gone = await self.memories.forget(ids)
        except StoreError:
            return Reply(_say("broken", language))
        if gone.left:
            return Reply(_say("still_there", language), private=True)
        count = sum(one.kind != "recall" for one in gone.memories)  # answers that quoted them are not counted
        text = _say("forgotten", language) if count <= 1 else _say("forgotten_many", language, count=count)
        return Reply(text, private=True)

    async def _perform(self, command: Command, turn: Turn) -> Reply:
        language, topic = command.language, command.slots.get("text", "")
        match command.intent:
            case "keep" | "prefer":
                return await self._keep(topic, turn, language)
            case "tell":
                return await self._tell(topic, turn, language)
            case "forget_last":
                last = await self.memories.last(turn)
                return Reply(_say("nothing_last", language)) if last is None else await self.forget([last.id], language)
            case "forget_about":
                return _ask(topic, await self.memories.about(topic, turn.person, hidden=True), language, self.now())
            case "forget_all":
                found = await self.memories.everything(turn.person)
                if not found:
                    return Reply(_say("nothing_at_all", language))
                return Reply(_say("ask_all", language, count=len(found)), tuple(one.id for one in found), private=True)
            case "private_on":
                return await self._private(command.slots.get("duration_s"), language)
            case _:
                await self.memories.be_private(0)
                return Reply(_say("private_off", language))

    async def _keep(self, text: str, turn: Turn, language: Language) -> Reply:
        if self.memories.is_private:
            return Reply(_say("private_keep", language), private=True)
        await self.memories.keep(
            Memory(turn.id, self.clock(), text, language, kind="fact", person=turn.person, room=turn.room, pinned=True)
        )
        return Reply(_say("kept", language))

    async def _tell(self, topic: str, turn: Turn, language: Language) -> Reply:
        if topic:
            found = await self.memories.about(topic, turn.person)
            if not found:
                recalled = await self.memories.recall(topic, language, person=turn.person)
                found = [one.memory for one in recalled.found] if recalled.sure else []
        else:
            found = await self.memories.facts(turn.person)
        if not found:
            return Reply(_say("nothing_about", language, topic=topic) if topic else _say("nothing_at_all", language))
        what = listed(found[:TOLD], language, self.now())
        key = "know_more" if len(found) > TOLD else "know"
        cited = tuple(one.id for one in found[:TOLD])
        return Reply(_say(key, language, count=len(found), what=what), cited=cited)

    async def _private(self, duration_s: int | None, language: Language) -> Reply:
        await self.memories.be_private(duration_s or FOREVER)
        if duration_s:
            return Reply(_say("private_for", language, time=duration_phrase(duration_s, language)), private=True)
        return Reply(_say("private_on", language), private=True)


def _ask(topic: str, found: Sequence[Memory], language: Language, now: datetime) -> Reply:
    if not found:
        return Reply(_say("nothing_about", language, topic=topic), private=True)
    # The answers that quoted them go, too, and are not read out beside them.
    told = [one for one in found if one.kind != "recall"] or found
    what = listed(told[:TOLD], language, now)
    key = "ask_one" if len(told) == 1 else "ask_many"
    text = _say(key, language, topic=topic, what=what, count=len(told))
    return Reply(text, tuple(one.id for one in found), private=True)


def _say(key: str, language: Language, **values: object) -> str:
    return _SAYS[key][language].format(**values)


def still_kept(language: Language) -> str:
    """After a "no" to the question whether to forget."""
    return _say("still_kept", language)
