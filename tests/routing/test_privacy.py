import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvisd.errors import CloudRefused
from jarvisd.outgoing import cleared
from jarvisd.routing.privacy import LONGEST_CHARACTERS, SCORE_LIMIT, check_text, fold
from jarvisd.routing.private_rules import rules

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "training/corpus/private"

STAYS = {
    "es": """
        mi mujer cumple años el jueves
        a qué hora sale mi hijo del cole
        nos vamos de vacaciones el lunes
        está cerrada con llave la puerta de atrás
        me he dejado la plancha encendida
        qué temperatura hace en el salón
        hay alguien en casa
        me duele la espalda desde ayer
        tengo fiebre qué me tomo
        cuánto dinero me queda este mes
        me llega para la hipoteca
        le debo trescientos euros a marta
        llama a javi
        qué quiere cenar carlos
        mi número es el seis uno dos tres cuatro cinco seis siete ocho
        apunta el seiscientos doce treinta y cuatro cincuenta y seis setenta y ocho
        mi correo es ana arroba gmail punto com
        la clave de la alarma es cuatro ocho uno cinco
        cuál es la contraseña del wifi
        vivo en la calle del pez número quince
        tengo cita con el dentista el martes
        qué tengo mañana
        qué te dije del médico
        quién soy
        qué cené ayer
        los niños ya se han dormido
        estoy pensando en dejar el trabajo
        gano mil quinientos euros al mes
    """,
    "en": """
        when is my wife's birthday
        what time does my son's school start
        we're going on vacation on monday
        is the back door locked
        did i leave the iron on
        what's the temperature in the living room
        is anyone home
        my back hurts
        i have a fever what should i take
        how much money do we have left
        can i afford my mortgage
        i owe bob three hundred dollars
        call sarah
        what does daniel want for dinner
        my number is five five five one two three four five six
        her email is anna at gmail dot com
        the alarm code is four eight one five
        what's the wifi password
        i live at twelve oak street
        i have a dentist appointment on tuesday
        what do i have tomorrow
        what did i tell you about the doctor
        who am i
        the kids are asleep
        she is allergic to peanuts what can i bake
        i'm thinking of quitting my job
        i make two thousand dollars a month
    """,
}
MAY_LEAVE = {
    "es": """
        cuánto mide la torre eiffel
        explícame la fotosíntesis como a un niño
        cuáles son los síntomas de la gripe
        qué es una hipoteca
        qué es una contraseña segura
        quién fue marie curie
        cuándo nació miguel de cervantes
        cómo se hace una tortilla de patatas
        si tengo tres camisas y cuatro pantalones cuántas combinaciones hay
        tomás tiene cinco manzanas y le da dos a lucía cuántas le quedan
        qué le pasa a nuestro cuerpo cuando dormimos
        cómo funciona una cerradura
        a qué temperatura debe estar un dormitorio
        qué es el cáncer de mama
        qué significa el nombre sofía
        cuéntame un chiste
        tengo una pregunta sobre la gravedad
        en qué año cayó el muro de berlín
        cuántos habitantes tiene japón
    """,
    "en": """
        how tall is the eiffel tower
        explain photosynthesis
        what are the symptoms of the flu in general
        what is a mortgage
        how do i create a strong password
        who was marie curie
        what did albert einstein discover
        how do i make pancakes
        if i have three shirts and four pairs of trousers how many outfits can i make
        tom has five apples and gives two to lucy how many are left
        what happens to our bodies when we sleep
        how does a door lock work
        what temperature should a bedroom be
        is the golden gate bridge open on sundays
        what does the name sophia mean
        tell me a joke
        i have a question about gravity
        what is the population of brazil in 2020
        what comes next in one one two three five eight
    """,
}


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize(("language", "text"), [(one, text) for one in STAYS for text in lines(STAYS[one])])
def test_stays_in_the_house(language, text):
    for said in (text, text.capitalize() + ".", f"¿{text.upper()}?", f"eh {text} por favor"):
        verdict = check_text(said, language)
        assert verdict.private, said
        assert all(verdict.reasons)


@pytest.mark.parametrize(("language", "text"), [(one, text) for one in MAY_LEAVE for text in lines(MAY_LEAVE[one])])
def test_may_leave(language, text):
    for said in (text, text.capitalize() + "."):
        assert check_text(said, language).reasons == ()
        assert check_text(said).private is False


