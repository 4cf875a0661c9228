"""When an utterance begins and ends: a state machine over chunks and voice activity, without clock or task.

A wake word is recognised from 0.1 s before to 0.4 s after it has been spoken (measured, 500 renders). What
is said right after it may therefore lie before the detection, and the end of the wake word behind it:

    hey jarvis what time is it      one breath: begins with the wake word, whole, so that no word is cut
    hey jarvis ... what time is it  a pause: begins afresh with the question
    hey jarvis ...                  silence: NoSpeech

The amount of clear speech after the detection tells these apart (`_OWN_S`, `_QUESTION_S`). In between it may
be either: then it is handed over when nothing surer follows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from jarvisd.config import EndpointConfig
from jarvisd.types import CHUNK_S, AudioChunk, Detection, NoSpeech, Utterance

# Frames as sure as this are somebody speaking. A breath, a cough or a knock passes for speech, but hardly so clearly:
# one of a person after "hey jarvis" had 0.35 s of speech, 0.06 s of it clear; "stop", spoken fast, 0.35 s clear.
_CLEAR_PROBABILITY = 0.9
# Clear speech after the detection: the wake word's own end gave 0.16 s at most and 0.08 s nearly always, "stop" in
# one breath 0.11 s at least.
_OWN_S = 0.1
_QUESTION_S = 0.25
# After a pause so much of it is a word.
_WORD_S = 0.15
# In loud noise nothing is clear: then so much of any speech will do.
_LONG_S = 0.6
# Silence from here on is a pause between phrases; within a phrase it is shorter.
_PAUSE_S = 0.25
# Kept in front of the first speech (soft consonants come before voice activity sees them) and after the last.
_LEAD_S = 0.2
_TAIL_S = 0.3
# Speech ends at a lower probability than it begins at, so that it does not flicker.
_HYSTERESIS = 0.15


Ending: TypeAlias = Literal["silence", "max_length", "end_of_stream"]


@dataclass(slots=True)
class HeardChunk:
    """A chunk and the speech probabilities of the frames in it; none where voice activity did not run."""

    chunk: AudioChunk
    probabilities: Sequence[float] = ()

    @property
    def end_s(self) -> float:
        return self.chunk.at_s + CHUNK_S

    @property
    def frame_s(self) -> float:
        """Length of a frame. Frames and chunks do not align; they are taken as evenly spread, 8 ms off at most."""
        return CHUNK_S / max(1, len(self.probabilities))


class Endpointer:
    """Give it every chunk after `begin` until it answers; it is idle before and afterwards."""

    def __init__(self, config: EndpointConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self._clock = clock
        self._take: _Take | None = None

    @property
    def active(self) -> bool:
        return self._take is not None

    def begin(self, detection: Detection, history: Sequence[HeardChunk]) -> None:
        """A wake word was detected in the last chunk of `history`. Replaces an utterance that is going on."""
        reach_s = detection.at_s - self.config.preroll_s
        recent = [heard for heard in history if heard.end_s > reach_s]
        self._take = _Take(detection, self.config.speech_threshold, recent)

    def feed(self, heard: HeardChunk) -> Utterance | NoSpeech | None:
        """The next chunk. An answer means that it is over."""
        take = self._take
        if take is None:
            return None
        take.add(heard)
        outcome = self._judge(take)
        if outcome is not None:
            self._take = None
        return outcome

    def finish(self) -> Utterance | NoSpeech | None:
        """The stream has ended."""
        take, self._take = self._take, None
        if take is None:
            return None
        return self._give_up(take, "end_of_stream")

    def _judge(self, take: _Take) -> Utterance | NoSpeech | None:
        if take.has_question:
            if take.silence_s >= self.config.silence_s:
                return take.utterance("silence", self._clock())
            if take.length_s >= self.config.max_utterance_s:
                return take.utterance("max_length", self._clock())
        elif take.silence_s >= _PAUSE_S:
            if take.waited_s >= self.config.no_speech_timeout_s:
                return self._give_up(take, "silence")
            if not take.worth_hearing:
                take.start_afresh()
            elif take.silence_s >= self.config.silence_s:
                take.set_aside()
        return None

    def _give_up(self, take: _Take, ended_by: Ending) -> Utterance | NoSpeech:
        if take.worth_hearing:
            return take.utterance(ended_by, self._clock())
        if take.aside is not None:
            return replace(take.aside, ended_by=ended_by, end_at_s=take.now_s, captured_monotonic=self._clock())
        return NoSpeech(take.detection, take.waited_s)


class _Take:
    """An utterance in the making."""

    def __init__(self, detection: Detection, threshold: float, history: Sequence[HeardChunk]) -> None:
        self.detection = detection
        self._voice = _Voice(threshold)
        self._afresh = False
        self.aside: Utterance | None = None
        self.now_s = self._speech_end_s = detection.at_s
        # Speech since the detection, or since the pause after it, and how much of that was clear.
        self._after_s = self._clear_s = 0.0
        frames = [frame for heard in history for frame in self._voice.frames(heard)]
        phrase = _last_phrase(frames)
        self._speech_s = sum(end_s - start_s for start_s, end_s in phrase)
        self._chunks = [heard.chunk for heard in history]
        if phrase:
            self._speech_end_s = phrase[-1][1]
            self._keep_from(phrase[0][0] - _LEAD_S)

    def add(self, heard: HeardChunk) -> None:
        self._chunks.append(heard.chunk)
        self.now_s = heard.end_s
        self._clear_s += heard.frame_s * sum(one >= _CLEAR_PROBABILITY for one in heard.probabilities)
        for _, end_s, speech in self._voice.frames(heard):
            if speech:
                self._after_s += heard.frame_s
                self._speech_s += heard.frame_s
                self._speech_end_s = end_s

    def start_afresh(self) -> None:
        """What was heard so far was no question."""
        self._afresh = True
        self._after_s = self._clear_s = self._speech_s = 0.0
        self._keep_from(self.now_s - _LEAD_S)

    def set_aside(self) -> None:
        """What was heard so far may have been a question: it counts unless a surer one follows."""
        self.aside = self.utterance("silence", 0.0)
        self.start_afresh()

    @property
    def has_question(self) -> bool:
        return self._clear_s >= (_WORD_S if self._afresh else _QUESTION_S) or self._after_s >= _LONG_S

    @property
    def worth_hearing(self) -> bool:
        return self.has_question or (not self._afresh and self._clear_s > _OWN_S)

    @property
    def silence_s(self) -> float:
        return self.now_s - self._speech_end_s

    @property
    def waited_s(self) -> float:
        return self.now_s - self.detection.at_s

    @property
    def length_s(self) -> float:
        return len(self._chunks) * CHUNK_S

    def utterance(self, ended_by: Ending, captured_monotonic: float) -> Utterance:
        end_s = self.now_s if ended_by == "max_length" else self._speech_end_s + _TAIL_S
        kept = [chunk for chunk in self._chunks if chunk.at_s < end_s]
        return Utterance(
            pcm=b"".join(chunk.pcm for chunk in kept),
            detection=self.detection,
            start_at_s=kept[0].at_s,
            speech_end_at_s=self._speech_end_s,
            end_at_s=self.now_s,
            speech_s=self._speech_s,
            ended_by=ended_by,
            captured_monotonic=captured_monotonic,
        )

    def _keep_from(self, start_s: float) -> None:
        self._chunks = [chunk for chunk in self._chunks if chunk.at_s + CHUNK_S > start_s]


class _Voice:
    """Which frames are speech, with hysteresis."""

    def __init__(self, threshold: float) -> None:
        self._on = threshold
        self._off = max(threshold - _HYSTERESIS, threshold / 2)
        self._speaking = False

    def frames(self, heard: HeardChunk) -> Iterator[tuple[float, float, bool]]:
        """Begin, end, speech or not."""
        start_s = heard.chunk.at_s
        for probability in heard.probabilities:
            self._speaking = probability >= (self._off if self._speaking else self._on)
            yield start_s, start_s + heard.frame_s, self._speaking
            start_s += heard.frame_s


def _last_phrase(frames: Sequence[tuple[float, float, bool]]) -> list[tuple[float, float]]:
    """The speech frames of the last phrase: from the last pause before it, however long ago it ended."""
    phrase: list[tuple[float, float]] = []
    for start_s, end_s, speech in reversed(frames):
        if phrase and phrase[0][0] - end_s >= _PAUSE_S:
            break
        if speech:
            phrase.insert(0, (start_s, end_s))
    return phrase
