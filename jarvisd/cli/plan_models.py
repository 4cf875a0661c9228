"""The models that a plan is about: those of the configuration or of the command line, and what their files say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jarvisd.config import (
    Config,
    EmbedEngine,
    EngineConfig,
    LlamaCppEngine,
    ProcessEngine,
    VllmEngine,
    WhisperEngine,
)
from jarvisd.engines.footprint import KvDtype, ModelFacts, ServedBy, Serving, awq_bytes
from jarvisd.engines.model_config import ModelConfig
from jarvisd.engines.model_files import MAX_JSON_BYTES, describe, halved_when_wide, parse_json, read_model
from jarvisd.engines.needs import FILE_NAME as NEEDS_FILE
from jarvisd.engines.needs import LearnedNeeds
from jarvisd.engines.packaged import PREFIX as PACKAGE_PREFIX
from jarvisd.engines.packaged import packaged_model
from jarvisd.engines.spec import engine_specs
from jarvisd.errors import ModelError
from jarvisd.models.catalogue import WHISPER_REPOSITORIES, is_repository
from jarvisd.models.choose import choose_files
from jarvisd.models.hub import TOKEN_SECRET, Hub, HubUnreachable, RemoteModel
from jarvisd.models.store import models_dir
from jarvisd.paths import runtime_dir, state_dir
from jarvisd.planning.fit import Candidate
from jarvisd.planning.traps import misnamed, similar
from jarvisd.secrets import read_secret

DEFAULT_CONTEXT_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class Wish:
    """A model that someone wants to run. What is None is decided by the model's files, or by the plan.

    `card`: the UUID of the only card it may have.
    """

    name: str
    place: str
    by: ServedBy | None = None
    kv_dtype: KvDtype = "float16"
    compute_type: str = "auto"
    gpu_layers: int | None = None
    context_tokens: int | None = None
    card: str | None = None
    known_bytes: int = 0


def wishes_of(config: Config) -> tuple[list[Wish], list[str]]:
    """The models that want a card, and the names of the engines that run on the processor or elsewhere."""
    found = {name: _wish(name, engine) for name, engine in config.engines.items()}
    wishes = [wish for wish in found.values() if wish]
    known = _known_bytes(config) if wishes else {}
    elsewhere = [name for name, wish in found.items() if wish is None]
    return [replace(wish, known_bytes=known.get(wish.name, 0)) for wish in wishes], elsewhere


def _known_bytes(config: Config) -> dict[str, int]:
    """What engines take of a card as the configuration says it, or as the daemon measured it: the larger."""
    specs = engine_specs(
        config.engines,
        runtime_dir=runtime_dir(config.house),
        languages=config.house.languages,
        gpus=config.gpus,
        models_dir=models_dir(config.house),
    )
    learned = LearnedNeeds(state_dir(config.house) / NEEDS_FILE)
    return {spec.name: learned.of(spec.need) for spec in specs}


def wishes_for(places: Sequence[str]) -> list[Wish]:
    """Models by their folders, files or names on the hub; two folders of the same name keep their whole path."""
    places = list(dict.fromkeys(places))
    short = [place if is_repository(place) else Path(place).name or place for place in places]
    return [Wish(name if short.count(name) == 1 else place, place) for name, place in zip(short, places, strict=True)]


def candidate(wish: Wish, config: Config, context_tokens: int | None) -> Candidate:
    """The wish with what the model's files say. Raises ModelError; without network only for what is on no disk."""
    facts = _facts(wish.place, config)
    wanted = context_tokens or wish.context_tokens
    return Candidate(
        name=wish.name,
        facts=facts,
        serving=Serving(wish.by or _server_of(facts), wish.kv_dtype, _compute_type(wish, facts), wish.gpu_layers),
        context_tokens=(wanted or min(DEFAULT_CONTEXT_TOKENS, facts.max_context_tokens or DEFAULT_CONTEXT_TOKENS)),
        card=wish.card,
        known_bytes=wish.known_bytes,
    )


def _wish(name: str, engine: EngineConfig) -> Wish | None:
    match engine:
        case WhisperEngine() if engine.device != "cpu":
            card = None if engine.device == "auto" else engine.device
            return Wish(
                name,
                engine.model,
                "whisper",
                compute_type=engine.compute_type,
                card=card,
            )
        case LlamaCppEngine() if engine.gpu_layers:
            return Wish(
                name,
                engine.model,
                "llama_cpp",
                gpu_layers=engine.gpu_layers,
                context_tokens=engine.context_tokens,
                card=engine.gpu or _visible(engine),
            )
        case EmbedEngine() if engine.device != "cpu":
            return Wish(name, engine.model, "embed", card=None if engine.device == "auto" else engine.device)
        case VllmEngine():
            return Wish(
                name,
                engine.model,
                "vllm" if engine.cuda_graphs else "vllm_eager",
                kv_dtype=_kv_dtype(engine.extra_args),
                context_tokens=engine.context_tokens,
                card=engine.gpu or _visible(engine),
            )
        case ProcessEngine() if "serve" in engine.argv and (place := _after(engine.argv, "serve")):
            tokens = _after(engine.argv, "--max-model-len")
            return Wish(
                name,
                place,
                "vllm_eager" if "--enforce-eager" in engine.argv else "vllm",
                kv_dtype=_kv_dtype(engine.argv),
                context_tokens=int(tokens) if tokens.isdigit() else None,
                card=engine.gpu or _visible(engine),
            )
    return None


