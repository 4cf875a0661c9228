"""Does it know, or does it only talk?"""

import pytest

from jarvisd.llm.doubt import LONG_ENOUGH_CHARACTERS, first_sentence, is_unsure


@pytest.mark.parametrize(
    "text",
    [
        "I'm not sure, but it may be 300 metres.", "I don't know.", "As an AI, I cannot answer that.",
        "Sorry, I can’t help with that.", "It depends on what you mean.", "I don't have access to your calendar.",
        "No lo sé.", "No estoy segura de eso.", "Como modelo de lenguaje no tengo opiniones.",
        "Lo siento, pero no puedo ayudarte con eso.", "No tengo información suficiente.",
    ],
)  # fmt: skip
def test_hedges_are_heard_in_both_languages(text):
    assert is_unsure(text, (), -1.0)


@pytest.mark.parametrize(
    "text",
    [
        "The Eiffel tower is 330 metres high.", "Sure, I know this one: it is blue.", "La torre mide 330 metros.",
        "Se llama Rayleigh.", "No, los pingüinos no vuelan.", "Se puede, claro que sí.", "No se ve desde aquí.",
    ],
)  # fmt: skip
def test_plain_answers_are_none(text):
    assert not is_unsure(text, (), -1.0)
    assert not is_unsure(text, (-0.1, -0.3, -0.2, -0.4), -1.0)


def test_unlikely_words_are_unsure_when_there_are_enough_of_them():
    assert is_unsure("It is 412 metres high.", (-2.0, -1.5, -0.5, -3.0), -1.0)
    assert not is_unsure("Yes.", (-2.0, -1.5), -1.0)


def test_the_first_sentence():
    assert first_sentence("It is 3.5 metres") is None
    assert first_sentence("It is 3.5 metres. And") == "It is 3.5 metres."
    assert first_sentence("One line\nand another") == "One line\n"
    assert first_sentence("x" * LONG_ENOUGH_CHARACTERS) == "x" * LONG_ENOUGH_CHARACTERS
    assert first_sentence("") is None
