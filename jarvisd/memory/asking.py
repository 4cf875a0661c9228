"""Whether a question asks for what was said in this house. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from jarvisd.plain import plain
from jarvisd.types import Language


def _one_of(alternatives: str) -> str:
    """Alternatives are set apart by semicolons."""
    return "(?:" + "|".join(" ".join(one.split()) for one in alternatives.split(";")) + ")"


def _patterns(before: Mapping[Language, str], texts: Mapping[Language, str]) -> dict[Language, re.Pattern[str]]:
    return {language: re.compile(rf"{before[language]}{_one_of(text)}\b") for language, text in texts.items()}


# It names the memory itself: only a memory may answer.
_MEMORY: dict[Language, re.Pattern[str]] = _patterns(
    {"es": r"\b", "en": r"\b"},
    {
        "es": """te acuerdas; recuerdas; te acordas; recordas; acordarte; te dije; te he dicho; te habia dicho;
            te conte; te comente; te mencione; dijimos; quedamos; decidimos; hablamos;
            te pedi que (?:recordaras|apuntaras|anotaras);
            (?:dije|dijo|dijiste|conto|comento) (?:yo )?(?:que|de|sobre|cuando|donde|ayer|el|la|a);
            (?:que|cuando|donde|quien) (?:dije|dijo); apunt(?:ado|aste|e); anot(?:ado|aste);
            tienes (?:apuntado|anotado|guardado); segun tus (?:notas|recuerdos); en tu memoria""",
        "en": """do you (?:still )?remember; can you remember; i (?:told|asked|mentioned to) you; i said;
            did i (?:say|tell|mention|ask|put|decide); (?:have|had) i (?:said|told|mentioned);
            (?:did|had) we (?:say|agree|decide|talk); we (?:agreed|decided|talked about);
            did (?:\\w+ )?(?:say|tell you|mention); what (?:was|were) (?:it )?(?:i|we) (?:said|told);
            in your (?:memory|notes); (?:have|did) you (?:noted|note|written|write)(?: that| it)? down; noted down;
            according to your (?:notes|memory)""",
    },
)
_LEAD: dict[Language, str] = {
    "es": "^(?:y |oye |a ver |pues )?(?:(?:a|de|en|con|para|desde|hasta|por) )?",
    "en": "^(?:and |so |hey |well )?(?:(?:at|in|on|for|to|with|from) )?",
}
# A question that one fact answers.
_FACT: dict[Language, re.Pattern[str]] = _patterns(
    _LEAD,
    {
        "es": """cuando; donde; adonde; quien; quienes; cual; cuales; cuanto; cuanta; cuantos; cuantas;
            que (?:dia|hora|talla|numero|color|marca|medida|fecha|regalo|clave|contrasena|nombre|tipo);
            como (?:se llama|se llamaba|era|es);
            que (?:era|habia|tenia|le|nos|me|dijo|paso|quiere|queria|prefiere|toma)""",
        "en": """when; where; who; whose; which; how (?:many|much|long|old|big|often);
            what (?:time|day|size|number|colour|color|brand|date|name|kind|is|was|s|were|did|does|are);
            whats; wheres; whos; whens""",
    },
)
# Advice is asked of a model, whatever memory knows.
_ADVICE = re.compile(
    r"\b"
    + _one_of(
        """deberia; deberiamos; debo; podria; puedo; recomiendas; recomiendame; aconsejas; ideas?; sugier[a-z]+; should;
        could i; can i; would; recommend; suggest; advice; good way; best way"""
    )
    + r"\b"
)


def asks_memory(text: str, language: Language) -> bool:
    """It asks for what was said or noted, in so many words."""
    return _MEMORY[language].search(plain(text)) is not None


def asks_fact(text: str, language: Language) -> bool:
    """One fact would answer it; whether it is one of the household is not looked at."""
    folded = plain(text)
    return _FACT[language].search(folded) is not None and _ADVICE.search(folded) is None
