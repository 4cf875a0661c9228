"""The daemon's own skills as one part: understand, perform, and a service that rings."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from jarvisd.config import SkillsConfig
from jarvisd.errors import JarvisError
from jarvisd.skills import clock
from jarvisd.skills.agenda import Agenda, steady_s, wall_s
from jarvisd.skills.alarms import Alarms
from jarvisd.skills.bell import Bell, OnRing
from jarvisd.skills.command import Command
from jarvisd.skills.grammar import Grammar
from jarvisd.skills.reminders import Reminders
from jarvisd.skills.timers import Timers
from jarvisd.skills.understand import understand
from jarvisd.skills.volume import Volume
from jarvisd.trim import give_back_loading_memory
from jarvisd.types import Language, Turn

_LOGGER = logging.getLogger(__name__)

# Said once while starting, so that the first person does not wait for what is built on first use.
_WARM_UP: Final[dict[Language, str]] = {
    "es": "pon un temporizador de diez minutos",
    "en": "set a timer for ten minutes",
}

_SAYS: Final[dict[str, dict[Language, str]]] = {
    "help": {
        "en": "I tell the time, set timers, alarms and reminders, and change the volume. Say for example: set a timer "
        "for ten minutes, or remind me at six to call home. Anything else I ask a language model.",
        "es": "Digo la hora, pongo temporizadores, alarmas y recordatorios, y cambio el volumen. Di por ejemplo: pon "
        "un temporizador de diez minutos, o recuérdame a las seis llamar a casa. Lo demás se lo pregunto a un modelo.",
    },
    "stop": {"en": "Okay.", "es": "Vale."},
    "nothing_said": {"en": "I haven't said anything here yet.", "es": "Aquí todavía no he dicho nada."},
    "no_budget": {"en": "Nothing costs money here: no cloud is set up.", "es": "Aquí nada cuesta dinero: no hay nube."},
    "agenda": {
        "en": "I can't use my list of timers, alarms and reminders, so nothing was set or changed. The log says why.",
        "es": "No puedo usar mi lista de temporizadores, alarmas y recordatorios: no he puesto ni cambiado nada. "
        "El registro dice por qué.",
    },
}


class Skills:
    """`agenda`: the file that keeps what shall ring.

    `last_answer`: what was said last in a room. `spent`: the sentence about the money of a period ("today", "month").
    What is None is answered honestly. What memory is asked for is performed elsewhere (`answering/remembering.py`).
    """

    def __init__(
        self,
        config: SkillsConfig,
        agenda: Path,
        *,
        languages: Callable[[], Sequence[Language]],
        on_ring: OnRing,
        last_answer: Callable[[str | None], str | None] = lambda _room: None,
        spent: Callable[[str, Language], Awaitable[str]] | None = None,
        wall: Callable[[], float] = wall_s,
        steady: Callable[[], float] = steady_s,
    ) -> None:
        self._config = config
        self._languages = languages
        self._last_answer = last_answer
        self._spent = spent
        self._wall = wall
        self._agenda = Agenda(agenda)
        self.bell = Bell(self._agenda, on_ring, wall=wall, steady=steady)
        self._timers = Timers(self.bell)
        self._alarms = Alarms(self.bell, lambda: self._config.snooze_s)
        self._reminders = Reminders(self.bell)
        self._volume = Volume(lambda: self._config)
        self._grammars: dict[Language, Grammar] = {}
        self._loading = threading.Lock()

    def reconfigure(self, config: SkillsConfig) -> None:
        self._config = config

    @property
    def is_warm(self) -> bool:
        """Whether the household's grammars are loaded, so that nothing is read from the disk any more."""
        return all(language in self._grammars for language in self._languages())

    def understand(self, text: str, language: Language | None, *, spoken: bool = False) -> Command | None:
        """What `text` asks of a skill, or None. Safe on any thread; a millisecond, but slow until `run` warmed it.

        `language`: the one it probably is in; all of the household's are tried. `spoken`: it comes from a recogniser.
        """
        household = self._languages()
        order = sorted(household, key=lambda one: one != language)
        return understand(text, order, self._loaded(household), spoken=spoken, timers=self.bell.timer_names)

    async def perform(self, command: Command, turn: Turn) -> str:
        """Do it; returns the sentence to say."""
        try:
            return await self._perform(command, turn)
        except JarvisError as error:
            if error.code != "agenda":
                raise
            _LOGGER.error("%s", error.message)  # noqa: TRY400 - a person's matter, told without a traceback
            return _SAYS["agenda"][command.language]

    async def run(self) -> None:
        """A service: warms the grammars, then rings when something is due."""
        await asyncio.to_thread(self._warm)
        await asyncio.to_thread(give_back_loading_memory)
        try:
            await self.bell.run()
        finally:
            await asyncio.to_thread(self._agenda.close)

    async def _perform(self, command: Command, turn: Turn) -> str:
        match command.skill:
            case "clock":
                return clock.answer(command, datetime.fromtimestamp(self._wall()))
            case "timer":
                return await self._timers.perform(command, turn)
            case "alarm":
                return await self._alarms.perform(command, turn)
            case "reminder":
                return await self._reminders.perform(command, turn)
            case "volume":
                return await self._volume.perform(command)
            case "budget":
                return await self._budget(command)
        return await self._talk(command, turn)

    async def _talk(self, command: Command, turn: Turn) -> str:
        language = command.language
        if command.intent == "repeat":
            return self._last_answer(turn.room) or _SAYS["nothing_said"][language]
        return _SAYS[command.intent][language]

    async def _budget(self, command: Command) -> str:
        if self._spent is None:
            return _SAYS["no_budget"][command.language]
        return await self._spent(command.slots["period"], command.language)

    def _loaded(self, languages: Sequence[Language]) -> dict[Language, Grammar]:
        with self._loading:
            for language in languages:
                if language not in self._grammars:
                    self._grammars[language] = Grammar(language)
        return self._grammars

    def _warm(self) -> None:
        for language in self._languages():
            self.understand(_WARM_UP[language], language)
