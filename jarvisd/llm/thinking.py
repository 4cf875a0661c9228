"""What a reasoning model thinks, taken out of what it says. Pure.

Models that think aloud put it between tags in front of their answer (DeepSeek-R1 and Qwen3: `<think>` … `</think>`,
the first tag often only in the prompt); servers that know about it send it apart (`reasoning_content`).
"""

from __future__ import annotations

from dataclasses import dataclass

OPEN, CLOSE = "<think>", "</think>"


class TooMuchThought(Exception):  # noqa: N818 - a limit that was reached; whoever asks decides what then
    """A model has thought for as long as it may, and not yet begun to answer."""


@dataclass(slots=True)
class ThoughtFilter:
    """Fed with a stream's pieces, gives what is to be said. `begins_thinking`: the opening tag was in the prompt."""

    begins_thinking: bool = False
    pieces_thought: int = 0
    _thinking: bool = False
    _held: str = ""
    _began: bool = False

    def feed(self, text: str) -> str:
        """What of it, and of what was held back before, is to be said."""
        if not self._began:
            self._began, self._thinking = True, self.begins_thinking
        self._held += text
        if self._thinking:
            self.pieces_thought += 1
        said = ""
        while (tag := CLOSE if self._thinking else OPEN) in self._held:
            before, _, self._held = self._held.partition(tag)
            said += "" if self._thinking else before
            self._thinking = not self._thinking
        kept = _begun_tag(self._held, tag)
        ready, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        return said + ("" if self._thinking else ready)

    def end(self) -> str:
        """What was held back because it might have become a tag."""
        rest, self._held = self._held, ""
        return "" if self._thinking else rest

    @property
    def thinking(self) -> bool:
        """Whether it is in the middle of a thought."""
        return self._thinking or (self.begins_thinking and not self._began)


def _begun_tag(text: str, tag: str) -> int:
    """How many characters at the end may be the beginning of the tag."""
    return next((length for length in range(min(len(tag) - 1, len(text)), 0, -1) if tag.startswith(text[-length:])), 0)