def _visible(engine: EngineConfig) -> str | None:
    named = engine.env.get("CUDA_VISIBLE_DEVICES", "")
    return named if named.startswith(("GPU-", "MIG-")) and "," not in named else None


def _kv_dtype(arguments: Sequence[str]) -> KvDtype:
    return "fp8" if _after(arguments, "--kv-cache-dtype").startswith("fp8") else "float16"


def _after(arguments: Sequence[str], option: str) -> str:
    """The value of an option, in one argument or two; "" where it is not given."""
    for at, argument in enumerate(arguments):
        if argument == option and at + 1 < len(arguments):
            return arguments[at + 1]
        if argument.startswith(option + "="):
            return argument.partition("=")[2]
    return ""


def _server_of(facts: ModelFacts) -> ServedBy:
    if facts.format == "gguf":
        return "llama_cpp"
    if facts.purpose == "speech":
        return "whisper"
    return "embed" if facts.purpose == "embedding" else "vllm"


def _compute_type(wish: Wish, facts: ModelFacts) -> str:
    return wish.compute_type if facts.purpose == "speech" else ""


def _facts(place: str, config: Config) -> ModelFacts:
    if place.startswith(PACKAGE_PREFIX):
        return read_model(packaged_model(place))
    path = Path(place).expanduser()
    if place.startswith(("/", ".", "~")) or path.exists():
        return read_model(path)
    repository = WHISPER_REPOSITORIES.get(place, place)
    if not is_repository(repository):
        raise ModelError(f"{place}: is no folder and no .gguf file here, and no name on the hub (organisation/name)")
    for folder in (models_dir(config.house) / repository, _cached(repository)):
        if folder is not None and folder.is_dir():
            return read_model(folder)
    return _from_hub(repository)


def _cached(repository: str) -> Path | None:
    """Where huggingface_hub and vLLM keep what they fetched."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub")).expanduser()
    snapshots = cache / f"models--{repository.replace('/', '--')}" / "snapshots"
    try:
        return max(snapshots.iterdir(), key=lambda folder: folder.stat().st_mtime, default=None)
    except OSError:
        return None


def _from_hub(repository: str) -> ModelFacts:
    """What the hub says of a model: the list of its files and its config.json; no weights are fetched."""
    try:
        hub = Hub(read_secret(TOKEN_SECRET))
        model = hub.describe(repository)
        return _remote_facts(hub, model)
    except HubUnreachable as error:
        raise ModelError(f"{repository}: {misnamed(repository) or _offline(error)}") from error
    except ModelError as error:
        if error.code != "unknown_model":
            raise
        hint = misnamed(repository)
        near = similar(repository)
        raise ModelError(
            f"{repository}: {hint or error.message}" + (f" Did you mean {near}?" if near else "")
        ) from error


def _offline(error: ModelError) -> str:
    return f"is not on this machine, and {error.message} Give the folder of the model instead."


def _remote_facts(hub: Hub, model: RemoteModel) -> ModelFacts:
    repository = model.repository
    names = {file.path for file in model.files}
    chosen = choose_files(model.files)
    weights = sum(file.size_bytes for file in chosen if file.path.endswith((".safetensors", ".bin", ".pt")))
    if any(file.path.endswith(".gguf") for file in chosen):
        raise ModelError(
            f"{repository}: holds GGUF files, whose needs are in the file itself: pull one, and give its path"
        )
    if "model.bin" in names:
        return _remote_whisper(repository, weights)
    if "config.json" not in names:
        raise ModelError(f"{repository}: has no config.json on the hub, so its memory cannot be computed")
    place = f"{repository}/config.json"
    with hub.opened(model, "config.json", 0) as (_, chunks):
        text = b""
        for chunk in chunks:
            text += chunk
            if len(text) > MAX_JSON_BYTES:
                break
    config = ModelConfig(parse_json(text, place), place)
    return describe(
        config,
        name=repository,
        source=repository,
        weights_bytes=halved_when_wide(weights, config),
        embedding=bool(names & {"modules.json", "config_sentence_transformers.json"}),
        four_bit_bytes=_in_four_bit(weights, config),
    )


def _in_four_bit(stored_bytes: int, config: ModelConfig) -> int | None:
    """The size in AWQ of a model in 16 bit, of which only config.json is known."""
    vocabulary, width = config.number("vocab_size"), config.number("hidden_size")
    if vocabulary is None or width is None or config.dtype.removeprefix("torch.") not in {"bfloat16", "float16"}:
        return None
    embeddings = vocabulary * width * (1 if config.tied else 2)
    return awq_bytes(max(0, stored_bytes // 2 - embeddings), embeddings)


def _remote_whisper(repository: str, stored_bytes: int) -> ModelFacts:
    """CTranslate2 models are published in 16 bit."""
    return ModelFacts(
        name=repository,
        source=repository,
        format="ctranslate2",
        purpose="speech",
        architecture="Whisper",
        weights_bytes=stored_bytes,
        weights_as={"int8": stored_bytes // 2, "float16": stored_bytes, "float32": stored_bytes * 2},
    )
