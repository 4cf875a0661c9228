"""How people name a past time: expressions on plain words, and what each of them names. Pure.

Groups: `count`, `unit`, `half`, `weekday`, `day`, `month`, `year`, `part`, `edge`, `season`, `which`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from jarvisd.memory.when_words import COUNTS, DAY_NAMES, DAYS_OF_MONTH, MONTH_NAMES, UNIT_NAMES, VAGUE, any_of
from jarvisd.plain import plain
from jarvisd.types import Language


@dataclass(frozen=True, slots=True)
class Rule:
    """`doubt`: the words may name a time to come as well.

    "?": they do where the question speaks of what is or will be. "!": they do unless it speaks of what was.
    """

    kind: str
    pattern: re.Pattern[str]
    doubt: str


_NAME = re.compile(r"(?<!\(\?)(?<!\?P)<([a-z=]+)>")
_GROUP = re.compile(r"\(\?P<([a-z]+)>")


def _parts(language: Language, more: dict[str, str]) -> dict[str, str]:
    """What <name> stands for in the expressions of a language."""
    months = [plain(name) for name in MONTH_NAMES[language]] + ["setiembre"] * (language == "es")
    units = UNIT_NAMES[language]
    plurals = ["meses" if one == "mes" else f"{one}s" for one in units]
    return {
        "counts": any_of([*COUNTS[language], *VAGUE, r"\d{1,3}"]),
        "units": any_of([*units, *plurals]),
        "one": any_of(units),
        "plural": any_of(plurals),
        "weekdays": any_of(plain(name) for name in DAY_NAMES[language]),
        "days": any_of([*DAYS_OF_MONTH[language], "[0-3]?[0-9]"]),
        "months": any_of(months),
    } | more


def _compiled(expression: str, parts: dict[str, str]) -> re.Pattern[str]:
    """With <name> for a part, and <group=name> for one in a group.

    Groups are numbered, because none may stand twice.
    """

    def part(match: re.Match[str]) -> str:
        group, _, name = match[1].rpartition("=")
        inner = _NAME.sub(part, parts[name])
        return f"(?P<{group}>{inner})" if group else f"(?:{inner})"

    groups: Counter[str] = Counter()

    def numbered(match: re.Match[str]) -> str:
        groups[match[1]] += 1
        return f"(?P<{match[1]}{groups[match[1]]}>"

    return re.compile(rf"(?<!\S)(?:{_GROUP.sub(numbered, _NAME.sub(part, expression))})(?!\S)")


def _rules(text: str, parts: dict[str, str]) -> tuple[Rule, ...]:
    """From lines of "kind: expression", the kind with its doubt."""
    lines = [line.partition(": ") for line in text.strip().splitlines()]
    return tuple(
        Rule(kind.rstrip("?!"), _compiled(words, parts), kind[len(kind.rstrip("?!")) :]) for kind, _, words in lines
    )


_SPANISH = _parts(
    "es",
    {
        "part": r"(?: (?:(?:por|a|en|de) la |de |al? )?(?P<part>tarde|noche|mediodia|madrugada|(?<=la )manana))?",
        "year": r"(?: (?:del? )?(?P<year>(?:ano )?(?:19|20)\d\d|ano pasado|este ano))?",
        "ish": r"(?:(?:ya|como|casi|mas o menos|aproximadamente|unos|unas|apenas|solo) )*",
        "half": r"(?: (?P<half>y medi[oa]))?",
        "seasons": r"primavera|verano|otono|invierno|navidad(?:es)?|nochebuena|nochevieja|fin de ano|ano nuevo|reyes"
        r"|semana santa|pascua|halloween",
        "edges": r"principios?|comienzos?|inicios?|mediados|finales|fines",
        "weekends": r"fin de semana|finde",
        "noun": r"<weekdays>|<months>|<seasons>|<weekends>|<units>",
    },
)
_SPANISH_RULES = r"""
today?: hoy<part>
today?: esta (?P<part>manana|tarde|madrugada)
yesterday: ayer(?: <weekdays>)?<part>
two days ago: (?:anteayer|antier|antiayer|antes de ayer)<part>
last night: anoche
night before last: anteanoche|antenoche|antes de anoche
weekday: (?:el )?<weekday=weekdays>(?P<which> pasado)<part>|el (?P<which>pasado )<weekday=weekdays>
weekday?: (?<!para )(?<!sobre )(?<!hasta )(?<!del )el <weekday=weekdays><part>
weekday: (?:el )?<weekday=weekdays><part> de la (?P<week>semana) pasada
weekend: (?:el |este )?(?:pasado )<weekends>|(?:el |este )?<weekends> (?P<which>pasado)
weekend?: (?:el|en el|durante el) <weekends>
weekend!: este <weekends>
ago: (?:hoy )?(?:hace|hara) <ish>(?:<count=counts> <unit=units>|<unit=plural>)<half>
ago: <count=counts> <unit=units><half> atras
days: (?:el otro dia|la otra (?:noche|tarde|manana))<part>
while: hace (?:nada|un (?:rato|ratito|momento|momentito)|unos momentos)|(?:hace|desde) un rato
recent: (?:(?:en|durante) )?(?:l[oa]s|est[oa]s) ultim[oa]s (?:<count=counts> )?<unit=plural>
recent: (?:(?:en|durante) )?(?:el|la|este|esta) ultim[oa] <unit=one>
recent: (?:en |durante )?estos dias
lately: ultimamente|recientemente|hace poco
calendar: (?:la |el )?<unit=one> (?P<which>pasad[oa]|antepasad[oa])
calendar: (?:la |el )(?P<which>pasad[oa]) (?P<unit>semana|mes|ano)
calendar?: est[ea] <unit=one>
date?: (?:(?:el )?(?:<weekdays> )?(?:dia )?)<day=days> de <month=months><year>
date?: el dia <day=days>(?! de)
month?: (?:en|durante|desde|por|alla por)(?: el)?(?: pasado)?(?: mes de)? <month=months>(?: pasado)?<year>
month: (?:el )?pasado(?: mes de)? <month=months>|<month=months> pasado
month: <month=months> del? (?P<year>(?:19|20)\d\d|ano pasado)
edge?: (?:a|hacia|desde) <edge=edges> del? (?:este |mes de )?<month=months><year>
edge?: (?:a|hacia|desde) <edge=edges> del? (?:este )?<unit=one>
edge: (?:a|hacia|desde) <edge=edges> del (?P<year>ano pasado|(?:19|20)\d\d)
season: (?:en |por )?(?:el |la |las |los )?<season=seasons> (?P<which>pasad[oa]s?)
season: (?:el |la |las )(?P<which>pasad[oa]s?) <season=seasons>
season?: (?P<which>este|esta|estas|en el|en la|en las|en|el|la|las|durante el|durante la) <season=seasons><year>
year: (?:en|durante)(?: el)?(?: ano)? (?P<year>(?:19|20)\d\d)
"""
_ENGLISH = _parts(
    "en",
    {
        "part": r"(?: (?:in the |at |around )?(?P<part>morning|noon|midday|lunch ?time|afternoon|evening|night))?",
        "year": r"(?: (?:of |in )?(?P<year>(?:19|20)\d\d|last year|this year))?",
        "ish": r"(?:(?:about|around|roughly|nearly|almost|maybe|like|just|over|only) )*",
        "half": r"(?: (?P<half>and a half))?",
        "th": r"(?: (?:st|nd|rd|th))?",
        "seasons": r"spring|summer|autumn|fall|winter|christmas(?: eve)?|new years?(?: eve)?|easter|halloween"
        r"|thanksgiving",
        "edges": r"early|beginning|start|middle|mid|late|end",
        "noun": r"<weekdays>|<months>|<seasons>|weekend|<units>",
        # "A march 12 miles long", "may 5 people come".
        "nounits": r"(?! (?:miles?|km|kilomet\w+|meters?|people|hours?|times|days?|weeks?|years?|of us|or|percent))",
    },
)
_ENGLISH_RULES = r"""
today?: (?:earlier )?today<part>
today?: (?:earlier )?this (?P<part>morning|afternoon|evening)
today: earlier today
yesterday: (?:<weekdays> )?yesterday<part>
two days ago: (?:the )?day before yesterday<part>
last night: last (?:night|evening)
night before last: (?:the )?night before last
weekday: (?:on )?(?P<which>last|this past|past) <weekday=weekdays><part>
weekday: (?:on )?<weekday=weekdays><part> (?:of )?last (?P<week>week)
weekday?: (?:on|since) <weekday=weekdays><part>(?! week)
weekday!: <weekday=weekdays><part>
weekend: (?P<which>last|past|this past) weekend
weekend?: (?:over the|at the|on the|during the|the) weekend
weekend!: this weekend
ago: <ish>(?:<count=counts> <unit=units>|<unit=plural>)<half> (?:ago|back)
ago: <ish><count=counts><half> <unit=units> (?:ago|back)
days: the other (?:day|morning|night|evening|afternoon)
while: just now|(?:a )?(?:little|short)(?: while| bit) ago|(?:a )?moments? ago|a bit ago
recent: (?:(?:in|over|during|for|within) )?(?:the |these )?(?:last|past) <count=counts> <unit=units>
recent: (?:(?:in|over|during|for|within) )?the (?:last|past) <unit=units>
lately: lately|recently|not long ago
calendar: (?P<which>last) <unit=one>(?! of)|(?:the )(?P<unit>week|month|year) (?P<which>before last)
calendar?: (?:earlier |this |earlier this )(?:this )?<unit=one>
date?: (?:on )?(?:<weekdays> )?(?:the )?<day=days><th> (?:of )?<month=months><year>
date?: (?:on )?(?:<weekdays> )?<month=months> (?:the )?<day=days><th><nounits><year>
date?: on the <day=days><th>(?! (?:of|floor|day|try|<months>))
month?: (?:in|during|since|back in) <month=months><year>
month: (?:this past|last) <month=months>|<month=months> (?:of )?(?P<year>(?:19|20)\d\d|last year)
edge?: (?:at |in |around |towards? |since )?(?:the )?<edge=edges>(?: of| in)?(?: this)? <month=months><year>
edge?: (?:at |in |around |towards? |since )?(?:the )?<edge=edges> (?:of |in )(?:the |this )<unit=one>
edge: (?:at |in |around |towards? |since )?(?:the )?<edge=edges>(?: of)? (?P<year>last year|(?:19|20)\d\d)
season: (?P<which>last|this past) <season=seasons>
season?: (?P<which>this|(?:in|over|at|during)(?: the)?|on) <season=seasons>(?: break| holidays?)?<year>
year: (?:in|during|back in) (?P<year>(?:19|20)\d\d)
"""
RULES: dict[Language, tuple[Rule, ...]] = {
    "es": _rules(_SPANISH_RULES, _SPANISH),
    "en": _rules(_ENGLISH_RULES, _ENGLISH),
}
# What comes, and what is spoken of rather than when: these words name no past.
AHEAD: dict[Language, re.Pattern[str]] = {
    "es": _compiled(
        r"(?:proxim[oa]s?|siguientes?)(?: <counts>)? <noun>"
        r"|(?:<days> de )?<noun>(?: del? (?:la )?(?:semana|mes|ano))? "
        r"(?:que vienen?|que entra|proxim[oa]s?|siguiente|entrante)"
        r"|est[ea] (?:mismo )?<weekdays>(?! pasado)|(?:dentro de|en) <counts> <units>"
        r"|(?:para|sobre|hasta|antes de) (?:el |la |las |este )?(?:dia )?"
        r"(?:(?:<days> de )?(?:<weekdays>|<months>|<seasons>|<weekends>|hoy))"
        r"|(?:pasado )?manana(?: <weekdays>)? (?:por|a|en) la (?:manana|tarde|noche)",
        _SPANISH,
    ),
    "en": _compiled(
        r"(?:next|coming|upcoming|following)(?: <counts>)? <noun>|this (?:coming )?<weekdays>"
        r"|<noun>(?: <days>)?<th> (?:of )?(?:next (?:week|month|year)|after next)"
        r"|(?:week|fortnight) (?:from|on) <weekdays>|in <counts> <units>(?: time)?"
        r"|(?:for|about|by|until|till|before|every) (?:the )?(?:<weekdays>|<months>(?! <days>)|<seasons>|today)"
        r"|the <weekdays>",
        _ENGLISH,
    ),
}
SINCE: dict[Language, re.Pattern[str]] = {
    "es": re.compile(r"(?:.* )?desde(?: el| la)? ?$|desde "),
    "en": re.compile(r"(?:.* )?since ?$|since "),
}
# "al final de la calle", "los últimos días", "now, tell me": none of them asks for the newest.
LATEST: dict[Language, re.Pattern[str]] = {
    "es": _compiled(
        r"(?<=\S )(?<!hasta )(?<!por )(?<!desde )ahora|hoy (?:en dia|por hoy)|actual(?:es|mente)?"
        r"|definitiv[oa]s?|definitivamente|recientes?|al final(?! del? )|finalmente|por fin"
        r"|(?:el|la|los|las|lo|mi|mis) ultim[oa]s?(?! (?:<counts> )?(?:<units>|piso|plazo|gota|fila))"
        r"|ultima vez|en que (?:quedo|quedamos|habiamos quedado)|todavia|siguen?|a estas alturas",
        _SPANISH,
    ),
    "en": _compiled(
        r"(?<=\S )(?<!just )(?<!until )(?<!from )now(?! that)|current(?:ly)?|at the moment|these days"
        r"|final (?:decision|answer|version|choice)|latest|newest|most recent(?:ly)?|last time"
        r"|finally|in the end(?! of)|end(?:ed)? up|as of (?:today|now)|up to date|still|any ?more|settled? on",
        _ENGLISH,
    ),
}
# Verbs that are heard often enough to tell what was from what is and comes.
PAST_SIGNS: dict[Language, re.Pattern[str]] = {
    "es": _compiled(
        r"\w{2,}(?:aste|iste|aron|ieron|imos|abas?|abamos|aban)|he|has|ha|hemos|han|habia\w*|dije|dijo|dijeron|era|eran|eramos"
        r"|fue|fui|fueron|tuve|tuvo|tenia\w*|tenias|hubo|hizo|hice|puse|puso|vino|venia|iba|ibamos|estuve|estuvo|pedi|compre"
        r"|quede|quedo|paso|conte|conto|decidi|apunte|deje|dejo|compro|hable|hablamos|quedamos|recuerdas|acuerdas|acordas",
        _SPANISH,
    ),
    "en": _compiled(
        r"did|didnt|was|wasnt|were|had|said|told|happened|talked|mentioned|asked|decided|bought|got|went|made|remember"
        r"|came|put|left|called|agreed|planned|promised|saw|broke|have (?:i|we) (?:said|told)|ive|weve",
        _ENGLISH,
    ),
}
PRESENT_SIGNS: dict[Language, re.Pattern[str]] = {
    "es": _compiled(
        r"es|son|esta(?! (?:semana|manana|tarde|madrugada|<seasons>))"
        r"|estan|tengo|tenemos|tienes?|tienen|tenes|hay|toca|tocan|viene|vienen|va|van|voy|vamos|vas|puedo"
        r"|podemos|quiero|queremos|debo|abre|abren|cierra|cierran|cae|empieza|recuerdame|recordame|avisame|pon|ponme|hara|falta",
        _SPANISH,
    ),
    "en": _compiled(
        r"is|isnt|are|arent|will|wont|shall|going|gonna|do (?:i|we|you|they)|does|can|could|should|whats|whens|wheres"
        r"|remind|set|book|have (?:i|we) got|am|im|theres",
        _ENGLISH,
    ),
}
