"""How loud it is, through a program that the configuration names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from jarvisd.config import SkillsConfig
from jarvisd.skills.command import Command
from jarvisd.types import Language

_LOGGER = logging.getLogger(__name__)

# A mixer answers at once, or not at all.
LIMIT_S = 5.0

_SAYS: dict[str, dict[Language, str]] = {
    "up": {"en": "Louder.", "es": "Más alto."},
    "down": {"en": "Quieter.", "es": "Más bajo."},
    "set": {"en": "Volume at {percent} percent.", "es": "Volumen al {percent} por ciento."},
    "mute": {"en": "Sound off.", "es": "Sin sonido."},
    "unmute": {"en": "Sound on.", "es": "Con sonido."},
    "no_program": {
        "en": "I can't do that here: skills.volume_{intent} is not set in my configuration.",
        "es": "Aquí no puedo: falta skills.volume_{intent} en mi configuración.",
    },
    "failed": {
        "en": "The volume program did not work. The log says why.",
        "es": "El programa del volumen no ha funcionado. El registro dice por qué.",
    },
    "range": {"en": "The volume goes from 0 to 100 percent.", "es": "El volumen va de 0 a 100 por ciento."},
}


class Volume:
    def __init__(self, config: Callable[[], SkillsConfig]) -> None:
        self._config = config

    async def perform(self, command: Command) -> str:
        config, language, intent = self._config(), command.language, command.intent
        programs: dict[str, Sequence[str]] = {
            "set": config.volume_set,
            "up": config.volume_up,
            "down": config.volume_down,
            "mute": config.volume_mute,
            "unmute": config.volume_unmute,
        }
        percent = int(command.slots.get("percent", config.volume_step_percent))
        if not 0 <= percent <= 100:
            return _SAYS["range"][language]
        if not programs[intent]:
            return _SAYS["no_program"][language].format(intent=intent)
        done = await _ran([part.replace("{percent}", str(percent)) for part in programs[intent]])
        return _SAYS[intent if done else "failed"][language].format(percent=percent)


async def _ran(argv: Sequence[str]) -> bool:
    """Whether the program did its work."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
    except (OSError, ValueError) as error:
        _LOGGER.error("the volume program %s cannot be started (%s): see [skills]", argv[0], error)  # noqa: TRY400
        return False
    try:
        async with asyncio.timeout(LIMIT_S):
            _, said = await process.communicate()
    except TimeoutError:
        _LOGGER.error("the volume program %s did not end within %.0f s", argv[0], LIMIT_S)  # noqa: TRY400
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        _LOGGER.error("the volume program %s failed: %s", argv[0], said.decode(errors="replace").strip()[-300:])
    return process.returncode == 0
