"""Home Assistant's local agent: sentences for the house, understood by its grammar and carried out by it.

What a sentence would do is asked before it is done (the agent's debug command), so that nothing but devices is
operated, and dangerous ones only after a yes. What it did is read from the states: Home Assistant says "turned on" of a
lamp that is unplugged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from jarvisd.errors import HomeError
from jarvisd.home.danger import Confirmations, is_dangerous, is_harmless
from jarvisd.home.expect import Asked, asked_by_intent
from jarvisd.home.link import ASK_FIRST, LOCAL_AGENT, HomeLink
from jarvisd.home.match import UNKNOWN, Match, NoMatch, choose
from jarvisd.home.phrases import is_bare_name, phrases
from jarvisd.home.readback import Readback, read_back
from jarvisd.home.reply import HomeReply as HomeReply
from jarvisd.home.reply import NotForHome as NotForHome
from jarvisd.home.reply import Outcome
from jarvisd.home.sentences import question, spoken, told
from jarvisd.home.session import Session
from jarvisd.home.states import EntityState, Watched, watch
from jarvisd.types import Language

_LOGGER = logging.getLogger(__name__)

# Commands to a house are short; more is a story, and would cost Home Assistant seconds.
MAX_CHARACTERS = 200
# Once a command was given, its end is waited for: nobody else may answer it.
ACTION_LIMIT_S = 6.0

Normalise: TypeAlias = Callable[[str, Language], Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Errand:
    """A sentence that is about to be carried out."""

    match: Match
    language: Language
    conversation_id: str | None

    @property
    def asked(self) -> Asked:
        return asked_by_intent(self.match.intent, self.match.slots)


class HomeAssistant:
    """Answers what Home Assistant's grammar understands.

    `normalise` gives a sentence without politeness, clitics and accents. `may_act` says whether it sounds like
    something for the house at all: only then is Home Assistant asked.
    """

    def __init__(self, link: HomeLink, *, normalise: Normalise, may_act: Callable[[str], bool]) -> None:
        self._link = link
        self._normalise = normalise
        self._may_act = may_act
        self._questions: Confirmations[_Errand] = Confirmations()

    async def converse(
        self, text: str, language: Language, *, conversation_id: str | None = None, room: str | None = None
    ) -> HomeReply | NotForHome:
        """Home Assistant's answer. Never raises for a fault of Home Assistant's."""
        if not text.strip() or len(text) > MAX_CHARACTERS:
            return NotForHome("empty, or too long for a command")
        if not self._may_act(text):
            return NotForHome("does not sound like a command for the house")
        limit_s = self._link.config.timeout_s
        by = asyncio.get_running_loop().time() + limit_s
        try:
            async with self._link.session(limit_s) as session:
                async with asyncio.timeout_at(by):
                    match = await self._understand(session, text, language, room)
                    self._link.answered()
                    if isinstance(match, NoMatch):
                        return NotForHome(match.reason)
                    errand = _Errand(match, language, conversation_id)
                    watched = None if match.is_query else await watch(session, match.targets)
                if watched is not None and (dangerous := self._dangerous(errand, watched)):
                    return self._ask_first(errand, dangerous)
                return await self._carry_out(session, errand, watched)
        except TimeoutError:
            return NotForHome(self._link.slow(limit_s))
        except HomeError as error:
            _LOGGER.debug("home: %s", error.message)
            return NotForHome(error.message)

    async def confirm(self, confirmation: str, language: Language) -> HomeReply:
        """Does what was asked about, once, within a minute."""
        errand = self._questions.redeem(confirmation)
        if errand is None:
            return HomeReply(told("expired", language), "refused", language)
        limit_s = self._link.config.timeout_s
        try:
            async with self._link.session(limit_s) as session:
                async with asyncio.timeout(limit_s):
                    watched = await watch(session, errand.match.targets)
                return await self._carry_out(session, errand, watched)
        except (TimeoutError, HomeError):
            return HomeReply(told("gone", language), "failed", language, errand.match.intent)

    async def _understand(self, session: Session, text: str, language: Language, room: str | None) -> Match | NoMatch:
        """The wording that Home Assistant understands: the original, else the first of the others."""
        house = self._link.known_house()
        original, *others = phrases(text, language, self._normalise(text, language), house, room)
        found = await self._try(session, [original], language)
        if others and isinstance(found, NoMatch) and not found.final:
            again = await self._try(session, others, language)
            found = found if isinstance(again, NoMatch) and not again.final and found.reason != UNKNOWN else again
        if isinstance(found, Match) and not found.is_query and found.intent and is_bare_name(found.sentence, house):
            return NoMatch("a name is not a command", final=True)
        return found

    async def _try(self, session: Session, sentences: Sequence[str], language: Language) -> Match | NoMatch:
        results = await session.ask(ASK_FIRST, sentences=sentences, language=language)
        rows = results.get("results") if isinstance(results, dict) else None
        return choose(sentences, rows, self._link.config)

    async def _carry_out(self, session: Session, errand: _Errand, watched: Watched | None) -> HomeReply:
        before = dict(watched.now) if watched is not None else {}
        try:
            async with asyncio.timeout(ACTION_LIMIT_S):
                result = await session.ask(
                    "conversation/process",
                    text=errand.match.sentence,
                    language=errand.language,
                    agent_id=LOCAL_AGENT,
                    **({"conversation_id": errand.conversation_id} if errand.conversation_id else {}),
                )
        except (TimeoutError, HomeError) as error:
            if errand.match.is_query:
                raise
            _LOGGER.warning("home: no word about %r: %s", errand.match.sentence, error)
            return self._reply(errand, "unsure", told("unsure", errand.language), errand.match.targets)
        answer = _Answer(result)
        if answer.kind == "error" or (answer.kind == "query_answer" and not answer.speech):
            speech = answer.speech or told("not_done", errand.language)
            return self._reply(errand, "failed", speech, (), answer)
        if answer.kind == "query_answer":
            return self._reply(errand, "answered", answer.speech, answer.entities, answer)
        if answer.kind != "action_done":
            return self._reply(errand, "unsure", told("unsure", errand.language), errand.match.targets, answer)
        if watched is None or not errand.match.is_device_action:
            return self._reply(errand, "done", answer.speech or told("done", errand.language), answer.entities, answer)
        return await self._read_back(session, errand, watched, before, answer)

    async def _read_back(
        self,
        session: Session,
        errand: _Errand,
        watched: Watched,
        before: Mapping[str, EntityState],
        answer: _Answer,
    ) -> HomeReply:
        try:
            if not set(answer.entities) <= set(watched.now):
                async with asyncio.timeout(ACTION_LIMIT_S):
                    watched = await watch(session, answer.entities)
            found = await read_back(watched, answer.entities, errand.asked, before, self._link.config.confirm_s)
        except (TimeoutError, HomeError) as error:
            _LOGGER.warning("home: %r was not read back: %s", errand.match.sentence, error)
            return self._reply(errand, "unsure", told("unsure", errand.language), answer.entities, answer)
        if found.is_good:
            speech = answer.speech or told("done", errand.language)
            return self._reply(errand, "done", speech, answer.entities, answer, read_back=bool(found.done))
        speech = _honest(found, watched.now, errand.language)
        return self._reply(errand, "failed", speech, answer.entities, answer, read_back=True)

    def _dangerous(self, errand: _Errand, watched: Watched) -> list[tuple[str, str]]:
        """Domain and name of what wants a yes before it is operated."""
        match = errand.match
        if not match.is_device_action:
            return []
        reach = match.domains()
        candidates = [(one.entity_id, one.name, one.device_class) for one in watched.now.values()]
        if not candidates:  # it did not say which: anything that it can reach may be meant
            house = self._link.known_house().entities.values()
            candidates = [(one.entity_id, one.name, one.device_class) for one in house]
            candidates = candidates or [(f"{domain}.", domain, "") for domain in sorted(reach or {"lock"})]
        more = self._link.config.dangerous
        found = []
        for entity_id, name, device_class in candidates:
            domain = entity_id.partition(".")[0]
            harmless = is_harmless(domain, errand.asked.kind) and entity_id not in more
            if (
                (reach is None or domain in reach)
                and not harmless
                and is_dangerous(entity_id, name, device_class, more)
            ):
                found.append((domain, name))
        return found

    def _ask_first(self, errand: _Errand, dangerous: Sequence[tuple[str, str]]) -> HomeReply:
        names = [name for _, name in dangerous]
        speech = question(errand.asked, dangerous[0][0], names, errand.language)
        return HomeReply(
            speech,
            "confirm",
            errand.language,
            errand.match.intent,
            errand.match.targets,
            confirmation=self._questions.ask(errand),
            conversation_id=errand.conversation_id,
        )

    def _reply(
        self,
        errand: _Errand,
        outcome: Outcome,
        speech: str,
        entities: Sequence[str],
        answer: _Answer | None = None,
        *,
        read_back: bool = False,
    ) -> HomeReply:
        return HomeReply(
            speech,
            outcome,
            errand.language,
            errand.match.intent,
            tuple(entities),
            read_back=read_back,
            conversation_id=(answer.conversation_id if answer is not None else None) or errand.conversation_id,
        )


class _Answer:
    """What `conversation/process` said, whatever its form."""

    def __init__(self, result: Any) -> None:
        whole = _mapping(result)
        response = _mapping(whole.get("response"))
        data = _mapping(response.get("data"))
        success = data.get("success")
        rows = [_mapping(row) for row in success] if isinstance(success, list) else []
        self.kind = str(response.get("response_type", ""))
        self.speech = spoken(str(_mapping(_mapping(response.get("speech")).get("plain")).get("speech") or ""))
        ids = (row.get("id") for row in rows if row.get("type") == "entity")
        self.entities = tuple(one for one in ids if isinstance(one, str))
        said = whole.get("conversation_id")
        self.conversation_id = said if isinstance(said, str) else None


def _honest(found: Readback, now: Mapping[str, EntityState], language: Language) -> str:
    def names(entity_ids: Sequence[str]) -> list[str]:
        return [now[one].name if one in now else one for one in entity_ids]

    parts = [
        told(code, language, names(entity_ids))
        for code, entity_ids in (("absent", found.absent), ("failed", found.failed))
        if entity_ids
    ]
    return " ".join([*parts, *([told("rest", language)] if found.done else [])])


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
