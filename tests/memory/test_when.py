from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jarvisd.memory.when import asks_latest, time_asked, told_day

# A Wednesday.
NOW = datetime(2026, 10, 14, 15, 0)


def _spanned(text, language, now=NOW):
    asked = time_asked(text, language, now)
    return asked and f"{_short(asked.start)} to {_short(asked.end)}"


def _short(at):
    return f"{at:%Y-%m-%d}" if at.hour == at.minute == 0 else f"{at:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("¿Qué te dije ayer?", "2026-10-13 to 2026-10-14"),
        ("que te dije ayer por la manana", "2026-10-13 05:00 to 2026-10-13 14:00"),
        ("qué te conté ayer a la noche", "2026-10-13 18:00 to 2026-10-14 06:00"),
        ("che, ¿qué me contaste antes de ayer?", "2026-10-12 to 2026-10-13"),
        ("qué te pedí antier", "2026-10-12 to 2026-10-13"),
        ("lo que hablamos anoche", "2026-10-13 18:00 to 2026-10-14 06:00"),
        ("y anteanoche, ¿qué película vimos?", "2026-10-12 18:00 to 2026-10-13 06:00"),
        ("qué te conté esta mañana", "2026-10-14 05:00 to 2026-10-14 14:00"),
        ("qué te he dicho hoy", "2026-10-14 to 2026-10-15"),
        ("hace un rato te dije un número", "2026-10-14 11:00 to 2026-10-14 15:01"),
        ("qué apunté el jueves pasado", "2026-10-08 to 2026-10-09"),
        ("qué apunte el pasado jueves", "2026-10-08 to 2026-10-09"),
        ("¿Qué te dije el jueves?", "2026-10-08 to 2026-10-09"),
        ("donde aparque el sabado", "2026-10-10 to 2026-10-11"),
        ("qué te conté el miércoles", "2026-10-07 to 2026-10-08"),
        ("qué te dije el jueves por la tarde", "2026-10-08 12:00 to 2026-10-08 21:00"),
        ("qué dijo el martes de la semana pasada", "2026-10-06 to 2026-10-07"),
        ("qué pasó la semana pasada con el coche", "2026-10-04 to 2026-10-12"),
        ("y la pasada semana qué compramos", "2026-10-04 to 2026-10-12"),
        ("qué te dije esta semana", "2026-10-12 to 2026-10-19"),
        ("qué te pedí el mes antepasado", "2026-07-29 to 2026-09-01"),
        ("qué dijimos hace dos semanas", "2026-09-27 to 2026-10-04"),
        ("hace como tres semanas hablamos del seguro", "2026-09-18 to 2026-09-29"),
        ("tres semanas atrás me hablaste de algo", "2026-09-18 to 2026-09-29"),
        ("que te conte hace unos dias", "2026-10-07 to 2026-10-14"),
        ("hace un par de meses compramos algo", "2026-06-29 to 2026-09-06"),
        ("hace un año y medio, ¿qué coche teníamos?", "2024-11-28 to 2025-08-31"),
        ("hace medio año qué seguro teníamos", "2026-02-27 to 2026-06-01"),
        ("qué te dije el otro día", "2026-09-30 to 2026-10-14"),
        ("qué te he pedido en los últimos diez días", "2026-10-02 to 2026-10-15"),
        ("desde hace dos semanas, ¿qué te he pedido?", "2026-09-27 to 2026-10-15"),
        ("qué hicimos el mes pasado", "2026-08-29 to 2026-10-01"),
        ("qué te dije en marzo", "2026-03-01 to 2026-04-01"),
        ("qué hicimos en diciembre", "2025-12-01 to 2026-01-01"),
        ("qué compramos en agosto de 2024", "2024-08-01 to 2024-09-01"),
        ("qué pasó en marzo del año pasado", "2025-03-01 to 2025-04-01"),
        ("desde setiembre, ¿qué hemos gastado?", "2026-09-01 to 2026-10-15"),
        ("qué te dije el 12 de marzo", "2026-03-12 to 2026-03-13"),
        ("qué te dije el doce de marzo del año pasado", "2025-03-12 to 2025-03-13"),
        ("qué te dije el treinta y uno de enero", "2026-01-31 to 2026-02-01"),
        ("qué te dije el día 12", "2026-10-12 to 2026-10-13"),
        ("qué te dije el día 20", "2026-09-20 to 2026-09-21"),
        ("qué decidimos a principios de año", "2026-01-01 to 2026-04-01"),
        ("a mediados de julio se rompió algo", "2026-07-08 to 2026-07-24"),
        ("qué dijo el médico a finales del año pasado", "2025-11-01 to 2026-01-01"),
        ("qué planeamos el verano pasado", "2026-06-01 to 2026-10-01"),
        ("dónde estuvimos el verano de 2024", "2024-06-01 to 2024-10-01"),
        ("qué pasó el año pasado", "2025-01-01 to 2026-01-01"),
        ("qué regalamos en Navidad", "2025-12-20 to 2026-01-08"),
        ("qué hicimos el fin de semana", "2026-10-09 16:00 to 2026-10-12"),
        ("qué hicimos este finde", "2026-10-09 16:00 to 2026-10-12"),
        ("qué te dije ayer sobre la cita de mañana", "2026-10-13 to 2026-10-14"),
        ("qué te dije el lunes para el jueves que viene", "2026-10-12 to 2026-10-13"),
    ],
)
def test_spanish(text, expected):
    assert _spanned(text, "es") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What did I tell you last Thursday?", "2026-10-08 to 2026-10-09"),
        ("what did i tell you thursday", "2026-10-08 to 2026-10-09"),
        ("what did the plumber say on Thursday morning", "2026-10-08 05:00 to 2026-10-08 13:00"),
        ("on Tuesday last week I told you something", "2026-10-06 to 2026-10-07"),
        ("what did we say two weeks ago", "2026-09-27 to 2026-10-04"),
        ("a couple of months ago we bought something", "2026-06-29 to 2026-09-06"),
        ("a few minutes ago I gave you a number", "2026-10-14 14:48 to 2026-10-14 15:03"),
        ("what did I say three hours ago", "2026-10-14 10:25 to 2026-10-14 13:35"),
        ("what car did we have a year and a half ago", "2024-11-28 to 2025-08-31"),
        ("what happened in March", "2026-03-01 to 2026-04-01"),
        ("what happened last November", "2025-11-01 to 2025-12-01"),
        ("what happened in May", "2026-05-01 to 2026-06-01"),
        ("what did we say in early March", "2026-03-01 to 2026-03-13"),
        ("what did I say on the 12th of March", "2026-03-12 to 2026-03-13"),
        ("what did I say on the twenty-first of June", "2026-06-21 to 2026-06-22"),
        ("what did I say March 12", "2026-03-12 to 2026-03-13"),
        ("what did we agree on March 12th 2025", "2025-03-12 to 2025-03-13"),
        ("what did I tell you on the 12th", "2026-10-12 to 2026-10-13"),
        ("what did I tell you the other day", "2026-09-30 to 2026-10-14"),
        ("what did I say yesterday morning", "2026-10-13 05:00 to 2026-10-13 13:00"),
        ("what did I tell you the day before yesterday", "2026-10-12 to 2026-10-13"),
        ("what did we discuss last night", "2026-10-13 18:00 to 2026-10-14 06:00"),
        ("what did I tell you earlier today", "2026-10-14 to 2026-10-15"),
        ("over the weekend we planned something", "2026-10-09 16:00 to 2026-10-12"),
        ("what did we plan last summer", "2026-06-01 to 2026-10-01"),
        ("what did we do over the summer", "2026-06-01 to 2026-10-01"),
        ("last fall we bought wood", "2025-09-01 to 2026-01-01"),
        ("what did I say last year", "2025-01-01 to 2026-01-01"),
        ("what did I tell you this week", "2026-10-12 to 2026-10-19"),
        ("what did we buy the week before last", "2026-09-27 to 2026-10-05"),
        ("what did I ask in the past few days", "2026-10-07 to 2026-10-15"),
        ("what have I told you since Monday", "2026-10-12 to 2026-10-15"),
        ("what did we decide at the beginning of the year", "2026-01-01 to 2026-04-01"),
        ("what did we do on New Year's Eve", "2025-12-30 to 2026-01-03"),
        ("what was the wifi password in 2024", "2024-01-01 to 2025-01-01"),
        ("what did I say yesterday about next week", "2026-10-13 to 2026-10-14"),
    ],
)
def test_english(text, expected):
    assert _spanned(text, "en") == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("cuándo voy mañana al dentista", "es"),
        ("mañana por la mañana tengo algo", "es"),
        ("viene el fontanero el jueves que viene", "es"),
        ("qué hay el próximo jueves", "es"),
        ("este jueves viene mi madre", "es"),
        ("a qué hora es el dentista el jueves", "es"),
        ("vendrá el técnico el jueves", "es"),
        ("qué te pedí para el jueves", "es"),
        ("qué tengo hoy", "es"),
        ("en diciembre qué vamos a hacer", "es"),
        ("el verano que viene dónde vamos", "es"),
        ("dentro de dos semanas qué hay", "es"),
        ("qué te dije el 30 de febrero", "es"),
        ("cuánto hace que compramos la lavadora", "es"),
        ("qué quería la abuela por Navidad", "es"),
        ("la garantía de dos años", "es"),
        ("recuerdas lo del marzo", "es"),
        ("cómo se llama el perro", "es"),
        ("", "es"),
        ("is the dentist next week", "en"),
        ("what's on next Thursday", "en"),
        ("is Thursday free", "en"),
        ("what did I say about Thursday", "en"),
        ("what are we doing this weekend", "en"),
        ("when is the dentist in December", "en"),
        ("what may I plant in the garden", "en"),
        ("may 5 people come to dinner", "en"),
        ("a march 12 miles long", "en"),
        ("who was in the march", "en"),
        ("what's my last name", "en"),
        ("how did the fall happen", "en"),
        ("how long ago did we buy the car", "en"),
        ("in two weeks we go", "en"),
        ("what do I have today", "en"),
    ],
)
def test_no_past_time_is_asked(text, language):
    assert time_asked(text, language, NOW) is None


