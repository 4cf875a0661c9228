"""What a model's files say of it: a folder in Hugging Face's, CTranslate2's or sentence-transformers' layout, a .gguf.

Only headers and small JSON files are read. Every complaint is a ModelError that names the file.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jarvisd.engines import safetensors
from jarvisd.engines.ctranslate2_files import bytes_by_compute_type, read_variables
from jarvisd.engines.footprint import ModelFacts, Purpose
from jarvisd.engines.gguf import read_gguf
from jarvisd.engines.model_config import ENCODERS, ModelConfig
from jarvisd.errors import ModelError

MAX_JSON_BYTES = 16 << 20
_INDEX = "model.safetensors.index.json"
_PYTORCH_INDEX = "pytorch_model.bin.index.json"
# Second copies of the same weights in another layout, and additions that are no model.
_NOT_THE_MODEL = ("consolidated", "adapter")
_WIDE = frozenset({"float32", "torch.float32", "float"})


def read_model(place: Path) -> ModelFacts:
    """What the model at `place` says of itself. Raises ModelError where it cannot be told."""
    is_folder = _is_folder(place)
    if not is_folder:
        if place.suffix != ".gguf":
            raise ModelError(f"{place}: is neither a model's folder nor a .gguf file")
        return read_gguf(place)
    names = _names(place)
    if "model.bin" in names:
        return _read_ctranslate2(place)
    if "config.json" in names:
        return _read_transformers(place, names)
    if "modules.json" in names:
        return _read_nested(place)
    if files := sorted(name for name in names if name.endswith(".gguf")):
        return _only_gguf(place, files)
    raise ModelError(f"{place}: has no config.json, model.bin or .gguf file, so it holds no model that can be read")


def describe(
    config: ModelConfig,
    *,
    name: str,
    source: str,
    weights_bytes: int,
    embedding: bool = False,
    pytorch: bool = False,
    four_bit_bytes: int | None = None,
) -> ModelFacts:
    """The facts of a model in Hugging Face's layout, from its config.json and the size of its weights."""
    purpose: Purpose = "chat"
    if config.model_type == "whisper":
        purpose = "speech"
    elif embedding or config.model_type in ENCODERS:
        purpose = "embedding"
    method = str(config.quantization.get("quant_method") or "")
    return ModelFacts(
        name=name,
        source=source,
        format="pytorch" if pytorch else "safetensors",
        purpose=purpose,
        architecture=config.architecture,
        weights_bytes=weights_bytes,
        cache=config.cache_shape() if purpose == "chat" else None,
        layers=config.layers if purpose == "chat" else 0,
        max_context_tokens=config.max_context_tokens if purpose == "chat" else None,
        dtype=config.dtype.removeprefix("torch."),
        quantization=method,
        four_bit_bytes=four_bit_bytes if purpose == "chat" and not method else None,
    )


def halved_when_wide(stored_bytes: int, config: ModelConfig) -> int:
    """Bytes on the card of weights whose types are known by config.json only: 32-bit floats are loaded in 16."""
    return stored_bytes // 2 if config.dtype in _WIDE and not config.quantization else stored_bytes


def read_json(file: Path) -> Any:
    """Raises ModelError, which names the file, for what is not there, too large or no JSON."""
    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise _cannot(file, error) from error
    return parse_json(text, str(file))


def parse_json(text: bytes, place: str) -> Any:
    if len(text) > MAX_JSON_BYTES:
        raise ModelError(f"{place}: is larger than any file of its kind")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{place}: is no valid JSON: {error}") from error


def _read_transformers(folder: Path, names: frozenset[str]) -> ModelFacts:
    config = ModelConfig(read_json(folder / "config.json"), str(folder / "config.json"))
    embedding = bool(names & {"modules.json", "config_sentence_transformers.json"})
    if shards := _safetensors(folder, names):
        tensors = [tensor for shard in shards for tensor in safetensors.read_header(shard)]
        return describe(
            config,
            name=folder.name,
            source=str(folder),
            weights_bytes=safetensors.loaded_bytes(tensors, tied_head=config.tied),
            embedding=embedding,
            four_bit_bytes=safetensors.four_bit_bytes(tensors, tied_head=config.tied),
        )
    if files := _pytorch(folder, names):
        stored = sum(_size(file) for file in files)
        return describe(
            config,
            name=folder.name,
            source=str(folder),
            weights_bytes=halved_when_wide(stored, config),
            embedding=embedding,
            pytorch=True,
        )
    raise ModelError(f"{folder}: has a config.json, but no weights (*.safetensors or pytorch_model*.bin)")


