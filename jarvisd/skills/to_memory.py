"""What is said to the memory: to keep, to forget, to tell, and to look away. Pure."""

from __future__ import annotations

import re
from typing import Any

from jarvisd.plain import imperative, plain
from jarvisd.skills.lift import AHEAD, DURATION, MORE
from jarvisd.skills.parts import Parts
from jarvisd.skills.statements import is_name, is_preference, is_statement, passes, topic

# "¿Recuerdas que…?" asks.
_RECALLS = re.compile(r"\brec(?:uerdas|ord[áa]s)\b", re.IGNORECASE)
_ASKS_A_FAVOUR = re.compile(r"\b(?:can|could|would|will|pued[eo]s?|podes|podrias?|quieres|importa(?:ria)?|me)\b")
# "Recuerda: comprar pan" is something to do.
_TO_DO = re.compile(r"(?:to\b|\w{2,}[aei]r(?:l[oae]s?|me|nos|se)?\b)", re.IGNORECASE)
# "No recuerdas nada" is no order, though its verb is folded into the same form as "no recuerdes nada".
_FORBIDS = re.compile(r"\bno (?:te )?\w+es?\b")


def memory(parts: Parts) -> dict[str, Any] | None:
    match parts.match.intent.partition(".")[2]:
        case "keep":
            return _kept(parts)
        case "prefer":
            return _preferred(parts)
        case "private_on":
            return _private(parts)
        case "forget_about" | "tell" if "text" in parts.match.spans:
            about = topic(parts.said("text"))
            if about is None:
                return None
            if about:
                return {"text": about}
            return {} if parts.match.intent == "memory.tell" else {"_intent": "memory.forget_all"}
    return {}


def _kept(parts: Parts) -> dict[str, Any] | None:
    head, text = parts.head("text"), parts.said("text")
    bare, colon = bool(parts.match.marks.get("bare")), head.rstrip().endswith(":")
    if _is_for_speaker(head) or _RECALLS.search(head):
        return None
    if bare and not colon and parts.language == "es":
        return None
    if parts.match.marks.get("announced") and not head.rstrip().endswith((":", ",", ".")):
        return None
    if bare and colon and _TO_DO.match(text):
        return None
    if re.search(r"[?¿]", parts.source) and not _ASKS_A_FAVOUR.search(plain(head)):
        return None
    return {"text": text} if is_statement(text, parts.language, bare=bare and not colon) else None


def _preferred(parts: Parts) -> dict[str, Any] | None:
    marks, sentence = parts.match.marks, parts.said()
    if re.search(r"[?¿]", parts.source) or any(passes(item) for item in parts.items):
        return None
    for name in ("name", "text"):
        said = parts.text(name)
        if said is None:
            continue
        called = marks.get("called") and name == "text"
        if called and not is_name(parts.said(name), said):
            return None
        negative = bool(marks.get("negative"))
        if not called and not is_preference(sentence, parts.said(name), said, negative=negative):
            return None
        if len(said) > int(marks.get("most_words", 20)) or (name == "name" and len(said) > 3):
            return None
    return {"text": sentence}


def _private(parts: Parts) -> dict[str, Any] | None:
    if parts.match.marks.get("order") and not _FORBIDS.search(plain(parts.source)):
        return None
    durations = parts.values(DURATION, MORE, AHEAD)
    return dict(parts.match.slots) | ({"duration_s": durations[0]} if durations else {})


def is_for_memory(parts: Parts) -> bool:
    """Whether "recuerda que…" was said, and not "recuérdame que…", which asks for a reminder."""
    said = [item.plain for item in parts.text("text") or ()]
    tells = said[:1] == ["que"] or said[:2] == ["de", "que"]
    return tells and parts.before("text") == "recuerda" and not _is_for_speaker(parts.head("text"))


def _is_for_speaker(head: str) -> bool:
    """ "recuérdame", "me recuerdas"."""
    said = plain(head).split()
    verb = next((index for index, word in enumerate(said) if imperative(word) == "recuerda"), None)
    if verb is None:
        return False
    return said[verb].endswith(("me", "nos")) or bool(set(said[:verb]) & {"me", "nos"})
