"""Ways of saying a command that Home Assistant may understand when it does not understand the first.

Its grammar wants whole sentences, accents, and an area in each sentence that names no device. What is changed here is
only the wording: which device is meant, and what happens to it, is left to Home Assistant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from jarvisd.home.house import Entity, House, fold
from jarvisd.types import Language

# Each one that is not understood costs Home Assistant 35 to 70 ms of a desktop processor.
MAX_PHRASES = 5

_ACCENTS = {
    "esta": "está", "estan": "están", "que": "qué", "cual": "cuál", "cuales": "cuáles", "cuanta": "cuánta",
    "cuanto": "cuánto", "cuantos": "cuántos", "cuantas": "cuántas", "como": "cómo",
}  # fmt: skip
_HEAT_ES = r"(?:el termostato|la calefaccion|la caldera|el aire(?: acondicionado)?|el clima)"
_HEAT_EN = r"(?:the )?(?:heating|heater|heat|thermostat|ac|air con|air conditioning)"
_REWRITES: dict[Language, tuple[tuple[str, str], ...]] = {
    "es": (
        (
            rf"(?:pon|sube|baja|ajusta|cambia|deja) {_HEAT_ES}((?: de| del| en) .+?)? (?:a|en) ([\d.,]+)(?: grados)?",
            r"pon la temperatura\1 a \2 grados",
        ),
        (r"(abre|cierra|sube|baja) (?:el garaje|la cochera)", r"\1 la puerta del garaje"),
        (r"(?:da|dale) (?:a )?la luz( .+)?", r"enciende la luz\1"),
        (r"(?:quita|corta|mata) (la luz|las luces)( .+)?", r"apaga \1\2"),
        (r"(?:deja|cambia) (.+) (al? .+)", r"pon \1 \2"),
        (r"(esta|estan) (abiert[oa]s?|cerrad[oa]s?|encendid[oa]s?|apagad[oa]s?) (.+)", r"\1 \3 \2"),
        (r"(?:hay luces|esta alguna luz) (encendida|apagada)s?", r"hay alguna luz \1"),
    ),
    "en": (
        (r"(?:dim|brighten) (.+) to ([\d.]+)(?: ?%| percent)?", r"set \1 to \2%"),
        (r"(?:put|flip|power|get) (on|off) (.+)", r"turn \1 \2"),
        (r"(?:put|flip|power|get) (.+) (on|off)", r"turn \2 \1"),
        (r"(?:kill|cut) (.+)", r"turn off \1"),
        (
            rf"(?:put|set|turn(?: up| down)?|change) {_HEAT_EN}( in .+?)? (?:to|at|on) ([\d.]+)(?: degrees)?",
            r"set the temperature\1 to \2 degrees",
        ),
        (r"(?:pull down|draw|roll down) (.+)", r"close \1"),
        (r"(?:pull up|roll up) (.+)", r"open \1"),
        (r"(open|close|shut) the garage", r"\1 the garage door"),
        (r"(?:is it|how) (hot|cold|warm|cool)(?: is it)? (in .+)", r"how \1 is it \2"),
    ),
}
# "Pon el ventilador" is an order to switch it on where there is such a thing.
_SWITCHES: dict[Language, dict[str, str]] = {"es": {"pon": "enciende", "quita": "apaga"}, "en": {}}
_ARTICLES = r"(?:el |la |los |las |un |una |the |my |our )?"
_IN_AREA = r" (?:en|de|del|in|of)(?: el| la| los| las| the)? "


def phrases(
    text: str, language: Language, normalised: Sequence[str], house: House, room: str | None = None
) -> tuple[str, ...]:
    """The wordings to try, the original first. `normalised`: `text` without politeness, clitics and accents."""
    plain = [*dict.fromkeys(fold(one) for one in normalised if one.strip())] or [fold(text)]
    plain = [one.strip(" ¿?¡!.,;").replace(" percent", "%") for one in plain]
    reworded = [again for one in plain for again in _reworded(one, language, house)]
    found = [_respelt(one, language, house) for one in [*reworded, *plain]]
    if room and not any(_names_area(one, house) for one in plain):
        found = [f"{one} {'en' if language == 'es' else 'in'} {room}" for one in found] + found
    return tuple(dict.fromkeys([text.strip(), *found]))[:MAX_PHRASES]


def is_bare_name(sentence: str, house: House) -> bool:
    """Whether a sentence is nothing but a name: Home Assistant would start a scene that is called so."""
    said = re.sub(rf"^{_ARTICLES}", "", fold(sentence).strip(" ¿?¡!.,;"))
    return any(said == fold(name) for one in house.entities.values() for name in one.names)


def _reworded(plain: str, language: Language, house: House) -> list[str]:
    """Other words for the same, the closest first."""
    for pattern, instead in _REWRITES[language]:
        if (match := re.fullmatch(pattern, plain)) is not None:
            again = match.expand(instead)
            return [again, *_with_only_thermostat(again, house)]
    verb, _, rest = plain.partition(" ")
    entity, name = _longest_name(rest, house)
    if entity is None:
        return []
    without = _without_area(rest, name, entity)
    verb = _SWITCHES[language].get(verb, verb) if re.fullmatch(_ARTICLES + re.escape(name), without) else verb
    again = f"{verb} {without}"
    return [again] if again != plain else []


def _with_only_thermostat(plain: str, house: House) -> list[str]:
    """Newer versions of Home Assistant want to hear which, also where there is one only."""
    found = [one for one in house.entities.values() if one.domain == "climate"]
    named = re.sub(r"^(pon|set) (?:la temperatura|the temperature)(?= (?:a|to) )", "", plain)
    if len(found) != 1 or named == plain:
        return []
    return [f"{plain.partition(' ')[0]} {fold(found[0].name)}{named}"]


def _longest_name(plain: str, house: House) -> tuple[Entity | None, str]:
    """The entity that is named, and how."""
    padded = f" {plain} "
    named = [
        (len(folded), one, folded)
        for one in house.entities.values()
        for name in one.names
        if f" {(folded := fold(name))} " in padded
    ]
    _, entity, name = max(named, key=lambda found: found[0], default=(0, None, ""))
    return entity, name


def _without_area(plain: str, name: str, entity: Entity) -> str:
    """ "La cafetera de la cocina" is the one called cafetera, which is in the kitchen."""
    area = fold(entity.area)
    return re.sub(rf"(?<={re.escape(name)}){_IN_AREA}{re.escape(area)}$", "", plain) if area else plain


def _names_area(plain: str, house: House) -> bool:
    padded = f" {plain} "
    return any(f" {fold(name)} " in padded for names in house.areas for name in names)


def _respelt(plain: str, language: Language, house: House) -> str:
    """With the accents that names in the house have, and those of Spanish questions."""
    first, _, rest = plain.partition(" ")
    if language == "es":
        first = _ACCENTS.get(first, first)
    words = [house.spellings.get(word, word) for word in rest.split()]
    return " ".join([house.spellings.get(first, first), *words])