def test_lost_accents_lose_nothing():
    assert check_text("esta cerrada con llave la puerta de atras", "es").private
    assert check_text("cual es la contrasena del wifi", "es").private


@pytest.mark.parametrize(("text", "told"), [("is the front door locked", "es"), ("está mi mujer en casa", "en")])
def test_a_language_that_is_told_wrong_opens_nothing(text, told):
    assert check_text(text, told).private


@pytest.mark.parametrize(
    "text",
    ["", "   ", "🎉🎉", "¿?", "моя жена болеет", "who is моя жена", "ma femme est malade et je suis seul",
     "how tall is the eiffel tower " * (LONGEST_CHARACTERS // 20), "palabra " * 5000],
    ids=["empty", "blank", "emoji", "marks", "russian", "mixed", "french", "long", "5,000 words"],
)  # fmt: skip
def test_what_cannot_be_judged_stays(text):
    assert check_text(text, "es").private
    assert check_text(text).private


@pytest.mark.parametrize(
    "text",
    [
        "what is es91 2100 0418 4502 0005 1332",
        "check 12345678z",
        "look up 4111 1111 1111 1111",
        "who has +34 612 345 678",
        "who has the phone 555 12 34",
        "write to ana.garcia@example.org",
        "escribe a ana punto garcia arroba example punto org",
        "de quién es la matrícula 1234 bcd",
        "de quien es el seis uno dos tres cuatro cinco seis",
    ],
)
def test_numbers_and_addresses_stay(text):
    assert check_text(text).private


@given(st.lists(st.integers(0, 9), min_size=9, max_size=12), st.sampled_from(["", " ", "-"]))
@settings(deadline=None)
def test_no_telephone_number_leaves(digits, between):
    number = between.join(map(str, digits))
    if not number.endswith("000"):
        assert check_text(f"whose number is {number}", "en").private


@pytest.mark.parametrize("text", ["what is 1234567 plus 7654321", "people in tokyo 37000000", "from 1914 to 1918"])
def test_sums_and_years_are_no_telephone_numbers(text):
    assert not check_text(text, "en").private


def test_a_score_keeps_in_what_the_rules_let_through():
    asked = []

    def score(text: str) -> float:
        asked.append(text)
        return SCORE_LIMIT + 0.01

    text = "how tall is the eiffel tower"
    verdict = check_text(text, "en", score)
    assert (verdict.private, verdict.text, asked) == (True, text, [text])
    assert not check_text(text, "en", lambda _: SCORE_LIMIT).private
    assert check_text("is the door locked", "en", lambda _: 0.0).private


def test_the_verdict_is_what_opens_the_door():
    assert cleared(check_text("how tall is the eiffel tower", "en")).text == "how tall is the eiffel tower"
    with pytest.raises(CloudRefused, match="somebody's own things or people"):
        cleared(check_text("how tall is my wife", "en"))


def test_folding():
    assert fold("¿Qué  TÁL, Ñandú?  I’m  2,5") == "que tal nandu i am 2,5"


@given(st.text(max_size=300), st.sampled_from(["es", "en"]))
@settings(deadline=None)
def test_any_text_gets_a_verdict(text, language):
    verdict = check_text(text, language)
    assert verdict.private == bool(verdict.reasons)


def test_every_rule_is_whole():
    for language in ("es", "en"):
        for reason, pattern in rules(language):
            assert reason
            assert "<" not in re.sub(r"\(\?<[!=]", "", pattern.pattern), reason


def test_the_corpus_is_written_as_people_speak():
    seen: dict[str, str] = {}
    for file in sorted(CORPUS.glob("*/*.txt")):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            place = f"{file.parent.name}/{file.name}:{number}"
            if line and not line.startswith("#"):
                assert line == line.lower(), place
                assert not re.search(r"[.,;:!?¿¡]", line), place
                assert line not in seen, f"{place} says the same as {seen[line]}"
                seen[line] = place
                for slot in re.findall(r"\{(\w+)\}", line):
                    assert (CORPUS.parent / f"slots/{file.parent.name}/{slot}.txt").is_file(), place
    assert len(seen) > 800
