"""What a folder with a text embedding model says of itself: files, pooling, the longest text, and its prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from jarvisd.errors import ModelError

Pooling: TypeAlias = Literal["mean", "cls"]

_ONNX = ("onnx/model.onnx", "model.onnx")
# sentence-transformers' older names for ways of pooling.
_POOLING_KEYS: Mapping[str, str] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# A tokenizer that knows no limit says so with a number like 10^30.
_NO_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """`transformer`: the folder of the network itself. `max_tokens`: None where nothing says it.

    `only_sentence_transformers` says why nothing but that library can serve it; empty: ONNX Runtime can, too.
    `prompt` is put before each text.
    """

    place: Path
    transformer: Path
    config: Mapping[str, Any]
    pooling: Pooling
    normalise: bool
    max_tokens: int | None
    prompt: str = ""
    only_sentence_transformers: str = ""

    @property
    def onnx(self) -> Path | None:
        for folder in (self.place, self.transformer):
            for name in _ONNX:
                if (folder / name).is_file():
                    return folder / name
        return None

    @property
    def safetensors(self) -> Path | None:
        file = self.transformer / "model.safetensors"
        return file if file.is_file() else None

    @property
    def tokenizer(self) -> Path | None:
        for folder in (self.transformer, self.place, self.place / "onnx"):
            if (folder / "tokenizer.json").is_file():
                return folder / "tokenizer.json"
        return None


def read_folder(place: Path) -> ModelFolder:
    """Raises ModelError for what is no folder of an embedding model."""
    if not place.is_dir():
        raise ModelError(f"There is no folder {place}")
    modules = _modules(place)
    transformer = place / str(modules[0].get("path", "")) if modules else place
    config = _json(transformer / "config.json")
    if config is None:
        raise ModelError(f"{place} has no config.json, so it is no model of sentence-transformers")
    pooling, normalise, obstacle = _after(place, modules[1:]) if modules else ("mean", False, "")
    about = _json(place / "config_sentence_transformers.json") or {}
    prompts = about.get("prompts") or {}
    return ModelFolder(
        place=place,
        transformer=transformer,
        config=config,
        pooling="cls" if pooling == "cls" else "mean",
        normalise=normalise,
        max_tokens=_max_tokens(place, transformer, config),
        prompt=str(prompts.get(about.get("default_prompt_name") or "", "") or ""),
        only_sentence_transformers=obstacle,
    )


def _after(place: Path, modules: list[Mapping[str, Any]]) -> tuple[str, bool, str]:
    """Pooling, whether vectors are normalised, and what of it only sentence-transformers can do."""
    pooling, normalise = "mean", False
    for module in modules:
        kind = str(module.get("type", "")).rpartition(".")[2]
        if kind == "Pooling":
            pooling = _pooling(_json(place / str(module.get("path", "")) / "config.json") or {})
            if pooling not in {"mean", "cls"}:
                return pooling, normalise, f"it pools by {pooling}"
        elif kind == "Normalize":
            normalise = True
        else:
            return pooling, normalise, f"it has a {kind or 'nameless'} module"
    return pooling, normalise, ""


def _pooling(config: Mapping[str, Any]) -> str:
    named = config.get("pooling_mode")
    if isinstance(named, str):
        return named
    modes = [name for key, name in _POOLING_KEYS.items() if config.get(key) is True]
    return "+".join(modes) or "mean"


def _max_tokens(place: Path, transformer: Path, config: Mapping[str, Any]) -> int | None:
    """sentence-transformers' own limit, or the tokenizer's; never more than there are positions."""
    stated = (_json(folder / "sentence_bert_config.json") or {} for folder in (transformer, place))
    tokenizer = _json(transformer / "tokenizer_config.json") or {}
    named = [*(one.get("max_seq_length") for one in stated), tokenizer.get("model_max_length")]
    limits = [limit for limit in named if isinstance(limit, int) and 0 < limit < _NO_LIMIT][:1]
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and positions > 0:
        # RoBERTa's kin leave out the places up to their padding token.
        padding = config.get("pad_token_id")
        skipped = padding + 1 if isinstance(padding, int) and "roberta" in str(config.get("model_type")) else 0
        limits.append(positions - skipped)
    return min(limits, default=None)


def _modules(place: Path) -> list[Mapping[str, Any]]:
    file = place / "modules.json"
    modules = _json(file)
    if modules is None:
        return []
    if not isinstance(modules, list) or not modules or not all(isinstance(one, Mapping) for one in modules):
        raise ModelError(f"{file} must be a list of modules")
    if outside := [one for one in modules if str(one.get("path", "")).startswith("/") or ".." in str(one.get("path"))]:
        raise ModelError(f"{file} names {outside[0]['path']}, which is not a folder of this model")
    return modules


def _json(file: Path) -> Any:
    """None for a file that is not there. Raises ModelError for one that is no JSON."""
    try:
        return json.loads(file.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} cannot be read ({error})") from error
