"""A hundred commands in each language, and what is none: 95 of 100 must be right, and nothing else may be taken."""

import random

import pytest

from benchmarks.skills import commands, evaluate, others, plain_slots
from tests.skills.said import asked

LANGUAGES = ("es", "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_are_right_and_nothing_else_is_taken(language):
    result = evaluate(lambda text, language: asked(text, language, spoken=True), language)
    assert sum(result.all.values()) == 100
    assert result.others >= 80
    assert sum(result.right.values()) >= 95, result.wrong
    assert result.taken == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_command_is_none_in_the_other_language_either(language):
    other = "en" if language == "es" else "es"
    assert [text for text in others(language) if asked(text, other)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_capitals_accents_punctuation_and_fillers_do_not_matter(language):
    fold = str.maketrans("áéíóúüñ", "aeiouun")
    noisy = {"es": ("oye jarvis {}", "a ver {} porfa"), "en": ("hey jarvis {}", "um could you {} please")}[language]
    wrong = []
    for said in commands(language):
        bare = said.text.lower().translate(fold).strip("¿?¡!.")
        for text in (bare, said.text.upper(), *(pattern.format(bare) for pattern in noisy)):
            command = asked(text, language)
            got = (command.name, set(command.slots)) if command else None
            if got != (said.intent, set(said.slots)):
                wrong.append((text, got))
    assert len(wrong) <= 8, wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_command_inside_a_longer_utterance_is_none(language):
    tails = {"es": ("y luego explícame la guerra civil", "significa algo en chino"), "en": ("means nothing to a cat",)}
    heads = {"es": ("mi abuela siempre decía",), "en": ("my grandmother always said",)}
    taken = [
        (text, command.name, plain_slots(command))
        for said in commands(language)
        if "text" not in said.slots  # which may be anything
        for text in (
            *(f"{said.text.rstrip('.?')} {tail}" for tail in tails[language]),
            *(f"{head} {said.text}" for head in heads[language]),
        )
        if (command := asked(text, language)) is not None
    ]
    assert taken == []


@pytest.mark.parametrize(
    ("text", "language", "name", "slots"),
    [
        # a moment inside the text, a second one that belongs to it, and one that only looks like it
        ("recuérdame llamar a Juan mañana para lo del coche", "es", "reminder.set",
         {"text": "llamar a Juan para lo del coche", "at": "tomorrow"}),
        ("remind me at six that the film starts at nine", "en", "reminder.set",
         {"text": "the film starts at nine", "at": "06:00?"}),
        ("remind me tonight to call Ana about the 25 euros", "en", "reminder.set",
         {"text": "call Ana about the 25 euros", "at": "night today"}),
        ("recuérdame a las 10 dar las gracias", "es", "reminder.set", {"text": "dar las gracias", "at": "10:00?"}),
        ("recuérdame comprar leche", "es", "reminder.set", {"text": "comprar leche"}),
        ("remind me to buy milk", "en", "reminder.set", {"text": "buy milk"}),
        ("add 30 seconds to the 5 minute timer", "en", "timer.add", {"duration_s": "30", "of_s": "300"}),
        ("increase the timer for 1 hour by 10 minutes", "en", "timer.add", {"duration_s": "600", "of_s": "3600"}),
        ("pon un temporizador de una hora y veinte", "es", "timer.set", {"duration_s": "4800"}),
        ("set a timer for 1 hour 20 minutes and 5 seconds", "en", "timer.set", {"duration_s": "4805"}),
        ("set a timer for two hundred and forty seconds", "en", "timer.set", {"duration_s": "240"}),
        ("temporizador de ciento veinte minutos", "es", "timer.set", {"duration_s": "7200"}),
        ("despiértame el 25 de diciembre a las nueve", "es", "alarm.set", {"at": "09:00? 12-25", "wake": "yes"}),
        ("set an alarm for May 3rd at 6 am", "en", "alarm.set", {"at": "06:00 5-3"}),
        ("pon una alarma los lunes y miércoles a las 7", "es", "alarm.set", {"at": "07:00?", "days": "mon,wed"}),
        ("set an alarm at 7 every Monday and Friday", "en", "alarm.set", {"at": "07:00?", "days": "mon,fri"}),
        ("pon la alarma a las doce menos cuarto de la noche", "es", "alarm.set", {"at": "23:45"}),
        ("wake me up at 12:30 am", "en", "alarm.set", {"at": "00:30", "wake": "yes"}),
        ("despiértame mañana", "es", "alarm.set", {"at": "tomorrow", "wake": "yes"}),
        ("volume 30", "en", "volume.set", {"percent": "30"}),
        ("olvídalo", "es", "talk.stop", {}),
    ],
)  # fmt: skip
def test_finer_points(text, language, name, slots):
    command = asked(text, language)
    assert command is not None
    assert (command.name, plain_slots(command)) == (name, slots)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "¿?", "🙂🙂🙂", "pon", "\0\ud800", "设置一个十分钟的计时器", "stell einen wecker auf sieben uhr",
        "set a timer for ten minutes " * 1000, "pon un temporizador de diez minutos " * 1000, "a" * 5000, "9" * 300,
        "set a timer for 99999999999999999999 minutes and", "pon una alarma a las 27", "wake me up at 25:99",
        "set a timer for zero seconds", "despiértame ayer", "remind me to", "recuérdame que",
    ],
)  # fmt: skip
def test_bad_input_is_nothing(text):
    assert asked(text) is None
    assert asked(text, "es", spoken=True) is None


def test_a_name_alone_asks_for_a_timer_that_runs():
    assert asked("how much longer for the eggs", timers={"eggs"}).name == "timer.left"
    assert asked("how much longer for the washing machine", timers={"eggs"}) is None
    assert asked("cuánto le queda a la lavadora", "es", timers={"pasta"}) is None


def test_no_shuffled_words_break_it():
    generator = random.Random(3)
    words = sorted({word for language in LANGUAGES for said in commands(language) for word in said.text.split()})
    for _ in range(1_500):
        asked(
            " ".join(generator.choices(words, k=generator.randrange(1, 14))), generator.choice(LANGUAGES), spoken=True
        )
