"""From sound to wake words at the price of silence: stages that sleep and wake each other.

    level meter (8 µs) ── something stirs ──► voice activity ── a voice ──► wake models

A stage that wakes is fed the sound that it missed, as far as its answers depend on it: for the wake models
the 24 chunks (2 s) before the first that counts. Scores from then on are those of models that never slept,
which a test holds. `wake.gate = false` keeps everything awake.

Once a voice is heard the order of importance turns round: the wake models run for every chunk, so that a
detection is never late, and voice activity, which then only says when to sleep again, for eight at a time.
A detection needs it up to date: it shows where the wake phrase began.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jarvisd.audio.endpoint import Endpointer, HeardChunk
from jarvisd.audio.level import LevelMeter
from jarvisd.audio.scores import ScoreLog
from jarvisd.audio.vad import VoiceActivityModel, VoiceActivityStream
from jarvisd.audio.wake import WakeModels, WakeStream
from jarvisd.config import EndpointConfig, WakeConfig
from jarvisd.types import AudioChunk, Detection, Heard

# Kept for stages that wake, and for the pre-roll: 5 s.
_MEMORY_CHUNKS = 64
# Voice activity goes on for so long after the last chunk that stirred, the wake models after the last voice:
# a wake word is recognised up to 0.4 s after its end.
_STIR_HOLD_CHUNKS = 8
_VOICE_HOLD_CHUNKS = 13
# Voice activity looks at so many chunks at once; while the wake models are awake it is in less of a hurry.
_VOICE_BATCH_CHUNKS = 4
_VOICE_BATCH_AWAKE_CHUNKS = 8
# Voice activity needs half a second to find its feet after a gap.
_VOICE_CONTEXT_CHUNKS = 6
# Low on purpose: this only wakes the wake models. Real voices in noise stay above it.
_VOICE_PROBABILITY = 0.2
# When the wake models wake, so many of the last chunks may hold a wake word that is over already.
_BACKLOG_CHUNKS = 16


@dataclass(slots=True)
class Settings:
    """What may change while listening."""

    wake: WakeConfig
    endpoint: EndpointConfig


class Cascade:
    """One stream. For each chunk call `hear`; if that says so, `infer` (off the loop), then `outcomes`."""

    def __init__(
        self, wake_models: WakeModels, voice_model: VoiceActivityModel, settings: Settings, log: ScoreLog
    ) -> None:
        self._settings = settings
        self._log = log
        self._meter = LevelMeter()
        self._voice = VoiceActivityStream(voice_model)
        self._wake = WakeStream(wake_models)
        self._context_chunks = wake_models.context_chunks
        self._endpointer = Endpointer(settings.endpoint)
        self._detector = _Detector()
        self._memory: deque[HeardChunk] = deque(maxlen=_MEMORY_CHUNKS)
        # Chunks heard so far, and how many of these voice activity and the wake models have seen.
        self._heard = self._voice_seen = self._wake_seen = 0
        self._since_stir = _STIR_HOLD_CHUNKS
        self._since_voice = _VOICE_HOLD_CHUNKS
        self._scored: deque[tuple[HeardChunk, Mapping[str, float]]] = deque()

    def hear(self, chunk: AudioChunk) -> bool:
        """Take in the next chunk. True: `infer` has something to do."""
        self._memory.append(HeardChunk(chunk))
        self._heard += 1
        self._since_stir = 0 if self._meter.stirs(chunk.pcm) else self._since_stir + 1
        return self._awake or (self._stirring and self._voice_due)

    @property
    def asleep(self) -> bool:
        """Nothing is to be heard: the next chunks are in no hurry."""
        return not (self._awake or self._stirring)

    def infer(self, *, last: bool = False) -> None:
        """Run the models on what they have not seen and should. `last`: nothing more will come."""
        if (self._awake or self._stirring) and (self._voice_due or last):
            self._look_for_voice()
        if self._awake:
            self._score()
            threshold = self._settings.wake.threshold
            if any(score >= threshold for _, scores in self._scored for score in scores.values()):
                self._look_for_voice()

    def outcomes(self, *, last: bool = False) -> Iterator[Heard]:
        """What follows from the chunks that both stages have seen, in order."""
        self._endpointer.config = self._settings.endpoint
        wake = self._settings.wake
        unseen = self._heard - self._voice_seen
        while len(self._scored) > unseen:
            heard, scores = self._scored.popleft()
            self._log.add(scores, heard.end_s, wake.near_miss, wake.threshold)
            outcome = self._endpointer.feed(heard)
            if outcome is not None:
                yield outcome
            detection = self._detector.detect(scores, heard.end_s, wake)
            if detection is not None:
                history = [earlier for earlier in self._memory if earlier.end_s <= heard.end_s]
                self._endpointer.begin(detection, history)
                yield detection
        if last and (outcome := self._endpointer.finish()):
            yield outcome

    @property
    def _awake(self) -> bool:
        return self._since_voice < _VOICE_HOLD_CHUNKS or self._endpointer.active or not self._settings.wake.gate

    @property
    def _stirring(self) -> bool:
        return self._since_stir < _STIR_HOLD_CHUNKS

    @property
    def _voice_due(self) -> bool:
        batch = _VOICE_BATCH_AWAKE_CHUNKS if self._awake else _VOICE_BATCH_CHUNKS
        return self._endpointer.active or self._heard - self._voice_seen >= batch

    def _look_for_voice(self) -> None:
        fresh = self._last(self._heard - self._voice_seen)
        if len(fresh) > _VOICE_BATCH_AWAKE_CHUNKS:  # it slept
            self._voice.reset()
            fresh = self._last(_VOICE_BATCH_CHUNKS + _VOICE_CONTEXT_CHUNKS)
        self._voice_seen = self._heard
        if not fresh:
            return
        for heard, probabilities in zip(fresh, self._voice.feed([heard.chunk.pcm for heard in fresh]), strict=True):
            heard.probabilities = probabilities
            voice = max(probabilities) >= _VOICE_PROBABILITY
            self._since_voice = 0 if voice else self._since_voice + 1

    def _score(self) -> None:
        missed = self._heard - self._wake_seen
        backlog = min(missed, _BACKLOG_CHUNKS)
        if missed > backlog + self._context_chunks:  # it slept for longer than it remembers
            self._wake.reset()
            missed = backlog + self._context_chunks
        fresh = self._last(missed)
        for number, heard in enumerate(fresh, start=1):
            counts = number > len(fresh) - backlog
            scores = self._wake.step(heard.chunk.pcm, classify=counts)
            if counts:
                self._scored.append((heard, scores))
        self._wake_seen = self._heard

    def _last(self, count: int) -> Sequence[HeardChunk]:
        return list(self._memory)[-count:] if count else ()


class _Detector:
    """A score that rises over the threshold is a detection, unless one was there a moment ago."""

    def __init__(self) -> None:
        self._above: frozenset[str] = frozenset()
        self._last_at_s = float("-inf")

    def detect(self, scores: Mapping[str, float], at_s: float, config: WakeConfig) -> Detection | None:
        above = frozenset(word for word, score in scores.items() if score >= config.threshold)
        risen, self._above = above - self._above, above
        if not risen or at_s - self._last_at_s < config.refractory_s:
            return None
        self._last_at_s = at_s
        word = max(risen, key=scores.__getitem__)
        return Detection(word, scores[word], at_s)
