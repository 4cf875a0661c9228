"""What wants a yes, and how often a yes counts."""

import pytest

from jarvisd.home.danger import CONFIRM_WITHIN_S, MAX_OPEN_QUESTIONS, Confirmations, is_dangerous, is_harmless


@pytest.mark.parametrize(
    ("entity_id", "name", "device_class", "dangerous"),
    [
        ("lock.front", "Front", "", True),
        ("alarm_control_panel.casa", "Casa", "", True),
        ("valve.water", "Water", "", True),
        ("cover.left", "Left", "garage", True),
        ("cover.left", "Left", "gate", True),
        ("cover.left", "Left", "blind", False),
        ("cover.garaje", "Izquierda", "", True),
        ("cover.x", "Portón", "", True),
        ("switch.puerta_garaje", "Relé 4", "", True),
        ("button.x", "Open the gate", "", True),
        ("script.abrir_porton", "Abrir", "", True),
        ("switch.heater", "Garage heater", "", False),
        ("light.garage_door", "Garage door light", "", False),
        ("light.x", "Luz de la puerta", "", False),
        ("switch.outdoor_plug", "Outdoor plug", "", False),
        ("climate.x", "Door heater", "", False),
    ],
)
def test_dangerous_things_are_known(entity_id, name, device_class, dangerous):
    assert is_dangerous(entity_id, name, device_class) is dangerous


def test_the_house_may_name_more():
    assert is_dangerous("light.uv", "UV", "", ("light.uv",))


def test_locking_needs_no_yes():
    assert is_harmless("lock", "on")
    assert not is_harmless("lock", "off")
    assert not is_harmless("cover", "off")


def test_a_yes_counts_once():
    questions = Confirmations()
    token = questions.ask("open")
    assert questions.redeem("another") is None
    assert questions.redeem(token) == "open"
    assert questions.redeem(token) is None


def test_a_late_yes_counts_for_nothing():
    now = [0.0]
    questions = Confirmations(lambda: now[0])
    token = questions.ask("open")
    now[0] = CONFIRM_WITHIN_S + 1
    assert questions.redeem(token) is None


def test_questions_do_not_pile_up():
    questions = Confirmations()
    tokens = [questions.ask(number) for number in range(MAX_OPEN_QUESTIONS + 5)]
    assert [questions.redeem(token) for token in tokens[:5]] == [None] * 5
    assert questions.redeem(tokens[-1]) == MAX_OPEN_QUESTIONS + 4
