"""What an engine is, worked out from its configuration: how it is started, and where it then listens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from jarvisd import secrets
from jarvisd.config import (
    ChromaEngine,
    EmbedEngine,
    EngineBase,
    EngineConfig,
    GpuConfig,
    LlamaCppEngine,
    PocketsphinxEngine,
    ProcessEngine,
    RemoteEngine,
    VllmEngine,
    WhisperEngine,
    WyomingEngine,
)
from jarvisd.engines import embed, llama_cpp
from jarvisd.engines.footprint import Serving, footprint
from jarvisd.engines.model_files import read_model
from jarvisd.engines.needs import NO_CARD, CardNeed, need_key
from jarvisd.engines.packaged import PREFIX as PACKAGE_PREFIX
from jarvisd.engines.packaged import packaged_model
from jarvisd.engines.vllm import vllm_argv, vllm_cache_bytes, vllm_env, vllm_need
from jarvisd.errors import ConfigError, ModelError
from jarvisd.models.catalogue import repository_of
from jarvisd.types import Endpoint, Language

# embeddings: OpenAI's too, but what proves it is a vector. chroma: Chroma's own, version 2.
Protocol: TypeAlias = Literal["wyoming", "openai", "embeddings", "chroma"]
ReadSecret: TypeAlias = Callable[[str], str | None]

# sockaddr_un holds 108 bytes, the last of them a zero.
SOCKET_PATH_MAX_BYTES = 107
# What a request's address says when the connection itself is a Unix socket.
UNIX_BASE_URL = "http://localhost/v1"
UNIX_CHROMA_URL = "http://localhost"
# In the state folder. All of it can be made again, so it may be thrown away when the server is down.
INDEX_FOLDER = "memory-index"
CHROMA_IF_MISSING = "make an environment there and install chromadb into it, or correct `python` in the configuration"
# -P: the folder that the daemon was started in is no place to import from.
PYTHON_MODULE = (sys.executable, "-P", "-m")


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """One engine: an endpoint, and for a child process how it is started and how long that may take.

    `argv` is None for an engine that lives elsewhere and is neither started nor stopped. `env` is added to the
    daemon's own environment. `model` is the name to ask for; empty: the first that it lists. `unusable` says why
    a person must act before this engine can be used at all.

    `need`: its place on a card. `on_demand`: started by its first lease, and ended when unused for `keep_alive_s`.
    `never_with` names engines that are never awake together with it.
    """

    name: str
    kind: str
    protocol: Protocol
    endpoint: Endpoint
    argv: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 5.0
    demonstration: bool = False
    unusable: str = ""
    need: CardNeed = NO_CARD
    can_sleep: bool = False
    on_demand: bool = False
    keep_alive_s: float = 3600.0
    pinned: bool = False
    never_with: frozenset[str] = frozenset()


def engine_specs(
    engines: Mapping[str, EngineConfig],
    *,
    runtime_dir: Path,
    languages: Sequence[Language],
    gpus: Mapping[str, GpuConfig] | None = None,
    models_dir: Path | None = None,
    state_dir: Path | None = None,
    read_secret: ReadSecret = secrets.read_secret,
) -> tuple[EngineSpec, ...]:
    """The engines of a configuration. Raises ConfigError that names every engine which cannot be started.

    Reads what the folders of models say of them: not for a running loop. `models_dir`: where pulled models are;
    `state_dir`: where an engine keeps what it has stored, without which that lies in `runtime_dir` and does not last.
    """
    house = _House(runtime_dir, languages, gpus or {}, models_dir, state_dir or runtime_dir, read_secret)
    specs, faults = [], []
    for name, engine in engines.items():
        try:
            specs.append(_engine_spec(name, engine, house))
        except ConfigError as error:
            faults.append(f"engines.{name}: {error.message}")
    if faults:
        raise ConfigError("\n".join(faults), tuple(faults))
    return tuple(specs)


@dataclass(frozen=True, slots=True)
class _House:
    """What an engine's own table does not say."""

    runtime_dir: Path
    languages: Sequence[Language]
    gpus: Mapping[str, GpuConfig]
    models_dir: Path | None
    state_dir: Path
    read_secret: ReadSecret

    def pulled(self, model: str) -> Path | None:
        """The folder where `jarvisd models pull` puts this model; None for one that it cannot fetch."""
        repository = repository_of(model, self.models_dir)[0] if self.models_dir else None
        return self.models_dir / repository if self.models_dir and repository else None

    def capability(self, card: str | None) -> float | None:
        known = self.gpus.get(card or "")
        return float(known.compute_capability) if known is not None and known.compute_capability else None


