import pytest

from jarvisd.language import guess_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("¿Qué hora es?", "es"),
        ("que hora es", "es"),
        ("enciende la luz del salon", "es"),
        ("explícame la fotosíntesis", "es"),
        ("what time is it", "en"),
        ("Why is the sky blue?", "en"),
        ("turn on the light", "en"),
        ("no", "en"),
        ("", "en"),
        ("🙂🙂", "en"),
    ],
)
def test_short_questions_are_told_apart(text, language):
    assert guess_language(text, ("en", "es")) == language


def test_a_household_of_one_language_is_never_left():
    assert guess_language("what time is it", ("es",)) == "es"


def test_the_first_language_wins_a_draw():
    assert guess_language("jarvis", ("es", "en")) == "es"
