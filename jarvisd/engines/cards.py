"""The cards of the house, made from its configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from jarvisd.config import GpuConfig
from jarvisd.engines.card import Card
from jarvisd.engines.lodging import HostFree
from jarvisd.engines.needs import LearnedNeeds
from jarvisd.engines.readings import Fresh
from jarvisd.engines.spec import EngineSpec

TotalBytes: TypeAlias = Callable[[str], int | None]
# A card that can be asked has answered by then, if it answers at all.
FIRST_READING_S = 3.0


def cards(
    gpus: Mapping[str, GpuConfig],
    specs: Iterable[EngineSpec],
    needs: LearnedNeeds,
    *,
    host_free: HostFree,
    total_bytes: TotalBytes | None = None,
    fresh: Fresh | None = None,
) -> list[Card]:
    """A card for each that is configured or has an engine. `total_bytes` says what one has, where it can be asked;
    `fresh` takes a reading now.
    """
    uuids = {spec.need.card for spec in specs if spec.need.card is not None and spec.argv is not None}

    def card(uuid: str) -> Card:
        gpu = gpus.get(uuid, GpuConfig())
        return Card(
            uuid,
            memory_bytes=_memory_bytes(uuid, gpu, total_bytes),
            host_free=host_free,
            needs=needs,
            min_residency_s=gpu.min_residency_s,
            first_reading_s=FIRST_READING_S if total_bytes is not None else 0.0,
            fresh=fresh,
        )

    return [card(uuid) for uuid in sorted(uuids | set(gpus))]


def _memory_bytes(uuid: str, gpu: GpuConfig, total_bytes: TotalBytes | None) -> Callable[[], int | None]:
    def memory_bytes() -> int | None:
        known = gpu.memory_bytes if gpu.memory_bytes is not None or total_bytes is None else total_bytes(uuid)
        return None if known is None else max(0, known - gpu.reserved_bytes)

    return memory_bytes
