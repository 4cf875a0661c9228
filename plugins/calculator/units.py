"""Units of measurement, exact where they are defined so, by their English and Spanish names."""

from __future__ import annotations

import unicodedata
from fractions import Fraction

# Of each kind: how many of the first unit one is, as a decimal or a fraction, and its names; the first is the symbol.
_KINDS: dict[str, dict[str, str]] = {
    "length": {
        "m metre metres meter meters metro metros": "1",
        "mm millimetre millimetres millimeter millimeters milimetro milimetros": "0.001",
        "cm centimetre centimetres centimeter centimeters centimetro centimetros": "0.01",
        "km kilometre kilometres kilometer kilometers kilometro kilometros": "1000",
        "in inch inches pulgada pulgadas": "0.0254",
        "ft foot feet pie pies": "0.3048",
        "yd yard yards yarda yardas": "0.9144",
        "mi mile miles milla millas": "1609.344",
        "nmi nautical_mile nautical_miles milla_nautica millas_nauticas": "1852",
    },
    "mass": {
        "kg kilo kilos kilogram kilograms kilogramo kilogramos": "1",
        "g gram grams gramo gramos": "0.001",
        "mg milligram milligrams miligramo miligramos": "0.000001",
        "t tonne tonnes tonelada toneladas": "1000",
        "oz ounce ounces onza onzas": "0.028349523125",
        "lb pound pounds libra libras": "0.45359237",
        "st stone stones": "6.35029318",
    },
    "volume": {
        "l litre litres liter liters litro litros": "1",
        "ml millilitre millilitres milliliter milliliters mililitro mililitros": "0.001",
        "cl centilitre centilitres centiliter centiliters centilitro centilitros": "0.01",
        "m3 cubic_metre cubic_metres cubic_meter cubic_meters metro_cubico metros_cubicos": "1000",
        "tsp teaspoon teaspoons cucharadita cucharaditas": "0.00492892159375",
        "tbsp tablespoon tablespoons cucharada cucharadas": "0.01478676478125",
        "floz fluid_ounce fluid_ounces onza_liquida onzas_liquidas": "0.0295735295625",
        "cup cups taza tazas": "0.2365882365",
        "pt pint pints pinta pintas": "0.473176473",
        "gal gallon gallons galon galones": "3.785411784",
    },
    "area": {
        "m2 square_metre square_metres square_meter square_meters metro_cuadrado metros_cuadrados": "1",
        "km2 square_kilometre square_kilometres square_kilometer kilometro_cuadrado kilometros_cuadrados": "1000000",
        "ha hectare hectares hectarea hectareas": "10000",
        "ft2 square_foot square_feet pie_cuadrado pies_cuadrados": "0.09290304",
        "ac acre acres": "4046.8564224",
    },
    "time": {
        "s second seconds segundo segundos": "1",
        "min minute minutes minuto minutos": "60",
        "h hour hours hora horas": "3600",
        "d day days dia dias": "86400",
        "week weeks semana semanas": "604800",
    },
    "speed": {
        "m/s metres_per_second meters_per_second metros_por_segundo": "1",
        "km/h kmh kph kilometres_per_hour kilometers_per_hour kilometros_por_hora": "5/18",
        "mph miles_per_hour millas_por_hora": "0.44704",
        "kn knot knots nudo nudos": "463/900",
    },
    "energy": {
        "j joule joules julio julios": "1",
        "kj kilojoule kilojoules kilojulio kilojulios": "1000",
        "kwh kilowatt_hour kilowatt_hours kilovatio_hora kilovatios_hora": "3600000",
        "kcal kilocalorie kilocalories kilocaloria kilocalorias calorie calories caloria calorias": "4184",
    },
    "data": {
        "b byte bytes": "1",
        "kb kilobyte kilobytes": "1000",
        "mb megabyte megabytes": "1000000",
        "gb gigabyte gigabytes": "1000000000",
        "tb terabyte terabytes": "1000000000000",
        "gib gibibyte gibibytes": "1073741824",
    },
}
# Degrees do not begin at the same zero: kelvin = (degrees + offset) × factor.
_TEMPERATURES = {
    "°C c celsius centigrade centigrado centigrados grados degrees": ("273.15", "1"),
    "°F f fahrenheit": ("459.67", "5/9"),
    "K k kelvin kelvins": ("0", "1"),
}
_UNITS = {
    name: (kind, names.split()[0], Fraction(factor))
    for kind, units in _KINDS.items()
    for names, factor in units.items()
    for name in names.split()
}
_DEGREES = {
    name: (names.split()[0], Fraction(offset), Fraction(factor))
    for names, (offset, factor) in _TEMPERATURES.items()
    for name in names.split()[1:]
}
UNIT_NAMES = (
    *(names.split()[0] for units in _KINDS.values() for names in units),
    *(n.split()[1] for n in _TEMPERATURES),
)


def convert(value: float, from_unit: str, to_unit: str) -> tuple[Fraction, str]:
    """The value in the other unit, and that unit's symbol. Raises ValueError with a sentence for who asked."""
    exact = Fraction(repr(value))
    source, target = _name(from_unit), _name(to_unit)
    if source in _DEGREES and target in _DEGREES:
        _, offset, factor = _DEGREES[source]
        symbol, other_offset, other_factor = _DEGREES[target]
        return (exact + offset) * factor / other_factor - other_offset, symbol
    for name, given in ((source, from_unit), (target, to_unit)):
        if name not in _UNITS and name not in _DEGREES:
            raise ValueError(f"The unit {given[:40]!r} is not known. Known are: {', '.join(UNIT_NAMES)}.")
    kind, _, factor = _UNITS.get(source, ("temperature", "", Fraction(1)))
    other_kind, symbol, other_factor = _UNITS.get(target, ("temperature", "", Fraction(1)))
    if kind != other_kind:
        raise ValueError(f"A {kind} cannot be converted into a {other_kind}.")
    return exact * factor / other_factor, symbol


def _name(unit: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unit.strip().casefold())
    letters = "".join(one for one in decomposed if not unicodedata.combining(one) and one not in "°º.")
    return "_".join(letters.split())
