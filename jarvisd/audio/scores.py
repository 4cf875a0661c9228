"""What the wake models thought in the last minutes, near misses included: bounded, and cheap to keep."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_KEPT_SECONDS = 300
_KEPT_NEAR_MISSES = 50


@dataclass(frozen=True, slots=True)
class SecondScores:
    """The highest score of each wake word within one second of the stream, which begins at `at_s`."""

    at_s: int
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A score that rose above `wake.near_miss` and fell without reaching `wake.threshold`. `time_s`: Unix time."""

    wake_word: str
    score: float
    at_s: float
    time_s: float


@dataclass(frozen=True, slots=True)
class RecentScores:
    """Oldest first. Seconds in which the wake models slept (silence) are absent."""

    seconds: tuple[SecondScores, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()


class ScoreLog:
    """One stream's scores."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._seconds: deque[tuple[int, dict[str, float]]] = deque(maxlen=_KEPT_SECONDS)
        self._near_misses: deque[NearMiss] = deque(maxlen=_KEPT_NEAR_MISSES)
        self._peaks: dict[str, tuple[float, float]] = {}  # of rises that have not fallen again: score, at_s

    def add(self, scores: Mapping[str, float], at_s: float, near_miss: float, threshold: float) -> None:
        second = int(at_s)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, {}))
        highest = self._seconds[-1][1]
        for word, score in scores.items():
            highest[word] = max(score, highest.get(word, 0.0))
            if score >= near_miss:
                self._peaks[word] = max((score, at_s), self._peaks.get(word, (0.0, at_s)))
            elif word in self._peaks:
                peak, peak_at_s = self._peaks.pop(word)
                if peak < threshold:
                    self._near_misses.append(NearMiss(word, peak, peak_at_s, self._clock()))

    def recent(self) -> RecentScores:
        seconds = tuple(SecondScores(second, dict(highest)) for second, highest in self._seconds)
        return RecentScores(seconds, tuple(self._near_misses))
