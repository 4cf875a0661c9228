from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvisd.config import RemoteEngine
from jarvisd.routing.money import Price, limit_micros, micros, price_of, spoken, written


def engine(**prices) -> RemoteEngine:
    return RemoteEngine(kind="remote", url="https://a.example/v1", model="m", **prices)


def test_prices_are_the_numbers_that_were_written():
    price = price_of(engine(price_per_million_input=0.1, price_per_million_output=0.3, price_per_request=0.0000001))
    assert price == Price(Decimal("0.1"), Decimal("0.3"), 1)
    assert price.cost_micros(3, 0) == 2  # three tenths, rounded up, and the request
    assert price.cost_micros(10, 10) == 5


def test_no_price_is_not_free():
    assert price_of(engine()) is None
    free = price_of(engine(price_per_million_input=0.0, price_per_million_output=0.0))
    assert free is not None
    assert free.cost_micros(10**6, 10**6) == 0


def test_limits_are_rounded_down_and_prices_up():
    assert (limit_micros(0.0000019), micros(0.0000011)) == (1, 2)
    assert limit_micros(0.1) == 100_000


@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_request_never_costs_less_than_its_price(thousandths_in, thousandths_out, tokens_in, tokens_out):
    price = price_of(
        engine(price_per_million_input=thousandths_in / 1000, price_per_million_output=thousandths_out / 1000)
    )
    assert price is not None
    exact = Fraction(thousandths_in * tokens_in + thousandths_out * tokens_out, 1000)
    assert 0 <= price.cost_micros(tokens_in, tokens_out) - exact < 1


def test_written():
    assert written(1_234_567, "EUR") == "1.2346 EUR"
    assert written(0, "USD") == "0.0000 USD"


@pytest.mark.parametrize(
    ("amount", "currency", "language", "said"),
    [
        (0, "EUR", "en", "0 cents"),
        (300, "EUR", "es", "menos de un céntimo"),
        (10_000, "EUR", "es", "1 céntimo"),
        (1_010_000, "USD", "en", "1 dollar and 1 cent"),
        (2_000_000, "GBP", "en", "2 pounds"),
        (2_500_000, "USD", "es", "2 dólares y 50 centavos"),
        (1_234_567, "CHF", "en", "1.24 CHF"),
    ],
)
def test_spoken(amount, currency, language, said):
    assert spoken(amount, currency, language) == said
