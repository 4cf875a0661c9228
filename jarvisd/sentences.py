"""What the daemon itself says: honest sentences about turns that cannot be answered, in the speaker's language."""

from __future__ import annotations

from jarvisd.types import Language

_SENTENCES: dict[str, dict[Language, str]] = {
    "nothing_heard": {
        "en": "I didn't hear anything I could understand.",
        "es": "No he oído nada que pueda entender.",
    },
    "no_transcription": {
        "en": "I can't understand speech right now. Typed questions still work.",
        "es": "Ahora mismo no puedo entender lo que se dice. Las preguntas escritas sí funcionan.",
    },
    "transcription_not_configured": {
        "en": "I have no speech recogniser. Set transcription.engine in my configuration.",
        "es": "No tengo reconocedor de voz. Configura transcription.engine.",
    },
    "no_model": {
        "en": "I have no language model to answer that. Add a tier to my configuration.",
        "es": "No tengo ningún modelo de lenguaje para responder a eso. Añade un nivel en mi configuración.",
    },
    "models_failed": {
        "en": "None of my language models could answer just now.",
        "es": "Ninguno de mis modelos de lenguaje ha podido responder ahora.",
    },
    "answer_broke_off": {
        "en": "My answer broke off in the middle. Please ask again.",
        "es": "Mi respuesta se ha cortado a la mitad. Pregúntame otra vez, por favor.",
    },
    "deadline": {
        "en": "That took too long, so I gave up. Please try again.",
        "es": "He tardado demasiado y lo he dejado. Inténtalo otra vez, por favor.",
    },
    "busy": {
        "en": "I am busy with other questions. Please try again in a moment.",
        "es": "Estoy ocupado con otras preguntas. Inténtalo en un momento, por favor.",
    },
    "nothing_before": {
        "en": "Gladly, but about what? There was no question just before.",
        "es": "Con gusto, pero ¿sobre qué? No había ninguna pregunta justo antes.",
    },
    "memory_unreadable": {
        "en": "I can't look into my memory right now. The log says why.",
        "es": "Ahora mismo no puedo mirar en mi memoria. El registro dice por qué.",
    },
    "internal": {
        "en": "Something went wrong inside me. The log says what.",
        "es": "Algo ha fallado dentro de mí. El registro dice qué.",
    },
}
CODES = frozenset(_SENTENCES)

# What is said beside answers.
_SENTENCES |= {
    "thinking": {"en": "Let me think about it.", "es": "Déjame pensarlo."},
    "think_more": {"en": "Shall I think about it more carefully?", "es": "¿Quieres que lo piense mejor?"},
    "learned": {"en": "Okay, I will remember that.", "es": "Vale, lo tendré en cuenta."},
    "no_memory": {
        "en": "I keep no memory, so there is nothing to remember or to forget.",
        "es": "No guardo nada, así que no hay nada que recordar ni que olvidar.",
    },
    "not_noted": {"en": "I have no note of that.", "es": "No lo tengo apuntado."},
    "not_remembered": {
        "en": "By the way, I can't write down what we say at the moment; the log says why.",
        "es": "Por cierto, ahora mismo no puedo apuntar lo que hablamos; el registro dice por qué.",
    },
    "not_done": {"en": "Okay, I won't.", "es": "Vale, no lo hago."},
}


def sentence(code: str, language: Language, detail: str = "") -> str:
    """The sentence for `code`; `detail` (what a person can do, from the part that failed) is added to it."""
    said = _SENTENCES[code][language]
    return f"{said} {detail}".strip()
