"""Which models the configuration needs, what they are called on the hub, and what a person may call them. Pure."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from jarvisd.config import (
    Config,
    EmbedEngine,
    EngineConfig,
    LlamaCppEngine,
    ProcessEngine,
    RemoteEngine,
    WhisperEngine,
)
from jarvisd.errors import ModelError

# onnx: ONNX where the repository has it, otherwise as folder.
Form: TypeAlias = Literal["gguf", "folder", "onnx"]

# Whisper models in CTranslate2's format: the short names that faster-whisper knows, and what the hub calls them.
WHISPER_REPOSITORIES: Mapping[str, str] = {
    **{
        size: f"Systran/faster-whisper-{size}"
        for size in (
            *("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en"),
            *("large-v1", "large-v2", "large-v3"),
        )
    },
    "large": "Systran/faster-whisper-large-v3",
    **{
        f"distil-{size}": f"Systran/faster-distil-whisper-{size}"
        for size in ("small.en", "medium.en", "large-v2", "large-v3")
    },
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}
# What the hub allows: letters, digits, - _ . on both sides of one slash, at most 96 of them on each.
_REPOSITORY = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_PACKAGE_PREFIX = "package:"
_MODEL_OPTIONS = ("--model", "-m")
_CATEGORIES = ("asr", "embed", "llm-cpu", "all")
_CARD = re.compile(r"llm-gpu([1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model that an engine of the configuration needs.

    `place` is as the configuration has it. `repository` is its name on the hub, None where it cannot come from there,
    and then `obstacle` says why. `file` is the one weight file that the engine names, relative to the repository.
    `card` is the UUID of its card, "" for the processor or where the configuration does not tell.
    """

    engine: str
    kind: str
    place: str
    repository: str | None
    form: Form
    file: str | None = None
    card: str = ""
    users: tuple[str, ...] = ()
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What one pull fetches: a repository of the hub, and which of its weights if it has several."""

    repository: str
    form: Form | None = None
    file: str | None = None


def is_repository(text: str) -> bool:
    """Whether `text` could be a model's name on the hub: organisation/name."""
    return _REPOSITORY.fullmatch(text) is not None


def repository_of(place: str, models_dir: Path) -> tuple[str | None, str | None]:
    """The hub's name and the file within it of a model as the configuration writes it; None where it has none."""
    if place in WHISPER_REPOSITORIES:
        return WHISPER_REPOSITORIES[place], None
    if place.startswith("/"):
        path = Path(place)
        if not path.is_relative_to(models_dir):
            return None, None
        organisation, name, *rest = (*path.relative_to(models_dir).parts, "", "")
        found = f"{organisation}/{name}"
        return (found, "/".join(part for part in rest if part) or None) if is_repository(found) else (None, None)
    return (place, None) if is_repository(place) else (None, None)


def wanted(config: Config, models_dir: Path) -> tuple[Wanted, ...]:
    """The models that the configuration's engines need, in its order. Engines that live elsewhere need none."""
    found = []
    for name, engine in config.engines.items():
        place = _place(engine)
        if not place:
            continue
        repository, file = repository_of(place, models_dir)
        found.append(
            Wanted(
                engine=name,
                kind=engine.kind,
                place=place,
                repository=repository,
                form=_form(engine, place),
                file=file,
                card=_card(engine),
                users=_users(name, config),
                obstacle="" if repository else _obstacle(place, models_dir),
            )
        )
    return tuple(found)


def _form(engine: EngineConfig, place: str) -> Form:
    if isinstance(engine, EmbedEngine):
        return "onnx" if engine.device == "cpu" else "folder"
    return "gguf" if isinstance(engine, LlamaCppEngine) or place.endswith(".gguf") else "folder"


def _place(engine: EngineConfig) -> str:
    if isinstance(engine, ProcessEngine):
        return _model_in(engine.argv)
    return "" if isinstance(engine, RemoteEngine) else str(getattr(engine, "model", ""))


def _model_in(argv: Sequence[str]) -> str:
    """The model in a command line, as vLLM, llama.cpp and most servers have it; "" where none is seen."""
    for before, argument in itertools.pairwise(argv):
        if before in _MODEL_OPTIONS or (before == "serve" and not argument.startswith("-")):
            return argument
    return next((argument.partition("=")[2] for argument in argv if argument.startswith("--model=")), "")


def _card(engine: EngineConfig) -> str:
    if isinstance(engine, LlamaCppEngine) and not engine.gpu_layers:
        return ""
    named = getattr(engine, "gpu", None) or getattr(engine, "device", "auto")
    device = engine.env.get("CUDA_VISIBLE_DEVICES", "") if named == "auto" else str(named)
    return "" if device == "cpu" else device


