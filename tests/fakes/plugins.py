"""Plugins made of plain objects, without entry points and files."""

from collections.abc import Callable

import pluggy

from jarvisd.events import Event
from jarvisd.hooks import specs
from jarvisd.hooks.dispatch import Dispatcher
from jarvisd.hooks.load import LoadedPlugins, PluginInfo


def loaded(**plugins: object) -> LoadedPlugins:
    """Registers the objects under these names, in this order."""
    manager = pluggy.PluginManager(specs.PROJECT)
    manager.add_hookspecs(specs)
    for name, plugin in plugins.items():
        manager.register(plugin, name=name)
    return LoadedPlugins(manager, tuple(PluginInfo(name, "test") for name in plugins))


def dispatcher_of(
    *, timeout_s: float = 10, publish: Callable[[Event], None] = lambda event: None, **plugins: object
) -> Dispatcher:
    return Dispatcher(loaded(**plugins), timeout_s=timeout_s, publish=publish)
