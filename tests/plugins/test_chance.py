import pytest
from jarvisd_plugins.chance import Plugin

from jarvisd.types import Transcript, Turn
from tests.fakes.plugins import dispatcher_of


async def answer(text, *numbers):
    rolled = iter(numbers)
    dispatcher = dispatcher_of(chance=Plugin(lambda most: next(rolled)))
    given = await dispatcher.first("handle_command", transcript=Transcript(text), turn=Turn("cli", None, 60))
    return given.value if given else None


@pytest.mark.parametrize(
    ("text", "numbers", "said"),
    [
        ("Flip a coin, please.", (1,), "Heads."),
        ("heads or tails?", (2,), "Tails."),
        ("Tira una moneda", (2,), "Cruz."),
        ("¿Cara o cruz?", (1,), "Cara."),
        ("roll a die", (4,), "It's a 4."),
        ("throw two dice", (4, 6), "4 and 6: 10."),
        ("lanza un dado", (3,), "Ha salido un 3."),
        ("Tira los dados, por favor", (1, 2), "1 y 2: 3."),
    ],
)
async def test_it_lets_chance_decide(text, numbers, said):
    assert await answer(text, *numbers) == said


@pytest.mark.parametrize("text", ["what is a coin worth", "how many dice do I need", "¿cuánto vale una moneda?", ""])
async def test_it_leaves_other_questions_alone(text):
    assert await answer(text, 1, 1) is None


async def test_without_a_given_number_it_is_one_of_a_die():
    numbers = {await Plugin().handle_command(Transcript("roll a die")) for _ in range(200)}
    assert numbers == {f"It's a {number}." for number in range(1, 7)}
