"""Exact arithmetic, within limits that no expression gets around."""

from fractions import Fraction

import pytest
from jarvisd_plugins.calculator import Plugin
from jarvisd_plugins.calculator.expression import work_out
from jarvisd_plugins.calculator.numbers import written
from jarvisd_plugins.calculator.units import UNIT_NAMES, convert

from jarvisd.hooks.load import load_plugins
from tests.fakes.tools import call, context, toolbox_of


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("2+2", "4"),
        ("0.1+0.2", "0.3"),
        ("123456789*987654321", "121932631112635269"),
        ("1/3", "about 0.333333333333 (exactly 1/3)"),
        ("(3+4)*2.5", "17.5"),
        ("2^10", "1024"),
        ("2**-3", "0.125"),
        ("15% of 80", "12"),
        ("15 % de 80", "12"),
        ("200 + 10%", "200.1"),
        ("17 mod 5", "2"),
        ("-7 // 2", "-4"),
        ("4×5÷2", "10"),
        ("√16", "4"),
        ("sqrt(2)", "about 1.41421356237"),
        ("5!", "120"),
        ("round(2.5)", "3"),
        ("round(-2.345, 2)", "-2.35"),
        ("max(3, 5, 4)", "5"),
        ("mean(1, 2, 4)", "about 2.33333333333 (exactly 7/3)"),
        ("2*pi", "about 6.28318530718"),
        ("12*4 =", "48"),
    ],
)
def test_results(expression, result):
    assert written(work_out(expression)) == result


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "no arithmetic expression"),
        ("two plus two", "no arithmetic expression"),
        ("9**9**9", "too large"),
        ("9**9**9**9**9**9", "too large"),
        ("(1.0000001)^999999999", "too large"),
        ("10**1000*10**1000", "too large"),
        ("(((2^4000)^2)^2)^2", "too large"),
        ("2^(2^(2^(2^(2^9))))", "too large"),
        ("factorial(99999999)", "from 0 to 170"),
        ("1/0", "Division by zero"),
        ("0^-1", "Division by zero"),
        ("1 mod 0", "Division by zero"),
        ("sqrt(-1)", "no square root"),
        ("(-8)^(1/3)", "no result among the real numbers"),
        ("ln(0)", "no result"),
        ("1e999", "too large"),
        ("1,000+1", "without marks for thousands"),
        ("(" * 150, "no arithmetic expression"),
        ("1+" * 150, "longer than 200 characters"),
        ("-" * 199 + "1", None),
        ("__import__('os').system('id')", "not understood"),
        ("().__class__.__mro__", "not understood"),
        ("'a'*10**9", "not understood"),
        ("[0]*10**9", "not understood"),
        ("f'{9**9**9}'", "not understood"),
        ("True+1", "not understood"),
        ("1j", "not understood"),
        ("max(*[1])", "not understood"),
        ("round(1, ndigits=2)", "not understood"),
        ("sqrt(1, 2)", "sqrt takes 1 numbers"),
        ("1 if 1 else 2", "not understood"),
        ("3 @ 3", "not understood"),
        ("1 << 99999999", "not understood"),
        ("\0", "no arithmetic expression"),
    ],
)
def test_what_has_no_result_is_told_and_nothing_blows_up(expression, said):
    if said is None:
        assert abs(work_out(expression)) == 1
        return
    with pytest.raises(ValueError, match=said):
        work_out(expression)


@pytest.mark.parametrize(
    ("value", "unit", "other", "result"),
    [
        (1, "mile", "km", "1.609344 km"),
        (5, "Millas", "kilómetros", "8.04672 km"),
        (212, "°F", "celsius", "100 °C"),
        (-40, "c", "fahrenheit", "-40 °F"),
        (0, "C", "K", "273.15 K"),
        (36, "km/h", "m/s", "10 m/s"),
        (2, "fluid ounces", "ml", "59.147059125 ml"),
        (90, "minutos", "horas", "1.5 h"),
        (0.1, "kg", "g", "100 g"),
        (1e-7, "m", "mm", "0.0001 mm"),
    ],
)
def test_conversions(value, unit, other, result):
    converted, symbol = convert(value, unit, other)
    assert f"{written(converted)} {symbol}" == result


@pytest.mark.parametrize(
    ("unit", "other", "said"),
    [("kg", "km", "A mass cannot be converted into a length"), ("parsec", "km", "is not known. Known are: m, mm"), ("c", "m", "A temperature cannot")],
)  # fmt: skip
def test_conversions_that_cannot_be(unit, other, said):
    with pytest.raises(ValueError, match=said):
        convert(1, unit, other)


def test_every_unit_that_is_offered_is_known_and_leads_back():
    for unit in UNIT_NAMES:
        assert convert(7, unit, unit)[0] == Fraction(7)


def test_it_comes_with_jarvisd():
    assert next(info.hooks for info in load_plugins().infos if info.name == "calculator") == ("register_tools",)


async def test_it_is_offered_and_called_as_any_tool():
    async with toolbox_of(*await Plugin().register_tools()) as toolbox:
        assert toolbox.faults() == {}
        right = await toolbox.call(call("calculate", '{"expression": "15% of 80"}'), context("x"), private=True)
        wrong = await toolbox.call(call("calculate", '{"expression": "9**9**9"}'), context("x"), private=True)
        litres = await toolbox.call(
            call("convert_units", '{"value": 1, "from_unit": "gal", "to_unit": "l"}'), context("x"), private=True
        )
    assert (right.result.text, right.result.failed) == ("12", False)
    assert (wrong.result.text, wrong.result.failed) == ("The result is too large to be told.", True)
    assert litres.result.text == "3.785411784 l"
