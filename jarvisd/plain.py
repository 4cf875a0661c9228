"""What people say, brought into one form: no accents, capitals or punctuation, no politeness, plain imperatives.

The grammars see the plain form; what is kept for later (a reminder's text) is cut from the words as they were said.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from jarvisd.types import Language

# A time, a decimal number, a half of the day, a percent sign, or a word with its apostrophes.
_WORD = re.compile(
    r"\d+(?:[:.,]\d+)*|[ap]\.\s?m\b\.?|%|[^\W\d_]+(?:['’`´][^\W\d_]+)*",
    re.IGNORECASE,
)
_SPELLINGS = {
    "q": "que", "k": "que", "ke": "que", "xq": "porque", "ora": "hora", "oras": "horas", "todays": "today",
    "%": "percent", "ok": "okay", "porfavor": "porfa",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is compared, and as it was said."""

    plain: str
    said: str


def words(text: str) -> list[Word]:
    """The words of `text`; one said twice in a row counts once, numbers excepted."""
    found = [Word(_plain_word(one), one) for one in _WORD.findall(unicodedata.normalize("NFC", text))]
    return [
        word
        for before, word in zip([None, *found], found, strict=False)
        if before is None or before.plain != word.plain or word.plain[0].isdigit()
    ]


def plain(text: str) -> str:
    """Lower case words without accents and punctuation, one space between them."""
    return " ".join(word.plain for word in words(text))


def word_set(text: str) -> frozenset[str]:
    """The plain words that a module lists in one string."""
    return frozenset(text.split())


def strip_courtesies(plain_text: str, language: Language | None) -> str:
    """`plain_text` without fillers and politeness at both ends; of both languages if `language` is None."""
    split = plain_text.split()
    start, end = courtesies(split, language)
    return " ".join(split[start:end])


def imperatives(plain_text: str) -> str:
    """Spanish commands in one form each: "enciendeme", "encende" and "me enciendes" are "enciende"."""
    split = [imperative(word) for word in plain_text.split()]
    return " ".join(word for word, after in zip(split, [*split[1:], ""], strict=True) if not is_pronoun_of(word, after))


def courtesies(plain_words: Sequence[str], language: Language | None) -> tuple[int, int]:
    """Where the matter itself begins and ends."""
    languages: tuple[Language, ...] = ("es", "en") if language is None else (language,)
    start, end = 0, len(plain_words)
    leading = [phrase for one in languages for phrase in _LEADING[one]]
    trailing = [phrase for one in languages for phrase in _TRAILING[one]]
    while (count := _longest(leading, plain_words[start:end], at_end=False)) and start + count < end:
        start += count
    while (count := _longest(trailing, plain_words[start:end], at_end=True)) and start < end - count:
        if plain_words[end - count - 1] in _TAKES_AN_OBJECT:
            break
        end -= count
    return start, end


def imperative(word: str) -> str:
    """The plain imperative of a Spanish command, without its pronouns; other words stay as they are."""
    found = _IMPERATIVES.get(word)
    if found is not None:
        return found
    stem = word
    for _ in range(2):
        cut = _CLITIC.sub("", stem)
        if cut == stem:
            return word
        stem = cut
        if stem in _IMPERATIVES:
            return _IMPERATIVES[stem]
    return word


def _plain_word(said: str) -> str:
    decomposed = unicodedata.normalize("NFKD", said.casefold())
    letters = "".join(one for one in decomposed if one.isalnum() or one in ":.,%").rstrip(".,:")
    if not letters[:1].isdigit():
        letters = letters.replace(".", "")
    return _SPELLINGS.get(letters, letters.replace(",", "."))


def is_pronoun_of(word: str, after: str) -> bool:
    """Whether `word` only says for whom `after` is done: "me pones", "nos avisas"."""
    return word in {"me", "nos"} and after in _COMMANDS


def _longest(phrases: Sequence[tuple[str, ...]], plain_words: Sequence[str], *, at_end: bool) -> int:
    """How many words the longest of `phrases` takes that is there, at the beginning or at the end."""
    best = 0
    for phrase in phrases:
        count = len(phrase)
        there = plain_words[-count:] if at_end else plain_words[:count]
        if count > best and tuple(there) == phrase:
            best = count
    return best


def _phrases(text: str) -> list[tuple[str, ...]]:
    return [tuple(phrase.split()) for phrase in text.replace("\n", "|").split("|") if phrase.strip()]


