"""Why nothing may come up on a card now: its health, or a person who wants it. Pure: the time is given."""

from __future__ import annotations

from dataclasses import dataclass

from jarvisd.types import GpuHealth, GpuState


@dataclass(slots=True)
class Closed:
    """`short`: what people call the card. A lost card stays lost until `find`."""

    short: str
    lost: bool = False
    _health: str = ""
    _until_s: float = float("-inf")
    _until_text: str = ""

    def note(self, health: GpuHealth) -> None:
        """Takes how the card is."""
        said = "; ".join(health.reasons)
        match health.state:
            case GpuState.LOST:
                self.lost, self._health = True, f"{self.short} is lost: {said}."
            case _ if self.lost:
                pass
            case GpuState.HOT:
                self._health = f"{self.short}: {said}; nothing is started on it until it is cooler."
            case GpuState.DRIVER_MISMATCH:
                self._health = f"{self.short}: {said}."
            case _:
                self._health = ""

    def find(self) -> None:
        """It is there again."""
        self.lost = False

    def release(self, until_s: float, until_text: str) -> None:
        """It is somebody else's until then; `until_text` is that time as people read it."""
        self._until_s, self._until_text = until_s, until_text

    def reclaim(self) -> None:
        """It is the engines' again."""
        self._until_s = float("-inf")

    def released_s(self, now_s: float) -> float:
        """For how much longer it is somebody else's; 0: it is not."""
        return max(0.0, self._until_s - now_s)

    def why(self, now_s: float) -> str:
        """Why nothing may come up, or nothing where it may."""
        if not self._health and self.released_s(now_s):
            return f"{self.short} is released until {self._until_text}; `jarvisd gpu reclaim` ends that."
        return self._health
