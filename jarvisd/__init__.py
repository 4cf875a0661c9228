"""A voice assistant daemon. These names, `jarvisd.types` and `jarvisd.events` are what a plugin may import."""

from jarvisd.hooks.jarvis import Jarvis
from jarvisd.hooks.specs import hookimpl

__version__ = "0.1.0"

__all__ = ["Jarvis", "__version__", "hookimpl"]
