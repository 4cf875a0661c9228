"""What a plugin may use of the daemon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jarvisd.types import Answer, Language


class Jarvis:
    """Handed to `startup(jarvis)`; each plugin gets its own."""

    def __init__(
        self,
        plugin: str,
        *,
        settings: Mapping[str, Any],
        plugins_dir: Path,
        languages: Callable[[], tuple[Language, ...]],
        ask: Callable[[str, Language | None], Awaitable[Answer]],
    ) -> None:
        self._settings = MappingProxyType(dict(settings))
        self._state_dir = plugins_dir / plugin
        self._languages = languages
        self._ask = ask

    @property
    def settings(self) -> Mapping[str, Any]:
        """The plugin's own table of the configuration, `[plugins.settings.NAME]`; empty if there is none."""
        return self._settings

    @property
    def languages(self) -> tuple[Language, ...]:
        """The household's languages as configured now, the preferred one first."""
        return self._languages()

    @property
    def state_dir(self) -> Path:
        """A folder for the plugin alone, for files that last; made when first asked for."""
        self._state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._state_dir

    async def ask(self, text: str, language: Language | None = None) -> Answer:
        """Ask a question as a turn of its own and wait for the whole answer."""
        return await self._ask(text, language)
