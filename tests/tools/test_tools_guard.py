"""Only a person's own words make a house act."""

import pytest

from jarvisd.tools.guard import asks_to_act, why_not
from jarvisd.types import Tool


def tool(name, **more):
    return Tool(name, "", {"type": "object"}, lambda arguments, context: None, acts=True, **more)


GARAGE, LIGHT, LIST = tool("open_garage"), tool("set_light"), tool("add_to_list")


@pytest.mark.parametrize(
    ("what", "arguments", "said"),
    [
        (GARAGE, {}, "Open the garage."),
        (GARAGE, {}, "hey, can you open the garage door please"),
        (GARAGE, {}, "abre el garaje"),
        (GARAGE, {}, "Ábreme la puerta del garaje, por favor."),
        (GARAGE, {}, "podrías abrir el garaje"),
        (GARAGE, {}, "abrí el garaje"),
        (LIGHT, {"room": "kitchen", "on": True}, "turn the light in the kitchen on"),
        (LIGHT, {"room": "cocina", "on": True}, "enciéndeme la luz de la cocina"),
        (LIGHT, {"room": "cocina", "on": False}, "apaga la luz de la cocina"),
        (LIGHT, {"room": "cocina", "brightness": 50}, "pon la luz de la cocina al cincuenta por ciento"),
        (LIGHT, {"room": "salon", "brightness": 35}, "pon el salón al treinta y cinco"),
        (LIST, {"item": "milk", "quantity": 1}, "add milk to the shopping list"),
        (LIGHT, {"room": "bedroom", "brightness": 50}, "set the bedroom light at 50 percent"),
        (LIST, {"items": ["leche", "huevos"]}, "apunta leche y huevos en la lista"),
        (tool("todo__add_item"), {"text": "pan"}, "añade pan"),
        (tool("add_reminder"), {"text": "abrir el garaje"}, "añade un recordatorio para abrir el garaje mañana"),
        (tool("set_light"), {"room": "cocina", "on": False, "delay_minutes": 10}, "apaga la cocina dentro de diez minutos"),
        (tool("HassTurnOn"), {"name": "lámpara del salón"}, "enciende la lámpara del salón"),
        (tool("feed", words=("feed", "dale de comer")), {"animal": "gato"}, "dale por favor de comer al gato"),
        (tool("set_light", names=lambda name, value: ("luz de la cocina",)), {"id": "light.k1"}, "enciende la luz de la cocina"),
        (tool("set_timer", things=()), {"seconds": 600}, "pon un temporizador de diez minutos y enciende el timer"),
    ],
)  # fmt: skip
def test_what_the_person_asks_for_is_let_through(what, arguments, said):
    assert why_not(what, arguments, said) is None


@pytest.mark.parametrize(
    ("what", "arguments", "said"),
    [
        (GARAGE, {}, ""),
        (GARAGE, {}, "what is the weather like"),
        (GARAGE, {}, "is the garage open?"),
        (GARAGE, {}, "¿está abierto el garaje?"),
        (GARAGE, {}, "has the garage been opened today"),
        (GARAGE, {}, "don't open the garage"),
        (GARAGE, {}, "don't you dare open the garage"),
        (GARAGE, {}, "no abras el garaje"),
        (GARAGE, {}, "no abras el garaje, abre la ventana del garaje"),
        (GARAGE, {}, "traduce abre el garaje al inglés"),
        (GARAGE, {}, "tell me a story in which they open the garage"),
        (GARAGE, {}, "how do you say open the garage in Spanish"),
        (GARAGE, {}, "why did you open the garage"),
        (GARAGE, {}, "abre la puerta de la cocina"),
        (GARAGE, {}, "open the kitchen door"),
        (GARAGE, {}, "ponme un abrigo en la lista"),
        (GARAGE, {}, "en abril cambio la puerta del garaje"),
        (LIGHT, {"room": "bedroom", "on": True}, "turn on the light in the kitchen"),
        (LIGHT, {"room": "kitchen", "on": False}, "turn on the light in the kitchen"),
        (LIGHT, {"room": "cocina", "brightness": 30}, "enciende la luz de la cocina"),
        (LIGHT, {"where": {"rooms": ["cocina", "salon"]}, "on": True}, "enciende la luz de la cocina"),
        (LIGHT, {"room": "kitchen", "on": False}, "remind me to turn off the light in the kitchen"),
        (LIGHT, {"room": "kitchen", "on": False}, "turn off the light in the kitchen in ten minutes"),
        (LIGHT, {"room": "cocina", "on": False}, "apaga la luz de la cocina dentro de un rato"),
        (LIGHT, {"room": "cocina", "on": True}, "enciende la luz de la cocina a las ocho"),
        (GARAGE, {}, "recuérdame mañana que tengo que abrir el garaje"),
        (LIST, {"item": "rat poison"}, "add milk to the shopping list"),
        (tool("frobnicate"), {}, "please do what is right"),
        (tool("x1"), {}, "open everything"),
    ],
)
def test_what_the_person_does_not_ask_for_is_refused_with_a_reason(what, arguments, said):
    assert why_not(what, arguments, said)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("enciende la luz", True),
        ("turn the kitchen light on", True),
        ("cierra las persianas", True),
        ("haz un poema sobre la luz", False),
        ("qué hora es", False),
        ("is the light on", False),
        ("add milk to the list", False),
    ],
)
def test_whether_the_house_is_asked_to_act_at_all(said, asked):
    assert asks_to_act(said) is asked


def test_a_tool_that_acts_widens_what_is_an_action():
    assert asks_to_act("add milk to the list", (LIST,))
