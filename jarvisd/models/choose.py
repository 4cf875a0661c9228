"""Which files of a repository are fetched: one form of the weights, and what belongs to it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath

from jarvisd.errors import ModelError
from jarvisd.models.catalogue import Form

# Four bits that keep most of the quality first, then what is nearest to it in size.
QUANTISATIONS = (
    *("Q4_K_M", "Q4_K_S", "Q4_K_L", "Q5_K_M", "Q5_K_S", "Q4_0", "Q4_1", "IQ4_NL", "IQ4_XS", "Q6_K", "Q5_0", "Q5_1"),
    *("Q3_K_M", "Q3_K_L", "Q8_0", "Q3_K_S", "Q2_K", "F16", "BF16", "F32"),
)
_PART = re.compile(r"-\d{5}-of-\d{5}(?=\.gguf$)")
# A picture encoder or an importance matrix beside the model itself.
_GGUF_BESIDE = re.compile(r"mmproj|imatrix", re.IGNORECASE)
_WEIGHTS = {".safetensors", ".bin", ".gguf", ".pt", ".pth", ".h5", ".msgpack", ".onnx", ".onnx_data", ".ot", ".tflite"}
_NOT_FOR_MACHINES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".mp4", ".mp3", ".pdf", ".ipynb"}
# Where a repository keeps its model in ONNX's format. Variants beside it are for other processors, or lose quality.
_ONNX = ("onnx/model.onnx", "model.onnx")
_OTHER_RUNTIMES = {"onnx", "openvino", "coreml", "original", "metal", "tflite"}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the hub lists it. `digest` is `sha256:…` of its content or `git:…`, the id of a git blob."""

    path: str
    size_bytes: int
    digest: str


def choose_files(
    files: Sequence[RemoteFile], *, form: Form | None = None, wanted: Sequence[str] = ()
) -> tuple[RemoteFile, ...]:
    """The files to fetch. `wanted`: names or patterns of weight files, when not to be chosen for one.

    Raises ModelError where nothing fits.
    """
    weights = [file for file in files if _suffix(file) in _WEIGHTS]
    beside = [file for file in files if file not in weights and _belongs(file)]
    if wanted:
        chosen = _named(weights, wanted)
    elif form == "gguf" or (form is None and not _some(weights, ".safetensors") and _some(weights, ".gguf")):
        chosen = _one_gguf(weights)
        beside = [file for file in beside if "/" not in file.path]
    else:
        chosen = (_one_onnx(weights) if form == "onnx" else ()) or _one_form(weights)
    if not chosen:
        raise ModelError("There are no weights among its files: is this the model itself?", code="no_weights")
    folders = {str(PurePosixPath(file.path).parent) for file in chosen} | {"."}
    inside = [
        file
        for file in beside
        if str(PurePosixPath(file.path).parent) in folders or PurePosixPath(file.path).parts[0] not in _OTHER_RUNTIMES
    ]
    return tuple(sorted((*inside, *chosen), key=lambda file: (file.size_bytes, file.path)))


def gguf_variants(files: Sequence[RemoteFile]) -> dict[str, tuple[RemoteFile, ...]]:
    """The GGUF models of a repository by name; one that is cut into parts counts once."""
    variants: dict[str, tuple[RemoteFile, ...]] = {}
    for file in files:
        if _suffix(file) == ".gguf" and not _GGUF_BESIDE.search(file.path):
            name = _PART.sub("", file.path)
            variants[name] = (*variants.get(name, ()), file)
    return variants


def _one_gguf(weights: Sequence[RemoteFile]) -> Sequence[RemoteFile]:
    variants = gguf_variants(weights)
    if not variants:
        raise ModelError(
            "It has no GGUF file, which llama.cpp needs: look for a …-GGUF repository of it.", code="no_gguf"
        )
    for quantisation in QUANTISATIONS:
        ends = re.compile(rf"(?:^|[-._/]){quantisation}\.gguf$", re.IGNORECASE)
        for name, parts in variants.items():
            if ends.search(name):
                return parts
    if len(variants) == 1:
        return next(iter(variants.values()))
    raise ModelError(f"It has several GGUF files; choose with --file: {', '.join(variants)}", code="ambiguous")


def _one_onnx(weights: Sequence[RemoteFile]) -> Sequence[RemoteFile]:
    """The model and, if that is larger than 2 GB, the file with its weights."""
    for name in _ONNX:
        if found := [file for file in weights if file.path in {name, f"{name}_data"}]:
            return found if any(file.path == name for file in found) else ()
    return ()


def _one_form(weights: Sequence[RemoteFile]) -> Sequence[RemoteFile]:
    """Safetensors before PyTorch's pickles before the rest; a CTranslate2 model is one model.bin."""
    own = [file for file in weights if PurePosixPath(file.path).parts[0] not in _OTHER_RUNTIMES]
    if own and _some(own, ".safetensors"):
        tensors = [file for file in own if _suffix(file) == ".safetensors"]
        whole = [file for file in tensors if not PurePosixPath(file.path).name.startswith("consolidated")]
        return whole or tensors
    for suffixes in ({".bin", ".pt"}, {".pth"}, {".onnx", ".onnx_data"}, {".h5"}, {".msgpack"}):
        if found := [file for file in own if _suffix(file) in suffixes]:
            return found
    return [file for file in weights if _suffix(file) in {".onnx", ".onnx_data"}]


def _named(weights: Sequence[RemoteFile], wanted: Sequence[str]) -> Sequence[RemoteFile]:
    chosen: list[RemoteFile] = []
    for pattern in wanted:
        found = [file for file in weights if _matches(file.path, pattern)]
        if not found:
            names = ", ".join(file.path for file in weights) or "none"
            raise ModelError(f"No weight file is called {pattern}. There are: {names}", code="no_such_file")
        chosen += [file for file in found if file not in chosen]
    return chosen


def _matches(path: str, pattern: str) -> bool:
    """A name, with or without its folder and the numbers of its parts, or a pattern with * and ?."""
    names = {path, PurePosixPath(path).name}
    names |= {_PART.sub("", name) for name in names}
    return any(name == pattern or fnmatch(name, pattern) for name in names)


def _belongs(file: RemoteFile) -> bool:
    hidden = any(part.startswith(".") for part in PurePosixPath(file.path).parts)
    return not hidden and _suffix(file) not in _NOT_FOR_MACHINES


def _suffix(file: RemoteFile) -> str:
    return PurePosixPath(file.path).suffix.lower()


def _some(files: Sequence[RemoteFile], suffix: str) -> bool:
    return any(_suffix(file) == suffix for file in files)