def _engine_spec(name: str, engine: EngineConfig, house: _House) -> EngineSpec:
    socket = house.runtime_dir / f"{name}.sock"
    spec = partial(
        EngineSpec,
        name=name,
        kind=engine.kind,
        env=dict(engine.env),
        start_timeout_s=engine.start_timeout_s,
        stop_timeout_s=engine.stop_timeout_s,
        demonstration=engine.demonstration,
        on_demand=engine.start == "demand",
        keep_alive_s=engine.keep_alive_s,
        pinned=engine.pinned,
        never_with=frozenset(engine.never_with),
    )
    match engine:
        case PocketsphinxEngine():
            return spec(
                protocol="wyoming", endpoint=unix_endpoint(socket, "wyoming"), argv=_worker(engine.kind, socket)
            )
        case WhisperEngine():
            argv = _whisper(engine, name, socket, house)
            card = None if engine.device in {"auto", "cpu"} else engine.device
            place = house.pulled(engine.model) or Path(engine.model)
            takes = _worked_out_bytes(place, Serving("whisper", compute_type=engine.compute_type)) if card else 0
            return spec(
                protocol="wyoming",
                endpoint=unix_endpoint(socket, "wyoming"),
                argv=argv,
                env=_visible_cards(engine.device) | engine.env,
                need=_need(engine, card, argv, str(socket), takes),
            )
        case LlamaCppEngine():
            return _llama(spec, engine, name, socket, house)
        case EmbedEngine():
            return _embed(spec, engine, name, socket, house)
        case ChromaEngine():
            return _chroma(spec, engine, socket, house)
        case VllmEngine():
            return _vllm(spec, engine, name, socket, house)
        case ProcessEngine():
            return spec(
                protocol=engine.protocol,
                endpoint=endpoint_of(engine.url, engine.protocol),
                argv=_launched(engine.argv),
                env=_visible_cards(engine.gpu or "auto") | engine.env,
                model=engine.model,
                need=_need(engine, engine.gpu, engine.argv, engine.url),
            )
        case RemoteEngine():
            return _remote(spec, engine, house.read_secret)
        case WyomingEngine():
            return spec(protocol="wyoming", endpoint=endpoint_of(engine.url, "wyoming"))


def endpoint_of(url: str, protocol: Protocol) -> Endpoint:
    """The endpoint of an address as it is written in the configuration."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return unix_endpoint(Path(parts.path), protocol)
    return Endpoint(url.rstrip("/"))


def unix_endpoint(socket: Path, protocol: Protocol) -> Endpoint:
    """The endpoint of a server on a Unix socket. Raises ConfigError when the path is longer than a socket's may be."""
    length = len(str(socket).encode())
    if length > SOCKET_PATH_MAX_BYTES:
        raise ConfigError(
            f"socket: the path {socket} has {length} bytes and a Unix socket's may have {SOCKET_PATH_MAX_BYTES}; "
            "set house.runtime_dir to a shorter folder"
        )
    if protocol == "wyoming":
        return Endpoint(f"unix://{socket}", socket_path=str(socket))
    return Endpoint(UNIX_CHROMA_URL if protocol == "chroma" else UNIX_BASE_URL, socket_path=str(socket))


