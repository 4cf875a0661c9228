"""What people say to the memory, and what only sounds like it: nothing that a model should hear may be taken."""

import random
from pathlib import Path

import pytest

from benchmarks.skills import commands, evaluate, others, plain_slots
from jarvisd.plain import plain
from tests.skills.said import asked

FOLDER = Path(__file__).parent / "memory"
LANGUAGES = ("es", "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_are_right(language):
    result = evaluate(lambda text, language: asked(text, language, spoken=True), language, FOLDER)
    assert sum(result.all.values()) >= 60
    assert result.wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_only_sounds_like_one_is_none_in_either_language(language):
    texts = others(language, FOLDER)
    assert len(texts) >= 100
    taken = [
        (text, command.name)
        for text in texts
        for order in LANGUAGES
        if (command := asked(text, order, spoken=True)) is not None and command.skill == "memory"
    ]
    assert taken == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_only_sounds_like_one_is_none_without_its_punctuation(language):
    fold = str.maketrans("", "", ",.;:!")
    taken = [
        (text, command.name)
        for text in others(language, FOLDER)
        if (command := asked(text.translate(fold), language)) is not None and command.skill == "memory"
    ]
    assert taken == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_of_other_skills_are_not_the_memorys(language):
    wrong = [
        said.text
        for said in commands(language)
        if not said.intent.startswith("memory.") and asked(said.text, language).skill == "memory"
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_capitals_accents_and_fillers_do_not_matter(language):
    fold = str.maketrans("áéíóúü", "aeiouu")
    noisy = {"es": ("oye jarvis {}", "a ver {} porfa"), "en": ("hey jarvis {}", "um {} please")}[language]
    wrong = []
    for said in commands(language, FOLDER):
        bare = said.text.lower().translate(fold).strip("¿?¡!.")
        for text in (bare, said.text.upper(), *(pattern.format(bare) for pattern in noisy)):
            command = asked(text, language)
            got = (
                (command.name, {name: plain(value) for name, value in plain_slots(command).items()})
                if command
                else None
            )
            if got != (said.intent, {name: plain(value) for name, value in said.slots.items()}):
                wrong.append((text, got))
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_command_with_a_second_wish_is_none(language):
    tails = {
        "es": ("y dime qué hora es", "y pon música", ", ¿qué cocino?"),
        "en": ("and tell me the time", "and play some music", ", what should I cook?"),
    }[language]
    taken = [
        (text, command.name)
        for said in commands(language, FOLDER)
        for tail in tails
        if (command := asked(text := f"{said.text.rstrip('.?!')} {tail}", language)) is not None
    ]
    assert taken == []


@pytest.mark.parametrize(
    ("text", "language", "name", "kept"),
    [
        # asked to be reminded, or not
        ("recuérdame que mañana viene el fontanero", "es", "reminder.set", "viene el fontanero"),
        ("¿me recuerdas que mañana viene el fontanero?", "es", "reminder.set", "viene el fontanero"),
        ("recuerda comprar pan", "es", "reminder.set", "comprar pan"),
        ("acuérdate de comprar pan a las 6", "es", "reminder.set", "comprar pan"),
        ("remind me that tomorrow the plumber comes", "en", "reminder.set", "the plumber comes"),
        ("remind me that the plumber comes tomorrow", "en", "reminder.set", "the plumber comes"),
        ("recuerda que mañana viene el fontanero", "es", "memory.keep", "mañana viene el fontanero"),
        # as it was said, with what a list of words would lose
        ("recuerda que mi correo es ana_b.7@correo.es", "es", "memory.keep", "mi correo es ana_b.7@correo.es"),
        ("Remember that the code (front door) is #44-B.", "en", "memory.keep", "the code (front door) is #44-B"),
        ("remember that we need three hundred euros now, please", "en", "memory.keep",
         "we need three hundred euros now"),
        ("apunta que nos gustó el sitio 'El Pozo'", "es", "memory.keep", "nos gustó el sitio 'El Pozo'"),
        ("recuerda que el bar abre a las ocho y cierra a las diez", "es", "memory.keep",
         "el bar abre a las ocho y cierra a las diez"),
        ("olvida todo lo de la reunión del viernes a las cinco", "es", "memory.forget_about",
         "reunión del viernes a las cinco"),
    ],
)  # fmt: skip
def test_finer_points(text, language, name, kept):
    command = asked(text, language)
    assert command is not None
    assert (command.name, command.slots["text"]) == (name, kept)


@pytest.mark.parametrize(("text", "language"), [("olvídalo", "es"), ("forget it", "en")])
def test_forget_it_only_stops(text, language):
    assert asked(text, language).name == "talk.stop"


@pytest.mark.parametrize(
    "text",
    ["recuerda que", "remember that", "remember:", "prefiero", "call me", "olvida todo lo de la", "forget about",
     "recuerda que ¿?", "remember that 🙂", "what do you remember about", "my favourite is", "remember that it",
     "recuerda que " + "muy " * 200],
)  # fmt: skip
def test_half_a_sentence_is_nothing(text):
    assert asked(text) is None
    assert asked(text, "es") is None


def test_no_shuffled_words_break_it():
    generator = random.Random(5)
    vocabulary = sorted({word for one in LANGUAGES for said in commands(one, FOLDER) for word in said.text.split()})
    for _ in range(1_500):
        text = " ".join(generator.choices(vocabulary, k=generator.randrange(1, 14)))
        command = asked(text, generator.choice(LANGUAGES), spoken=True)
        assert command is None or "text" not in command.slots or str(command.slots["text"]).strip()