@pytest.mark.parametrize(
    ("text", "language", "now", "expected"),
    [
        # The ends of months and years.
        ("qué te dije ayer", "es", datetime(2026, 1, 1, 10), "2025-12-31 to 2026-01-01"),
        ("qué pasó el mes pasado", "es", datetime(2026, 1, 31, 10), "2025-11-28 to 2026-01-01"),
        ("what did I say this month", "en", datetime(2026, 12, 31, 10), "2026-12-01 to 2027-01-01"),
        ("qué pasó la semana pasada", "es", datetime(2026, 1, 5, 10), "2025-12-28 to 2026-01-05"),
        ("a finales de mes qué pasó", "es", datetime(2026, 3, 2, 10), "2026-02-18 to 2026-03-07"),
        ("qué pasó a finales de año", "es", datetime(2026, 2, 10, 10), "2025-11-01 to 2026-01-01"),
        ("what happened in December", "en", datetime(2026, 12, 10, 10), "2026-12-01 to 2027-01-01"),
        ("qué dijimos el 31 de diciembre", "es", datetime(2026, 2, 10, 10), "2025-12-31 to 2026-01-01"),
        ("what did I say on the 31st", "en", datetime(2026, 3, 1, 10), "2026-01-31 to 2026-02-01"),
        ("qué regalamos estas navidades", "es", datetime(2026, 12, 27, 10), "2026-12-20 to 2027-01-08"),
        ("what did we do last winter", "en", datetime(2026, 2, 10, 10), "2024-12-01 to 2025-04-01"),
        # 29 February.
        ("qué te dije el 29 de febrero", "es", NOW, "2024-02-29 to 2024-03-01"),
        ("what did I say on February 29", "en", datetime(2028, 3, 1, 10), "2028-02-29 to 2028-03-01"),
        ("qué te dije ayer", "es", datetime(2028, 3, 1, 10), "2028-02-29 to 2028-03-01"),
        ("what did I say last year", "en", datetime(2028, 2, 29, 10), "2027-01-01 to 2028-01-01"),
        ("qué te dije el 29 de febrero de 2025", "es", NOW, "2025-02-01 to 2025-03-01"),
        ("what happened last month", "en", datetime(2028, 3, 31, 10), "2028-01-29 to 2028-03-01"),
        # A date that is about to come is not last year's; one far off is.
        ("qué dijimos el 20 de octubre", "es", NOW, None),
        ("qué dijimos el 24 de diciembre", "es", NOW, "2025-12-24 to 2025-12-25"),
        # At the weekend, and where it is still to come.
        ("what did I say over the weekend", "en", datetime(2026, 10, 18, 12), "2026-10-16 16:00 to 2026-10-19"),
        ("what did I say last weekend", "en", datetime(2026, 10, 18, 12), "2026-10-09 16:00 to 2026-10-12"),
        ("qué hicimos este verano", "es", datetime(2026, 4, 1, 12), None),
        ("what did I say this afternoon", "en", datetime(2026, 10, 14, 10), None),
        # Still awake after midnight.
        ("qué te he dicho hoy", "es", datetime(2026, 10, 14, 1, 30), "2026-10-13 to 2026-10-15"),
        ("what did I say last night", "en", datetime(2026, 10, 14, 1, 30), "2026-10-12 18:00 to 2026-10-14 06:00"),
    ],
)
def test_at_boundaries(text, language, now, expected):
    assert _spanned(text, language, now) == expected


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 30), 23), (date(2026, 10, 26), 25), (date(2026, 7, 2), 24)],
)
def test_yesterday_lasts_as_long_as_it_did(day, hours):
    zone = ZoneInfo("Europe/Madrid")
    asked = time_asked("qué te dije ayer", "es", datetime(day.year, day.month, day.day, 12, tzinfo=zone))
    assert asked is not None
    assert asked.end.timestamp() - asked.start.timestamp() == hours * 3600
    assert (asked.start.hour, asked.end.hour) == (0, 0)


