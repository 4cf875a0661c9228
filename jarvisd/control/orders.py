"""The control socket's orders about engines: what a request must say, and who follows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jarvisd.control.server import Order
from jarvisd.engines.orders import Orders

# A model of the largest size that such a house has loads within this.
WARM_WAIT_S = 600.0


def engine_orders(orders: Orders) -> dict[str, Order]:
    """By the request's type. Each replies with `text`: what is so now."""

    async def warm(data: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"text": await orders.warm(_name(data, "engine"), WARM_WAIT_S)}

    async def unload(data: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"text": await orders.unload(_name(data, "engine"))}

    async def pin(data: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"text": orders.pin(_name(data, "engine"), pinned=True)}

    async def unpin(data: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"text": orders.pin(_name(data, "engine"), pinned=False)}

    async def release(data: Mapping[str, Any]) -> Mapping[str, Any]:
        for_s = data.get("for_s")
        if not isinstance(for_s, int | float) or isinstance(for_s, bool):
            raise ValueError("`for_s` must be a number of seconds")
        return {"text": await orders.release(_card(data), float(for_s))}

    async def reclaim(data: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"text": await orders.reclaim(_card(data))}

    return {
        "warm": warm,
        "unload": unload,
        "pin": pin,
        "unpin": unpin,
        "gpu-release": release,
        "gpu-reclaim": reclaim,
    }


def _name(data: Mapping[str, Any], key: str) -> str:
    name = data.get(key)
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"`{key}` must be a name")
    return name.strip()


def _card(data: Mapping[str, Any]) -> str:
    return _name(data, "card") if data.get("card") else ""
