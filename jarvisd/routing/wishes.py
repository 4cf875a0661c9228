"""What a person says about how to answer: "piénsalo bien", "in one sentence", "usa la nube". Pure.

A wish is only heard where it stands by itself at the beginning or the end of what was said, so that "explain how people
think hard" remains a question about people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jarvisd.plain import words
from jarvisd.types import Language, Level


@dataclass(frozen=True, slots=True)
class Wishes:
    """`level`: whom to ask. `short`: a short answer. `cloud`: whether outside the house is wanted, or refused.
    `next_time`: it is about questions like the one before, from now on.
    """

    level: Level | None = None
    short: bool = False
    cloud: bool | None = None
    next_time: bool = False

    @property
    def any(self) -> bool:
        return self != NO_WISHES


NO_WISHES = Wishes()


@dataclass(frozen=True, slots=True)
class Heard:
    """The wishes, and what is left of the text without them; empty where there was nothing but a wish."""

    wishes: Wishes
    rest: str


# Nobody says so much at once; whoever pastes it has no wish beside it.
LONGEST_CHARACTERS = 1_000
# Plain words (no accents, no punctuation). Each stands at an end of what was said.
_THINK = (
    "piensalo (?:muy )?(?:bien|mejor|mas|a fondo|despacio|con calma)|piensatelo(?: bien| mejor)?"
    "|pensalo (?:bien|mejor)|pienselo (?:bien|mejor)|piensa (?:bien|a fondo|con calma|paso a paso)(?: la respuesta)?"
    "|razonalo(?: bien| paso a paso)?|razona paso a paso|toma?te (?:tu|el|todo el) tiempo(?: que necesites)?"
    "|think (?:(?:very |really )?(?:hard|carefully|deeply)|it (?:through|over)|step by step|harder|better)"
    "(?: about (?:it|this|that))?(?: first)?|think about (?:it|this|that) (?:carefully|harder|again)"
    "|take your time|reason (?:it through|step by step)|give it (?:some|more) thought"
)
_SHORT = (
    "(?:dame |quiero |con )?(?:una )?respuesta (?:muy )?(?:corta|breve|rapida)|(?:se|sea) breve"
    "|(?:muy )?brevemente|en (?:una (?:sola )?(?:frase|palabra)|pocas palabras|dos palabras)"
    "|resumiendo|(?:respondeme |responde |contesta )?(?:rapido|rapidito|cortito)"
    "|(?:give me |just )?(?:a |the )?(?:short|brief|quick) answer|(?:be|keep it) (?:brief|short|quick)"
    "|in (?:a|one|just one|a single) (?:sentence|word)|in (?:a )?few words|briefly|in short"
)
_CLOUD = (
    "(?:usa|usando|pregunta(?:le|selo)? a|preguntaselo a|con|busca en) la nube|utiliza la nube"
    "|(?:use|using|ask|with|through|via) the cloud"
)
_NO_CLOUD = (
    "sin (?:usar )?la nube|no uses la nube|(?:solo|unicamente) (?:en|con lo de) (?:casa|local)|sin salir de casa"
    "|without (?:using )?the cloud|(?:do not|dont|don t) use the cloud|(?:keep it|stay) (?:local|at home|in the house)"
    "|locally only"
)
_NEXT_TIME = "(?:para )?(?:la )?proxima vez|la siguiente vez|a partir de ahora|(?:the )?next time|from now on"
_GLUE = "(?:y|and|pero|but|por favor|please|porfa|jarvis|oye)"
_KINDS = {"think": _THINK, "short": _SHORT, "no_cloud": _NO_CLOUD, "cloud": _CLOUD, "next_time": _NEXT_TIME}
_AT_START = {name: re.compile(rf"^(?:{_GLUE} )*(?:{what})\b(?: {_GLUE}\b)*(?= |$)") for name, what in _KINDS.items()}
_AT_END = {name: re.compile(rf"(?:^|(?<= ))(?:{_GLUE} )*(?:{what})(?: {_GLUE})*$") for name, what in _KINDS.items()}


def wishes(text: str, language: Language | None = None) -> Heard:  # noqa: ARG001 - both languages are heard always
    """The wishes in a text. Raises nothing; what is no wish is the question."""
    if len(text) > LONGEST_CHARACTERS:
        return Heard(NO_WISHES, text)
    said = words(text)
    found: set[str] = set()
    start, end = 0, len(said)
    moved = True
    while moved and start < end:
        moved = False
        plain = " ".join(word.plain for word in said[start:end])
        for name in _KINDS:
            if match := _AT_START[name].search(plain):
                start += len(match.group().split())
            elif match := _AT_END[name].search(plain):
                end -= len(match.group().split())
            else:
                continue
            found.add(name)
            moved = True
            break
    if not found - {"next_time"}:  # "the next time" alone is said of anything
        return Heard(NO_WISHES, text)
    level: Level | None = "reasoning" if "think" in found else ("fast" if "short" in found else None)
    cloud = False if "no_cloud" in found else (True if "cloud" in found else None)
    return Heard(
        Wishes(level, "short" in found, cloud, "next_time" in found), " ".join(word.said for word in said[start:end])
    )
