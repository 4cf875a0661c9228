"""Any sample rate to 16 kHz: a polyphase low-pass filter over a stream of blocks.

Written here because the one small library for it, soxr, would be a dependency for a path that only
recordings in other formats take, and this is short.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from jarvisd.types import SAMPLE_RATE_HZ

_ZERO_CROSSINGS = 24  # on each side: flat to 6.5 kHz, 90 dB down from 8.6 kHz
_KAISER_BETA = 9.0
_CUTOFF = 0.92  # of the lower Nyquist frequency: room for the filter's slope


class Resampler:
    """One stream's state. Feed blocks in order, then `flush`; outputs join without a seam."""

    def __init__(self, rate_hz: int) -> None:
        common = math.gcd(rate_hz, SAMPLE_RATE_HZ)
        self._up, self._down = SAMPLE_RATE_HZ // common, rate_hz // common
        cutoff = _CUTOFF * min(1.0, SAMPLE_RATE_HZ / rate_hz)
        self._reach = math.ceil(_ZERO_CROSSINGS / cutoff)
        self._filters = self._bank(cutoff)
        self._samples = np.zeros(2 * self._reach, np.float32)  # silence before the first sample
        self._position = self._reach * self._up  # of the next output, in steps of 1/up input samples

    def feed(self, block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if not len(block):
            return block
        samples = np.concatenate((self._samples, block))
        ready = (len(samples) - 2 * self._reach) * self._up
        steps = np.arange(self._position, ready, self._down)
        first, phase = np.divmod(steps, self._up)
        windows = np.lib.stride_tricks.sliding_window_view(samples, 2 * self._reach + 1)
        output: npt.NDArray[np.float32] = np.einsum("nk,nk->n", windows[first], self._filters[phase])
        self._position += len(steps) * self._down
        done = len(samples) - 2 * self._reach
        self._samples = samples[done:]
        self._position -= done * self._up
        return output

    def flush(self) -> npt.NDArray[np.float32]:
        """The last outputs, which wait for sound that never comes."""
        return self.feed(np.zeros(self._reach, np.float32))

    def _bank(self, cutoff: float) -> npt.NDArray[np.float32]:
        """Filters [up, 2 x reach + 1]: a windowed sinc sampled at each fraction of an input sample."""
        offsets = np.arange(-self._reach, self._reach + 1) - np.arange(self._up)[:, None] / self._up
        inside = np.maximum(0, 1 - (offsets / self._reach) ** 2)
        bank = np.sinc(cutoff * offsets) * np.i0(_KAISER_BETA * np.sqrt(inside))
        bank /= bank.sum(axis=1, keepdims=True)
        return np.asarray(bank, np.float32)
