"""What a person's words ask for: plain words, verbs of action in Spanish and English, numbers. Pure."""

from __future__ import annotations

import re
import unicodedata


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Verbs by kind of action: how they begin in a person's request, and not as participles ("abierto", "cerrada").
_OPEN = r"open(?:ing)?\b|abr(?:e|a|i)(?!g|l$|l\b|z|v)\w{0,7}"
_CLOSE = r"clos(?:e|ing)\b|shut\b|cierr\w+|cerr(?!ad[oau]|oj)\w+"
_ON = (
    r"(?:turn|switch|put|power)(?:ing)?(?: \w+){0,6}? on\b|enciend\w+|encend(?!id[oa])\w+|prend(?!id[oa])\w+"
    r"|activ(?!ad[oa]|idad)\w+|conect(?!ad[oa])\w+|pon(?:er|ga|gan|ed|me|lo|la|los|las|melo|mela)?\b|enable"
)
_OFF = (
    r"(?:turn|switch|power)(?:ing)?(?: \w+){0,6}? off\b|apag(?!ad[oa])\w+|desactiv(?!ad[oa])\w+"
    r"|desconect(?!ad[oa])\w+|quita\w*|disable"
)
_SET = (
    r"set\b|chang(?:e|ing)\b|adjust|dim\b|brighten|raise\b|lower\b|increase|decrease|turn(?: \w+){0,6}? (?:up|down)\b"
    r"|pon(?:er|ga|gan|ed|me|lo|la|los|las)?\b|ajust\w+|cambi\w+|sub(?:e|ir|a|ime|el[oa])\b|baj(?:a|ar|e|al[oa])\b"
    r"|regul\w+|aument\w+|dismin\w+|atenu\w+"
)
_ADD = (
    r"add\b|append|note (?:down|that)|put\b|write\b|anad\w+|agreg\w+|apunt\w+|anot\w+|pon(?:er|ga|me|lo|la)?\b|mete\w*"
)
_REMOVE = (
    r"remove|delete|erase|clear\b|cancel|cross off|borr(?!ad[oa])\w+|quit(?:a|ar|e)\w*|elimin\w+|cancel\w+|tach\w+"
)
_SEND = r"send\b|tell\b|message\b|text\b|e ?mail\b|notify|envi\w+|mand(?:a|ar|e)\w*|avis(?:a|ar|e)\w*|escrib\w+|dile\w*"
_CREATE = r"create|make\b|schedule|new\b|crea\w*|haz\w*|hace\w*|program\w+|nuev[oa]|" + _ADD
_START = (
    r"start|begin\b|run\b|launch|empiez\w+|empez\w+|inici\w+|arran\w+|comienz\w+|lanz\w+|ejecut\w+"
    r"|pon(?:er|ga|me|lo|la)?\b"
)
_STOP = r"stop|pause\b|halt\b|^para\b|par(?:ar|e|en|ad|al[oa]s?)\b|det(?:en|eng)\w*|paus(?:a|ar|e)\w*|termin\w+"
_PLAY = r"play\b|put on|reproduc\w+|toca\w*|pon(?:er|ga|me|lo|la)?\b"
_CALL = r"call\b|phone\b|ring\b|dial\b|llam(?:a|ar|e)\w*"
_BUY = r"buy\b|order\b|compr(?:a|ar|e)\w*|pid(?:e|eme)\b|encarg\w+"
# By the words that functions are named with.
_KINDS = {
    "open": _OPEN,
    "close": _CLOSE,
    "shut": _CLOSE,
    "lock": rf"lock(?:ing)?\b|bloque\w+|ech\w+ (?:la )?llave|{_CLOSE}",
    "unlock": rf"unlock|desbloque\w+|{_OPEN}",
    "on": _ON,
    "enable": _ON,
    "off": _OFF,
    "disable": _OFF,
    "toggle": rf"{_ON}|{_OFF}|toggle",
    "arm": rf"arm\b|{_ON}",
    "disarm": rf"disarm|desarm\w+|{_OFF}",
    "set": rf"{_SET}|{_ON}|{_OFF}",
    "change": _SET,
    "adjust": _SET,
    "dim": _SET,
    "update": rf"update|actualiz\w+|{_SET}",
    "start": _START,
    "run": _START,
    "stop": _STOP,
    "pause": _STOP,
    "cancel": rf"{_STOP}|{_REMOVE}",
    "play": _PLAY,
    "add": _ADD,
    "append": _ADD,
    "write": rf"{_ADD}|escrib\w+",
    "remove": _REMOVE,
    "delete": _REMOVE,
    "clear": _REMOVE,
    "send": _SEND,
    "notify": _SEND,
    "create": _CREATE,
    "schedule": _CREATE,
    "call": _CALL,
    "buy": _BUY,
    "order": _BUY,
    "book": r"book\b|reserv\w+",
    "move": r"move\b|muev\w+|mover\w*",
}
# What a house can always be asked to do to itself, whoever offers it.
_OF_THE_HOUSE = ("open", "close", "lock", "unlock", "on", "off", "arm", "disarm")

