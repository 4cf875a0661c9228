"""The spine: one turn is one task, and this file holds all of it.

listening -> transcript -> command or model -> answer -> delivery

A turn always ends in an `Answer`: the one asked for, or one honest sentence about why there is none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

from jarvisd.bus import Bus
from jarvisd.config import ConversationConfig, TierConfig
from jarvisd.errors import EngineError, EngineReplyError, JarvisError, NothingHeard
from jarvisd.events import (
    AnswerDelta,
    Answered,
    NothingSaid,
    Routed,
    Transcribed,
    TurnCancelled,
    TurnFailed,
    TurnStarted,
    WakeDetected,
)
from jarvisd.hooks.dispatch import Dispatcher
from jarvisd.language import guess_language
from jarvisd.llm.prompt import question_messages
from jarvisd.sentences import sentence
from jarvisd.skills.skills import Skills
from jarvisd.types import (
    Answer,
    Delta,
    Detection,
    Endpoint,
    Finished,
    Heard,
    Language,
    Message,
    NoSpeech,
    Piece,
    Route,
    Source,
    Transcript,
    Turn,
    Utterance,
)

_LOGGER = logging.getLogger(__name__)

Say: TypeAlias = Callable[[str], Awaitable[None]]
Deliver: TypeAlias = Callable[[Turn, Answer], None]
Lease: TypeAlias = Callable[[str], AbstractAsyncContextManager[Endpoint]]


class StreamChat(Protocol):
    def __call__(
        self, endpoint: Endpoint, messages: Sequence[Message], tier: TierConfig
    ) -> AsyncGenerator[Piece, None]: ...


@dataclass(frozen=True, slots=True)
class Models:
    """What a turn needs of the language models: the order of attempts, a lease, and a stream.

    An EngineError that leaves a lease tells the engine's owner to look after it.
    """

    routes: Callable[[], Sequence[Route]]
    lease: Lease
    stream: StreamChat
    demonstration: frozenset[str] = frozenset()


class TurnTrouble(JarvisError):  # noqa: N818 - caught here only; becomes an honest sentence
    """A turn cannot be answered: `code` names the sentence, `detail` what a person can do."""

    def __init__(self, code: str, stage: str, detail: str = "") -> None:
        super().__init__(detail or code, code=code)
        self.stage = stage
        self.detail = detail


@dataclass(slots=True)
class _Progress:
    """What is known of a running turn: its clock, its language, and how much has been said."""

    turn: Turn
    say: Say | None
    began: float
    language: Language
    timings_ms: dict[str, float] = field(default_factory=dict)
    stage: str = "start"
    question: str = ""
    deltas: int = 0

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        self.stage = stage
        started = time.monotonic()
        try:
            yield
        finally:
            self.mark(stage, started)

    def mark(self, name: str, started: float) -> None:
        self.timings_ms[name] = round((time.monotonic() - started) * 1000, 1)


class Conversation:
    """Turns what is heard or typed into answers.

    `transcribe` is None where no recogniser is configured. `deliver` is called with every answer, and must not wait.
    """

    def __init__(
        self,
        *,
        config: ConversationConfig,
        tiers: Mapping[str, TierConfig],
        languages: Sequence[Language],
        bus: Bus,
        hooks: Dispatcher,
        models: Models,
        transcribe: Callable[[Utterance], Awaitable[Transcript]] | None,
        deliver: Deliver,
        skills: Skills | None = None,
    ) -> None:
        self._config = config
        self._tiers = tiers
        self._languages = tuple(languages)
        self._bus = bus
        self._hooks = hooks
        self._models = models
        self._transcribe = transcribe
        self._deliver = deliver
        self._skills = skills

    def reconfigure(
        self, config: ConversationConfig, tiers: Mapping[str, TierConfig], languages: Sequence[Language]
    ) -> None:
        """Values for the turns that begin from now on."""
        self._config, self._tiers, self._languages = config, tiers, tuple(languages)

    async def listen(
        self,
        heard: AsyncGenerator[Heard, None],
        *,
        source: Source,
        name: str,
        room: str | None = None,
        request_id: str | None = None,
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
                                self._bus.publish(WakeDetected(item, name))
                            case NoSpeech():
                                self._bus.publish(NothingSaid(item.detection, name))
                            case Utterance():
                                turn = self._turn(source, room=room, request_id=request_id)
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
        say: Say | None = None,
    ) -> Answer:
        """Answer a typed question. `say` receives the answer piece by piece while it is made."""
        return await self.answer(self._turn(source, language, room, request_id), text, say)

    async def answer(self, turn: Turn, heard: Utterance | str, say: Say | None = None) -> Answer:
        """One whole turn: never raises for a fault in it, always delivers an answer; cancelling it is final."""
        began = heard.captured_monotonic if isinstance(heard, Utterance) else turn.started_monotonic
        progress = _Progress(turn, say, began, turn.language or self._languages[0])
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
        progress.mark("total", began)
        answer = replace(answer, question=progress.question, timings_ms=dict(progress.timings_ms))
        self._deliver(turn, answer)
        self._bus.publish(Answered(turn, answer))
        return answer

    async def _answer_in_time(self, progress: _Progress, heard: Utterance | str) -> Answer:
        try:
            async with asyncio.timeout(progress.turn.deadline_s) as limit:
                transcript = await self._understand(progress, heard)
                return (
                    await self._skill(progress, transcript)
                    or await self._command(progress, transcript)
                    or await self._ask_models(progress, transcript)
                )
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TurnTrouble("deadline", progress.stage) from error

    async def _understand(self, progress: _Progress, heard: Utterance | str) -> Transcript:
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
        progress.question = transcript.text
        progress.language = transcript.language or progress.language
        self._bus.publish(Transcribed(turn, transcript))
        return transcript

    async def _words(self, progress: _Progress, utterance: Utterance) -> Transcript:
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

    async def _skill(self, progress: _Progress, transcript: Transcript) -> Answer | None:
        """An answer from the daemon's own skills, without any model."""
        if self._skills is None:
            return None
        with progress.timed("skill"):
            command = await asyncio.to_thread(
                self._skills.understand, transcript.text, transcript.language, spoken=transcript.engine is not None
            )
            if command is None:
                return None
            text = await self._skills.perform(command, progress.turn)
        progress.language = command.language
        await self._say(progress, text)
        return Answer(text, command.language, answered_by=command.skill)

    async def _command(self, progress: _Progress, transcript: Transcript) -> Answer | None:
        """An answer from a plugin that knows this command, without any model."""
        with progress.timed("command"):
            handled = await self._hooks.first("handle_command", transcript=transcript, turn=progress.turn)
        if handled is None:
            return None
        await self._say(progress, handled.value)
        return Answer(handled.value, progress.language, answered_by=handled.plugin)

    async def _ask_models(self, progress: _Progress, transcript: Transcript) -> Answer:
        """The first tier that can answer does. Once a word was said, no other tier takes over."""
        progress.stage = "route"
        troubles: list[str] = []
        for route in self._models.routes():
            self._bus.publish(Routed(progress.turn, route))
            try:
                return await self._ask_model(progress, route, transcript)
            except EngineError as error:
                _LOGGER.warning("turn %s: %s could not answer: %s", progress.turn.id, route.engine, error)
                if progress.deltas:
                    raise TurnTrouble("answer_broke_off", "model", error.message) from error
                troubles.append(error.message)
        if not troubles:
            raise TurnTrouble("no_model", "route")
        raise TurnTrouble("models_failed", "model", troubles[0])

    async def _ask_model(self, progress: _Progress, route: Route, transcript: Transcript) -> Answer:
        tier = self._tiers[route.tier]
        messages = question_messages(transcript.text, self._config.instructions, progress.language)
        finished: Finished | None = None
        said: list[str] = []
        with progress.timed("model"):
            started = time.monotonic()
            async with (
                self._models.lease(route.engine) as endpoint,
                aclosing(self._models.stream(endpoint, messages, tier)) as stream,
            ):
                async for piece in stream:
                    if isinstance(piece, Finished):
                        finished = piece
                        break
                    if not isinstance(piece, Delta):
                        continue  # no tools were offered
                    if not said:
                        progress.mark("first_token", started)
                    said.append(piece.text)
                    await self._say(progress, piece.text)
        text = "".join(said).strip()
        if not text:
            raise EngineReplyError(f"{route.engine} answered without a word.")
        return Answer(
            text,
            progress.language,
            answered_by=route.engine,
            demonstration=route.engine in self._models.demonstration,
            completion_tokens=finished.completion_tokens if finished else None,
        )

    async def _say(self, progress: _Progress, text: str) -> None:
        self._bus.publish(AnswerDelta(progress.turn, text, progress.deltas))
        progress.deltas += 1
        if progress.say is not None:
            await progress.say(text)

    def _honest(self, progress: _Progress, trouble: TurnTrouble) -> Answer:
        self._bus.publish(TurnFailed(progress.turn, trouble.stage, trouble.code, trouble.message))
        text = sentence(trouble.code, progress.language, trouble.detail)
        return Answer(text, progress.language, answered_by="jarvisd", error_code=trouble.code)

    def _turn(
        self,
        source: Source,
        language: Language | None = None,
        room: str | None = None,
        request_id: str | None = None,
    ) -> Turn:
        return Turn(source, language, self._config.deadline_s, room=room, request_id=request_id)
