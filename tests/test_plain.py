import pytest

from jarvisd.plain import imperatives, plain, strip_courtesies, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("¿Qué hora es?", "que hora es"),
        ("What’s the the time, please?", "whats the time please"),
        ("PON PON un temporizador", "pon un temporizador"),
        ("a las 10 p.m.", "a las 10 pm"),
        ("at 6:45, or 7.30", "at 6:45 or 7.30"),
        ("2,5 minutos", "2.5 minutos"),
        ("a twelve-minute timer", "a twelve minute timer"),
        ("volume to 50%", "volume to 50 percent"),
        ("sesenta 60 60", "sesenta 60 60"),
        ("cafe\u0301 ñu", "cafe nu"),
        ("", ""),
        ("🙂 …", ""),
    ],
)
def test_plain(text, expected):
    assert plain(text) == expected


def test_words_keep_what_was_said():
    assert [word.said for word in words("Cumpleaños de ¡María!")] == ["Cumpleaños", "de", "María"]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("oye jarvis a ver que hora es porfa", "es", "que hora es"),
        ("hey could you please set a timer thank you", "en", "set a timer"),
        ("me podrias decir la hora por favor", "es", "decir la hora"),
        ("please stop", None, "stop"),
        ("por favor", "es", "por favor"),
        ("recuerdame dar las gracias", "es", "recuerdame dar las gracias"),
        ("si tengo tres camisas", "es", "si tengo tres camisas"),
        ("oye what time is it please", "en", "oye what time is it"),
        ("oye what time is it please", None, "what time is it"),
        ("", None, ""),
    ],
)
def test_courtesies_go_at_both_ends(text, language, expected):
    assert strip_courtesies(text, language) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("enciendeme la luz", "enciende la luz"),
        ("encende la luz", "enciende la luz"),
        ("prendeme la luz", "enciende la luz"),
        ("pone musica", "pon musica"),
        ("ponmelo", "pon"),
        ("me pones un cafe", "pon un cafe"),
        ("me avisas luego", "avisa luego"),
        ("despertame y avisame", "despierta y avisa"),
        ("recordame llamar", "recuerda llamar"),
        ("me gusta el cine", "me gusta el cine"),
        ("turn on the light", "turn on the light"),
    ],
)
def test_commands_in_one_form(text, expected):
    assert imperatives(text) == expected
