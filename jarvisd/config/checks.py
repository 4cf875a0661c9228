"""Checks of the configuration that no type can express: addresses, and names that lead from one table to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from jarvisd.config.clock import DAY_MINUTES, lies_in, minute_of_day, minutes_of_span

SPEECH_KINDS = frozenset({"pocketsphinx", "whisper", "wyoming"})
CHILD_KEYS = ("stop_timeout_s", "env", "start", "keep_alive_s", "learn", "pinned", "gpu_memory_bytes", "never_with")
LANGUAGE_MODEL_KINDS = frozenset({"llama_cpp", "vllm", "remote"})
EMBEDDING_KINDS = frozenset({"embed"})
INDEX_KINDS = frozenset({"chroma"})
# What an engine is for, as a fault calls it.
SPEECH, LANGUAGE, EMBEDDING = "a speech-to-text engine", "a language model", "an embedding engine"
INDEX = "an index of vectors"
# Where an engine listens is the daemon's affair, and sleep mode must never be reachable over a network.
OWN_ARGUMENTS = ("--uds", "--host", "--port", "--served-model-name", "--enable-sleep-mode", "--api-key")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that a person may have meant by `name`, or None."""
    return next(iter(get_close_matches(name, list(names), n=1)), None)


def near(name: str, names: Iterable[str]) -> str:
    """Returns "; did you mean x?" when one of `names` is close to `name`, else nothing."""
    found = nearest(name, names)
    return f"; did you mean {found}?" if found else ""


