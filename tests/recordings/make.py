"""Makes the recordings of the demonstration and of the tests (`apt install flite espeak-ng`).

    python tests/recordings/make.py

The files are kept in the repository; run this only to change them. The same programs give the same bytes.
flite's voices are used where words must be understood: the wake word models and pocketsphinx hear them well,
espeak-ng's they do not.
"""

from __future__ import annotations

import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000
REPOSITORY = Path(__file__).parents[2]
DEMO = REPOSITORY / "demo/recordings"
TESTS = REPOSITORY / "tests/recordings"
SPEECH_RMS = 2_500.0
ROOM_RMS = 8.0  # about -72 dBFS: a quiet room

Sound = npt.NDArray[np.float64]


def flite(voice: str, text: str) -> Sound:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", file.name], check=True)
        return spoken(Path(file.name))


def espeak(voice: str, text: str) -> Sound:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["espeak-ng", "-v", voice, "-w", file.name, text], check=True)
        return spoken(Path(file.name))


def spoken(path: Path) -> Sound:
    """The words in a file, at 16 kHz and one loudness, without the silence around them."""
    with wave.open(str(path)) as file:
        rate_hz = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    if rate_hz != RATE_HZ:
        at = np.arange(int(len(samples) * RATE_HZ / rate_hz)) * rate_hz / RATE_HZ
        samples = np.interp(at, np.arange(len(samples)), samples)
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max() / 100)
    samples = samples[loud[0] : loud[-1] + 1]
    return samples * (SPEECH_RMS / np.sqrt(np.mean(samples**2)))


def pause(seconds: float) -> Sound:
    return np.zeros(int(seconds * RATE_HZ))


def save(path: Path, *parts: Sound, room_rms: float = ROOM_RMS) -> None:
    """Joins the parts in a quiet room and writes 16 kHz mono s16le."""
    samples = np.concatenate(parts)
    # The same room noise every time: a file changes only when its words do.
    room = np.random.default_rng(16).normal(0, room_rms, len(samples))
    pcm = np.clip(np.rint(samples + room), -32768, 32767).astype("<i2").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", "not compressed"))
        file.writeframes(pcm)
    print(f"{path.relative_to(REPOSITORY)}  {len(samples) / RATE_HZ:.1f} s")


def main() -> None:
    lead, tail = pause(0.5), pause(1.2)
    wake = flite("rms", "hey jarvis")
    save(DEMO / "1-time-in-one-breath.wav", lead, flite("rms", "hey jarvis, what time is it?"), tail)
    save(DEMO / "2-time-after-a-pause.wav", lead, wake, pause(1.0), flite("rms", "what time is it?"), tail)
    save(DEMO / "3-open-question.wav", lead, wake, pause(0.8), flite("rms", "why is the sky blue?"), tail)

    save(TESTS / "hey-jarvis.wav", lead, wake, tail)
    save(TESTS / "hey-jarvis-stop.wav", lead, flite("slt", "hey jarvis, stop"), tail)
    save(TESTS / "other-words-en.wav", lead, flite("slt", "hey charlie, is the service open? say travel"), tail)
    save(TESTS / "other-words-es.wav", lead, espeak("es", "oye, enciende la luz del salón"), tail)


if __name__ == "__main__":
    main()