_AT_ONCE = frozenset({*_OF_THE_HOUSE, "set", "toggle", "enable", "disable", "start", "stop", "play", "dim", "adjust"})
# In names of functions, of things that a house has. Others are taken to have the same name in both languages.
_SPANISH = {
    "garage": "garaje cochera", "gate": "verja porton cancela", "alarm": "alarma", "heating": "calefaccion",
    "boiler": "caldera", "music": "musica", "radio": "radio", "tv": "tele television", "television": "tele television",
    "oven": "horno", "water": "agua", "irrigation": "riego", "sprinkler": "riego aspersor", "garden": "jardin",
    "front": "principal entrada", "back": "trasera atras", "kitchen": "cocina", "bedroom": "dormitorio habitacion",
    "bathroom": "bano", "living": "salon", "car": "coche carro auto", "message": "mensaje recado", "note": "nota",
    "reminder": "recordatorio", "calendar": "calendario agenda", "event": "evento cita", "appointment": "cita",
    "shopping": "compra", "mail": "correo", "email": "correo", "vacuum": "aspiradora", "pool": "piscina",
    "temperature": "temperatura grados", "volume": "volumen", "washer": "lavadora", "dishwasher": "lavavajillas",
}  # fmt: skip
_OF_NO_ACCOUNT = word_set("to the a an my of in on off up down with hass turn switch all do it state control")

_NUMBERS = {
    word: number
    for words in (
        "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete "
        "dieciocho diecinueve veinte veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete "
        "veintiocho veintinueve treinta",
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty",
    )
    for number, word in enumerate(words.split())
} | {
    "un": 1, "una": 1, "media": 30, "medio": 50, "mitad": 50, "half": 50, "cuarto": 15, "quarter": 15,
    "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "setenta": 70, "ochenta": 80, "noventa": 90, "cien": 100,
    "ciento": 100, "maximo": 100, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "hundred": 100, "maximum": 100, "full": 100,
}  # fmt: skip


def plain(text: str) -> str:
    """Lower case words without accents, apostrophes and punctuation, one space between them."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(one for one in decomposed if not unicodedata.combining(one) and one not in "'’`´")
    return " ".join(re.findall(r"[a-z0-9]+", letters))


def verbs_of_name(name: str) -> str:
    """A pattern for requests of what a function's name says that it does ("set_light"); empty if it says nothing."""
    return "|".join(_KINDS[part] for part in _parts(name) if part in _KINDS)


def nouns_of_name(name: str) -> frozenset[str]:
    """What a function's name says that it does it to ("open_garage")."""
    return frozenset(part for part in _parts(name) if part not in _KINDS and part not in _OF_NO_ACCOUNT)


def acts_at_once(name: str) -> bool:
    """Whether a function's name says that it changes the house when it is called, and not what will be later."""
    return not _AT_ONCE.isdisjoint(_parts(name))


def in_both_languages(noun: str) -> tuple[str, ...]:
    """An English noun of a function's name, and what it is called in Spanish where that is known."""
    return (noun, *_SPANISH.get(noun, "").split())


def _parts(name: str) -> list[str]:
    return re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())


def verbs_of_words(words: tuple[str, ...]) -> str:
    """A pattern for words that a tool or the configuration names; several words may have others between them."""
    return "|".join(
        r"\w*(?: \w+){0,5}? ".join(map(re.escape, plain(word).split())) + r"\w*" for word in words if plain(word)
    )


def house_verbs() -> str:
    """A pattern for requests that change something in the house."""
    return "|".join(_KINDS[kind] for kind in _OF_THE_HOUSE)


def numbers_in(plain_text: str) -> set[float]:
    """The numbers that are said, in digits or words up to a hundred; "treinta y cinco" and "thirty five" are 35."""
    found: set[float] = {float(digits) for digits in re.findall(r"\d+", plain_text)}
    before: int | None = None
    for word in plain_text.split():
        number = _NUMBERS.get(word)
        if number is not None:
            found.add(float(number))
            if before is not None and before >= 20 and before % 10 == 0 and number < 10:
                found.add(float(before + number))
        if word != "y":
            before = number
    return found


def digits_in(plain_text: str) -> str:
    """Digits that are said one by one, or in groups: "uno dos 34" is 1234."""
    return "".join(
        word if word.isdigit() else str(number)
        for word in plain_text.split()
        if word.isdigit() or ((number := _NUMBERS.get(word)) is not None and number < 10)
    )


def is_digit(word: str) -> bool:
    """Whether a plain word is a digit or a group of them, written or said."""
    return word.isdigit() or _NUMBERS.get(word, 10) < 10
