from datetime import datetime

from jarvisd.llm.prompt import question_messages
from jarvisd.types import Message

MOMENT = datetime(2026, 11, 22, 9, 5)


def test_the_model_is_told_who_it_is_then_the_date_and_the_language():
    assert question_messages("How are you?", "You are Jarvis.", "en", MOMENT) == (
        Message("system", "You are Jarvis.\nToday is Sunday, 22 November 2026, and it is 09:05. Answer in English."),
        Message("user", "How are you?"),
    )


def test_in_spanish_it_is_told_in_spanish():
    system, _ = question_messages("¿Qué tal?", "", "es", MOMENT)
    assert system.content == "Hoy es domingo, 22 de noviembre de 2026, y son las 09:05. Responde en español."


def test_without_a_moment_it_is_now():
    system, _ = question_messages("How are you?", "", "en")
    assert str(datetime.now().year) in system.content