def _read_nested(folder: Path) -> ModelFacts:
    """sentence-transformers' older layout keeps the transformer in a folder of its own, which modules.json names."""
    modules = read_json(folder / "modules.json")
    if not isinstance(modules, list):
        raise ModelError(f"{folder / 'modules.json'}: must be a list")
    for module in modules:
        path = module.get("path") if isinstance(module, Mapping) else None
        if isinstance(path, str) and path and "/" not in path and (folder / path / "config.json").exists():
            inner = folder / path
            return _read_transformers(inner, _names(inner) | {"modules.json"})
    raise ModelError(f"{folder}: no module that modules.json names has a config.json")


def _read_ctranslate2(folder: Path) -> ModelFacts:
    file = folder / "model.bin"
    variables = read_variables(file)
    by_type = bytes_by_compute_type(variables)
    whisper = any(one.name.startswith("encoder/conv1") for one in variables)
    if not whisper:
        raise ModelError(f"{file}: is a model of CTranslate2, but not Whisper; no engine here serves it")
    return ModelFacts(
        name=folder.name,
        source=str(folder),
        format="ctranslate2",
        purpose="speech",
        architecture="Whisper",
        weights_bytes=sum(one.stored_bytes for one in variables),
        weights_as=by_type,
    )


def _only_gguf(folder: Path, files: list[str]) -> ModelFacts:
    whole = [name for name in files if "-of-" not in name or "-00001-of-" in name]
    if len(whole) != 1:
        raise ModelError(f"{folder}: holds several .gguf files ({', '.join(files[:4])}); give the path of one")
    return read_gguf(folder / whole[0])


def _safetensors(folder: Path, names: frozenset[str]) -> list[Path]:
    if _INDEX in names:
        return _indexed(folder / _INDEX)
    if "model.safetensors" in names:
        return [folder / "model.safetensors"]
    return sorted(
        folder / name for name in names if name.endswith(".safetensors") and not name.startswith(_NOT_THE_MODEL)
    )


def _pytorch(folder: Path, names: frozenset[str]) -> list[Path]:
    if _PYTORCH_INDEX in names:
        return _indexed(folder / _PYTORCH_INDEX)
    return [folder / "pytorch_model.bin"] if "pytorch_model.bin" in names else []


def _indexed(index: Path) -> list[Path]:
    """The files that an index names. Raises ModelError for one that is missing or lies elsewhere."""
    found = read_json(index)
    places = found.get("weight_map") if isinstance(found, Mapping) else None
    if not isinstance(places, Mapping) or not places or not all(isinstance(one, str) for one in places.values()):
        raise ModelError(f"{index}: has no weight_map of names to files")
    files = sorted(set(places.values()))
    for name in files:
        if "/" in name or name in {"", ".", ".."}:
            raise ModelError(f"{index}: names {name[:60]!r}, which is not a file of this folder")
        _size(index.with_name(name))
    return [index.with_name(name) for name in files]


def _is_folder(place: Path) -> bool:
    try:
        place.stat()
    except (OSError, ValueError) as error:
        raise _cannot(place, error) from error
    return place.is_dir()


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise _cannot(folder, error) from error


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise _cannot(file, error) from error


def _cannot(place: Path, error: Exception) -> ModelError:
    if isinstance(error, FileNotFoundError):
        return ModelError(f"{place}: is not there")
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return ModelError(f"{place}: is a symbolic link that leads in a circle; link it to the model itself")
    return ModelError(f"{place}: cannot be read: {getattr(error, 'strerror', None) or error}")
