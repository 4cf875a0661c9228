"""What the memory is told: what is a statement, what is a lasting preference, and what is neither. Pure.

Strict, because what is taken here no model hears: a question, a second wish, or a remark about what is going on
("I like this song", "prefiero la luz más baja") is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from jarvisd.plain import Word, plain, word_set, words
from jarvisd.skills.lift import AHEAD, Lifted
from jarvisd.skills.moments import WEEKDAYS, Moment
from jarvisd.types import Language

_MOST_STATEMENT_WORDS = 40
_MOST_PREFERENCE_WORDS = 20
_MOST_NAME_WORDS = 3
_MOST_TOPIC_WORDS = 8

# A clause that begins so asks. Accents are the only sign of some, which are as often something else without.
_ASKS = word_set(
    """quien quienes cual cuales cuanto cuanta cuantos cuantas donde who whom whose what how where why whether do
    does did is are was were can could should would shall whats wheres whos whens hows"""
)
_ASKS_WITH_ACCENT = word_set("qué quién quiénes cuál cuáles cuándo cuánto cuánta cuántos cuántas dónde cómo")
# "Recuerda que dia nacio Cervantes", with the accent lost.
_ASKED_FOR = word_set("dia hora ano mes tipo clase color cosa cosas pasa paso significa")
# "Remember that time we went to Rome": no statement.
_POINTED_AT = word_set(
    """time times day night morning evening week weekend summer winter trip year moment guy man woman girl boy lady
    kid person movie film show episode series song tune book story joke restaurant bar place thing game party
    conversation question answer word recipe picture photo one ones"""
)
_REQUESTS_TO_ME = word_set(
    """dime decime dinos dame danos ponme poneme hazme haceme recomiendame recomendame recomiendanos explicame
    cuentame contame ensename muestrame mostrame buscame ayudame avisame recuerdame recordame despiertame leeme
    escribeme traduceme calculame enciendeme prendeme apagame abreme"""
)
_REQUESTS = _REQUESTS_TO_ME | word_set(
    """di pon haz busca calcula traduce recomienda explica escribe tell give show play turn switch recommend suggest
    explain find help write translate remind wake send order search"""
)
# Only these are requests with an object behind them: "el bar abre a las ocho y cierra a las diez" is none.
_REQUESTS_FOR_A_THING = word_set(
    """abre cierra enciende apaga sube baja quita open close set start stop call add make"""
)
_AN_OBJECT = re.compile(r"(?:el|las?|los|una?|mi|the|an|my|a(?! las?\b))\b")
# A question that follows without a comma, as recognisers write it.
_QUESTION_INSIDE = re.compile(
    r"\b(?:how (?:much|many|long|far|often) (?:\w+ )?(?:do|does|is|are|should|can|could|will)"
    r"|(?:what|which|where|when|how|why) (?:\w+ )?(?:should|can|could|do|does|did|would) (?:i|we|you)"
    r"|(?:can|could|would|will) you|(?:tell|give|show) me|(?:should|could|can) i"
    r"|(?:cuant[ao]s?|que|cual|donde|como) (?:\w+ )?(?:puedo|podemos|debo|deberia|necesito|necesitamos))\b"
)
_CLAUSE = re.compile(r"[,.;:!](?=\s)|\s(?:y|e|and|but|pero|then|entonces|so|as[ií] que)\s", re.IGNORECASE)

# About the talk itself or to whoever listens: "recuerda que eres un pirata".
_TO_THE_LISTENER = re.compile(
    r"(?:eres|sos|debes|tienes que|estamos hablando|te (?:he|dije|pregunte|pedi)|you|youre|youve|i (?:told|asked|said)"
    r"|we (?:talked|were talking|are talking)|were talking)\b"
)
# English leaves "that" out in front of such a clause only: "remember my name" is none.
_NOT_IN_A_SUBJECT = word_set("who whom that which what where when how if to me it this these those")
_SUBJECTS_WITH_VERB = word_set("im ive ill weve theyre hes shes")
_VERBS = word_set(
    """am is are has have need needs like likes live lives take takes prefer prefers parked left put hate hates love
    loves work works dont doesnt cant wont owe owes keep keeps"""
)

# What is said with these is about this moment, this house or whoever listens.
_OF_THE_MOMENT = word_set(
    """this that these those it its you your yours here there now today tomorrow yesterday tonight one ones either
    both esta este esto estas estos esa ese eso esas esos aquel aquella aquello aqui ahi alli ahora ya hoy ayer
    tu tus ti vos usted contigo ambos ambas"""
)
_WONDERS = word_set(
    """who whom whose what whats which where wheres why how hows when whether if but need want should would could
    can must please quien cual como cuando cuanto cuanta cuantos cuantas donde porque si pero necesito quiero
    puedo podria deberia quisiera"""
)
_OF_THE_HOUSE = word_set(
    """light lights lamp lamps heating heater temperature thermostat volume tv television telly blinds curtains fan
    door doors window windows sound dimmer brighter louder quieter warmer cooler colder lower higher softer alto
    alta bajo baja fuerte flojo floja luz luces lampara lamparas calefaccion temperatura termostato volumen tele
    television persiana persianas cortinas ventilador puerta puertas ventana ventanas sonido"""
)
_OF_THE_TALK = word_set(
    """song idea plan way look sound joke story answer movie film picture photo option first second third last other
    next previous former latter same new cancion forma manera chiste historia cuento respuesta pelicula foto
    opcion primer primera primero segunda segundo tercera tercero ultima ultimo otra otro siguiente anterior
    misma mismo"""
)
_NO_OBJECT = word_set(
    """everything anything nothing todo todos dos no not nada mucho bastante poco mas menos tanto algo asi better
    more less much lot too at"""
)
# "Prefiero ver una película", "I like to know what time it is": wishes.
_WISHED_FOR = word_set(
    """saber ver oir escuchar ir hacer pedir comprar reservar hablar decir decirlo tener esperar know see hear watch
    listen ask have get be order book buy say talk"""
)
_NOT_LASTING = word_set("playing losing winning coming late back hard easy dificil facil jugando perdiendo ganando")
# "I like my eggs scrambled", unlike "I hate my job" or "me gusta un compañero".
_HABIT = re.compile(r"^i [a-z ]*(?:prefer|like) my (?:\w+ ){1,6}\w+$|^(?:yo )?prefiero mi (?:\w+ ){1,6}\w+$")
_NO_NAME = word_set(
    """a an the at on in by for if when what back later now maybe up tomorrow soon again crazy un una unos unas al a
    por en cuando si luego despues mas antes ya loco loca de con el la not here calling como igual que to hard
    old asi"""
)
_ENDS = word_set(
    """el la los las lo un una unos unas de del a al con por para en sobre the an of for to at on in about with"""
)
_SPEAKER = word_set("mi me myself nosotros nosotras us ourselves")


def is_statement(text: str, language: Language, *, bare: bool = False) -> bool:
    """Whether `text` tells something, and nothing else. `bare`: no "that" in front of it."""
    said = words(text)
    if _TO_THE_LISTENER.match(plain(text)):
        return False
    if not 2 <= len(said) <= _MOST_STATEMENT_WORDS or re.search(r"[?¿]", text):
        return False
    first = said[0]
    if _begins_question(first.said, first.plain) or _has_second_wish(text) or _asks_inside(said):
        return False
    if language == "es":
        return first.plain not in _ASKED_FOR
    if first.plain in _POINTED_AT:
        return False
    return not bare or _has_subject([word.plain for word in said])


def is_preference(text: str, told: str, items: Sequence[Lifted], *, negative: bool) -> bool:
    """Whether the sentence `text`, which tells `told` (whose words are `items`), holds tomorrow as well."""
    if len(words(text)) > _MOST_PREFERENCE_WORDS or re.search(r"[?¿.;:!](?=.)", text.rstrip()) or "?" in text:
        return False
    said = words(told)
    plain_words = [word.plain for word in said]
    if not said or any(word.said.casefold() in _ASKS_WITH_ACCENT for word in said):
        return False
    first, pairs = plain_words[0], list(zip(["", *plain_words], plain_words, strict=False))
    if first in {"que", "a", "en", "in", "with", "sin", "without"} or _wishes(plain_words):
        return False
    if plain_words[:2] in (["lo", "que"], ["el", "de"], ["la", "de"]):
        return False
    if items[0].value is not None and not (isinstance(items[0].value, Moment) and items[0].value.days):
        return False
    if first in {"my", "mi", "mis", "un", "una", "an"} and (negative or not _HABIT.search(plain(text))):
        return False
    there = set(plain_words)
    if any(word == "te" and before not in {"el", "un", "de", "del", "al"} for before, word in pairs):
        return False
    if there & (_OF_THE_MOMENT | _WONDERS | _OF_THE_HOUSE) or (not negative and there & {"o", "u", "or"}):
        return False
    if (
        set(plain_words[:2]) & _OF_THE_TALK
        or first in _NOT_LASTING
        or there <= _NO_OBJECT | _ENDS
        or first in {"no", "not"}
    ):
        return False
    return not _has_second_wish(text) and not any(
        word in _REQUESTS and before not in {"to", "de", "la", "el"} for before, word in pairs
    )


def is_name(text: str, items: Sequence[Lifted]) -> bool:
    """Whether a person or an animal may be called `text`."""
    said = plain(text).split()
    return (
        0 < len(said) <= _MOST_NAME_WORDS
        and not re.search(r"[?¿]", text)
        and not any(item.value is not None for item in items)
        and not set(said) & (_NO_NAME | _ASKS | _OF_THE_MOMENT | _REQUESTS)
    )


def topic(text: str) -> str | None:
    """What `text` is about, without articles and prepositions at its ends; None if it is no topic.

    Empty: the speaker.
    """
    said = words(text)
    plain_words = [word.plain for word in said]
    if not 0 < len(said) <= _MOST_TOPIC_WORDS or plain_words[:2] == ["lo", "que"]:
        return None
    if _begins_question(said[0].said, plain_words[0]) or plain_words[0] in {"when", "if", "cuando", "como", "que"}:
        return None
    if _has_second_wish(text) or plain_words[-1] in {"it", "that", "this", "eso", "esto", "ello"}:
        return None
    if len(said) == 1 and plain_words[0] in _SPEAKER:
        return ""
    start, end = 0, len(said)
    while start < end and plain_words[start] in _ENDS | {"a"}:
        start += 1
    while start < end and plain_words[end - 1] in _ENDS:
        end -= 1
    if start == end:
        return None
    begin = finish = 0
    for index, word in enumerate(said[:end]):
        position = text.index(word.said, finish)
        begin = position if index == start else begin
        finish = position + len(word.said)
    return text[begin:] if end == len(said) else text[begin:finish]


def _begins_question(said: str, plain_word: str) -> bool:
    return plain_word in _ASKS or said.casefold() in _ASKS_WITH_ACCENT


def _asks_inside(said: Sequence[Word]) -> bool:
    plain_text = " ".join(word.plain for word in said)
    if _QUESTION_INSIDE.search(plain_text):
        return True
    return any(word.said.casefold() in _ASKS_WITH_ACCENT or word.plain in _REQUESTS_TO_ME for word in said)


def _has_second_wish(text: str) -> bool:
    """ "... and tell me what I can eat"."""
    for clause in _CLAUSE.split(text)[1:]:
        said = words(clause)
        if not said:
            continue
        first, after = said[0], " ".join(word.plain for word in said[1:3])
        if first.plain == "which" and after.split(" ")[0] not in {"is", "are", "was", "has"}:
            return True
        if _begins_question(first.said, first.plain) or first.plain in _REQUESTS:
            return True
        if first.plain in _REQUESTS_FOR_A_THING and _AN_OBJECT.match(after):
            return True
    return False


def _has_subject(plain_words: Sequence[str]) -> bool:
    """ "... Ana is allergic to nuts", unlike "... the man who is allergic"."""
    if plain_words[0] in _SUBJECTS_WITH_VERB:
        return True
    verb = next((index for index, word in enumerate(plain_words[:5]) if word in _VERBS), 0)
    return verb > 0 and not set(plain_words[:verb]) & _NOT_IN_A_SUBJECT


def passes(item: Lifted) -> bool:
    """Whether it names a day that goes by."""
    if item.plain == AHEAD:
        return True
    moment = item.value
    return isinstance(moment, Moment) and (
        moment.day in {"today", "tomorrow", "after tomorrow", "yesterday", *WEEKDAYS} or moment.in_s is not None
    )


def _wishes(plain_words: Sequence[str]) -> bool:
    verb = plain_words[1] if plain_words[0] == "to" and len(plain_words) > 1 else plain_words[0]
    return verb in _WISHED_FOR
