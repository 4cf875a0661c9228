"""Which of the household's languages a typed question is in.

Two languages and short questions: function words and letters decide, which needs no model and no download
(lingua and langdetect were looked at: tens of megabytes, and worse on three words).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from jarvisd.types import Language


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MARKS: dict[Language, frozenset[str]] = {
    "es": _words(
        """qué que cuál cual cómo como cuándo cuando dónde donde quién quien por para porque el la los las un una unos
        de del en y o es son está esta hay tengo tienes mi tu su me te se lo le con sin dime pon enciende apaga abre
        cierra hola gracias buenos buenas hora día hoy mañana ayer sí no más muy cuánto cuanto cuántos estamos
        puedes quiero luz"""
    ),
    "en": _words(
        """what which how when where who why the a an of in on and or is are am was were do does did have has my your
        his her it to for with without tell turn put open close hello hi thanks please time day today tomorrow
        yesterday yes not no more very much many can could would will should i you he she we they me this that light
        there"""
    ),
}
_WORD = re.compile(r"[^\W\d_]+")
_SPANISH_LETTERS = re.compile(r"[ñáéíóúü¿¡]")


def guess_language(text: str, languages: Sequence[Language]) -> Language:
    """The likeliest of `languages` (at least one); the first when nothing speaks for another."""
    lowered = text.lower()
    words = _WORD.findall(lowered)
    score = {language: sum(word in _MARKS[language] for word in words) for language in languages}
    if "es" in score and _SPANISH_LETTERS.search(lowered):
        score["es"] += 2
    return max(languages, key=lambda language: score[language])
