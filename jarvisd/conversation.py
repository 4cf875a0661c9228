"""The spine: one turn is one task, and this file holds all of it.

listening -> transcript -> confirmation, skill, plugin or house -> recall -> model -> answer -> remember -> delivery

A turn always ends in an `Answer`: the one asked for, or one honest sentence about why there is none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from jarvisd.answering.progress import Progress, Say
from jarvisd.answering.question import Question
from jarvisd.answering.ways import Said, Ways
from jarvisd.bus import Bus
from jarvisd.config import ConversationConfig
from jarvisd.errors import EngineError, JarvisError, NothingHeard, StoreError, TurnTrouble
from jarvisd.events import Answered, NothingSaid, Transcribed, TurnCancelled, TurnFailed, TurnStarted, WakeDetected
from jarvisd.hooks.dispatch import Dispatcher
from jarvisd.language import guess_language
from jarvisd.memory.asking import asks_memory
from jarvisd.memory.grounding import quotation
from jarvisd.memory.memory import Memories
from jarvisd.routing.wishes import Wishes, wishes
from jarvisd.sentences import sentence
from jarvisd.tools.confirm import Reply, understand
from jarvisd.types import (
    Answer,
    Detection,
    Heard,
    Kind,
    Language,
    NoSpeech,
    Recalled,
    Source,
    Transcript,
    Turn,
    Utterance,
)

_LOGGER = logging.getLogger(__name__)

Deliver: TypeAlias = Callable[[Turn, Answer], None]
AskModels: TypeAlias = Callable[[Question, Progress], Awaitable[Answer]]

# Takes the id of a turn, and what it should have been taken for.
Teach: TypeAlias = Callable[[str, Kind], Awaitable[object]]

# In place of what may be a PIN, for all who are told of it.
NOT_TOLD = "(a confirmation)"
# A question so soon after another one in the same room may be about that.
FOLLOWS_S = 120.0


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A question that a model answered, and the id of its turn."""

    answer_to: str
    question: str
    answer: Answer
    at_s: float


