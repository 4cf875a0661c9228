"""Whether a person's own words ask for what a model wants to do. Pure: words in, a reason against it or None out.

A model may have read "open the garage" in the name of a sensor, a web page or a remembered sentence. So what acts is
held against what the person said in this turn, and against nothing else. In doubt it is refused: a person can ask
again more plainly, and a door that has opened has opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jarvisd.tools.words import (
    acts_at_once,
    house_verbs,
    in_both_languages,
    nouns_of_name,
    numbers_in,
    plain,
    verbs_of_name,
    verbs_of_words,
    word_set,
)
from jarvisd.types import Tool

_NEGATIONS = word_set("no nunca jamas sin ni tampoco dont not never without cannot cant")
# A negation counts for the verb that follows it this closely: "no me abras", "don't you dare open".
_NEGATION_REACH = {"no": 2, "sin": 2, "ni": 2, "without": 2}
_LONG_REACH = 4
# Questions about how things are, and wishes that are only told about.
_ASKS_ABOUT = re.compile(
    r"(?:(?:hey|oye|hola|jarvis|y|and|so|pues|bueno|ok|vale|well) )*(?:"
    r"(?:is|are|was|were|did|does|has|had|who|what|when|where|why|which|how|should|shall|do (?:i|we|you))\b"
    r"|(?:he|has|ha|hemos|han|habeis|quien|que|cuando|donde|como|cual|cuanto|cuantos|debo|deberia|deberiamos)\b"
    r"|por que\b|hay\b|est(?:a|an|aba|aban) (?:el|la|los|las|mi|tu|todo|toda|algun\w*|ya|\w+(?:ad|id|ert)[oa]s?)\b)"
)
_ONLY_MENTIONED = re.compile(
    r"\b(?:translat\w*|traduc\w*|spell|deletre\w*|means?|significa\w*|como se dice|how do you say|story|cuento|poem\w*"
    r"|poesia|cancion|song|joke|chiste|imagin\w*|pretend|finge|suppose|supon\w*|explain|explica\w*|hypothetic\w*)\b"
)
# Not now: a tool that acts at once is not what is asked for, unless the call says when.
_NOT_NOW = re.compile(
    r"\b(?:remind\w*|recuerd\w*|recordar\w*|tomorrow|manana|later|luego|mas tarde|tonight|esta (?:noche|tarde)"
    r"|dentro de|in (?:an?|\w+(?: \w+)?) (?:seconds?|minutes?|hours?|days?)|when|cuando"
    r"|at (?:\w+ (?:oclock|am|pm|a m|p m)|noon|midnight)"
    r"|a las? (?:\d+|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce))\b"
)
_SAYS_WHEN = re.compile(r"time|date|when|delay|day|hour|minute|second|duration|due|until")
# They tell what kind of thing it is, not which one.
_KINDS_OF_THINGS = word_set(
    """light lights lamp luz luces lampara lamparas bombilla door doors puerta puertas window windows ventana ventanas
    blind blinds persiana persianas switch interruptor plug enchufe lock cerradura cover sensor device dispositivo
    group grupo zone zona room habitacion list lista script scene escena automation fan ventilador climate thermostat
    termostato media player valve the and for with las los del con para una uno por entity item"""
)
_OPPOSITES = {"on": "off", "open": "close", "lock": "unlock", "locked": "unlock", "arm": "disarm", "enable": "disable"}
_FREE_NUMBERS = frozenset({0.0, 1.0, 100.0})
_SHORTEST_STEM = 4


def why_not(tool: Tool, arguments: Mapping[str, Any], said: str) -> str | None:
    """Why the person's words do not ask for this call of a tool that acts; None when they do."""
    words = plain(said)
    name = _own_name(tool)
    verbs = verbs_of_words(tool.words) or verbs_of_name(name)
    if not verbs:
        return "nothing tells which words would ask for it"
    if not asks(words, verbs):
        return "the person did not ask for such an action"
    says_when = any(map(_SAYS_WHEN.search, arguments))
    if not tool.words and acts_at_once(name) and _NOT_NOW.search(words) and not says_when:
        return "the person did not ask for it to be done now"
    if not tool.words:
        for noun in nouns_of_name(name) - _KINDS_OF_THINGS:
            if not any(_alike(one, word) for one in in_both_languages(noun) for word in words.split()):
                return f"the person did not mention {noun!r}"
    for argument, value in _things(tool, arguments):
        names = tool.names(argument, value) if tool.names is not None else ()
        if not any(_named(one, words) for one in (*names, value)):
            return f"the person did not mention {value!r} ({argument})"
    return None


def asks_to_act(said: str, tools: tuple[Tool, ...] = ()) -> bool:
    """Whether a person's words ask for a change in the house, or for what one of the tools does."""
    words = plain(said)
    if asks(words, house_verbs()):
        return True
    return any(
        tool.acts and (verbs := verbs_of_words(tool.words) or verbs_of_name(_own_name(tool))) and asks(words, verbs)
        for tool in tools
    )


def _own_name(tool: Tool) -> str:
    """A name without the server's in front."""
    return tool.name.rpartition("__")[2]


def asks(words: str, verbs: str) -> bool:
    """Whether plain words ask for one of the verbs: said, not denied, not asked about, not merely mentioned."""
    if _ASKS_ABOUT.match(words) or _ONLY_MENTIONED.search(words):
        return False
    found = False
    for match in re.finditer(rf"\b(?:{verbs})", words):
        before = reversed(words[: match.start()].split())
        if any(
            word in _NEGATIONS and far <= _NEGATION_REACH.get(word, _LONG_REACH) for far, word in enumerate(before, 1)
        ):
            return False
        found = True
    return found


def _things(tool: Tool, arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The texts and numbers that say what is acted upon, however deep they lie."""
    for name, value in arguments.items():
        if isinstance(value, bool) and name in _OPPOSITES:  # "on": false
            yield name, name.removesuffix("ed") if value else _OPPOSITES[name]
        elif tool.things is None or name in tool.things:
            yield from ((name, leaf) for leaf in _leaves(value))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif not isinstance(value, bool) and value is not None:
        yield value


def _named(thing: Any, words: str) -> bool:
    """Whether what a call acts upon is in the person's words."""
    if not isinstance(thing, str):
        return thing in _FREE_NUMBERS or thing in numbers_in(words)
    verbs = verbs_of_name(thing)
    parts = [part for part in plain(thing.replace("_", " ")).split() if not part.isdigit()]
    if verbs and len(parts) == 1:  # "on", "open": a state that is wanted
        return asks(words, verbs)
    telling = [part for part in parts if part not in _KINDS_OF_THINGS and len(part) > 1] or parts
    said = words.split()
    known = sum(any(_alike(part, word) for word in said) for part in telling)
    return known * 2 > len(telling) or not telling


def _alike(one: str, other: str) -> bool:
    """The same word, or another form of it: "cocina", "cocinas"."""
    if one == other:
        return True
    shortest = min(len(one), len(other))
    return (
        shortest >= _SHORTEST_STEM and abs(len(one) - len(other)) <= 2 and one[: shortest - 1] == other[: shortest - 1]
    )