def test_the_hour_that_comes_twice_is_one_day():
    second = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Madrid"))
    asked = time_asked("what did I say yesterday", "en", second)
    assert asked is not None
    assert asked.end == datetime(2026, 10, 25, tzinfo=second.tzinfo)


@pytest.mark.parametrize(
    "now", [datetime.min, datetime.max, datetime(1970, 1, 1), datetime(2106, 2, 7), datetime(9999, 12, 31)]
)
@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("qué te dije ayer", "es"), ("hace 900 años", "es"), ("el verano pasado", "es"), ("en marzo", "es"),
        ("el 29 de febrero", "es"), ("a finales de año", "es"), ("el fin de semana", "es"), ("el día 31", "es"),
        ("what did I say last week", "en"), ("in the last 999 years", "en"), ("in 2024", "en"), ("last month", "en"),
        ("on Thursday last week", "en"), ("at christmas 1900", "en"), ("the night before last", "en"),
    ],
)  # fmt: skip
def test_a_clock_that_jumped_raises_nothing(text, language, now):
    asked = time_asked(text, language, now)
    assert asked is None or asked.start < asked.end


@pytest.mark.parametrize("months", range(12))
def test_a_span_begins_before_now(months):
    now = datetime(2026, months + 1, 28, 9) + timedelta(days=months)
    for text in ("en marzo", "el verano pasado", "a principios de año", "el lunes", "el día 30", "en navidad"):
        asked = time_asked(text, "es", now)
        assert asked is not None, (text, now)
        assert asked.start <= now < asked.start + timedelta(days=600)


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("¿Qué te dije el Miércoles pasado?", "es", "el Miércoles pasado"),
        ("Hace unos días te conté algo", "es", "Hace unos días"),
        ("what did I say on the 12th of March?", "en", "on the 12 th of March"),
        ("what did I say since Monday", "en", "since Monday"),
    ],
)
def test_words_are_those_that_were_said(text, language, words):
    asked = time_asked(text, language, NOW)
    assert asked is not None
    assert asked.words == words


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("¿cuál es ahora la clave del wifi?", "es"),
        ("la última vez que vino el fontanero", "es"),
        ("¿en qué quedamos al final?", "es"),
        ("qué seguro tenemos actualmente", "es"),
        ("cual es el ultimo precio", "es"),
        ("qué colegio elegimos finalmente", "es"),
        ("what did we finally decide", "en"),
        ("what's the latest on the boiler", "en"),
        ("the most recent price", "en"),
        ("which plan are we currently on", "en"),
        ("what is the door code now", "en"),
        ("when was the last time we changed the filter", "en"),
        ("what did we end up calling the cat", "en"),
    ],
)
def test_the_newest_is_asked_for(text, language):
    assert asks_latest(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ahora dime cómo se llama el perro", "es"),
        ("qué tienda hay al final de la calle", "es"),
        ("qué te pedí en los últimos días", "es"),
        ("cuál era la clave del wifi", "es"),
        ("now tell me the name of the dog", "en"),
        ("what did I tell you last week", "en"),
        ("what did I say just now", "en"),
        ("what was the door code in March", "en"),
        ("", "en"),
    ],
)
def test_the_newest_is_not_asked_for(text, language):
    assert not asks_latest(text, language)


