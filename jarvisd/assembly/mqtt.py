"""Builds the connection to the broker and what crosses it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeAlias

from jarvisd import __version__
from jarvisd.bus import Bus
from jarvisd.config import Config
from jarvisd.events import ListeningChanged
from jarvisd.mqtt.bridge import Bridge
from jarvisd.mqtt.link import Link
from jarvisd.mqtt.topics import STATUS, Topics
from jarvisd.secrets import read_secret
from jarvisd.types import Answer, EngineStatus

_LOGGER = logging.getLogger(__name__)

Ask: TypeAlias = Callable[..., Coroutine[Any, Any, Answer]]


def build_mqtt(
    live: Callable[[], Config],
    *,
    bus: Bus,
    ask: Ask,
    engines: Callable[[], Sequence[EngineStatus]],
    listening: Callable[[], ListeningChanged],
) -> tuple[Link, Bridge] | tuple[None, None]:
    """The connection to the broker and what crosses it; nothing where no broker is configured."""
    mqtt, node = live().mqtt, live().house.node
    if mqtt.host is None:
        _LOGGER.info("no broker is configured (mqtt.host): running without MQTT")
        return None, None
    names = Topics(mqtt.base_topic, node)
    link = Link(
        mqtt,
        client_id=f"jarvisd-{node}",
        status_topic=names.of(STATUS),
        password=read_secret(mqtt.password_credential),
        publish=bus.publish,
    )
    bridge = Bridge(
        link,
        names,
        version=__version__,
        ask=partial(ask, source="mqtt"),
        languages=lambda: live().house.languages,
        engines=engines,
        listening=listening,
    )
    return link, bridge
