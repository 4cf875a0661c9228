"""Speech to text in English with the model that comes with the pocketsphinx package.

    python -m jarvisd.workers.pocketsphinx --socket /run/jarvisd/ears.sock

Small and everywhere at hand, and wrong about every fourth word: the recogniser of a first try, not of a house.
"""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jarvisd.workers.lifeline import cannot_serve, die_with_parent, install_command
from jarvisd.workers.recogniser import About, Recognised, serve

# A command is decoded as a whole: the loudness and colour of the voice are then known from its first word on, which
# made "hey jarvis what time is it" of "hey george as what time is it". 10 s.
WHOLE_BYTES = 320_000
# In what is longer, it is looked so often whether the asker is still there: 0.2 s of sound.
STEP_BYTES = 6_400
# The weight of the language model against the sound; words of commands come out best with it.
LANGUAGE_WEIGHT = 6.5


class Pocketsphinx:
    languages: Sequence[str] = ("en",)

    def __init__(self) -> None:
        try:
            import pocketsphinx
        except ImportError as error:
            cannot_serve(f"pocketsphinx is not installed ({error}): run {install_command('embedded')}")
        self._decoder: Any = pocketsphinx.Decoder(pocketsphinx.Config(lw=LANGUAGE_WEIGHT, loglevel="FATAL"))
        self._unheard: str = self._decoder.get_cmn(False)
        self.about = About(
            name="pocketsphinx",
            description="English, small, for a first try",
            author="Carnegie Mellon University",
            url="https://github.com/cmusphinx/pocketsphinx",
            version=getattr(pocketsphinx, "__version__", ""),
        )

    def recognise(self, pcm: bytes, languages: Sequence[str], abandoned: threading.Event) -> Recognised:  # noqa: ARG002
        self._decoder.set_cmn(self._unheard)  # one voice, or one abandoned, must not colour the next
        self._decoder.start_utt()
        try:
            if len(pcm) <= WHOLE_BYTES:
                self._decoder.process_raw(pcm, full_utt=True)
            else:
                self._in_steps(pcm, abandoned)
        finally:
            self._decoder.end_utt()
        found = self._decoder.hyp()
        return Recognised(text=found.hypstr if found else "", language="en")

    def _in_steps(self, pcm: bytes, abandoned: threading.Event) -> None:
        for start in range(0, len(pcm), STEP_BYTES):
            if abandoned.is_set():
                return
            self._decoder.process_raw(pcm[start : start + STEP_BYTES])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m jarvisd.workers.pocketsphinx",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    arguments = parser.parse_args()
    die_with_parent()
    asyncio.run(serve(arguments.socket, Pocketsphinx()))


if __name__ == "__main__":
    main()
