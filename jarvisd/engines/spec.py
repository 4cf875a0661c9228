"""What an engine is, worked out from its configuration: how it is started, and where it then listens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from jarvisd import secrets
from jarvisd.config import (
    EngineConfig,
    LlamaCppEngine,
    PocketsphinxEngine,
    ProcessEngine,
    RemoteEngine,
    WhisperEngine,
    WyomingEngine,
)
from jarvisd.errors import ConfigError
from jarvisd.types import Endpoint, Language

Protocol: TypeAlias = Literal["wyoming", "openai"]
ReadSecret: TypeAlias = Callable[[str], str | None]

# sockaddr_un holds 108 bytes, the last of them a zero.
SOCKET_PATH_MAX_BYTES = 107
# What a request's address says when the connection itself is a Unix socket.
UNIX_BASE_URL = "http://localhost/v1"
# -P: the folder that the daemon was started in is no place to import from.
PYTHON_MODULE = (sys.executable, "-P", "-m")


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """One engine: an endpoint, and for a child process how it is started and how long that may take.

    `argv` is None for an engine that lives elsewhere and is neither started nor stopped. `env` is added to the
    daemon's own environment. `model` is the name to ask for; empty: the first that it lists. `unusable` says why
    a person must act before this engine can be used at all.
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


def engine_specs(
    engines: Mapping[str, EngineConfig],
    *,
    runtime_dir: Path,
    languages: Sequence[Language],
    read_secret: ReadSecret = secrets.read_secret,
) -> tuple[EngineSpec, ...]:
    """The engines of a configuration. Raises ConfigError that names every engine which cannot be started."""
    specs, faults = [], []
    for name, engine in engines.items():
        try:
            specs.append(_engine_spec(name, engine, runtime_dir / f"{name}.sock", languages, read_secret))
        except ConfigError as error:
            faults.append(f"engines.{name}: {error.message}")
    if faults:
        raise ConfigError("\n".join(faults), tuple(faults))
    return tuple(specs)


def _engine_spec(
    name: str, engine: EngineConfig, socket: Path, languages: Sequence[Language], read_secret: ReadSecret
) -> EngineSpec:
    spec = partial(
        EngineSpec,
        name=name,
        kind=engine.kind,
        env=dict(engine.env),
        start_timeout_s=engine.start_timeout_s,
        stop_timeout_s=engine.stop_timeout_s,
        demonstration=engine.demonstration,
    )
    match engine:
        case PocketsphinxEngine():
            return spec(
                protocol="wyoming", endpoint=unix_endpoint(socket, "wyoming"), argv=_worker(engine.kind, socket)
            )
        case WhisperEngine():
            return spec(
                protocol="wyoming",
                endpoint=unix_endpoint(socket, "wyoming"),
                argv=_whisper(engine, socket, languages),
                env=_visible_cards(engine.device) | engine.env,
            )
        case LlamaCppEngine():
            return spec(
                protocol="openai",
                endpoint=unix_endpoint(socket, "openai"),
                argv=_llama(engine, name, socket),
                model=name,
            )
        case ProcessEngine():
            return spec(
                protocol=engine.protocol,
                endpoint=endpoint_of(engine.url, engine.protocol),
                argv=(*PYTHON_MODULE, "jarvisd.workers.launch", "--", *engine.argv),
                model=engine.model,
            )
        case RemoteEngine():
            return _remote(spec, engine, read_secret)
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
    return Endpoint(UNIX_BASE_URL if protocol == "openai" else f"unix://{socket}", socket_path=str(socket))


def _worker(module: str, socket: Path, *arguments: str) -> tuple[str, ...]:
    return (*PYTHON_MODULE, f"jarvisd.workers.{module}", "--socket", str(socket), *arguments)


def _whisper(engine: WhisperEngine, socket: Path, languages: Sequence[Language]) -> tuple[str, ...]:
    return _worker(
        "whisper", socket,
        "--model", engine.model,
        "--device", engine.device if engine.device in {"auto", "cpu"} else "cuda",
        "--compute-type", engine.compute_type,
        "--threads", str(engine.threads),
        "--languages", ",".join(languages),
    )  # fmt: skip


def _visible_cards(device: str) -> dict[str, str]:
    """A card is named by its UUID and is then the only one that the child sees; indices change, UUIDs do not."""
    if device == "auto":
        return {}
    return {"CUDA_VISIBLE_DEVICES": "" if device == "cpu" else device}


def _llama(engine: LlamaCppEngine, name: str, socket: Path) -> tuple[str, ...]:
    return _worker(
        "llama", socket,
        "--model", engine.model,
        "--name", name,
        "--context-tokens", str(engine.context_tokens),
        "--threads", str(engine.threads),
        "--gpu-layers", str(engine.gpu_layers),
    )  # fmt: skip


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
    endpoint = Endpoint(engine.url.rstrip("/"), api_key=api_key)
    return spec(protocol="openai", endpoint=endpoint, model=engine.model, unusable=unusable)