class Conversation:
    """Turns what is heard or typed into answers.

    `transcribe` is None where no recogniser is configured. `deliver` is called with every answer, and must not wait.
    `on_wake` is told each wake word: somebody is about to ask. `teach` notes what an earlier turn really was.
    `memories` is None where nothing is remembered.
    """

    def __init__(
        self,
        *,
        config: ConversationConfig,
        languages: Sequence[Language],
        bus: Bus,
        hooks: Dispatcher,
        ways: Ways,
        ask_models: AskModels,
        transcribe: Callable[[Utterance], Awaitable[Transcript]] | None,
        deliver: Deliver,
        on_wake: Callable[[], None] = lambda: None,
        teach: Teach | None = None,
        memories: Memories | None = None,
    ) -> None:
        self._config = config
        self._languages = tuple(languages)
        self._bus = bus
        self._hooks = hooks
        self._ways = ways
        self._ask_models = ask_models
        self._transcribe = transcribe
        self._deliver = deliver
        self._on_wake = on_wake
        self._teach = teach
        self._memories = memories
        # By room: what was said last, and the last exchange with a model.
        self._said: dict[str | None, str] = {}
        self._last: dict[str | None, _Exchange] = {}

    def reconfigure(self, config: ConversationConfig, languages: Sequence[Language]) -> None:
        """Values for the turns that begin from now on."""
        self._config, self._languages = config, tuple(languages)

    def last_answer(self, room: str | None) -> str | None:
        """What was said last in a room."""
        return self._said.get(room)

    async def listen(
        self,
        heard: AsyncGenerator[Heard, None],
        *,
        source: Source,
        name: str,
        room: str | None = None,
        request_id: str | None = None,
        person: str | None = None,
        barge_in: bool = True,
    ) -> None:
        """Answer what is heard until the sound ends.

        With `barge_in` a new wake word cancels the running turn; without it (files) the turn is finished first.
        """
        deafness: JarvisError | None = None
        async with asyncio.TaskGroup() as turns:
            running: asyncio.Task[Answer] | None = None
            try:
                async with aclosing(heard):
                    async for item in heard:
                        if running and not running.done():
                            if barge_in:
                                running.cancel("barge-in")
                            else:
                                await asyncio.wait([running])
                        match item:
                            case Detection():
                                self._on_wake()
                                self._bus.publish(WakeDetected(item, name))
                            case NoSpeech():
                                self._bus.publish(NothingSaid(item.detection, name))
                            case Utterance():
                                turn = self._turn(source, None, room, request_id, person)
                                running = turns.create_task(self.answer(turn, item), name=f"turn {turn.id}")
            except JarvisError as error:
                deafness = error  # raised below: the running turn is finished first, and no group wraps it
        if deafness is not None:
            raise deafness

    async def ask(
        self,
        text: str,
        *,
        source: Source,
        language: Language | None = None,
        room: str | None = None,
        request_id: str | None = None,
        person: str | None = None,
        say: Say | None = None,
    ) -> Answer:
        """Answer a typed question. `say` receives the answer piece by piece while it is made."""
        return await self.answer(self._turn(source, language, room, request_id, person), text, say)

    async def answer(self, turn: Turn, heard: Utterance | str, say: Say | None = None) -> Answer:
        """One whole turn: never raises for a fault in it, always delivers an answer; cancelling it is final."""
        began = heard.captured_monotonic if isinstance(heard, Utterance) else turn.started_monotonic
        progress = Progress(turn, say, began, turn.language or self._languages[0], self._bus.publish)
        self._bus.publish(TurnStarted(turn))
        try:
            answer = await self._answer_in_time(progress, heard)
        except asyncio.CancelledError:
            self._bus.publish(TurnCancelled(turn))
            raise
        except TurnTrouble as trouble:
            answer = self._honest(progress, trouble)
        except Exception:  # the boundary of a turn: told in the log, answered with a sentence
            _LOGGER.exception("turn %s failed in %s", turn.id, progress.stage)
            answer = self._honest(progress, TurnTrouble("internal", progress.stage))
        answer = await self._remembered(progress, replace(answer, question=progress.question))
        progress.mark("total")
        answer = replace(answer, timings_ms=dict(progress.timings_ms))
        self._note_last(turn, answer)
        self._deliver(turn, answer)
        self._bus.publish(Answered(turn, answer))
        return answer

    async def _answer_in_time(self, progress: Progress, heard: Utterance | str) -> Answer:
        try:
            async with asyncio.timeout(progress.turn.deadline_s) as limit:
                transcript = await self._understand(progress, heard)
                return await self._first_answer(progress, transcript)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TurnTrouble("deadline", progress.stage) from error

    async def _first_answer(self, progress: Progress, transcript: Transcript) -> Answer:
        """The order of decision: who first knows what to do with it answers."""
        turn, language = progress.turn, progress.language
        with progress.timed("command"):
            asked = wishes(transcript.text, transcript.language)
            plain = replace(transcript, text=asked.rest)
            said = await self._ways.confirmation(transcript, turn, language)
            if said is None and not asked.rest:
                said = await self._learn(progress, asked.wishes)
            if said is None and asked.rest:
                said = await self._ways.skill(plain, turn) or await self._plugin(progress, plain)
            again = None if said else self._asked_again(turn, transcript, asked.rest)
            if said is None and again is None and asked.rest:
                said = await self._ways.house(plain, turn, language)
        if said is not None:
            return await self._speak(progress, said)
        text = again or asked.rest
        recalled = await self._recall(progress, text)
        if recalled is not None and recalled.asked and (quoted := self._quote(progress, recalled)) is not None:
            return await self._speak(progress, quoted, recalled.how)
        return await self._model(progress, text, asked.wishes, recalled, again=again is not None)

    async def _recall(self, progress: Progress, text: str) -> Recalled | None:
        """What was said here that has to do with the question; None where nothing has."""
        if self._memories is None:
            return None
        turn, language = progress.turn, progress.language
        with progress.timed("recall"):
            try:
                recalled = await self._memories.recall(text, language, person=turn.person)
            except StoreError as error:
                _LOGGER.warning("turn %s: nothing is recalled: %s", turn.id, error.message)
                if asks_memory(text, language):
                    raise TurnTrouble("memory_unreadable", "recall") from error
                return None
        return recalled if recalled.asked or recalled.sure else None

    def _quote(self, progress: Progress, recalled: Recalled, *, retold: bool = False) -> Said | None:
        """An answer from memory without a model; None where a model is to give one from what was recalled."""
        language = progress.language
        if not recalled.sure:
            return Said(sentence("not_noted", language), "memory", "memory", language)
        if self._memories is not None and self._memories.config.retell and not retold:
            return None
        text, cited = quotation(recalled, language, datetime.now())
        return Said(text, "memory", "memory", language, cited=cited)

    async def _understand(self, progress: Progress, heard: Utterance | str) -> Transcript:
        """Words from sound, corrected by plugins; and the language they are in."""
        turn = progress.turn
        if isinstance(heard, Utterance):
            transcript = await self._words(progress, heard)
        else:
            transcript = Transcript(text=heard.strip(), language=turn.language)
        transcript = await self._hooks.fold("revise_transcript", transcript, turn=turn)
        if not transcript.text.strip():
            raise TurnTrouble("nothing_heard", "transcribe")
        if transcript.language is None:
            transcript = replace(transcript, language=guess_language(transcript.text, self._languages))
        told = replace(transcript, text=NOT_TOLD) if self._ways.may_hear_a_pin(turn) else transcript
        progress.question = told.text
        progress.language = transcript.language or progress.language
        self._bus.publish(Transcribed(turn, told))
        return transcript

    async def _words(self, progress: Progress, utterance: Utterance) -> Transcript:
        progress.timings_ms["silence"] = round((utterance.end_at_s - utterance.speech_end_at_s) * 1000, 1)
        if self._transcribe is None:
            raise TurnTrouble("transcription_not_configured", "transcribe")
        with progress.timed("transcribe"):
            try:
                return await self._transcribe(utterance)
            except NothingHeard as nothing:
                _LOGGER.info("turn %s: %s", progress.turn.id, nothing)
                raise TurnTrouble("nothing_heard", "transcribe") from nothing
            except EngineError as error:
                raise TurnTrouble("no_transcription", "transcribe", error.message) from error

    async def _plugin(self, progress: Progress, transcript: Transcript) -> Said | None:
        """An answer from a plugin that knows this command, without any model."""
        handled = await self._hooks.first("handle_command", transcript=transcript, turn=progress.turn)
        return None if handled is None else Said(handled.value, handled.plugin, "plugin", progress.language)

    def _asked_again(self, turn: Turn, transcript: Transcript, rest: str) -> str | None:
        """The question before, where this one is nothing but a wish about it, or a yes to the offer to think again."""
        last = self._recent(turn)
        if not rest:
            return self._before(turn).question
        offered = last is not None and last.answer.offers_more and understand(transcript.text) is Reply.YES
        return last.question if last is not None and offered else None

    async def _learn(self, progress: Progress, wished: Wishes) -> Said | None:
        """ "A short answer next time": the question before was of another kind than it was taken for."""
        if not wished.next_time or wished.level is None or self._teach is None:
            return None
        await self._teach(self._before(progress.turn).answer_to, wished.level)
        return Said(sentence("learned", progress.language), "jarvisd", "jarvisd", progress.language)

    def _before(self, turn: Turn) -> _Exchange:
        last = self._recent(turn)
        if last is None:
            raise TurnTrouble("nothing_before", "route")
        return last

    async def _model(
        self, progress: Progress, text: str, wished: Wishes, recalled: Recalled | None, *, again: bool
    ) -> Answer:
        """An answer from a model. One that is asked for again comes from a higher level.

        Where only memory may answer and no model has told it truly, the memory itself is quoted.
        """
        last = self._recent(progress.turn)
        if again and wished.level is None and wished.cloud is None:
            wished = replace(wished, level="reasoning")
        if recalled is not None or (self._memories is not None and self._memories.is_private):
            wished = replace(wished, cloud=False)
        follows = last.answer.tier or None if last else None
        question = Question(progress.turn, text, progress.language, wished, follows, recalled)
        with progress.timed("model"):
            try:
                return await self._ask_models(question, progress)
            except TurnTrouble:
                if recalled is None or not recalled.asked or progress.spoke:
                    raise
        quoted = self._quote(progress, recalled, retold=True)
        assert quoted is not None  # there is something to quote, and it is quoted
        return await self._speak(progress, quoted, recalled.how)

    async def _speak(self, progress: Progress, said: Said, recalled: str = "") -> Answer:
        progress.language = said.language
        await progress.say(said.text)
        return Answer(
            said.text,
            said.language,
            answered_by=said.by,
            via=said.via,
            cited=said.cited,
            recalled=recalled,
            private=said.private,
        )

    def _honest(self, progress: Progress, trouble: TurnTrouble) -> Answer:
        self._bus.publish(TurnFailed(progress.turn, trouble.stage, trouble.code, trouble.message))
        text = sentence(trouble.code, progress.language, trouble.detail)
        return Answer(text, progress.language, answered_by="jarvisd", error_code=trouble.code)

    async def _remembered(self, progress: Progress, answer: Answer) -> Answer:
        """Keeps the exchange. The first time that this fails, the person is told; answers go on all the same."""
        memories = self._memories
        if memories is None:
            return answer
        answer = replace(answer, private=answer.private or memories.is_private)
        with progress.timed("remember"):
            try:
                return replace(answer, remembered=await memories.remember(progress.turn, answer))
            except StoreError:
                told = sentence("not_remembered", answer.language)
        await progress.fill(f" {told}")
        return replace(answer, text=f"{answer.text} {told}")

    def _note_last(self, turn: Turn, answer: Answer) -> None:
        """For "say it again" and "think again": the last of each room. What was private is not said again."""
        if answer.private:
            self._last.pop(turn.room, None)
        self._said[turn.room] = answer.text
        if answer.via == "model":
            self._last[turn.room] = _Exchange(turn.id, answer.question, answer, time.monotonic())

    def _recent(self, turn: Turn) -> _Exchange | None:
        last = self._last.get(turn.room)
        return last if last is not None and time.monotonic() - last.at_s <= FOLLOWS_S else None

    def _turn(
        self,
        source: Source,
        language: Language | None = None,
        room: str | None = None,
        request_id: str | None = None,
        person: str | None = None,
    ) -> Turn:
        return Turn(source, language, self._config.deadline_s, room=room, request_id=request_id, person=person)
