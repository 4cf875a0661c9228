"""Money as whole millionths of a currency unit, prices, and how an amount is written and said. All pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from jarvisd.config import RemoteEngine
from jarvisd.types import Language

MICROS = 1_000_000

_UNITS: dict[Language, dict[str, tuple[str, str]]] = {
    "en": {"EUR": ("euro", "euros"), "USD": ("dollar", "dollars"), "GBP": ("pound", "pounds")},
    "es": {"EUR": ("euro", "euros"), "USD": ("dólar", "dólares"), "GBP": ("libra", "libras")},
}
_CENTS: dict[Language, dict[str, tuple[str, str]]] = {
    "en": {"EUR": ("cent", "cents"), "USD": ("cent", "cents"), "GBP": ("penny", "pence")},
    "es": {"EUR": ("céntimo", "céntimos"), "USD": ("centavo", "centavos"), "GBP": ("penique", "peniques")},
}


@dataclass(frozen=True, slots=True)
class Price:
    """What an engine asks: for a million tokens in, for a million out, and for each request."""

    per_million_input: Decimal
    per_million_output: Decimal
    per_request_micros: int

    def cost_micros(self, prompt_tokens: int, completion_tokens: int) -> int:
        """Rounded up: a price for a million tokens is one in millionths for a token."""
        tokens = prompt_tokens * self.per_million_input + completion_tokens * self.per_million_output
        return int(tokens.to_integral_value(ROUND_CEILING)) + self.per_request_micros


def price_of(engine: RemoteEngine) -> Price | None:
    """None where the configuration does not say it."""
    if engine.price_per_million_input is None or engine.price_per_million_output is None:
        return None
    return Price(
        exact(engine.price_per_million_input), exact(engine.price_per_million_output), micros(engine.price_per_request)
    )


def exact(amount: float) -> Decimal:
    """The number that a person wrote: 0.1 is a tenth."""
    return Decimal(repr(amount))


def micros(amount: float) -> int:
    """A price in millionths, rounded up."""
    return int((exact(amount) * MICROS).to_integral_value(ROUND_CEILING))


def limit_micros(amount: float) -> int:
    """A limit in millionths, rounded down."""
    return int((exact(amount) * MICROS).to_integral_value(ROUND_FLOOR))


def written(amount_micros: int, currency: str) -> str:
    """An amount for the eye: "0.0123 EUR". Four places, because a question costs less than a cent."""
    return f"{Decimal(amount_micros) / MICROS:.4f} {currency}"


def spoken(amount_micros: int, currency: str, language: Language) -> str:
    """An amount for the ear, in whole cents: "one cent" is said where there is less."""
    cents = (amount_micros + MICROS // 100 - 1) // (MICROS // 100)
    unit, units = _UNITS[language].get(currency, (currency, currency))
    cent, many_cents = _CENTS[language].get(currency, ("", ""))
    if not cent:
        return f"{cents // 100}.{cents % 100:02} {currency}"
    if 0 < amount_micros < MICROS // 100:
        return f"less than a {cent}" if language == "en" else f"menos de un {cent}"
    whole, rest = divmod(cents, 100)
    said = [f"{whole} {unit if whole == 1 else units}"] if whole else []
    said += [f"{rest} {cent if rest == 1 else many_cents}"] if rest or not whole else []
    return (" and " if language == "en" else " y ").join(said)
