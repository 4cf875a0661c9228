"""Voice activity: Silero's model over a stream of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from jarvisd.audio.onnx import load_session, package_file
from jarvisd.types import CHUNK_SAMPLES

FRAME_SAMPLES = 512  # 32 ms, the model's step at 16 kHz
_CONTEXT_SAMPLES = 64  # each frame is given with the end of the one before
_STATE_SHAPE = (1, 1, 128)
_INSTALL = "--no-deps silero-vad==6.2.3"


class VoiceActivityModel:
    """Silero's model for sequences of frames, as the package carries it. Shared by any number of streams."""

    def __init__(self) -> None:
        path = package_file("silero_vad", "data/silero_vad_16k_sequence.onnx", install=_INSTALL)
        frames = (None, _CONTEXT_SAMPLES + FRAME_SAMPLES)
        self._session: Any = load_session(path, [frames, _STATE_SHAPE, _STATE_SHAPE], outputs=3)
        self._names = [item.name for item in self._session.get_inputs()]

    def run(
        self, frames: npt.NDArray[np.float32], hidden: npt.NDArray[np.float32], cell: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Speech probabilities [n] of frames [n, 64 + 512], and the two recurrent states after them."""
        probabilities, hidden, cell = self._session.run(
            None, dict(zip(self._names, (frames, hidden, cell), strict=True))
        )
        return probabilities, hidden, cell


class VoiceActivityStream:
    """One stream's state. Chunks do not divide into frames: what is left over waits for the next chunk."""

    def __init__(self, model: VoiceActivityModel) -> None:
        self._model = model
        self.reset()

    def reset(self) -> None:
        """Forget what was heard, after a gap in the stream."""
        self._hidden = np.zeros(_STATE_SHAPE, np.float32)
        self._cell = np.zeros(_STATE_SHAPE, np.float32)
        # The context of the next frame, then the samples that wait for one.
        self._samples = np.zeros(_CONTEXT_SAMPLES, np.float32)

    def feed(self, chunks: Sequence[bytes]) -> list[list[float]]:
        """For each chunk (1,280 samples) the speech probabilities of the frames that it completes, 2 or 3."""
        fresh = np.frombuffer(b"".join(chunks), "<i2").astype(np.float32) * np.float32(1 / 32768)
        samples = np.concatenate((self._samples, fresh))
        waited = len(self._samples) - _CONTEXT_SAMPLES
        windows = np.lib.stride_tricks.sliding_window_view(samples, _CONTEXT_SAMPLES + FRAME_SAMPLES)
        frames = np.ascontiguousarray(windows[::FRAME_SAMPLES])
        self._samples = samples[len(frames) * FRAME_SAMPLES :]
        probabilities, self._hidden, self._cell = self._model.run(frames, self._hidden, self._cell)
        ends = [(waited + CHUNK_SAMPLES * count) // FRAME_SAMPLES for count in range(len(chunks) + 1)]
        return [probabilities[start:end].tolist() for start, end in pairwise(ends)]
