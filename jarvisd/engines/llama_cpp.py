"""How a llama.cpp of the user's own is started: its `llama-server`, or Python's `llama_cpp.server`."""

from __future__ import annotations

import os
import socket as sockets
from pathlib import Path

from jarvisd.config import LlamaCppEngine
from jarvisd.engines.embed import python_program

# Threads that spin while they wait starve each other when the machine is busy: 1 token a second instead of 60.
PASSIVE = {"OMP_WAIT_POLICY": "passive"}
IF_MISSING = "install it, or correct `command` in the configuration"


def is_python(command: Path) -> bool:
    """Whether `command` is a Python or the folder of its environment, and not llama-server."""
    return command.is_dir() or command.name.startswith("python")


def server_argv(engine: LlamaCppEngine, command: Path, name: str, model: Path, socket: Path) -> tuple[str, ...]:
    """llama-server takes what ends in .sock for a Unix socket.

    One question at a time: without a word on it the context would be divided among several.
    """
    threads = str(engine.threads or _all_but_one())
    return (
        str(command),
        "--model", str(model),
        "--alias", name,
        "--host", str(socket),
        "--ctx-size", str(engine.context_tokens),
        "--parallel", "1",
        "--threads", threads,
        "--threads-batch", threads,
        "--n-gpu-layers", str(engine.gpu_layers),
        "--jinja",  # without it no tools can be called
        *(("--chat-template-file", str(engine.chat_template)) if engine.chat_template else ()),
    )  # fmt: skip


def python_argv(engine: LlamaCppEngine, command: Path, name: str, model: Path, port: int) -> tuple[str, ...]:
    """llama_cpp.server, which listens on a port only. Its default ends a running answer when the next question comes,
    as if that were all of it."""
    threads = str(engine.threads or _all_but_one())
    return (
        str(python_program(command)), "-P", "-m", "llama_cpp.server",
        "--model", str(model),
        "--model_alias", name,
        "--host", "127.0.0.1",
        "--port", str(port),
        "--n_ctx", str(engine.context_tokens),
        "--n_threads", threads,
        "--n_threads_batch", threads,
        "--n_gpu_layers", str(engine.gpu_layers),
        "--interrupt_requests", "False",
        "--verbose", "False",
    )  # fmt: skip


def free_port() -> int:
    """A port that nobody listens on now."""
    with sockets.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _all_but_one() -> int:
    return max(1, len(os.sched_getaffinity(0)) - 1)
