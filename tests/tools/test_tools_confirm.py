"""A yes counts only as an answer, from the same place, in time, and with the PIN where there is one."""

import pytest

from jarvisd.config import ToolsConfig
from jarvisd.errors import ConfigError
from jarvisd.tools.confirm import LOCKED_S, Confirmations, Reply, read_pin, understand
from jarvisd.types import Tool, Turn

GARAGE = Tool("open_garage", "", {"type": "object"}, lambda arguments, context: None)
KITCHEN = Turn("microphone", "es", 60, room="kitchen")


class Clock:
    now_s = 1000.0

    def __call__(self):
        return self.now_s


def waiting(pin=None, turn=KITCHEN):
    clock = Clock()
    confirmations = Confirmations(within_s=30, pin=pin, clock=clock)
    confirmations.put(turn, GARAGE, {"door": 1})
    return confirmations, clock


@pytest.mark.parametrize(
    "said",
    [
        "sí",
        "Sí, confirmo.",
        "sí, hazlo por favor",
        "vale",
        "claro que sí",
        "yes",
        "Yes, do it!",
        "yes please",
        "go ahead",
        "adelante",
    ],
)
def test_ways_to_say_yes(said):
    assert understand(said) is Reply.YES


@pytest.mark.parametrize(
    "said", ["no", "no lo hagas", "No, gracias.", "cancela", "mejor no", "never mind", "no, déjalo", "stop"]
)
def test_ways_to_say_no(said):
    assert understand(said) is Reply.NO


@pytest.mark.parametrize(
    "said",
    [
        "uno dos tres cuatro",
        "1234",
        "1 2 3 4",
        "el PIN es 12 34",
        "sí, confirmo, uno dos tres cuatro",
        "the pin is one two three four",
    ],
)
def test_ways_to_say_a_pin(said):
    assert understand(said) is Reply.PIN


@pytest.mark.parametrize(
    "said", ["", "¿qué hora es?", "yes and what is the time", "abre el garaje", "sí pero enciende la luz", "I said yes yesterday", "no enciendas la luz", "pon un temporizador de 5 minutos", "¡🙂!"]
)  # fmt: skip
def test_anything_else_is_something_else(said):
    assert understand(said) is Reply.OTHER


def test_a_yes_hands_over_what_was_checked_and_does_so_once():
    confirmations, _ = waiting()
    assert confirmations.waits(KITCHEN)
    code, pending = confirmations.reply(KITCHEN, "sí, confirmo")
    assert (code, pending.tool, pending.arguments) == ("confirmed", GARAGE, {"door": 1})
    assert confirmations.reply(KITCHEN, "sí, confirmo") is None


def test_a_no_and_another_question_end_it():
    confirmations, _ = waiting()
    assert confirmations.reply(KITCHEN, "no") == ("declined", None)
    confirmations.put(KITCHEN, GARAGE, {})
    assert confirmations.reply(KITCHEN, "¿qué hora es?") is None
    assert confirmations.reply(KITCHEN, "sí") is None


@pytest.mark.parametrize(
    "other", [Turn("microphone", "es", 60, room="bedroom"), Turn("mqtt", "es", 60, room="kitchen"), Turn("plugin", "es", 60, room="kitchen")]
)  # fmt: skip
def test_a_yes_from_elsewhere_confirms_nothing_and_ends_nothing(other):
    confirmations, _ = waiting()
    assert confirmations.reply(other, "sí") is None
    assert confirmations.reply(KITCHEN, "sí")[0] == "confirmed"


def test_too_late_is_told_for_a_while():
    confirmations, clock = waiting()
    clock.now_s += 31
    assert not confirmations.waits(KITCHEN)
    assert confirmations.reply(KITCHEN, "sí") == ("too_late", None)
    confirmations.put(KITCHEN, GARAGE, {})
    clock.now_s += 1000
    assert confirmations.reply(KITCHEN, "sí") is None


def test_with_a_pin_a_yes_is_not_enough():
    confirmations, _ = waiting(pin="1234")
    assert confirmations.reply(KITCHEN, "sí, confirmo") == ("say_pin", None)
    assert confirmations.reply(KITCHEN, "uno dos tres cuatro")[0] == "confirmed"


def test_three_wrong_pins_lock_every_room_for_a_while():
    confirmations, clock = waiting(pin="1234")
    assert [confirmations.reply(KITCHEN, said)[0] for said in ("1111", "2222", "3333")] == [
        "wrong_pin",
        "wrong_pin",
        "locked",
    ]
    elsewhere = Turn("cli", "es", 60)
    confirmations.put(elsewhere, GARAGE, {})
    assert confirmations.reply(elsewhere, "1234") == ("locked", None)
    clock.now_s += LOCKED_S + 1
    confirmations.put(elsewhere, GARAGE, {})
    assert confirmations.reply(elsewhere, "1234")[0] == "confirmed"


def test_without_a_pin_digits_confirm_nothing():
    confirmations, _ = waiting()
    assert confirmations.reply(KITCHEN, "uno dos tres cuatro") is None


def test_a_pin_is_read_or_the_house_does_not_start():
    assert read_pin(ToolsConfig(), {}.get) is None
    assert read_pin(ToolsConfig(pin_credential="house-pin"), {"house-pin": "0042"}.get) == "0042"
    for secret, said in (
        (None, "is not set"),
        ("987", "no PIN of 4 to 12 digits"),
        ("12a4", "no PIN"),
        ("١٢٣٤", "no PIN"),
    ):
        with pytest.raises(ConfigError, match=said) as failed:
            read_pin(ToolsConfig(pin_credential="house-pin"), lambda name, secret=secret: secret)
        assert secret is None or secret not in failed.value.message
