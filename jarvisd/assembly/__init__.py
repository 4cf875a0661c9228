"""Puts together what several rooms give. Only the composition root uses it."""

from jarvisd.assembly.engines import build_pool, build_transcriber
from jarvisd.assembly.memory import build_memory
from jarvisd.assembly.mind import Mind, build_mind
from jarvisd.assembly.mqtt import build_mqtt
from jarvisd.assembly.nights import build_calendar, build_warmup

__all__ = [
    "Mind",
    "build_calendar",
    "build_memory",
    "build_mind",
    "build_mqtt",
    "build_pool",
    "build_transcriber",
    "build_warmup",
]
