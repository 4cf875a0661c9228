"""The rule that nothing is called done which was not seen to be done. A model's words pass through here to be said.

Where a person asked for an action, each sentence is held until it is whole. One that claims an action is let through
only when an action was confirmed by reading the state back; otherwise the daemon's own sentence takes its place, and
the rest of the model's words is dropped.
"""

from __future__ import annotations

import re

from jarvisd.tools.guard import asks_to_act
from jarvisd.tools.spoken import outcome
from jarvisd.tools.words import plain
from jarvisd.types import Language, Tool, ToolResult

_SENTENCE_END = re.compile(r"[.!?…\n]+[\s\"'»”)]*")
_STATES_EN = (
    r"turned|switched|opened|closed|shut|locked|unlocked|armed|disarmed|activated|deactivated|added|sent|done|set"
)
_STATES_ES = r"(?:encendid|apagad|abiert|cerrad|bloquead|desbloquead|activad|desactivad|conectad|desconectad)[oa]s?"
_CLAIMS = re.compile(
    r"^(?:(?:ok|okay|vale|claro|sure|perfecto|perfect|great|bien|alright|all right|si|yes|por supuesto|of course) )*"
    r"(?:hecho|listo|done|ya esta|all (?:set|done))\b"
    r"|\b(?:he|hemos|ha|han) (?:sido )?(?!dicho|visto|oido|entendido|podido)\w+(?:ad|id|iert|uest|ech)[oa]s?\b"
    rf"|\bacabo de\b|\bqueda(?:n|ra)? {_STATES_ES}\b|\bya estan?\b|\bestan? (?:ahora |ya )?{_STATES_ES}\b"
    r"|\b(?:encendi|apague|abri|cerre|active|desactive|bloquee)\b"
    rf"|\b(?:i|ive|i have|weve|we have) (?:just |now |already )?(?:{_STATES_EN}|started|stopped|removed|changed|put"
    r"|played|called|ordered)\b"
    rf"|\b(?:is|are|has been|have been|was|were) (?:now |already |being )?(?:{_STATES_EN}|on|off|open)\b"
)


def claims_an_action(text: str) -> bool:
    """Whether a sentence says that something was done."""
    return _CLAIMS.search(plain(text)) is not None


class SpokenRule:
    """One answer's words, on their way to be said. `acted`: the results of what acted, as they come."""

    def __init__(self, said: str, language: Language, tools: tuple[Tool, ...] = ()) -> None:
        self.acted: list[ToolResult] = []
        self._language = language
        self._holds = asks_to_act(said, tools)
        self._held = ""
        self._stopped = False

    def watch(self) -> None:
        """From now on claims are looked for, whatever the person asked for: a model wanted to act and was not let."""
        self._holds = True

    def take(self, text: str) -> str:
        """What of the model's words may be said now."""
        if self._stopped or not self._holds:
            return "" if self._stopped else text
        self._held += text
        said = ""
        while not self._stopped and (end := _SENTENCE_END.search(self._held)):
            said += self._sentence(self._held[: end.end()])
            self._held = self._held[end.end() :]
        return said

    def end(self) -> str:
        """The rest, when the model has nothing more to say; the daemon's own sentence where actions have no words."""
        rest, self._held = self._held, ""
        return self._sentence(rest) if rest.strip() and not self._stopped else ""

    def outcome(self) -> str:
        """The daemon's own sentence about what was done; nothing of the model's follows it."""
        self._stopped = True
        return outcome(self.acted, self._language)

    @property
    def may_speak(self) -> bool:
        """Whether the model may tell about the actions itself: all of them were seen to be done."""
        return all(result.confirmed is True and not result.failed for result in self.acted)

    def _sentence(self, text: str) -> str:
        if claims_an_action(text) and not (self.acted and self.may_speak):
            return self.outcome()
        return text
