"""Models that come inside a Python package, found without importing it: `package:NAME`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from jarvisd.errors import ModelError

PREFIX = "package:"


def packaged_model(place: str) -> Path:
    """The only .gguf file, or the only folder with a config.json, of `package:NAME`. Raises ModelError."""
    name = place.removeprefix(PREFIX)
    try:
        found = importlib.util.find_spec(name) if name.isidentifier() else None
    except (ImportError, ValueError):
        found = None
    folders = [Path(folder) for folder in (found and found.submodule_search_locations) or ()]
    models = sorted(file for folder in folders for file in folder.glob("*.gguf"))
    models = models or sorted(
        file.parent for folder in folders for file in (*folder.glob("config.json"), *folder.glob("*/config.json"))
    )
    if len(models) != 1:
        what = f"has {len(models)} models in it and not one" if found else "is not installed"
        raise ModelError(f"{PREFIX}{name}: the package {what}")
    return models[0]