def _worker(module: str, socket: Path, *arguments: str) -> tuple[str, ...]:
    return (*PYTHON_MODULE, f"jarvisd.workers.{module}", "--socket", str(socket), *arguments)


def _launched(argv: Sequence[str], otherwise: str = "") -> tuple[str, ...]:
    """Another program, tied to the daemon's life. `otherwise`: what to do where it is missing."""
    advice = ("--otherwise", otherwise) if otherwise else ()
    return (*PYTHON_MODULE, "jarvisd.workers.launch", *advice, "--", *argv)


def _need(engine: EngineBase, card: str | None, argv: Sequence[str], place: str, worked_out_bytes: int = 0) -> CardNeed:
    return CardNeed(card, engine.gpu_memory_bytes or worked_out_bytes, key=need_key(card, argv, place))


def _worked_out_bytes(model: Path | None, serving: Serving, context_tokens: int = 0) -> int:
    """What a model on this disk takes of a card; 0 where it cannot be read, which its worker then says itself."""
    if model is None or not model.is_absolute():
        return 0
    try:
        return footprint(read_model(model), serving, context_tokens).total_bytes
    except ModelError:
        return 0


def _vllm(spec: Callable[..., EngineSpec], engine: VllmEngine, name: str, socket: Path, house: _House) -> EngineSpec:
    """A model that cannot be read stops this engine only."""
    endpoint, facts, unusable = unix_endpoint(socket, "openai"), None, ""
    pulled = house.pulled(engine.model)
    if pulled is not None and pulled.is_dir() and not engine.model.startswith("/"):
        engine = engine.model_copy(update={"model": str(pulled)})
    try:
        facts = read_model(Path(engine.model)) if engine.model.startswith("/") else None
    except ModelError as error:
        unusable = error.message + (f". Fetch it with `jarvisd models pull {name}`" if pulled else "")
    cache_bytes = vllm_cache_bytes(engine, facts)
    if cache_bytes is None:
        unusable = unusable or (
            f"How much memory {engine.model} needs for a conversation is not known, because `model` is not a folder: "
            "give the full path of its folder, or kv_cache_bytes."
        )
        return spec(protocol="openai", endpoint=endpoint, model=name, unusable=unusable)
    argv = vllm_argv(engine, name, socket, cache_bytes, house.capability(engine.gpu))
    return spec(
        protocol="openai",
        endpoint=endpoint,
        argv=_launched(argv),
        env=vllm_env(engine),
        model=name,
        unusable=unusable,
        need=replace(vllm_need(engine, facts, cache_bytes), key=need_key(engine.gpu, argv, str(socket))),
        can_sleep=engine.sleep,
    )


def _whisper(engine: WhisperEngine, name: str, socket: Path, house: _House) -> tuple[str, ...]:
    pulled = house.pulled(engine.model)
    return _worker(
        "whisper", socket,
        "--model", str(pulled or engine.model),
        *(("--pull", name) if pulled else ()),
        "--device", engine.device if engine.device in {"auto", "cpu"} else "cuda",
        "--compute-type", engine.compute_type,
        "--threads", str(engine.threads),
        "--languages", ",".join(house.languages),
    )  # fmt: skip


def _visible_cards(device: str) -> dict[str, str]:
    """A card is named by its UUID and is then the only one that the child sees; indices change, UUIDs do not."""
    if device == "auto":
        return {}
    return {"CUDA_VISIBLE_DEVICES": "" if device == "cpu" else device}


