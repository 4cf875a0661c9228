"""What the skills understand, what they leave alone, and what a decision costs.

    python -m benchmarks.skills [--json] [FOLDER]

FOLDER has commands_<language>.txt and others_<language>.txt, by default those of the tests. Timers called pasta, rice
(arroz), eggs (huevos) and roast are taken to be running.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jarvisd.skills.command import Command
from jarvisd.skills.grammar import Grammar
from jarvisd.skills.understand import understand
from jarvisd.types import Language

DATA = Path(__file__).parents[1] / "tests" / "skills"
LANGUAGES: tuple[Language, ...] = ("es", "en")
RUNNING = frozenset({"pasta", "arroz", "rice", "huevos", "eggs", "roast"})
ROUNDS = 5

_MEMORY = """
import gc, jarvisd.daemon
def rss(): return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
before = rss()
from jarvisd.skills.grammar import Grammar
from jarvisd.skills.understand import understand
languages = ("es", "en")
grammars = {language: Grammar(language) for language in languages}
for text in ("pon un temporizador de diez minutos", "set a timer for ten minutes", "recuerdame a las seis comprar pan",
             "what time is it in tokyo", "wake me up at seven", "si tengo tres camisas"):
    understand(text, languages, grammars)
print(rss() - before)
"""


@dataclass(frozen=True)
class Said:
    """A line of a data file: what is said, and what it asks for."""

    text: str
    intent: str
    slots: dict[str, str]


@dataclass
class Result:
    """`wrong`: text, what was wanted and what was understood. `taken`: by a skill, though no skill's business."""

    right: Counter[str] = field(default_factory=Counter)
    all: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    others: int = 0
    taken: list[tuple[str, str]] = field(default_factory=list)


def commands(language: Language, folder: Path = DATA) -> list[Said]:
    found = []
    for line in _lines(folder / f"commands_{language}.txt"):
        intent, slots, text = (part.strip() for part in line.split("|", 2))
        pairs = [slot.partition("=")[::2] for slot in slots.split(";") if slot]
        found.append(Said(text, intent, dict(pairs)))
    return found


def others(language: Language, folder: Path = DATA) -> list[str]:
    return list(_lines(folder / f"others_{language}.txt"))


def plain_slots(command: Command) -> dict[str, str]:
    """Slots as the data files write them."""
    return {
        name: ",".join(value) if name == "days" else str(value) for name, value in command.slots.items() if str(value)
    }


def understander() -> Callable[[str, Language], Command | None]:
    grammars = {language: Grammar(language) for language in LANGUAGES}

    def ask(text: str, language: Language) -> Command | None:
        order = sorted(LANGUAGES, key=lambda one: one != language)
        return understand(text, order, grammars, spoken=True, timers=RUNNING)

    return ask


def evaluate(ask: Callable[[str, Language], Command | None], language: Language, folder: Path = DATA) -> Result:
    result = Result()
    for said in commands(language, folder):
        command = ask(said.text, language)
        skill = said.intent.partition(".")[0]
        result.all[skill] += 1
        if command is not None and (command.name, plain_slots(command)) == (said.intent, said.slots):
            result.right[skill] += 1
        else:
            got = f"{command.name} {plain_slots(command)}" if command else "nothing"
            result.wrong.append((said.text, f"{said.intent} {said.slots}", got))
    for text in others(language, folder):
        result.others += 1
        command = ask(text, language)
        if command is not None:
            result.taken.append((text, f"{command.name} {plain_slots(command)}"))
    return result


def decision_ms(ask: Callable[[str, Language], Command | None], folder: Path = DATA) -> list[float]:
    """Processor time of each decision, sorted; every text after it was seen once."""
    spent = []
    for _ in range(ROUNDS):
        for language in LANGUAGES:
            for text in [*(said.text for said in commands(language, folder)), *others(language, folder)]:
                began = time.process_time_ns()
                ask(text, language)
                spent.append((time.process_time_ns() - began) / 1e6)
    return sorted(spent)


def memory_mb() -> float:
    """Added to a process that has imported the daemon; the library itself is in it, if nothing else imported it."""
    program = _MEMORY.replace("import gc, jarvisd.daemon", "import gc, jarvisd.bus, jarvisd.config, jarvisd.hooks.load")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def report(folder: Path) -> dict[str, Any]:
    ask = understander()
    results = {language: evaluate(ask, language, folder) for language in LANGUAGES}
    spent = decision_ms(ask, folder)
    return {
        "languages": {
            language: {
                "right": sum(result.right.values()),
                "commands": sum(result.all.values()),
                "by_skill": {skill: [result.right[skill], count] for skill, count in sorted(result.all.items())},
                "wrong": result.wrong,
                "others": result.others,
                "taken": result.taken,
            }
            for language, result in results.items()
        },
        "decision_p50_ms": round(statistics.median(spent), 2),
        "decision_p99_ms": round(spent[int(len(spent) * 0.99)], 2),
        "rss_added_mb": round(memory_mb(), 1),
    }


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()


def _show(figures: dict[str, Any]) -> None:
    for language, found in figures["languages"].items():
        print(f"{language}: {found['right']} of {found['commands']} commands right", end="; ")
        print(f"{len(found['taken'])} of {found['others']} others taken by a skill")
        for skill, (right, count) in found["by_skill"].items():
            print(f"    {skill:10} {right:3} of {count}")
        for text, wanted, got in found["wrong"]:
            print(f"    wrong: {text}\n        wanted {wanted}\n        got    {got}")
        for text, got in found["taken"]:
            print(f"    taken: {text}\n        as {got}")
    print(f"a decision: {figures['decision_p50_ms']} ms of processor time (median), ", end="")
    print(f"{figures['decision_p99_ms']} ms (99th percentile); memory added: {figures['rss_added_mb']} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = report(arguments.folder)
    if arguments.json:
        print(json.dumps(figures, ensure_ascii=False, indent=2))
    else:
        _show(figures)


if __name__ == "__main__":
    main()
