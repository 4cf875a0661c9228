"""Whether a question asks for what was said in this house."""

import pytest

from jarvisd.memory.asking import asks_fact, asks_memory

ASKS_MEMORY = {
    "es": [
        "¿Te acuerdas de dónde dejé las llaves?", "¿Qué te dije de la caldera?", "¿Qué quedamos con el fontanero?",
        "¿Cuándo dije que venía mi hermana?", "¿Tienes apuntado el número de Marta?", "oye, ¿qué dijo Ana ayer?",
        "según tus notas, ¿qué talla usa?", "¿Qué apunté de la revisión?", "¿recordás qué decidimos?",
    ],
    "en": [
        "Do you remember where I left the keys?", "What did I say about the boiler?", "When did Ana tell you that?",
        "What did we agree with the plumber?", "Have you noted down Marta's number?", "what's in your notes on size",
        "I told you the code, what was it?", "What was it I said about Friday?",
    ],
}  # fmt: skip
ASKS_NOTHING = {
    "es": [
        "Enciende la luz de la cocina", "¿Cuál es la capital de Francia?", "Pon un temporizador de diez minutos",
        "Cuéntame un chiste", "", "🎂", "où est la clé?", "鍵はどこですか",
    ],
    "en": [
        "Turn on the light", "What is the capital of France?", "Set a timer for ten minutes", "Tell me a joke", "",
        "remember to buy milk", "où est la clé?", "鍵はどこですか",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("language", "text"), [(one, text) for one, texts in ASKS_MEMORY.items() for text in texts])
def test_it_names_the_memory(language, text):
    assert asks_memory(text, language)


@pytest.mark.parametrize(("language", "text"), [(one, text) for one, texts in ASKS_NOTHING.items() for text in texts])
def test_it_does_not(language, text):
    assert not asks_memory(text, language)


@pytest.mark.parametrize(
    ("language", "text", "asks"),
    [
        ("es", "¿Cuándo es el cumpleaños de Ana?", True),
        ("es", "¿A qué hora viene el fontanero?", True),
        ("es", "oye, ¿de quién es la llave?", True),
        ("es", "¿Qué talla usa Marta?", True),
        ("es", "¿Qué me recomiendas para cenar?", False),
        ("es", "¿Cuándo debería podar los rosales?", False),
        ("es", "Enciende la luz", False),
        ("en", "When is Ana's birthday?", True),
        ("en", "hey, what size does Marta wear", True),
        ("en", "How many eggs did we buy?", True),
        ("en", "what's the code of the gate", True),
        ("en", "What would be a good way to learn to swim?", False),
        ("en", "When should I prune roses?", False),
        ("en", "Turn on the light", False),
    ],
)
def test_one_fact_would_answer_it(language, text, asks):
    assert asks_fact(text, language) is asks


def test_a_monologue_is_looked_through():
    assert asks_memory("bla " * 50_000 + "¿te acuerdas?", "es")