def _llama(
    spec: Callable[..., EngineSpec], engine: LlamaCppEngine, name: str, socket: Path, house: _House
) -> EngineSpec:
    spec = partial(spec, protocol="openai", model=name)
    endpoint, place, unusable = unix_endpoint(socket, "openai"), str(socket), ""
    if engine.command is None:
        argv = _worker(
            "llama", socket,
            "--model", engine.model,
            *(("--pull", name) if engine.model.startswith("/") and house.pulled(engine.model) else ()),
            "--name", name,
            "--context-tokens", str(engine.context_tokens),
            "--threads", str(engine.threads),
            "--gpu-layers", str(engine.gpu_layers),
            *(("--chat-template", str(engine.chat_template)) if engine.chat_template else ()),
        )  # fmt: skip
    else:
        model = Path(engine.model)
        try:
            model = packaged_model(engine.model) if engine.model.startswith(PACKAGE_PREFIX) else model
        except ModelError as error:
            unusable = f"{error.message}."
        if llama_cpp.is_python(engine.command):
            place = str(engine.port or llama_cpp.free_port())
            endpoint = Endpoint(f"http://127.0.0.1:{place}/v1")
            argv = llama_cpp.python_argv(engine, engine.command, name, model, int(place))
        else:
            argv = llama_cpp.server_argv(engine, engine.command, name, model, socket)
        argv = _launched(argv, llama_cpp.IF_MISSING)
    serving = Serving("llama_cpp", gpu_layers=engine.gpu_layers)
    takes = _worked_out_bytes(Path(engine.model), serving, engine.context_tokens) if engine.gpu else 0
    return spec(
        endpoint=endpoint,
        argv=argv,
        env=llama_cpp.PASSIVE | _visible_cards(engine.gpu or "auto") | engine.env,
        need=_need(engine, engine.gpu, argv, place, takes),
        unusable=unusable,
    )


def _embed(spec: Callable[..., EngineSpec], engine: EmbedEngine, name: str, socket: Path, house: _House) -> EngineSpec:
    pulled = house.pulled(engine.model)
    place = str(pulled or engine.model)
    arguments = embed.embed_arguments(engine, name, socket, place, name if pulled else "")
    if engine.python is None:
        argv = (*PYTHON_MODULE, "jarvisd.workers.embed", *arguments)
    else:
        argv = _launched(embed.foreign_worker(engine.python, "embed", arguments), embed.IF_MISSING)
    card = None if engine.device in {"auto", "cpu"} else engine.device
    takes = _worked_out_bytes(Path(place), Serving("embed")) if card else 0
    return spec(
        protocol="embeddings",
        endpoint=unix_endpoint(socket, "embeddings"),
        argv=argv,
        env=_visible_cards(engine.device) | engine.env,
        model=name,
        need=_need(engine, card, argv, str(socket), takes),
    )


def _chroma(spec: Callable[..., EngineSpec], engine: ChromaEngine, socket: Path, house: _House) -> EngineSpec:
    spec = partial(spec, protocol="chroma")
    if engine.url is not None:
        return spec(endpoint=endpoint_of(engine.url, "chroma"))
    folder = ("--folder", str(house.state_dir / INDEX_FOLDER))
    argv = _worker("chroma", socket, *folder)
    if engine.python is not None:
        worker = embed.foreign_worker(engine.python, "chroma", ("--socket", str(socket), *folder))
        argv = _launched(worker, CHROMA_IF_MISSING)
    return spec(endpoint=unix_endpoint(socket, "chroma"), argv=argv)


def _remote(spec: Callable[..., EngineSpec], engine: RemoteEngine, read_secret: ReadSecret) -> EngineSpec:
    """A missing key stops this engine only: the house goes on with the others."""
    api_key, unusable = None, ""
    if engine.api_key_credential is not None:
        try:
            api_key = read_secret(engine.api_key_credential)
        except ConfigError as error:
            unusable = f"Its API key cannot be read: {error.message}."
        else:
            if api_key is None:
                place = secrets.places(engine.api_key_credential)
                unusable = f"Its API key is not set: give the secret {engine.api_key_credential} {place}."
    endpoint = Endpoint(engine.url.rstrip("/"), api_key=api_key, cloud=engine.is_cloud)
    return spec(protocol="openai", endpoint=endpoint, model=engine.model, unusable=unusable)
