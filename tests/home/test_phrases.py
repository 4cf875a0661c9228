"""Wordings that Home Assistant may understand."""

import pytest

from jarvisd.home.house import Entity, House, house_of
from jarvisd.home.phrases import MAX_PHRASES, is_bare_name, phrases
from tests.fakes.houses import HOUSE


@pytest.mark.parametrize(
    ("language", "plain", "expected"),
    [
        ("es", "enciende la luz del salon", "enciende la luz del salón"),
        ("es", "apaga la maquina de cafe", "apaga la máquina de café"),
        ("es", "esta abierta la ventana", "está abierta la ventana"),
        ("es", "que temperatura hace en el salon", "qué temperatura hace en el salón"),
        ("es", "apaga la cafetera de la cocina", "apaga la cafetera"),
        ("es", "pon el ventilador", "enciende el ventilador"),
        ("es", "quita la cafetera", "apaga la cafetera"),
        ("es", "pon el termostato a 21 grados", "pon la temperatura a 21 grados"),
        ("es", "sube la calefaccion del salon a 22", "pon la temperatura del salón a 22 grados"),
        ("es", "esta encendida la luz del salon", "está la luz del salón encendida"),
        ("es", "hay luces encendidas", "hay alguna luz encendida"),
        ("es", "abre el garaje", "abre la puerta del garaje"),
        ("es", "baja la luz del salon al 20 percent", "baja la luz del salón al 20%"),
        ("en", "dim the kitchen light to 30 percent", "set the kitchen light to 30%"),
        ("en", "put on the desk lamp", "turn on the desk lamp"),
        ("en", "put the desk lamp on", "turn on the desk lamp"),
        ("en", "kill the lights", "turn off the lights"),
        ("en", "turn up the heating to 21", "set the temperature to 21 degrees"),
        ("en", "close the garage", "close the garage door"),
    ],
)
def test_other_words_for_the_same(language, plain, expected):
    assert expected in phrases("as it was said", language, [plain], HOUSE)


def test_the_only_thermostat_is_named():
    one = house_of([Entity("climate.a", ("Termostato",))], [])
    two = house_of([Entity("climate.a", ("Termostato",)), Entity("climate.b", ("Otro",))], [])
    assert "pon termostato a 22 grados" in phrases("x", "es", ["sube la calefaccion a 22"], one)
    assert "set termostato to 20 degrees" in phrases("x", "en", ["set the heating to 20"], one)
    assert not [said for said in phrases("x", "es", ["sube la calefaccion a 22"], two) if "termostato" in said]
    assert not [said for said in phrases("x", "es", ["sube la calefaccion del bano a 22"], one) if "termostato" in said]


def test_the_original_comes_first_and_nothing_twice():
    assert phrases("Apaga la luz del salón.", "es", ["apaga la luz del salon"], HOUSE) == (
        "Apaga la luz del salón.",
        "apaga la luz del salón",
    )
    assert phrases("turn on the fan", "en", ["turn on the fan"], House()) == ("turn on the fan",)


def test_the_room_is_added_where_no_area_is_named():
    assert phrases("apaga la luz", "es", ["apaga la luz"], HOUSE, room="Cocina")[1] == "apaga la luz en Cocina"
    assert phrases("lights off", "en", ["lights off"], HOUSE, room="kitchen")[1] == "lights off in kitchen"
    assert not [one for one in phrases("x", "es", ["apaga la luz del salon"], HOUSE, room="Cocina") if "Cocina" in one]


def test_there_are_never_many():
    normalised = [f"pon el ventilador {number}" for number in range(50)]
    assert len(phrases("x", "es", normalised, HOUSE, room="Cocina")) == MAX_PHRASES


@pytest.mark.parametrize("text", ["", "   ", "😀", "(((", "\\1 [a-z]+ a 21 grados", "a" * 500])
def test_any_text_is_taken(text):
    assert phrases(text, "es", [text], HOUSE, room="[salón]")[0] == text.strip()


@pytest.mark.parametrize(
    ("sentence", "bare"),
    [
        ("cine", True),
        ("Cine.", True),
        ("¿el ventilador?", True),
        ("the cine", True),
        ("activa cine", False),
        ("", False),
    ],
)
def test_a_bare_name_is_told_apart(sentence, bare):
    assert is_bare_name(sentence, HOUSE) is bare
