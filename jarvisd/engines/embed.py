"""How the embedding worker is started: in jarvisd's own Python, or in another one's environment."""

from __future__ import annotations

import sys
from pathlib import Path

from jarvisd.config import EmbedEngine

# Run by its path: in another environment there is no jarvisd to import it from.
_FOREIGN = Path(__file__).resolve().parents[1] / "workers" / "foreign.py"
IF_MISSING = "run `jarvisd engines install embed`, or correct `python` in the configuration"


def embed_arguments(engine: EmbedEngine, name: str, socket: Path, place: str, pull: str) -> tuple[str, ...]:
    """What the worker is told. `place` is the model's folder or package, `pull` the name that fetches it, or empty.

    The command is whole, because the worker's own Python may be one without jarvisd.
    """
    return (
        "--socket", str(socket),
        "--model", place,
        *(("--pull", f"{sys.executable} -m jarvisd models pull {pull}") if pull else ()),
        "--name", name,
        "--device", engine.device if engine.device in {"auto", "cpu"} else "cuda",
        "--max-tokens", str(engine.max_tokens),
        "--threads", str(engine.threads),
    )  # fmt: skip


def foreign_worker(python: Path, worker: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """A worker of ours under another Python, which may be named by the folder of its environment."""
    return (str(python_program(python)), str(_FOREIGN), worker, *arguments)


def python_program(place: Path) -> Path:
    """The program itself, where the folder of its environment was named."""
    return place if place.is_file() else place / "bin" / "python"
