import pytest

from jarvisd.speech.invented import normalise, why_nothing


def reason(text: str, speech_s: float = 2.0, no_speech_probability: float | None = 0.05, ignore=()) -> str | None:
    return why_nothing(
        text,
        speech_s=speech_s,
        no_speech_probability=no_speech_probability,
        no_speech_limit=0.6,
        ignore=frozenset(map(normalise, ignore)),
    )


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("  ¡Qué  HORA es?! ", "que hora es"),
        ("I'll see you—next time.", "i ll see you next time"),
        ("[BLANK_AUDIO] (music) ♪ *laughs*", ""),
        ("Ponlo a 22º", "ponlo a 22o"),
        ("...", ""),
    ],
)
def test_texts_are_compared_without_accents_signs_and_what_is_in_brackets(text, form):
    assert normalise(text) == form


@pytest.mark.parametrize(
    "text",
    [
        "What time is it?",
        "¿Qué hora es?",
        "Sí.",
        "No",
        "Gracias.",
        "Thank you very much!",
        "Hasta luego",
        "Pon subtítulos en español, por favor",
        "Subtítulos por favor",
        "Subtítulos en inglés",
        "Traducción de casa al inglés",
        "Turn the subtitles on by default",
        "Thank you, turn off the light",
        "Gracias por la información",
    ],
)
def test_what_people_say_is_taken_for_said(text):
    assert reason(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Subtítulos por la comunidad de Amara.org",
        "Subtítulos realizados por la comunidad de Amara.org",
        "Subtitulado por Jnkoil",
        "Subtitles by the Amara.org community",
        "Captions by GetTranscribed.com",
        "Thanks for watching!",
        "Thank you for watching.",
        "¡Gracias por ver el video!",
        "¡Suscríbete al canal!",
        "you",
        "You you you you",
        "Thanks for watching! Thanks for watching! Thanks for watching!",
        "[Música]",
        "♪♪♪",
        " . ",
    ],
)
def test_credits_and_the_like_are_not_however_loud_it_was(text):
    assert reason(text, speech_s=10.0, no_speech_probability=0.0) is not None


@pytest.mark.parametrize("text", ["Gracias.", "Thank you.", "Okay", "Hola"])
def test_a_courtesy_needs_sound_that_bears_it_out(text):
    assert reason(text, speech_s=0.6, no_speech_probability=0.1) is None
    assert reason(text, speech_s=0.6, no_speech_probability=None) is None
    assert "does not bear it out" in reason(text, speech_s=0.13, no_speech_probability=0.1)
    assert "does not bear it out" in reason(text, speech_s=0.6, no_speech_probability=0.4)


def test_a_real_question_may_be_less_clear_than_a_courtesy():
    assert reason("What time is it?", speech_s=0.6, no_speech_probability=0.4) is None


def test_what_the_recogniser_takes_for_silence_is_silence():
    assert "0.61" in reason("What time is it?", no_speech_probability=0.61)
    assert reason("What time is it?", no_speech_probability=0.6) is None


def test_more_words_than_the_time_allows_were_not_said():
    text = "the quick brown fox jumps over the lazy dog and then over all the others"
    assert reason(text, speech_s=3.0) is None
    assert "letters cannot be said" in reason(text, speech_s=0.5)


def test_the_households_own_list_is_kept_in_any_spelling():
    assert reason("¡Próxima parada!", ignore=["proxima parada"]) is not None
    assert reason("próxima parada próxima parada", ignore=["Próxima parada."]) is not None
    assert reason("la próxima parada", ignore=["Próxima parada."]) is None
