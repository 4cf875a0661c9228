"""Exact numbers, written for a reader."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

SHOWN_DIGITS = 12
MAX_WHOLE_DIGITS = 60
_SHORTEST_FRACTION = 10_000


def written(number: Fraction) -> str:
    """In decimals; with the exact fraction beside it where decimals do not end and it is short."""
    if number.denominator == 1:
        digits = len(str(abs(number.numerator)))
        return str(number.numerator) if digits <= MAX_WHOLE_DIGITS else f"about {_decimal(number):.{SHOWN_DIGITS - 1}e}"
    decimal = _decimal(number)
    text = format(decimal.normalize(), "f") if Decimal("1e-9") < abs(decimal) < Decimal("1e15") else f"{decimal:e}"
    if Fraction(decimal) == number:
        return text
    exactly = f" (exactly {number})" if number.denominator < _SHORTEST_FRACTION else ""
    return f"about {text}{exactly}"


def _decimal(number: Fraction) -> Decimal:
    context = Context(prec=SHOWN_DIGITS)
    return context.divide(Decimal(number.numerator), Decimal(number.denominator))
