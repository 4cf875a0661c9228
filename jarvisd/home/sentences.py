"""What is said about devices when Home Assistant's own words would not be true, or a yes is needed first."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from jarvisd.home.expect import Asked
from jarvisd.types import Language

# More names than this are counted, not listed.
MOST_NAMES = 3
# Names and answers are read aloud: longer ones are cut.
MAX_NAME_CHARACTERS = 60
MAX_SPEECH_CHARACTERS = 600

_SENTENCES: dict[str, dict[Language, tuple[str, str]]] = {
    "absent": {
        "en": ("I can't reach {names}.", "I can't reach {names}."),
        "es": ("No puedo conectar con {names}.", "No puedo conectar con {names}."),
    },
    "failed": {
        "en": ("{names} is not responding.", "{names} are not responding."),
        "es": ("{names} no responde.", "{names} no responden."),
    },
    "rest": {
        "en": ("The rest is done.", "The rest is done."),
        "es": ("Lo demás está hecho.", "Lo demás está hecho."),
    },
    "unsure": {
        "en": ("Home Assistant stopped answering, so I don't know whether it was done.",) * 2,
        "es": ("Home Assistant ha dejado de responder y no sé si se ha hecho.",) * 2,
    },
    "expired": {
        "en": ("There is nothing to confirm any more. Please ask again.",) * 2,
        "es": ("Ya no hay nada que confirmar. Pídemelo otra vez, por favor.",) * 2,
    },
    "gone": {
        "en": ("I can't reach Home Assistant right now, so nothing was done.",) * 2,
        "es": ("Ahora mismo no puedo conectar con Home Assistant y no se ha hecho nada.",) * 2,
    },
    "not_done": {
        "en": ("Home Assistant could not do that.",) * 2,
        "es": ("Home Assistant no ha podido hacerlo.",) * 2,
    },
    "done": {"en": ("Done.",) * 2, "es": ("Hecho.",) * 2},
    "confirm": {
        "en": ("Do you really want me to {verb} {names}?",) * 2,
        "es": ("¿Seguro que quieres que {verb} {names}?",) * 2,
    },
}
_VERBS: dict[Language, dict[tuple[str, str], str]] = {
    "en": {
        ("lock", "on"): "lock", ("lock", "off"): "unlock", ("cover", "on"): "open", ("cover", "off"): "close",
        ("valve", "on"): "open", ("valve", "off"): "close", ("", "on"): "turn on", ("", "off"): "turn off",
    },
    "es": {
        ("lock", "on"): "cierre con llave", ("lock", "off"): "abra", ("cover", "on"): "abra",
        ("cover", "off"): "cierre", ("valve", "on"): "abra", ("valve", "off"): "cierre", ("", "on"): "active",
        ("", "off"): "desactive",
    },
}  # fmt: skip
_ANY_VERB: dict[Language, str] = {"en": "operate", "es": "accione"}
_AND: dict[Language, str] = {"en": "and", "es": "y"}
_DEVICES: dict[Language, str] = {"en": "{count} devices", "es": "{count} dispositivos"}


def told(code: str, language: Language, names: Sequence[str] = ()) -> str:
    """The sentence for `code` about these devices."""
    one, many = _SENTENCES[code][language]
    text = (one if len(names) == 1 else many).format(names=listed(names, language))
    return text[:1].upper() + text[1:]


def question(asked: Asked, domain: str, names: Sequence[str], language: Language) -> str:
    """Asks whether that is really meant."""
    verbs = _VERBS[language]
    verb = verbs.get((domain, asked.kind)) or verbs.get(("", asked.kind)) or _ANY_VERB[language]
    return _SENTENCES["confirm"][language][0].format(verb=verb, names=listed(names, language))


def listed(names: Sequence[str], language: Language) -> str:
    """Names as they are said, one after the other."""
    if len(names) > MOST_NAMES:
        return _DEVICES[language].format(count=len(names))
    short = [_one_line(name)[:MAX_NAME_CHARACTERS] for name in names]
    *first, last = short or [""]
    return f"{', '.join(first)} {_AND[language]} {last}" if first else last


def spoken(text: str) -> str:
    """Home Assistant's own words, as they can be said: one line, not too long, beginning with a capital."""
    line = _one_line(text)[:MAX_SPEECH_CHARACTERS]
    return line[:1].upper() + line[1:]


def _one_line(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in text).split())
