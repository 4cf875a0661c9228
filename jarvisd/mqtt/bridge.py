"""Between the house and the broker: events become messages, messages on `ask/set` become questions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from jarvisd.bus import Bus, Mailbox
from jarvisd.events import AnswerDelta, EngineStateChanged, Event, ListeningChanged, Rang, Transcribed, WakeDetected
from jarvisd.language import guess_language
from jarvisd.mqtt import payloads, topics
from jarvisd.mqtt.link import Incoming, Link
from jarvisd.mqtt.payloads import BadPayload, Question
from jarvisd.mqtt.topics import Topics
from jarvisd.sentences import sentence
from jarvisd.types import Answer, EngineStatus, Language, Turn

_LOGGER = logging.getLogger(__name__)

# Questions answered at once; so many more wait, and what comes beyond is told that we are busy.
MAX_RUNNING = 8
MAX_WAITING = 56


class Ask(Protocol):
    """Answers a question as a turn of its own, and delivers the answer before it returns it."""

    def __call__(
        self,
        text: str,
        *,
        language: Language | None,
        room: str | None,
        request_id: str | None,
        person: str | None,
    ) -> Awaitable[Answer]: ...


class Bridge:
    """`languages`, `engines` and `listening` give what is so now, to be shown."""

    def __init__(
        self,
        link: Link,
        names: Topics,
        *,
        version: str,
        ask: Ask,
        languages: Callable[[], Sequence[Language]],
        engines: Callable[[], Sequence[EngineStatus]],
        listening: Callable[[], ListeningChanged],
    ) -> None:
        self._link = link
        self._names = names
        self._version = version
        self._ask = ask
        self._languages = languages
        self._engines = engines
        self._listening = listening
        self._running = asyncio.Semaphore(MAX_RUNNING)
        self._accepted = 0
        self._mailbox: Mailbox | None = None
        link.on(names.of(topics.ASK_SET), self._asked)

    async def run(self, bus: Bus) -> None:
        """A service: tells the broker what happens in the house."""
        with bus.subscribe("mqtt") as mailbox:
            self._mailbox = mailbox
            self._show_state()
            try:
                async for event in mailbox:
                    self._tell(event)
            finally:
                self._mailbox = None

    def deliver(self, turn: Turn, answer: Answer) -> None:
        """The answer of any turn, once it is whole; it waits for an absent broker."""
        while self._mailbox is not None and len(self._mailbox):
            self._tell(self._mailbox.pop())  # its pieces go first
        self._link.send(self._names.of(topics.RESPONSE), payloads.response(turn, answer))

    def show_usage(self, figures: Mapping[str, Any]) -> None:
        """The household's figures, by period."""
        self._link.retain(self._names.of(topics.USAGE), payloads.usage(figures))

    def _tell(self, event: Event) -> None:
        match event:
            case WakeDetected():
                self._passing(topics.EVENT_WAKE, payloads.wake(event))
            case Transcribed():
                self._passing(topics.EVENT_TRANSCRIPT, payloads.transcript(event))
            case AnswerDelta():
                self._passing(topics.RESPONSE_STREAM, payloads.delta(event))
            case Rang(ring):
                self._link.send(self._names.of(topics.EVENT_RING), payloads.ring(ring))
            case EngineStateChanged() | ListeningChanged():
                self._show_state()

    def _show_state(self) -> None:
        ears = self._listening()
        state = payloads.state(self._version, ears.listening, ears.detail, self._engines())
        self._link.retain(self._names.of(topics.STATE), state)

    def _passing(self, topic: topics.Topic, payload: bytes) -> None:
        self._link.tell(self._names.of(topic), payload, topic.qos)

    async def _asked(self, message: Incoming) -> None:
        try:
            question = payloads.parse_ask(message.payload)
        except BadPayload as bad:
            _LOGGER.warning("Refused a message on %s: %s", message.topic, bad)
            self._passing(topics.BRIDGE_ERROR, payloads.error(message.topic, str(bad)))
            return
        if self._accepted >= MAX_RUNNING + MAX_WAITING:
            _LOGGER.warning("Refused a question by MQTT: %d are being answered or wait", self._accepted)
            self._refuse(question, "busy")
            return
        self._accepted += 1
        try:
            async with self._running:
                await self._answer(question)
        finally:
            self._accepted -= 1

    async def _answer(self, question: Question) -> None:
        """The conversation delivers the answer; only what never became one is answered here."""
        try:
            await self._ask(
                question.text,
                language=question.language,
                room=question.room,
                request_id=question.id,
                person=question.person,
            )
        except Exception:
            _LOGGER.exception("A question by MQTT could not be answered")
            self._refuse(question, "internal")

    def _refuse(self, question: Question, code: str) -> None:
        language = question.language or guess_language(question.text, self._languages())
        refusal = payloads.refusal(question, code, sentence(code, language), language)
        self._passing(topics.RESPONSE, refusal)
