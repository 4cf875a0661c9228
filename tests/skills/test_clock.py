import random
from datetime import datetime

import pytest
from jarvisd_plugins.wake_phrase import Plugin as WakePhrase

from jarvisd.skills.clock import answer
from jarvisd.skills.command import Command
from jarvisd.types import Transcript, Turn
from tests.fakes.plugins import dispatcher_of
from tests.skills.said import asked

TIME_EN = """
what time is it | What time is it? | WHAT TIME IS IT | what's the time | whats the time | What’s the time, please?
tell me the time | the time | time | Time please | what is the time now | what is the current time
could you please tell me the time | can you tell me what time it is | do you know what time it is
do you have the time | have you got the time? | excuse me, what time is it | hey Jarvis, what time is it
okay so um what time is it right now | jarvis what's the time | what time is it, jarvis? | what hour is it
give me the exact time | i want to know what time it is | please tell me what the time is, thank you
hello, could you tell me the current time please | what time do you have | quick question: what time is it?
can you give me the time | what time is it at the moment | would you let me know the time
""".replace("\n", "|").split("|")
DATE_EN = """
what's the date today | what is today's date | What day is it? | what day is it today | what's today
what day is today | which day of the week is it | what date is it | tell me the date | tell me today's date
what's the day today | what's the day to day | whats the day two day | the date please | today's date | what is the date
hey jarvis what's the date | do you know what day it is | what day of the week is it today
could you tell me what day it is
what year is it | what month is it | can you tell me the date please | what's the current date
""".replace("\n", "|").split("|")
TIME_ES = """
¿Qué hora es? | que hora es | QUÉ HORA ES | qué horas son | dime la hora | Dime la hora, por favor. | dame la hora
¿me dices la hora? | ¿me puedes decir la hora? | ¿podrías decirme qué hora es? | oye jarvis, qué hora es
hola, ¿qué hora es ahora mismo? | ¿tienes hora? | ¿qué hora tienes? | la hora por favor | hora | q hora es | que ora es
eh pues ¿qué hora es ya? | ¿sabes qué hora es? | quiero saber la hora | ¿cuál es la hora actual?
perdona, ¿qué hora es?
por favor dime qué hora es | ¿me das la hora? | jarvis dime la hora exacta | ¿qué hora es, Jarvis?
""".replace("\n", "|").split("|")
DATE_ES = """
¿Qué día es hoy? | que dia es hoy | qué día es | ¿a qué día estamos? | ¿a qué estamos? | ¿a qué estamos hoy?
a cuánto estamos
¿a cuántos estamos hoy? | ¿qué fecha es hoy? | ¿cuál es la fecha de hoy? | dime la fecha | dime qué día es hoy
¿qué día de la semana es? | ¿en qué día vivimos? | hoy qué día es | ¿en qué fecha estamos?
dime el día de hoy por favor
¿me puedes decir la fecha de hoy? | oye, ¿a qué día estamos hoy? | ¿en qué año estamos? | ¿en qué mes estamos? | fecha
¿qué día tenemos hoy? | ¿sabes qué día es hoy? | k dia es hoy
""".replace("\n", "|").split("|")
CASES = [
    (text.strip(), Command("clock", about, language))
    for about, language, texts in (
        ("time", "en", TIME_EN),
        ("date", "en", DATE_EN),
        ("time", "es", TIME_ES),
        ("date", "es", DATE_ES),
        ("both", "en", ["what's the date and time", "tell me the time and the date please"]),
        ("both", "es", ["dime la fecha y la hora", "¿me das hora y fecha?"]),
    )
    for text in texts
    if text.strip()
]
OTHERS = """
what time is the meeting | what time is it in Tokyo | what time is it in new york right now | what's the time in London
how much time do i have to cook an egg | what time is dinner | time flies
what time does the train leave | at what time does the shop close | do you have time tomorrow
tell me the time of sunrise
what's the date of easter | what's the date of the next full moon
what is the time signature of this song | what is time | what is a date | a date is a fruit | tell me about dates
what day is my birthday | wake me up when it's time | what was the date yesterday | is it time to go | once upon a time
what's the time difference to japan | how do i ask what time is it in spanish | the time machine by wells
date night ideas
what time was it when you were born | i don't have the time | what is the day of the dead | what's up today
¿qué hora es en Tokio? | ¿a qué hora sale el tren? | ¿a qué hora es? | a qué hora es la reunión
¿cuánto tiempo cuezo un huevo? | ¿qué día es mi cumpleaños?
es la hora de comer
¿qué fecha es el examen? | dime la hora de salida del vuelo | ¿cuántas horas tiene un día? | ¿qué día hace hoy?
pon una alarma a la hora de comer | ¿qué tiempo hace hoy? | ¿a qué hora anochece hoy? | ¿desde qué hora es?
buenos días
¿cuál es la hora de cierre? | ¿qué hora es en Nueva York ahora? | hoy es el día | ¿qué es hoy en día un móvil?

hey jarvis
""".replace("\n", "|").split("|")


