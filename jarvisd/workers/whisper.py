"""Speech to text with faster-whisper.

    python -m jarvisd.workers.whisper --socket /run/jarvisd/ears.sock --model FOLDER --languages es,en

It serves only what is on this machine already; `jarvisd models pull` fetches models.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jarvisd.types import SAMPLE_RATE_HZ
from jarvisd.workers.lifeline import cannot_serve, die_with_parent, install_command
from jarvisd.workers.recogniser import About, Recognised, serve

_CUDA_CAPABILITY_MAJOR, _CUDA_CAPABILITY_MINOR = 75, 76
# Whisper looks at windows of so many seconds; only longer sound needs its timestamps to go on from.
WINDOW_S = 30
# The file of a CTranslate2 model that holds its weights.
WEIGHTS = "model.bin"


def compute_type_for(capability: tuple[int, int] | None) -> str:
    """The arithmetic that a card of this CUDA capability does well; None: the processor.

    RTX 20 (7.5) has no bf16 and gains by int8 weights; on RTX 50 (12.0) int8 failed in CTranslate2's builds.
    """
    if capability is None:
        return "int8"
    if capability < (7, 0):
        return "int8" if capability >= (6, 1) else "float32"
    return "int8_float16" if capability < (8, 0) else "float16"


def card_capability() -> tuple[int, int] | None:
    """The CUDA capability of the first card that this process may see, or None without a card or driver."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    device = ctypes.c_int()
    if cuda.cuInit(0) != 0 or cuda.cuDeviceGet(ctypes.byref(device), 0) != 0:
        return None
    capability = []
    for attribute in (_CUDA_CAPABILITY_MAJOR, _CUDA_CAPABILITY_MINOR):
        value = ctypes.c_int()
        if cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, device) != 0:
            return None
        capability.append(value.value)
    return capability[0], capability[1]


class Whisper:
    def __init__(self, model: Any, name: str, version: str, languages: Sequence[str]) -> None:
        self._model = model
        self._model.encode = _remembering_last(model.encode)
        self.languages = [language for language in languages if language in model.supported_languages]
        if not self.languages:
            cannot_serve(f"The model {name} knows none of {', '.join(languages)}: choose a multilingual one.")
        self.about = About(
            name=name,
            description="faster-whisper",
            author="SYSTRAN",
            url="https://github.com/SYSTRAN/faster-whisper",
            version=version,
        )

    def recognise(self, pcm: bytes, languages: Sequence[str], abandoned: threading.Event) -> Recognised:
        import numpy as np

        sound = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32_768.0
        language = languages[0] if len(languages) == 1 else self._likeliest(sound, languages)
        segments, _ = self._model.transcribe(
            sound,
            language=language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            no_speech_threshold=None,  # the house decides what is no speech
            without_timestamps=len(sound) <= WINDOW_S * SAMPLE_RATE_HZ,
        )
        texts, no_speech = [], [1.0]
        for segment in segments:  # decoded one by one, as they are asked for
            if abandoned.is_set():
                break
            texts.append(segment.text.strip())
            no_speech.append(segment.no_speech_prob)
        return Recognised(text=" ".join(texts).strip(), language=language, no_speech_probability=min(no_speech))

    def _likeliest(self, sound: Any, languages: Sequence[str]) -> str:
        """The likeliest of the household's own languages, never of all ninety-nine."""
        from faster_whisper.audio import pad_or_trim

        features = self._model.feature_extractor(sound)[:, :-1]  # as `transcribe` cuts them, so that it is encoded once
        encoded = self._model.encode(pad_or_trim(features))
        found = {token[2:-2]: probability for token, probability in self._model.model.detect_language(encoded)[0]}
        return max(languages, key=lambda language: found.get(language, 0.0))


def _remembering_last(encode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`encode` that does not encode the same window twice: finding the language and the words both ask for it."""
    import numpy as np

    last: list[Any] = []

    def encode_once(features: Any) -> Any:
        if not (last and np.array_equal(last[0], features)):
            last[:] = [features, encode(features)]
        return last[1]

    return encode_once


def load(arguments: argparse.Namespace) -> Whisper:
    """The model in memory. Ends the process, saying what to do, when it cannot be had."""
    try:
        import ctranslate2
        import faster_whisper
    except ImportError as error:
        cannot_serve(f"faster-whisper is not installed ({error}): run {install_command('whisper')}")
    device = arguments.device
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    compute_type = arguments.compute_type
    if compute_type == "auto":
        compute_type = compute_type_for(card_capability() if device == "cuda" else None)
    try:
        model = faster_whisper.WhisperModel(
            _folder(arguments.model, arguments.pull),
            device=device,
            compute_type=compute_type,
            cpu_threads=arguments.threads,
            local_files_only=True,
        )
        whisper = Whisper(model, Path(arguments.model).name, faster_whisper.__version__, arguments.languages)
        # Missing CUDA libraries are noticed only here; and the first one is slower than all that follow.
        whisper.recognise(bytes(SAMPLE_RATE_HZ // 5), whisper.languages[:1], threading.Event())
    except (RuntimeError, ValueError, OSError) as error:
        cannot_serve(f"The model {arguments.model} does not load on {device} with {compute_type}: {error}")
    return whisper


def _folder(model: str, pull: str) -> str:
    """The folder of the model, if it is there."""
    from faster_whisper import available_models

    folder = Path(model)
    if pull and not (folder / WEIGHTS).is_file():
        cannot_serve(
            f"The Whisper model {folder.name} is not in {folder.parent}: run "
            f"{sys.executable} -m jarvisd models pull {pull}"
        )
    if not folder.is_dir():
        if model.startswith(("/", ".")):
            cannot_serve(f"There is no folder {model}: put a CTranslate2 Whisper model there, or correct `model`.")
        cannot_serve(
            f"There is no Whisper model {model}: name a folder, a model as the hub does (organisation/name), or one "
            f"of {', '.join(available_models())}."
        )
    return model


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m jarvisd.workers.whisper",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument("--model", required=True, help="folder of a CTranslate2 Whisper model")
    parser.add_argument("--pull", default="", help="by this name `jarvisd models pull` fetches the model")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    parser.add_argument("--compute-type", default="auto", help="CTranslate2 compute type; auto: chosen for the card")
    parser.add_argument("--threads", type=int, default=4, help="processor threads when on CPU")
    parser.add_argument("--languages", type=lambda text: text.split(","), default=["en"], help="such as es,en")
    arguments = parser.parse_args()
    die_with_parent()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait leave the processor to others
    asyncio.run(serve(arguments.socket, load(arguments)))


if __name__ == "__main__":
    main()
