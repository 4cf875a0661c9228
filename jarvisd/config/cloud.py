"""The cloud's table: whether anything may leave the house, what it may cost, and how long is kept what left."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from jarvisd.config.section import Section, key

# Names that no public server has.
_INSIDE = (".lan", ".local", ".home.arpa", ".internal", ".localhost")
# What the daemon says itself in every request, or what would multiply the bill behind the ledger's back.
_OWN_BODY_KEYS = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "temperature", "max_tokens", "max_completion_tokens"),
        *("n", "best_of", "tools", "functions", "plugins", "web_search_options"),
    }
)


def _currency(code: str) -> str:
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        raise ValueError("must be three capital letters, such as EUR or USD")
    return code


def _extra_body(extra: dict[str, Any]) -> dict[str, Any]:
    if own := sorted(_OWN_BODY_KEYS & extra.keys()):
        raise ValueError(f"{', '.join(own)} is given by jarvisd itself or not allowed; leave it out")
    return extra


Currency: TypeAlias = Annotated[str, AfterValidator(_currency)]
ExtraBody: TypeAlias = Annotated[dict[str, Any], AfterValidator(_extra_body)]


class CloudConfig(Section):
    """Language models outside the house. Off until `allowed` says otherwise; then within these limits only."""

    allowed: bool = key(
        False,
        "Whether questions may leave the house at all. Even then only those that say nothing about the household do, "
        "and only while they can be paid for.",
        live=True,
    )
    currency: Currency = key("EUR", "The currency of the limits below and of the engines' prices.")
    day_limit: float = key(0.5, "So much money may be spent in a day.", live=True, ge=0, le=1e6)
    month_limit: float = key(5.0, "So much money may be spent in a calendar month.", live=True, ge=0, le=1e6)
    keep_text_days: int = key(
        30,
        "The words that left are kept so long for `jarvisd privacy report`; that they left, when, why and for how "
        "much is kept for over a year.",
        live=True,
        ge=0,
        le=400,
    )

    @model_validator(mode="after")
    def _day_fits_into_month(self) -> CloudConfig:
        if self.day_limit > self.month_limit:
            raise ValueError(f"day_limit: must not be more than cloud.month_limit, which is {self.month_limit:g}")
        return self


def is_outside(url: str) -> bool:
    """Whether an address leads out of the house, as far as it tells: anything not surely inside is outside."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A name without dots is a machine of one's own; a bare number is an address in disguise.
        return not (host.endswith(_INSIDE) or ("." not in host and host[:1].isalpha()))
    return not (address.is_loopback or address.is_link_local or _is_private(address))


def _is_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address in network for network in _PRIVATE if network.version == address.version)


def _networks(texts: Iterable[str]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_PRIVATE = _networks(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
