"""The second net: whether a text says something about the household, before it may leave.

The first net are the types in `jarvisd.outgoing`. This one reads the words: rules for what has a form (numbers, names,
"my ...", "is the door locked"), and, where there is one, a trained score for what has none. One of them is enough to
keep a text in: a public question that stays is answered at home, a private one that leaves cannot be called back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from jarvisd.language import guess_language
from jarvisd.outgoing import Verdict
from jarvisd.routing.private_rules import rules
from jarvisd.routing.private_words import AFTER_NAME, BEFORE_NAME, BEFORE_WORLDLY_NAME, FIRST_NAMES, NUMBER_WORDS
from jarvisd.types import Language

# The probability in 0..1 that a text is private.
Score: TypeAlias = Callable[[str], float]

SCORE_LIMIT = 0.5
# Nobody asks the world so much at once; who dictates a page may have anything in it.
LONGEST_CHARACTERS = 2_000
# A telephone number has nine digits; four-digit years and large round sums have fewer or end in zeros.
_LONG_NUMBER_DIGITS = 7
_SPOKEN_DIGITS = 5

_LANGUAGES: tuple[Language, ...] = ("es", "en")
_FUNCTION_WORDS: Mapping[Language, frozenset[str]] = {
    "es": frozenset("el la los las que de mi mis en es una por con para como cuando donde del esta y tengo".split()),
    "en": frozenset("the is my what how when i you of to and in for do does did are was at we".split()),
}
_SHORT_FORMS = (
    (r"\b(i)'?m\b", r"\1 am"),
    (r"\b(we|they|you)'re\b", r"\1 are"),
    (r"\b(he|she|it|what|where|who|when|how|that|there|here)'?s\b", r"\1 is"),
    (r"\b(i|we|you|they|who)'?ve\b", r"\1 have"),
    (r"\b(i|we|you|he|she|it|they|that)'ll\b", r"\1 will"),
    (r"\b(i|we|you|he|she|they)'d\b", r"\1 would"),
    (r"\bcan'?t\b", "can not"),
    (r"\bwon'?t\b", "will not"),
    (r"\b(is|are|was|were|do|does|did|has|have|had|could|would|should)n'?t\b", r"\1 not"),
    (r"\b(mum|mom|dad|grandma|grandpa|wife|husband)s\b(?= \w)", r"\1 s"),
)
_WORD = re.compile(r"[a-z]+|\d+(?:[.,]\d+)*|[@+%]")
_MAIL = re.compile(
    r"\w@\w|\b(?:arroba|at (?:gmail|hotmail|outlook|yahoo|icloud|proton\w*)|gmail|hotmail) (?:\w+ )?(?:punto |dot )?\w+"
)
_ACCOUNT = re.compile(
    r"\b[a-z]{2} ?\d{2}(?: ?[a-z0-9]{4}){3,}|\b\d{8} ?[a-z]\b|\b[a-z] ?\d{7} ?[a-z]\b|\b\d{4} [bcdfghjklmnpqrstvwxyz]{3}\b"
)
_IDENTIFIED = re.compile(
    r"\b(?:card|visa|mastercard|iban|account|passport|social security|license plate|number plate|ssn|cvv|phone|mobile|cell|"
    r"telephone|tarjeta|cuenta|dni|nie|nif|pasaporte|seguridad social|matricula|telefono|movil|fijo)\b"
)
_COUNTING = re.compile(
    r"\b(?:plus|minus|times|divided|multiplied|squared|root|sum|add|subtract|sequence|series|prime|factors?|digits of|average|"
    r"median|percent|equation|convert|binary|roman|mas|menos|dividido|multiplicad\w*|raiz|suma|resta|secuencia|serie|primos?|"
    r"promedio|media|mediana|por ciento|ecuacion|convierte|binario|romanos)\b"
)
_PARTS = frozenset(
    {"twice", "half", "third", "quarter", "doble", "triple", "mitad", "tercio", "cuarta", "docena", "dozen"}
)
_HOW_MANY = re.compile(
    r"\bhow (?:many|much|old|tall|long|far|fast)\b|\bwhat (?:percentage|fraction|is the (?:total|average|probability))\b|"
    r"\bcuant[oa]s?\b|\bque (?:porcentaje|fraccion|probabilidad|distancia|cantidad)\b|\bcalcul\w+\b|\bhalla\b"
)
_TOLD_OF_OTHERS = re.compile(
    r"\b(?:word|spell|story|poem|tale|novel|movie|film|song|joke|dialogue|scene|play|character|name|names|named|called|book|letter from|"
    r"cuento|historia|poema|novela|pelicula|cancion|chiste|dialogo|escena|personaje|nombre|nombres|llamad[oa]|libro|serie)\b"
)
_SELF = re.compile(r"\b(?:my|our|mi|mis|nuestr[oa]s?|me|us|nos)\b")


def check_text(text: str, language: Language | None = None, score: Score | None = None) -> Verdict:
    """Judges a text as it would leave. Pure. `language` None: it is guessed; what looks like another is asked of both."""
    folded = fold(text)
    reasons = [reason for reason, found in _forms(folded) if found]
    if not _is_word_problem(folded):
        spoken = _languages(folded, language or guess_language(text, _LANGUAGES))
        reasons += [reason for one in spoken for reason, pattern in rules(one) if pattern.search(folded)]
        if _names_somebody(folded):
            reasons.append("somebody by name")
    if not reasons and score is not None and score(text) > SCORE_LIMIT:
        reasons.append("it sounds like something about this household")
    return Verdict(text, bool(reasons), tuple(dict.fromkeys(reasons)))


def fold(text: str) -> str:
    """Small letters without accents, English short forms written out, single spaces, no punctuation but @ and +."""
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(letter)
    ).replace("’", "'")
    for pattern, full in _SHORT_FORMS:
        plain = re.sub(pattern, full, plain)
    return " ".join(_WORD.findall(plain))


def _forms(folded: str) -> tuple[tuple[str, bool], ...]:
    return (
        ("it is long enough to hold anything", len(folded) > LONGEST_CHARACTERS),
        ("nothing is left of it to judge", not folded),
        ("an address of electronic mail", "@" in folded or _MAIL.search(folded) is not None),
        ("a number that names somebody", _has_long_number(folded)),
    )


def _languages(folded: str, language: Language) -> Sequence[Language]:
    """The language that is told, and the other one where more of its words are in the text."""
    words = folded.split()
    counts = {one: sum(word in marks for word in words) for one, marks in _FUNCTION_WORDS.items()}
    return _LANGUAGES if any(count > max(1, counts[language]) for count in counts.values()) else (language,)


def _has_long_number(folded: str) -> bool:
    """Digits in a row as in a telephone number, an account or a card, written or spoken."""
    if _COUNTING.search(folded):
        return False
    if _ACCOUNT.search(folded):
        return True
    enough = 3 if _IDENTIFIED.search(folded) else _SPOKEN_DIGITS
    digits = spoken = 0
    for word in (*folded.split(), ""):
        if word[:1].isdigit() and "." not in word and "," not in word:
            digits += len(word)
            spoken += 1
        elif word in NUMBER_WORDS:
            spoken += 1
        elif word != "y" or not spoken or digits:
            digits = spoken = 0
            continue
        round_sum = word.endswith("000") and digits == len(word)
        if spoken >= enough or (digits >= _LONG_NUMBER_DIGITS and not round_sum):
            return True
    return False


def _is_word_problem(folded: str) -> bool:
    """Sums with people in them: two numbers or more, a question for a number, and nothing of one's own."""
    numbers = sum(word[0].isdigit() or word in NUMBER_WORDS or word in _PARTS for word in folded.split())
    return numbers >= 2 and _HOW_MANY.search(folded) is not None and _SELF.search(folded) is None


def _names_somebody(folded: str) -> bool:
    """A first name that stands for somebody people here know: with no surname behind it, and no story around it."""
    if _TOLD_OF_OTHERS.search(folded):
        return False
    words = folded.split()
    return any(word in FIRST_NAMES and _is_known_here(words, at) for at, word in enumerate(words))


def _is_known_here(words: Sequence[str], at: int) -> bool:
    before = words[at - 1] if at else ""
    after = words[at + 1] if at + 1 < len(words) else ""
    if before in BEFORE_WORLDLY_NAME or (before and before not in BEFORE_NAME):
        return False
    return not after or after in AFTER_NAME or after[0].isdigit()