@pytest.mark.parametrize(("text", "question"), CASES)
def test_it_understands(text, question):
    assert asked(text) == question
    assert asked(text, spoken=True) == question


@pytest.mark.parametrize("text", [text.strip() for text in OTHERS])
def test_it_leaves_other_questions_alone(text):
    assert asked(text) is None
    assert asked(text, spoken=True) is None


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("the judges that what time is it", "time"),
        ("jarvis at what time is it", "time"),
        ("this at what time is it", "time"),
        ("but what time is it", "time"),
        ("the jarvis what's the day to day", "date"),
        ("charvis y que hora es", "time"),
    ],
)
def test_it_forgives_what_a_recogniser_makes_of_the_wake_word(text, about):
    assert asked(text, spoken=True).intent == about


def test_typed_text_has_no_such_excuse():
    assert asked("the judges that what time is it", spoken=False) is None
    assert asked("no one at home knows what time is it", spoken=True) is None


def test_long_and_strange_texts_are_not_its_business():
    assert asked("what time is it " * 4_000, spoken=True) is None
    assert asked("please " * 20 + "the", spoken=True) is None
    assert asked("\0\ud800 ¿?", spoken=True) is None
    generator = random.Random(7)
    words = [
        "what",
        "que",
        "time",
        "hora",
        "is",
        "es",
        "it",
        "the",
        "la",
        "now",
        "hoy",
        "day",
        "dia",
        "please",
        "in",
        "a",
    ]
    for _ in range(2_000):
        asked(" ".join(generator.choices(words, k=generator.randrange(12))), spoken=True)


@pytest.mark.parametrize(
    ("clock", "english", "spanish"),
    [
        ("00:00", "It's midnight.", "Son las doce de la noche."),
        ("00:05", "It's 12:05 AM.", "Son las doce y cinco."),
        ("00:50", "It's 12:50 AM.", "Es la una menos diez."),
        ("01:00", "It's 1 AM.", "Es la una en punto."),
        ("01:01", "It's 1:01 AM.", "Es la una y uno."),
        ("03:25", "It's 3:25 AM.", "Son las tres y veinticinco."),
        ("09:30", "It's 9:30 AM.", "Son las nueve y media."),
        ("11:45", "It's 11:45 AM.", "Son las doce menos cuarto."),
        ("11:59", "It's 11:59 AM.", "Son las doce menos uno."),
        ("12:00", "It's noon.", "Son las doce del mediodía."),
        ("12:31", "It's 12:31 PM.", "Es la una menos veintinueve."),
        ("13:15", "It's 1:15 PM.", "Es la una y cuarto."),
        ("15:25", "It's 3:25 PM.", "Son las tres y veinticinco."),
        ("20:00", "It's 8 PM.", "Son las ocho en punto."),
        ("23:40", "It's 11:40 PM.", "Son las doce menos veinte."),
    ],
)
def test_it_tells_the_time(clock, english, spanish):
    now = datetime.fromisoformat(f"2026-11-22T{clock}")
    assert answer(Command("clock", "time", "en"), now) == english
    assert answer(Command("clock", "time", "es"), now) == spanish


@pytest.mark.parametrize(
    ("day", "english", "spanish"),
    [
        ("2026-11-22", "It's Sunday, November 22nd, 2026.", "Hoy es domingo, 22 de noviembre de 2026."),
        ("2027-01-01", "It's Friday, January 1st, 2027.", "Hoy es viernes, 1 de enero de 2027."),
        ("2028-02-29", "It's Tuesday, February 29th, 2028.", "Hoy es martes, 29 de febrero de 2028."),
        ("2026-08-12", "It's Wednesday, August 12th, 2026.", "Hoy es miércoles, 12 de agosto de 2026."),
        ("2026-10-03", "It's Saturday, October 3rd, 2026.", "Hoy es sábado, 3 de octubre de 2026."),
    ],
)
def test_it_tells_the_date(day, english, spanish):
    now = datetime.fromisoformat(day)
    assert answer(Command("clock", "date", "en"), now) == english
    assert answer(Command("clock", "date", "es"), now) == spanish


def test_it_tells_both():
    now = datetime(2026, 11, 22, 15, 25)
    assert (
        answer(Command("clock", "both", "es"), now)
        == "Son las tres y veinticinco. Hoy es domingo, 22 de noviembre de 2026."
    )


@pytest.mark.parametrize(
    "heard",
    [
        "hey jarvis what time is it",
        "the jarvis what time is it",
        "the judges that what time is it",
        "jarvis at what time is it",
        "hey travis, can you tell me the time please",
        "this at what time is it",
        "what time is it",
    ],
)
async def test_with_the_wake_phrase_plugin_in_front(heard):
    dispatcher = dispatcher_of(wake_phrase=WakePhrase())
    turn = Turn("microphone", "en", 60)
    transcript = await dispatcher.fold("revise_transcript", Transcript(heard, "en", "pocketsphinx"), turn=turn)
    assert asked(transcript.text, "en", spoken=True) == Command("clock", "time", "en")
