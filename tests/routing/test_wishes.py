"""What people say about how to answer."""

import pytest

from jarvisd.routing.wishes import wishes


@pytest.mark.parametrize(
    ("text", "level", "short", "cloud", "rest"),
    [
        ("piénsalo bien, ¿por qué el cielo es azul?", "reasoning", False, None, "por qué el cielo es azul"),
        ("why is the sky blue, think hard", "reasoning", False, None, "why is the sky blue"),
        ("take your time and explain tides", "reasoning", False, None, "explain tides"),
        ("oye jarvis piénsalo mejor", "reasoning", False, None, ""),
        ("respuesta corta, cuánto mide la torre", "fast", True, None, "cuánto mide la torre"),
        ("in one sentence, what is a quark", "fast", True, None, "what is a quark"),
        ("what is a quark, be brief please", "fast", True, None, "what is a quark"),
        ("usa la nube y dime qué es un quark", None, False, True, "dime qué es un quark"),
        ("use the cloud to explain quarks", None, False, True, "to explain quarks"),
        ("sin usar la nube, qué es un quark", None, False, False, "qué es un quark"),
        ("no uses la nube", None, False, False, ""),
        ("piénsalo bien y en pocas palabras, qué es un quark", "reasoning", True, None, "qué es un quark"),
    ],
)
def test_wishes_at_the_ends(text, level, short, cloud, rest):
    heard = wishes(text)
    assert (heard.wishes.level, heard.wishes.short, heard.wishes.cloud) == (level, short, cloud)
    assert heard.rest == rest


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("respuesta corta la próxima vez", "fast"),
        ("la próxima vez piénsalo mejor", "reasoning"),
        ("next time think harder", "reasoning"),
        ("be brief from now on please", "fast"),
    ],
)
def test_wishes_for_the_next_time(text, level):
    heard = wishes(text)
    assert (heard.wishes.level, heard.wishes.next_time, heard.rest) == (level, True, "")


@pytest.mark.parametrize(
    "text",
    [
        "when is the eclipse visible next time",
        "why do people think hard about money at night",
        "qué significa piénsalo bien en inglés",
        "explícame cómo funciona la nube de aws",
        "is the cloud safe",
        "what is a short answer called in spanish exams",
        "cuánto tiempo se toma tu hermana en llegar",
        "no lo pienses más y pon música",
        "piénsalo bien, " + "word " * 5_000,
        "",
    ],
)
def test_questions_about_such_words_are_no_wishes(text):
    heard = wishes(text)
    assert not heard.wishes.any
    assert heard.rest == text
