"""Words that a recogniser invents where nobody spoke: credits of films, thanks of video makers, too much for the time.

A pure decision. What people also say to an assistant ("gracias", "okay") counts as invented only when the sound does
not bear it out: less voice than the word takes to say, or a recogniser that itself half believes in silence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

# Half of the fastest speech: nobody says a letter in less.
SHORTEST_LETTER_S = 0.04
# Voice activity misses the soft edges of words.
MISSED_VOICE_S = 0.3
# "Gracias" is believed when its no-speech probability is at most this part of the limit for other words.
CLEARLY_SAID = 0.5

_NOT_SPOKEN = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|[♪♫#]")
_CREDITS = re.compile(
    r"\bamara org\b"
    r"|^(?:subtitulos|subtitulado|subtitulacion|transcripcion|traduccion)(?: \w+)? por (?!favor\b)"
    r"|^(?:subtitles|subtitled|captions|captioning|captioned|transcribed|transcription|translated) by\b"
)


def _phrases(text: str) -> frozenset[str]:
    return frozenset(line.strip() for line in text.strip().splitlines())


_ONLY_INVENTED = _phrases("""
    you
    the
    music
    applause
    laughter
    blank audio
    thanks for watching
    thank you for watching
    thank you so much for watching
    thank you very much for watching
    thanks for watching and see you next time
    see you in the next video
    i ll see you in the next video
    please subscribe
    please subscribe to my channel
    please like and subscribe
    like and subscribe
    don t forget to subscribe
    subscribe to my channel
    musica
    aplausos
    risas
    gracias por ver
    gracias por ver el video
    muchas gracias por ver
    muchas gracias por ver el video
    gracias por vernos
    gracias por su atencion
    suscribete
    suscribete al canal
    suscribete a mi canal
    no olvides suscribirte
    no olvides suscribirte al canal
    dale like y suscribete
    nos vemos en el proximo video
    hasta el proximo video
""")
_ALSO_SAID = _phrases("""
    thank you
    thank you very much
    thank you so much
    thanks
    bye
    bye bye
    goodbye
    see you
    see you next time
    okay
    ok
    yes
    no
    oh
    so
    hello
    gracias
    muchas gracias
    adios
    chao
    hasta luego
    hasta la proxima
    si
    vale
    hola
    silencio
    amen
""")


def normalise(text: str) -> str:
    """Small letters and digits without accents, single spaces, nothing in brackets: the form texts are compared in."""
    spoken = unicodedata.normalize("NFKD", _NOT_SPOKEN.sub(" ", text).casefold())
    letters = "".join(character for character in spoken if not unicodedata.combining(character))
    return " ".join(re.findall(r"[^\W_]+", letters))


def why_nothing(
    text: str,
    *,
    speech_s: float,
    no_speech_probability: float | None,
    no_speech_limit: float,
    ignore: Collection[str] = (),
) -> str | None:
    """The reason for not taking `text` for something said, or None when it is taken so.

    `ignore` holds normalised texts. `speech_s` is the time in which voice activity heard speech.
    """
    said = normalise(text)
    probability = no_speech_probability if no_speech_probability is not None else 0.0
    letters = len(said.replace(" ", ""))
    if not said:
        return "no words were recognised"
    if probability > no_speech_limit:
        return f"the recogniser takes it for silence (no-speech probability {probability:.2f})"
    if {said, _unit(said)} & set(ignore):
        return "the text is on the list of ignored texts"
    if _unit(said) in _ONLY_INVENTED or _CREDITS.search(said):
        return "the text is one that recognisers invent"
    if letters * SHORTEST_LETTER_S > speech_s + MISSED_VOICE_S:
        return f"{letters} letters cannot be said in the {speech_s:.1f} s of speech that were heard"
    if said in _ALSO_SAID and (letters * SHORTEST_LETTER_S > speech_s or probability > CLEARLY_SAID * no_speech_limit):
        return "the text is one that recognisers invent, and the sound does not bear it out"
    return None


def _unit(said: str) -> str:
    """What `said` repeats over and over, or `said` itself."""
    words = said.split()
    for length in range(1, len(words) // 2 + 1):
        if len(words) % length == 0 and words == words[:length] * (len(words) // length):
            return " ".join(words[:length])
    return said
