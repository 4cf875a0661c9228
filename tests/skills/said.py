"""What the skills understand, for tests."""

from benchmarks.skills import RUNNING
from jarvisd.skills.grammar import Grammar
from jarvisd.skills.understand import understand

GRAMMARS = {"es": Grammar("es"), "en": Grammar("en")}


def asked(text, language=None, *, spoken=False, timers=RUNNING):
    languages = ("en", "es") if language != "es" else ("es", "en")
    return understand(text, languages, GRAMMARS, spoken=spoken, timers=timers)