_CLITIC = re.compile(r"(?:me|nos|te|se|les?|l[oa]s?)$")
# Each command with its other forms: voseo where it differs, infinitive, "usted", second person, and misspellings.
_FORMS = """
pon: pone pones poner ponga pongas | enciende: encende enciendes encender encienda prende prender prendes enciendas
apaga: apagas apagar apague apagues | sube: subi subes subir suba subas | baja: bajas bajar baje bajes
abre: abri abres abrir abra | cierra: cerra cierras cerrar cierre | avisa: avisas avisar avise avises
despierta: desperta despiertas despertar despierte despiertes
recuerda: recorda recuerdas recordar recuerde recuerdes acuerda acorda | cancela: cancelas cancelar cancele canceles
quita: quitas quitar quite quites saca | borra: borras borrar borre | elimina: eliminas eliminar elimine
crea: creas crear cree | programa: programas programar programe | inicia: inicias iniciar inicie
activa: activas activar active | desactiva: desactivas desactivar desactive | pausa: pausas pausar pause
reanuda: reanudas reanudar reanude | anota: anotas anotar anote anotes | apunta: apuntas apuntar apunte apuntes
continua: continuas continuar continue | sigue: segui sigues seguir siga | agrega: agregas agregar agregue
anade: anadi anades anadir anada | suma: sumas sumar sume | resta: restas restar | para: paras pare
deten: detene detienes detener detenga | repite: repeti repites repetir repita repitas | di: deci dices decir diga
da: das dar de | deja: dejas dejar deje | calla: callas callar calle | olvida: olvidas olvidar olvide
silencia: silencias silenciar silencie | cuenta: conta cuentas contar cuente
pospon: pospone pospones posponer posponga | empieza: empeza empiezas empezar
"""
_IMPERATIVES = {
    form: command
    for line in _FORMS.replace("\n", "|").split("|")
    if line.strip()
    for command, _, forms in [line.strip().partition(":")]
    for form in (command, *forms.split())
    if form not in {"de", "dime", "hace"}
} | {"dime": "di", "decime": "di", "dame": "da", "deme": "da"}
_COMMANDS = frozenset(_IMPERATIVES.values())

# After these, the last words are no courtesy: "recuérdame dar las gracias".
_TAKES_AN_OBJECT = word_set("las dar da de y con por say to and a the for your my from")
_LEADING: dict[Language, list[tuple[str, ...]]] = {
    "es": _phrases(
        """hola | oye | oiga | oi | eh | ehh | ey | hey | okay | vale | bueno | pues | a ver | haber | perdon | perdona
        perdone | disculpa | disculpe | por favor | porfa | porfi | jarvis | yarvis | charvis | mira | entonces | y |
        ah | ay | em | mmm | um | buenos dias | buen dia | buenas | buenas tardes | buenas noches | una pregunta |
        venga | anda
        che | tio | amigo | quiero que | quiero | quisiera | necesito | necesito que | me gustaria
        querria | te pido que | quisiera que | me puedes | me podrias | puedes | podrias | me puede | me podria
        puede | podria | podes | me podes | quieres | serias capaz de | te importa | te importaria | ahora | rapido"""
    ),
    "en": _phrases(
        """hey | hi | hello | okay | so | well | um | umm | uh | erm | er | oh | ah | and | but | yes | yeah | please
        sorry | jarvis | excuse me | good morning | good afternoon | good evening | quick question | can you
        could you | would you | will you | can you please | could you please | would you please | kindly | just
        could you kindly | could you just | can you just | would you mind | i want you to | i need you to
        i would like you to | id like you to | i want | i need | i would like | id like | lets | now | alright | right
        can i have | could i have | can i get | buddy | mate | sir | listen | go ahead and"""
    ),
}
_TRAILING: dict[Language, list[tuple[str, ...]]] = {
    "es": _phrases(
        """por favor | porfa | porfi | gracias | muchas gracias | jarvis | vale | anda | tio | pues | eh | okay | ya
        ahora | ahora mismo | ahorita | venga | amigo | che | si puedes | si no te importa | cuando puedas | hombre
        te lo agradezco | en este momento | actualmente | exactamente | aqui | de una vez | si puede ser | dale"""
    ),
    "en": _phrases(
        """please | thanks | thank you | thank you very much | jarvis | okay | now | right now | buddy | mate | sir
        at the moment | just now | currently | exactly | here | for me | will you | would you | could you | if you can
        if you would | if you dont mind | right away | when you can | cheers | then | thanks a lot | real quick"""
    ),
}
