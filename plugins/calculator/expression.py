"""Works out an arithmetic expression: exact, and within limits that no expression can get around.

Python parses it and nothing of it is run: each node that is not arithmetic is refused, numbers are fractions, and a
power is refused before it is worked out when its result would be too large.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from fractions import Fraction

MAX_CHARACTERS = 200
MAX_BITS = 4_096
MAX_FACTORIAL = 170
# 17 significant digits, as a machine's own numbers have.
_PRECISION = 10**17

_BINARY: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction | int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_WORDS = (
    (re.compile(r"(\d)\s*%\s*(?:of|de)\s+", re.IGNORECASE), r"\1/100*"),
    (re.compile(r"(\d)\s*%(?!\s*[\w(])"), r"\1/100"),
    (re.compile(r"\bmod\b", re.IGNORECASE), "%"),
    (re.compile(r"[×·]"), "*"),
    (re.compile(r"[÷:]"), "/"),
    (re.compile(r"[−–]"), "-"),
    (re.compile(r"\^"), "**"),
    (re.compile(r"√\s*(\d+(?:\.\d+)?)"), r"sqrt(\1)"),
    (re.compile(r"√"), "sqrt"),
    (re.compile(r"(\d+)!"), r"factorial(\1)"),
)


def work_out(expression: str) -> Fraction:
    """The value. Raises ValueError with a sentence for who wrote it."""
    if len(expression) > MAX_CHARACTERS:
        raise ValueError(f"The expression is longer than {MAX_CHARACTERS} characters.")
    text = expression.strip().rstrip("= ")
    for pattern, written in _WORDS:
        text = pattern.sub(written, text)
    if re.search(r"\d,\d{3}\b", text) and "(" not in text:
        raise ValueError("Write numbers without marks for thousands, and with a point as the decimal mark.")
    try:
        tree = ast.parse(text, mode="eval")
        return _value(tree.body)
    except ZeroDivisionError:
        raise ValueError("Division by zero has no result.") from None
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("That is no arithmetic expression; write it such as (3+4)*2.5.") from None


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(_literal(number))
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner)
        case ast.BinOp(op=ast.Pow(), left=left, right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _BINARY:
            return _bounded(Fraction(_BINARY[type(op)](_value(left), _value(right))))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _call(name, [_value(argument) for argument in arguments])
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
    raise ValueError(f"That is not understood: {ast.unparse(node)[:40]}. Only numbers, + - * / ^ % and {_NAMES}.")


def _literal(number: float) -> Fraction:
    """0.1 is a tenth, not the machine's nearest number to it."""
    if isinstance(number, int):
        return Fraction(number)
    if not math.isfinite(number):
        raise ValueError("That number is too large.")
    return Fraction(repr(number))


def _bounded(number: Fraction) -> Fraction:
    if number.numerator.bit_length() > MAX_BITS or number.denominator.bit_length() > MAX_BITS:
        raise ValueError("The result is too large to be told.")
    return number


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        return _machine(lambda: float(base) ** float(exponent))
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits * abs(exponent.numerator) > MAX_BITS * (1 if abs(base) != 1 else MAX_BITS):
        raise ValueError("The result is too large to be told.")
    return Fraction(base**exponent.numerator)


def _call(name: str, arguments: list[Fraction]) -> Fraction:
    function, fewest, most = _FUNCTIONS[name]
    if not fewest <= len(arguments) <= most:
        raise ValueError(f"{name} takes {fewest if fewest == most else f'{fewest} or more'} numbers.")
    return _bounded(function(*arguments))


def _machine(work: Callable[[], float | complex]) -> Fraction:
    """What has no exact result, as precise as the machine's own numbers."""
    try:
        result = work()
    except (OverflowError, ValueError):
        raise ValueError("That has no result among the real numbers, or one that is too large.") from None
    if isinstance(result, complex) or not math.isfinite(result):
        raise ValueError("That has no result among the real numbers.")
    return Fraction(repr(result))


def _sqrt(number: Fraction) -> Fraction:
    if number < 0:
        raise ValueError("A negative number has no square root among the real numbers.")
    above, below = math.isqrt(number.numerator), math.isqrt(number.denominator)
    if above * above == number.numerator and below * below == number.denominator:
        return Fraction(above, below)
    return Fraction(math.isqrt(number.numerator * _PRECISION**2 // number.denominator), _PRECISION)


def _factorial(number: Fraction) -> Fraction:
    if number.denominator != 1 or not 0 <= number <= MAX_FACTORIAL:
        raise ValueError(f"factorial takes a whole number from 0 to {MAX_FACTORIAL}.")
    return Fraction(math.factorial(number.numerator))


def _round(number: Fraction, places: Fraction = Fraction(0)) -> Fraction:
    """Half up, as people do it."""
    if places.denominator != 1 or not -50 <= places <= 50:
        raise ValueError("round takes from -50 to 50 places.")
    scale = Fraction(10) ** places.numerator
    return Fraction(math.floor(abs(number) * scale + Fraction(1, 2))) / scale * (-1 if number < 0 else 1)


def _mean(*numbers: Fraction) -> Fraction:
    return sum(numbers, Fraction(0)) / len(numbers)


_FUNCTIONS: dict[str, tuple[Callable[..., Fraction], int, int]] = {
    "sqrt": (_sqrt, 1, 1),
    "abs": (abs, 1, 1),
    "round": (_round, 1, 2),
    "floor": (lambda number: Fraction(math.floor(number)), 1, 1),
    "ceil": (lambda number: Fraction(math.ceil(number)), 1, 1),
    "min": (min, 1, 50),
    "max": (max, 1, 50),
    "sum": (lambda *numbers: sum(numbers, Fraction(0)), 1, 50),
    "mean": (_mean, 1, 50),
    "factorial": (_factorial, 1, 1),
    "gcd": (lambda one, other: Fraction(math.gcd(int(one), int(other))), 2, 2),
    "ln": (lambda number: _machine(lambda: math.log(number)), 1, 1),
    "log": (lambda number: _machine(lambda: math.log10(number)), 1, 1),
    "sin": (lambda number: _machine(lambda: math.sin(number)), 1, 1),
    "cos": (lambda number: _machine(lambda: math.cos(number)), 1, 1),
    "tan": (lambda number: _machine(lambda: math.tan(number)), 1, 1),
}
_CONSTANTS = {"pi": Fraction("3.14159265358979323846"), "e": Fraction("2.71828182845904523536")}
_NAMES = ", ".join((*_FUNCTIONS, *_CONSTANTS))