def check_url(url: str, schemes: tuple[str, ...]) -> None:
    """Raises ValueError unless `url` has one of the schemes and says where to connect."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"url: is not an address ({error})") from None
    if parts.scheme not in schemes:
        raise ValueError(f"url: must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("url: must not carry a user name or password; the configuration is no place for secrets")
    if parts.scheme == "unix":
        if parts.netloc or len(parts.path) < 2:
            raise ValueError("url: needs the full path of a socket, such as unix:///run/jarvisd/asr.sock")
    elif not parts.hostname:
        raise ValueError(f"url: names no host; write {parts.scheme}://host:port")
    elif parts.scheme == "tcp" and port is None:
        raise ValueError("url: needs a port, such as tcp://localhost:10300")


def refuse_child_keys(keys: Iterable[str]) -> None:
    """Raises ValueError for keys of a child process in an engine that jarvisd does not start."""
    faults = [f"{key}: has no meaning for an engine that jarvisd does not start" for key in CHILD_KEYS if key in keys]
    if faults:
        raise ValueError("\n".join(faults))


def refuse_own_arguments(arguments: Iterable[str]) -> None:
    """Raises ValueError for arguments of a server that the daemon gives itself."""
    own = [name for argument in arguments if (name := argument.partition("=")[0]) in OWN_ARGUMENTS]
    if own:
        raise ValueError(f"extra_args: {', '.join(own)} is given by jarvisd itself; leave it out")


def reference_faults(tables: Mapping[str, Any]) -> list[str]:
    """Names in one table that lead nowhere in another, as "path: what is wrong".

    Also asked about a file that has other faults, so nothing is taken for granted about what a table holds.
    """
    engines = _table(tables, "engines")
    tiers = _table(tables, "tiers")
    faults = _engine_faults("transcription.engine", _table(tables, "transcription").get("engine"), engines, SPEECH)
    memory = _table(tables, "memory")
    faults += _engine_faults("memory.embedder", memory.get("embedder"), engines, EMBEDDING)
    faults += _engine_faults("memory.index_engine", memory.get("index_engine"), engines, INDEX)
    if memory.get("index") == "chroma" and not memory.get("index_engine"):
        faults.append('memory.index_engine: index = "chroma" needs the name of a chroma engine')
    for name in tiers:
        faults += _engine_faults(f"tiers.{name}.engine", _table(tiers, name).get("engine"), engines, LANGUAGE)
    for name in engines:
        faults += _company_faults(name, engines)
    faults += _folder_faults(engines)
    faults += _time_faults(tables, engines)
    order = _table(tables, "conversation").get("tiers")
    names = [name for name in order if isinstance(name, str)] if isinstance(order, (list, tuple)) else []
    for position, name in enumerate(names):
        if name not in tiers:
            faults.append(f"conversation.tiers: there is no [tiers.{name}]{near(name, tiers)}")
        elif name in names[:position]:
            faults.append(f"conversation.tiers: {name} is named twice")
    return faults


def _engine_faults(path: str, name: Any, engines: Mapping[str, Any], wanted: str) -> list[str]:
    if not isinstance(name, str):
        return []
    if name not in engines:
        return [f"{path}: there is no [engines.{name}]{near(name, engines)}"]
    engine = _table(engines, name)
    what = _what_it_is(engine)
    return [] if what in {None, wanted} else [f"{path}: [engines.{name}] is {what}, not {wanted}"]


def _company_faults(name: str, engines: Mapping[str, Any]) -> list[str]:
    path, others = f"engines.{name}.never_with", _table(engines, name).get("never_with")
    if not isinstance(others, (list, tuple)):
        return []
    faults = [
        f"{path}: there is no [engines.{other}]{near(other, engines)}"
        for other in others
        if isinstance(other, str) and other not in engines
    ]
    return [*faults, f"{path}: names the engine itself"] if name in others else faults


def _folder_faults(engines: Mapping[str, Any]) -> list[str]:
    """Two servers on one folder do not see what the other one writes."""
    own = [name for name in engines if _table(engines, name).get("kind") in INDEX_KINDS and _is_ours(engines, name)]
    return [f"engines.{name}.kind: [engines.{own[0]}] is this already; one is enough" for name in own[1:]]


def _is_ours(engines: Mapping[str, Any], name: str) -> bool:
    """Whether jarvisd starts it."""
    engine = _table(engines, name)
    kind = engine.get("kind")
    return kind not in {"remote", "wyoming"} and not (kind in INDEX_KINDS and engine.get("url") is not None)


def _time_faults(tables: Mapping[str, Any], engines: Mapping[str, Any]) -> list[str]:
    """Hours that warm nothing: no such engine, one that is not ours or always up, or nothing but quiet hours."""
    quiet = _spans(_table(tables, "warmup").get("quiet_hours"))
    times = _table(tables, "warmup_times")
    faults: list[str] = []
    for name in times:
        path, time = f"warmup_times.{name}", _table(times, name)
        engine = time.get("engine")
        if isinstance(engine, str) and engine not in engines:
            faults.append(f"{path}.engine: there is no [engines.{engine}]{near(engine, engines)}")
        elif isinstance(engine, str) and not _is_ours(engines, engine):
            faults.append(f"{path}.engine: [engines.{engine}] is not started by jarvisd")
        elif isinstance(engine, str) and _table(engines, engine).get("start", "boot") == "boot":
            faults.append(
                f'{path}.engine: [engines.{engine}] is always up; give it start = "demand", or leave this out'
            )
        if quiet and _is_quiet(time, quiet):
            faults.append(f"{path}.at: all of it lies in warmup.quiet_hours, in which nothing is warmed")
    return faults


def _spans(texts: Any) -> list[tuple[int, int]]:
    """Those that can be read: the others are a fault of their own."""
    try:
        return [minutes_of_span(text) for text in texts or ()]
    except (TypeError, ValueError, AttributeError):
        return []


def _is_quiet(time: Mapping[str, Any], quiet: Iterable[tuple[int, int]]) -> bool:
    try:
        begin, length = minute_of_day(time["at"]), int(time.get("for_minutes", 120))
    except (KeyError, TypeError, ValueError):
        return False
    minutes = range(begin, begin + min(length, DAY_MINUTES))
    return all(lies_in(minute % DAY_MINUTES, quiet) for minute in minutes)


def _what_it_is(engine: Mapping[str, Any]) -> str | None:
    """None for unknown kinds: they may do anything, and are a fault of their own."""
    kind, protocol = engine.get("kind"), engine.get("protocol", "openai")
    if kind in SPEECH_KINDS or (kind == "process" and protocol == "wyoming"):
        return SPEECH
    if kind in EMBEDDING_KINDS or (kind == "process" and protocol == "embeddings"):
        return EMBEDDING
    if kind in INDEX_KINDS:
        return INDEX
    if kind in LANGUAGE_MODEL_KINDS or (kind == "process" and protocol == "openai"):
        return LANGUAGE
    return None


def _table(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = tables.get(name)
    return table if isinstance(table, Mapping) else {}
