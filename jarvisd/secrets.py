"""Secrets: passwords and keys, never in the configuration and never in a log line.

A secret has a name such as `mqtt-password`. It is looked for in systemd's credentials, then in a file, then in
an environment variable; the first place that has it wins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from jarvisd.errors import ConfigError

MAX_SECRET_BYTES = 64 * 1024
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_LOOKS_SECRET = re.compile(
    r"(?:^|[_-])(?:password|passwd|passphrase|secret|token|(?:api|access|private|secret)[_-]?key)$", re.IGNORECASE
)


def looks_secret(key: str) -> bool:
    """Whether a configuration key or a variable of this name would hold a secret itself, such as `api_key`."""
    return _LOOKS_SECRET.search(key) is not None


def places(name: str) -> str:
    """Where the secret `name` can be put, in words for a person."""
    variable = _variable(name)
    return (
        f"as a systemd credential (LoadCredential={name}:FILE), in a file named by ${variable}_FILE, or in ${variable}"
    )


def read_secret(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Returns the secret `name` without its trailing newline, or None where nobody has set it.

    Raises ConfigError, which names the place and never the value, when a place was given and cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError("the name of a secret is made of small letters, digits, - and _, and begins with a letter")
    variable = _variable(name)
    if folder := environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(folder, name)
        if _present(credential):
            return _read(credential, f"the systemd credential {name}")
    if file := environ.get(f"{variable}_FILE"):
        return _read(Path(file).expanduser(), f"${variable}_FILE")
    return _checked(text, f"${variable}") if (text := environ.get(variable)) else None


def _variable(name: str) -> str:
    return "JARVISD_" + name.upper().replace("-", "_")


def _present(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # it is there, and reading it will say what is wrong
    return True


def _read(path: Path, place: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{place}: cannot read {path}: {error.strerror}") from error
    if len(content) > MAX_SECRET_BYTES:
        raise ConfigError(f"{place}: {path} is larger than {MAX_SECRET_BYTES} bytes; that is no secret")
    try:
        return _checked(content.decode(), f"{place} ({path})")
    except UnicodeDecodeError:
        # Without the cause: its text would show bytes of the secret.
        raise ConfigError(f"{place}: {path} is not UTF-8 text") from None


def _checked(text: str, place: str) -> str:
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise ConfigError(f"{place}: is empty; write the secret there, or take the setting away")
    return secret
