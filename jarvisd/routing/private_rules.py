"""The rules of the text check, read from `private/<language>.txt` beside this file.

A line there is a regular expression over folded text; `[...]` above them says what they recognise, in words for a
person. `<name> = a|b` defines what `<name>` stands for in the lines after it.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from jarvisd.types import Language

_NAME = re.compile(r"<([a-z_]+)>")
_DEFINITION = re.compile(r"<([a-z_]+)> = (.+)")


@cache
def rules(language: Language) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """What is recognised and by which pattern. Read when first asked for: 50 ms that only a cloud costs."""
    text = resources.files("jarvisd.routing").joinpath(f"private/{language}.txt").read_text(encoding="utf-8")
    return tuple((reason, re.compile("|".join(lines))) for reason, lines in _sections(text).items())


def _sections(text: str) -> dict[str, list[str]]:
    names: dict[str, str] = {}
    sections: dict[str, list[str]] = {}
    reason = ""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        filled = _NAME.sub(lambda found: names.get(found[1], found[0]), line)
        if definition := _DEFINITION.fullmatch(line):
            names[definition[1]] = f"(?:{definition[2]})"
        elif line.startswith("[") and line.endswith("]"):
            reason = line[1:-1]
        else:
            sections.setdefault(reason, []).append(filled)
    return sections
