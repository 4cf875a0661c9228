"""Finds the configuration file, reads it and validates it. All that is wrong comes in one ConfigError."""

from __future__ import annotations

import importlib.resources
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from jarvisd.config.checks import near
from jarvisd.config.faults import faults_in
from jarvisd.config.models import Config
from jarvisd.errors import ConfigError
from jarvisd.secrets import looks_secret

CONFIG_VARIABLE = "JARVISD_CONFIG"
SYSTEM_FILE = Path("/etc/jarvisd/jarvisd.toml")
PROFILE_PREFIX = "profile:"
DEFAULT_PROFILE = "embedded"
MAX_CONFIG_BYTES = 1024 * 1024
LONGEST_EXCERPT = 160

_POSITION = re.compile(r"(?s)(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_WORD = re.compile(r"[\w-]+")
# What tomllib says -> what to do. Where it already says it well, nothing is added.
_ADVICE = {
    "Invalid value": 'expected a value: text in "quotation marks", a number, true, false, a [list] or a {table}',
    "Cannot overwrite a value": "this key is already set above; keep one of the two",
    "Cannot declare": "this section is already there above; put its keys together",
    "Expected newline or end of document after a statement": "expected the end of the line; one key a line",
    "Invalid statement": 'expected a line such as key = "value" or [section]',
    "Invalid initial character for a key part": "expected a name before the = or between the [ ]",
    "Unescaped '\\' in a string": "write \\\\ for \\, or use 'single quotation marks'",
    "Illegal character": "expected the end of the text, a quotation mark, on the same line",
}


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """`path` is the file, None for a packaged profile; `origin` says in words which profile, and why this one."""

    config: Config
    path: Path | None
    origin: str


def load_config(
    path: Path | str | None = None,
    overrides: Sequence[str] = (),
    *,
    environ: Mapping[str, str] = os.environ,
    places: Sequence[Path] | None = None,
) -> LoadedConfig:
    """Reads the configuration; for a reload call it again with the same arguments.

    `path` may be `profile:NAME`. Without it: $JARVISD_CONFIG, then the first file of `places` that is there
    (by default the system's, then the user's), else the packaged profile for a fresh machine.
    `overrides` are "table.key=value", applied on top. Raises ConfigError with a line for each fault.
    """
    given, origin = _choose(path, environ, default_places(environ) if places is None else places)
    if given.startswith(PROFILE_PREFIX):
        file, data = None, _read_profile(given.removeprefix(PROFILE_PREFIX))
        origin = f"{given}, {origin}"
    else:
        file = Path(given).expanduser()
        data = _parse(_read(file, f"{file}, {origin},"), str(file))
    for override in overrides:
        _override(data, override)
    config, faults = faults_in(data)
    if config is None:
        raise _faulty(str(file or given), faults)
    return LoadedConfig(config, file, origin)


def default_places(environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Where a configuration file is looked for, in this order."""
    user = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if (home := environ.get("HOME")) else None)
    return (SYSTEM_FILE, Path(user, "jarvisd/jarvisd.toml")) if user else (SYSTEM_FILE,)


def profile_names() -> tuple[str, ...]:
    """The profiles that come with jarvisd, for `profile:NAME`."""
    return tuple(sorted(file.name.removesuffix(".toml") for file in _profiles() if file.name.endswith(".toml")))


def _profiles() -> list[Traversable]:
    return list(importlib.resources.files("jarvisd.profiles").iterdir())


def _choose(path: Path | str | None, environ: Mapping[str, str], places: Sequence[Path]) -> tuple[str, str]:
    if path is not None:
        return str(path), "named on the command line"
    if named := environ.get(CONFIG_VARIABLE):
        return named, f"named by ${CONFIG_VARIABLE}"
    for place in places:
        if _present(place):
            return str(place), "found at its usual place"
    return PROFILE_PREFIX + DEFAULT_PROFILE, "packaged, as there is no configuration file"


def _present(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # there may be one, and reading it will say why it cannot be used
    return True


def _read_profile(name: str) -> dict[str, Any]:
    file = next((file for file in _profiles() if file.name == f"{name}.toml"), None)
    if file is None:
        names = profile_names()
        raise ConfigError(f"there is no profile {name}{near(name, names)}; there are: {', '.join(names)}")
    return _parse(file.read_bytes(), PROFILE_PREFIX + name)


def _read(file: Path, label: str) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_CONFIG_BYTES + 1)
    except IsADirectoryError:
        raise ConfigError(f"{label} is a folder; name the file in it, such as {file / 'jarvisd.toml'}") from None
    except FileNotFoundError:
        raise ConfigError(f"{label} does not exist; `--config profile:embedded` runs without a file") from None
    except OSError as error:
        raise ConfigError(f"{label} cannot be read: {error.strerror}") from error
    if len(content) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{label} is larger than {MAX_CONFIG_BYTES} bytes; that is no configuration")
    return content


def _parse(content: bytes, label: str) -> dict[str, Any]:
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{label}:{line}: is not UTF-8 text; save the file as UTF-8") from error
    if not text.strip():
        raise ConfigError(f"{label} is empty; fill it (etc/jarvisd.toml is a sample with every key) or delete it")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{label} is nested too deeply; that is no configuration") from None
    except ValueError as error:
        raise _syntax_error(str(error), text, label) from error


def _syntax_error(said: str, text: str, label: str) -> ConfigError:
    lines = text.split("\n")
    found = _POSITION.match(said)
    what = found["what"] if found else said
    if found and found["line"]:
        line, column = int(found["line"]), int(found["column"])
    else:
        line = len(text.rstrip().split("\n"))
        column = len(lines[line - 1]) + 1
    advice = next((advice for start, advice in _ADVICE.items() if what.startswith(start)), "")
    sentence = f"{label}:{line}:{column}: not valid TOML: {what}{'; ' + advice if advice else ''}"
    return ConfigError(sentence + _excerpt(lines[line - 1], column), (sentence,))


def _excerpt(line: str, column: int) -> str:
    """The line with a mark below the column, unless it is too long to help or may hold a secret."""
    if len(line) > LONGEST_EXCERPT or any(looks_secret(word) for word in _WORD.findall(line)):
        return ""
    return f"\n  {line.replace(chr(9), ' ')}\n  {' ' * (column - 1)}^"


def _override(data: dict[str, Any], override: str) -> None:
    """Sets one `table.key=value` in `data`. The value is TOML, or plain text where it is not."""
    path, separator, text = override.partition("=")
    *parents, key = (part.strip() for part in path.split("."))
    if not separator or not key or not all(parents):
        raise ConfigError(f"{override}: an override is written table.key=value, such as audio.source=none")
    table = data
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{override}: {parent} is a key, not a table")
    try:
        value = tomllib.loads(f"value = {text}")
    except ValueError:
        value = {"value": text.strip()}
    table[key] = value["value"] if len(value) == 1 else text.strip()


def _faulty(label: str, faults: list[str]) -> ConfigError:
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return ConfigError("\n".join([f"{label}: {count}", *(f"  {fault}" for fault in faults)]), tuple(faults))
