"""Finds plugins and loads them one by one: one that does not load is reported and the others go on."""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
import inspect
import logging
import re
import stat
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pluggy

from jarvisd.errors import PluginError
from jarvisd.hooks import specs

_LOGGER = logging.getLogger(__name__)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_OUR_DISTRIBUTION = "jarvisd"


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A plugin as `jarvisd plugins` shows it.

    `origin` is a distribution's name or a file's path. active: in use; off: on the `disabled` list;
    failed: did not load; disabled: loaded, then switched off because it kept failing. `error` says why.
    """

    name: str
    origin: str
    version: str | None = None
    hooks: tuple[str, ...] = ()
    state: Literal["active", "off", "failed", "disabled"] = "active"
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LoadedPlugins:
    """All plugins that were found, and pluggy's register of those that loaded."""

    manager: pluggy.PluginManager
    infos: tuple[PluginInfo, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    name: str
    origin: str
    version: str | None
    load: Callable[[], object]


def load_plugins(
    folder: Path | None = None,
    disabled: Collection[str] = (),
    *,
    packaged: Iterable[importlib.metadata.EntryPoint] | None = None,
) -> LoadedPlugins:
    """Load the installed plugins (`packaged`: entry points, by default of this environment), then `folder`'s.

    Runs the plugins' module code: call it before the loop runs or on a thread.
    """
    manager = pluggy.PluginManager(specs.PROJECT)
    manager.add_hookspecs(specs)
    infos: dict[str, PluginInfo] = {}
    refused: list[PluginInfo] = []
    for candidate in [*_packaged(packaged), *_files(folder)]:
        if candidate.name in infos:
            taken_by = infos[candidate.name].origin
            refused.append(_failed(candidate, f"the name is already taken by the one from {taken_by}"))
        elif candidate.name in disabled:
            infos[candidate.name] = PluginInfo(candidate.name, candidate.origin, candidate.version, state="off")
        else:
            infos[candidate.name] = _load(manager, candidate)
    for name in set(disabled) - infos.keys():
        _LOGGER.warning("plugins.disabled names %r, but there is no such plugin%s", name, nearest(name, infos))
    return LoadedPlugins(manager, (*infos.values(), *refused))


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint such as `; did you mean "clock"?`, or nothing when no name is near."""
    found = difflib.get_close_matches(name, list(names), n=1)
    return f'; did you mean "{found[0]}"?' if found else ""


def _packaged(entry_points: Iterable[importlib.metadata.EntryPoint] | None) -> Iterator[_Candidate]:
    if entry_points is None:
        entry_points = importlib.metadata.entry_points(group=specs.PROJECT)

    def ours_first(entry_point: importlib.metadata.EntryPoint) -> tuple[bool, str]:
        return (_distribution(entry_point)[0] != _OUR_DISTRIBUTION, entry_point.name)

    for entry_point in sorted(entry_points, key=ours_first):
        origin, version = _distribution(entry_point)
        yield _Candidate(entry_point.name, origin, version, entry_point.load)


def _distribution(entry_point: importlib.metadata.EntryPoint) -> tuple[str, str | None]:
    if entry_point.dist is None:
        return entry_point.value, None
    return entry_point.dist.name, entry_point.dist.version


def _files(folder: Path | None) -> Iterator[_Candidate]:
    if folder is None:
        return
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".py" and path.name[0] not in "_.")
    except FileNotFoundError:
        return
    except OSError as error:
        _LOGGER.warning("Cannot look for plugins in %s: %s", folder, error.strerror)
        return
    for path in paths:
        yield _Candidate(path.stem, str(path), None, partial(_import_file, path))


def _import_file(path: Path) -> ModuleType:
    if not _NAME.fullmatch(path.stem):
        raise PluginError("the file's name must be lower case letters, digits, - and _, beginning with a letter")
    for place in (path, path.parent):
        if place.stat().st_mode & stat.S_IWOTH:
            raise PluginError(f"anybody may write to {place}; run `chmod o-w {place}`")
    module_name = f"jarvisd_plugin_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise PluginError("Python finds no way to import it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def _load(manager: pluggy.PluginManager, candidate: _Candidate) -> PluginInfo:
    try:
        plugin = _made(candidate.load())
        hooks = _checked_hooks(manager, plugin)
        manager.register(plugin, name=candidate.name)
    except (Exception, SystemExit) as error:  # a foreign module may raise anything
        _LOGGER.debug("Plugin %s does not load", candidate.name, exc_info=error)
        return _failed(candidate, _in_one_line(error))
    version = candidate.version or getattr(plugin, "__version__", None)
    return PluginInfo(candidate.name, candidate.origin, version and str(version), hooks)


def _failed(candidate: _Candidate, error: str) -> PluginInfo:
    _LOGGER.warning("Plugin %s from %s is not loaded: %s", candidate.name, candidate.origin, error)
    return PluginInfo(candidate.name, candidate.origin, candidate.version, state="failed", error=error)


def _made(loaded: object) -> object:
    """A module with a class called `Plugin`, and a class itself, stand for one new object of that class."""
    if isinstance(loaded, ModuleType):
        loaded = getattr(loaded, "Plugin", loaded)
    return loaded() if inspect.isclass(loaded) else loaded


def _checked_hooks(manager: pluggy.PluginManager, plugin: object) -> tuple[str, ...]:
    """The names of the hooks that it implements; raises PluginError for one that could never be called."""
    hooks = []
    for attribute in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, attribute)
        if options is not None:
            name = options.get("specname") or attribute
            _check(name, getattr(plugin, attribute), wraps=bool(options["wrapper"] or options["hookwrapper"]))
            hooks.append(name)
    if not hooks:
        unmarked = [name for name in specs.HOOKS if callable(getattr(plugin, name, None))]
        hint = f"; mark {unmarked[0]} with @hookimpl" if unmarked else ""
        raise PluginError(f"it implements no hook{hint}")
    return tuple(hooks)


def _check(name: str, implementation: Callable[..., Any], *, wraps: bool) -> None:
    hook = specs.HOOKS.get(name)
    if hook is None:
        raise PluginError(f'there is no hook "{name}"{nearest(name, specs.HOOKS)}')
    if wraps:
        raise PluginError(f"{name} is declared as a wrapper; jarvisd calls plain implementations only")
    if inspect.isgeneratorfunction(implementation) or inspect.isasyncgenfunction(implementation):
        raise PluginError(f"{name} must return its result, not yield it")
    for parameter in inspect.signature(implementation).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise PluginError(f"{name}: name each argument that you want, without * or /")
        if parameter.name not in hook.arguments and parameter.default is parameter.empty:
            offered = ", ".join(hook.arguments) or "none"
            raise PluginError(f'{name} has no argument "{parameter.name}"; those offered: {offered}')


def _in_one_line(error: BaseException) -> str:
    if isinstance(error, PluginError):
        return error.message
    text = traceback.format_exception_only(error)[-1].strip().splitlines()[0]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    where = frames[-1] if frames else None
    if where is None or where.filename == __file__ or isinstance(error, SyntaxError):
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        return text + line
    return f"{text} ({where.filename}, line {where.lineno})"
