"""What is said about actions, in the speaker's language. The only sentences that speak of one as done are here."""

from __future__ import annotations

from jarvisd.types import Language, ToolResult

_SENTENCES: dict[str, dict[Language, str]] = {
    "done": {"en": "Done.", "es": "Hecho."},
    "unconfirmed": {
        "en": "I sent it, but I can't check whether it was done.",
        "es": "Lo he mandado, pero no puedo comprobar si se ha hecho.",
    },
    "unchanged": {
        "en": "That did not work: nothing has changed.",
        "es": "No ha funcionado: no ha cambiado nada.",
    },
    "failed": {"en": "I could not do it.", "es": "No he podido hacerlo."},
    "nothing_done": {
        "en": "I have not done anything in the house.",
        "es": "No he hecho nada en la casa.",
    },
    "confirm": {
        "en": "You asked me: {said}{things}. Shall I? Say: yes, do it.",
        "es": "Me has pedido: {said}{things}. ¿Lo hago? Di: sí, confirmo.",
    },
    "confirm_pin": {
        "en": "You asked me: {said}{things}. Say the PIN.",
        "es": "Me has pedido: {said}{things}. Di el PIN.",
    },
    "declined": {"en": "All right, I won't.", "es": "De acuerdo, no lo hago."},
    "say_pin": {"en": "And the PIN?", "es": "¿Y el PIN?"},
    "wrong_pin": {"en": "That is not the PIN.", "es": "Ese no es el PIN."},
    "locked": {
        "en": "Too many wrong PINs. I won't take another one for a few minutes.",
        "es": "Demasiados PIN equivocados. No acepto otro durante unos minutos.",
    },
    "too_late": {
        "en": "That took too long, so I did nothing. Ask me again.",
        "es": "Ha pasado demasiado tiempo y no he hecho nada. Pídemelo otra vez.",
    },
}


def sentence(code: str, language: Language) -> str:
    return _SENTENCES[code][language]


def question(said: str, things: tuple[str, ...], language: Language, *, pin: bool) -> str:
    """Asks the person to confirm, with the person's own words: nobody else's words can be slipped into it."""
    named = f" ({', '.join(things)})" if things else ""
    return _SENTENCES["confirm_pin" if pin else "confirm"][language].format(said=said.strip(" .!?¡¿"), things=named)


def outcome(results: list[ToolResult], language: Language) -> str:
    """What is said of actions: the worst of them counts. "Done" only where every one was seen to be."""
    if any(result.failed for result in results):
        return sentence("failed", language)
    if any(result.confirmed is False for result in results):
        return sentence("unchanged", language)
    if any(result.confirmed is None for result in results):
        return sentence("unconfirmed", language)
    return sentence("done" if results else "nothing_done", language)