@pytest.mark.parametrize(
    ("day", "spanish", "english"),
    [
        (date(2026, 10, 14), "hoy", "today"),
        (date(2026, 10, 13), "ayer", "yesterday"),
        (date(2026, 10, 12), "anteayer", "on Monday"),
        (date(2026, 10, 10), "el sábado", "on Saturday"),
        (date(2026, 10, 8), "el jueves", "on Thursday"),
        (date(2026, 10, 7), "el 7 de octubre", "on 7 October"),
        (date(2026, 3, 12), "el 12 de marzo", "on 12 March"),
        (date(2025, 3, 12), "el 12 de marzo de 2025", "on 12 March 2025"),
        (date(2024, 2, 29), "el 29 de febrero de 2024", "on 29 February 2024"),
        (date(2026, 10, 16), "el 16 de octubre", "on 16 October"),
    ],
)
def test_told_day(day, spanish, english):
    assert told_day(day, NOW.date(), "es") == spanish
    assert told_day(day, NOW.date(), "en") == english


def test_a_day_is_told_across_the_year():
    assert told_day(date(2025, 12, 31), date(2026, 1, 1), "es") == "ayer"
    assert told_day(date(2025, 12, 24), date(2026, 1, 1), "en") == "on 24 December 2025"


def test_a_moment_is_a_day_too():
    assert told_day(datetime(2026, 10, 13, 23, 59), datetime(2026, 10, 14, 0, 1), "es") == "ayer"
