"""Takes the wake phrase off the front of what was understood, so that a question is only the question.

Settings: `phrases`, the names that the house calls by; by default ["jarvis"].
"""

from __future__ import annotations

from dataclasses import replace

from jarvisd import Jarvis, hookimpl
from jarvisd.types import Transcript, Turn

from .strip import without_spoken, without_typed

DEFAULT_PHRASES = ("jarvis",)


class Plugin:
    def __init__(self) -> None:
        self._phrases: tuple[str, ...] = DEFAULT_PHRASES

    @hookimpl
    def startup(self, jarvis: Jarvis) -> None:
        unknown = jarvis.settings.keys() - {"phrases"}
        if unknown:
            raise ValueError(f"plugins.settings.wake_phrase has no key {sorted(unknown)[0]!r}; it has: phrases")
        phrases = jarvis.settings.get("phrases", DEFAULT_PHRASES)
        if isinstance(phrases, str) or not all(isinstance(one, str) and one.strip() for one in phrases):
            raise ValueError('plugins.settings.wake_phrase.phrases must be a list of names, such as ["jarvis"]')
        self._phrases = tuple(phrases)

    @hookimpl(tryfirst=True)
    async def revise_transcript(self, transcript: Transcript, turn: Turn) -> Transcript | None:
        strip = without_spoken if turn.source in {"microphone", "file"} else without_typed
        text = strip(transcript.text, self._phrases)
        return None if text == transcript.text else replace(transcript, text=text)