def _users(engine: str, config: Config) -> tuple[str, ...]:
    tiers = [f"tier {name}" for name, tier in config.tiers.items() if tier.engine == engine]
    return (*tiers, *(["transcription"] if config.transcription.engine == engine else []))


def _obstacle(place: str, models_dir: Path) -> str:
    if place.startswith(_PACKAGE_PREFIX):
        return f"comes with the Python package {place.removeprefix(_PACKAGE_PREFIX)}"
    if place.startswith("/"):
        return (
            f"{place} is not below {models_dir}, so its name on the hub is not known: pull it by that name, "
            "organisation/name, and write the folder that is then shown into the configuration"
        )
    return f"{place} is no name of a model on the hub (organisation/name)"


def categories(config: Config, needs: Sequence[Wanted]) -> dict[str, tuple[Wanted, ...]]:
    """The models by category: asr, embed, llm-gpu1 … in the order in which the tiers name the cards, llm-cpu, all."""
    speech = {config.transcription.engine}
    speech |= {need.engine for need in needs if isinstance(config.engines[need.engine], WhisperEngine)}
    embedders = {need.engine for need in needs if need.kind == "embed"}
    order = [config.tiers[tier].engine for tier in config.conversation.tiers]
    language = sorted(
        (need for need in needs if need.engine not in speech | embedders),
        key=lambda need: order.index(need.engine) if need.engine in order else len(order),
    )
    cards = list(dict.fromkeys(need.card for need in language if need.card))
    groups = {
        "asr": [need for need in needs if need.engine == config.transcription.engine],
        "embed": [need for need in needs if need.engine in embedders],
        **{
            f"llm-gpu{number}": [need for need in language if need.card == card] for number, card in enumerate(cards, 1)
        },
        "llm-cpu": [need for need in language if not need.card],
        "all": list(needs),
    }
    return {name: tuple(group) for name, group in groups.items() if group}


def targets(name: str, config: Config, models_dir: Path) -> tuple[Target, ...]:
    """What `name` stands for: a name on the hub, an engine, a tier, a Whisper model or a category.

    Raises ModelError, which says what can be named instead.
    """
    needs = wanted(config, models_dir)
    groups = categories(config, needs)
    chosen = _chosen(name, config, needs, groups)
    if not chosen:
        return (_by_repository(name, needs, groups, config),)
    found = (Target(need.repository, need.form, need.file) for need in chosen if need.repository)
    if known := tuple(dict.fromkeys(found)):
        return known
    raise ModelError(f"engines.{chosen[0].engine}: {chosen[0].obstacle}.", code="not_on_hub")


def not_on_hub(name: str, config: Config, models_dir: Path) -> tuple[Wanted, ...]:
    """Of what `name` stands for, the models that have no name on the hub and come with no package either."""
    needs = wanted(config, models_dir)
    chosen = _chosen(name, config, needs, categories(config, needs))
    return tuple(need for need in chosen if need.obstacle and not need.place.startswith(_PACKAGE_PREFIX))


def _chosen(
    name: str, config: Config, needs: Sequence[Wanted], groups: Mapping[str, Sequence[Wanted]]
) -> Sequence[Wanted]:
    """The models of a category, an engine or a tier; none where the name is none of these."""
    if name in groups:
        return groups[name]
    engine = config.tiers[name].engine if name in config.tiers else name
    return [need for need in needs if need.engine == engine]


def _by_repository(
    name: str, needs: Sequence[Wanted], groups: Mapping[str, Sequence[Wanted]], config: Config
) -> Target:
    repository = WHISPER_REPOSITORIES.get(name, name)
    if is_repository(repository):
        for need in needs:
            if need.repository == repository:
                return Target(repository, need.form, need.file)
        return Target(repository)
    if name in config.engines:
        raise ModelError(f"The engine {name} needs no model of this machine.", code="not_on_hub")
    names = [*groups, *(need.engine for need in needs)]
    if (card := _CARD.fullmatch(name)) is not None:
        cards = sum(group.startswith("llm-gpu") for group in groups)
        raise ModelError(
            f"The configuration gives language models {cards or 'no'} card{'' if cards == 1 else 's'}, so there is no "
            f"card {card[1]}: write the UUID of the card (`nvidia-smi -L`) into the engine, or name one of "
            f"{', '.join(names) or 'the hub’s models, organisation/name'}.",
            code="unknown_model",
        )
    if name in _CATEGORIES:
        raise ModelError(
            f"The configuration needs no model of the category {name}. It needs: {', '.join(names) or 'none'}.",
            code="unknown_model",
        )
    near = difflib.get_close_matches(name, [*names, *WHISPER_REPOSITORIES], n=1)
    raise ModelError(
        f"There is no model {name}{f' (did you mean {near[0]}?)' if near else ''}. Name one as the hub does, "
        f"organisation/name, or one of: {', '.join(names) or 'none; the configuration needs no model'}.",
        code="unknown_model",
    )
