"""Wake words: openWakeWord's three stages run as a stream, one step for each 80 ms chunk.

    sound ── melspectrogram ──► 8 rows of 32 bands a chunk
          ── speech embedding of the last 76 rows ──► 1 feature of 96 numbers a chunk
          ── one classifier a wake word over its last features (16 for hey_jarvis) ──► score 0..1

The first two stages are shared by all words. A score depends on the chunk and the `context_chunks` before it
(24: 2 s) and on nothing else, which is what lets the listener skip silence and lose nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jarvisd.audio.onnx import load_session, package_file, package_folder
from jarvisd.errors import WakeModelError
from jarvisd.types import CHUNK_SAMPLES

INSTALL = "--no-deps openwakeword==0.5.1"
_FOLDER = "resources/models"
_BANDS = 32
_MEL_ROWS = 76  # the embedding's window
_FEATURE_SIZE = 96
# Each spectrogram row spans 640 samples and starts 160 after the one before: 3 rows reach back.
_OVERLAP_SAMPLES = 480
_ROWS_PER_CHUNK = 8


@dataclass(frozen=True, slots=True)
class _Word:
    session: Any
    input_name: str
    features: int


class WakeModels:
    """The loaded models, shared by any number of streams. `words`: names of packaged models, or .onnx paths."""

    def __init__(self, words: Sequence[str]) -> None:
        self._mel: Any = load_session(_packaged("melspectrogram"), [(None, None)], outputs=1)
        embedding_shape = (None, _MEL_ROWS, _BANDS, 1)
        self._embedding: Any = load_session(_packaged("embedding_model"), [embedding_shape], outputs=1)
        self._words = {name: _load_word(path) for name, path in word_paths(words).items()}
        self.names = tuple(self._words)
        self.feature_count = max(word.features for word in self._words.values())
        # So many chunks before the scored one count: a feature looks at 76 rows, which begin 9 chunks back.
        self.context_chunks = self.feature_count - 1 + _MEL_ROWS // _ROWS_PER_CHUNK

    def spectrogram(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Rows [8, 32] of the last chunk in samples [1, 1760], scaled as the embedding was trained."""
        rows: npt.NDArray[np.float32] = self._mel.run(None, {"input": samples})[0][0, 0]
        return rows / np.float32(10) + np.float32(2)

    def embed(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The feature [96] of rows [76, 32]."""
        feature: npt.NDArray[np.float32] = self._embedding.run(None, {"input_1": rows[None, :, :, None]})[0]
        return feature.reshape(_FEATURE_SIZE)

    def classify(self, features: npt.NDArray[np.float32]) -> dict[str, float]:
        """Scores by word of the last features [feature_count, 96]."""
        return {
            name: float(word.session.run(None, {word.input_name: features[None, -word.features :]})[0][0, 0])
            for name, word in self._words.items()
        }


class WakeStream:
    """One stream's state. Starts as if silence had gone before."""

    def __init__(self, models: WakeModels) -> None:
        self._models = models
        self.reset()

    def reset(self) -> None:
        """Forget what was heard, after a gap in the stream."""
        self._samples = np.zeros((1, _OVERLAP_SAMPLES + CHUNK_SAMPLES), np.float32)
        silence = self._models.spectrogram(self._samples)
        self._rows = np.resize(silence, (_MEL_ROWS, _BANDS))
        self._features = np.tile(self._models.embed(self._rows), (self._models.feature_count, 1))

    def step(self, pcm: bytes, *, classify: bool = True) -> dict[str, float]:
        """Scores by word after the next chunk; without `classify` only the context moves on."""
        samples, rows, features = self._samples, self._rows, self._features
        samples[0, :_OVERLAP_SAMPLES] = samples[0, CHUNK_SAMPLES:]
        samples[0, _OVERLAP_SAMPLES:] = np.frombuffer(pcm, "<i2")
        rows[:-_ROWS_PER_CHUNK] = rows[_ROWS_PER_CHUNK:]
        rows[-_ROWS_PER_CHUNK:] = self._models.spectrogram(samples)
        features[:-1] = features[1:]
        features[-1] = self._models.embed(rows)
        return self._models.classify(features) if classify else {}


def word_paths(words: Sequence[str]) -> Mapping[str, Path]:
    """Model files by wake word: a path counts as its file's name, anything else as a packaged model."""
    paths: dict[str, Path] = {}
    for word in words:
        own = word.endswith(".onnx") or "/" in word
        path = Path(word).expanduser() if own else _packaged_word(word)
        name = path.stem if own else word
        if name in paths:
            raise WakeModelError(f"two wake words are called {name}: rename one of the model files")
        paths[name] = path
    return paths


def _packaged(name: str) -> Path:
    return package_file("openwakeword", f"{_FOLDER}/{name}.onnx", install=INSTALL)


def _packaged_word(word: str) -> Path:
    folder = package_folder("openwakeword", install=INSTALL) / _FOLDER
    if found := sorted(folder.glob(f"{word}_v*.onnx")):
        return found[-1]
    known = ", ".join(sorted(path.stem.rsplit("_v", 1)[0] for path in folder.glob("*_v*.onnx")))
    raise WakeModelError(
        f"there is no packaged wake word {word} (there are: {known or 'none'}); "
        f"name one of these, give the path of an .onnx file, or `pip install {INSTALL}`"
    )


def _load_word(path: Path) -> _Word:
    session = load_session(path, [(1, None, _FEATURE_SIZE)], outputs=1)
    item = session.get_inputs()[0]
    size = session.get_outputs()[0].shape[-1]
    if size != 1 or not isinstance(item.shape[1], int):
        raise WakeModelError(f"{path} is not a wake word model: it must turn a fixed window into one score")
    return _Word(session, item.name, item.shape[1])
