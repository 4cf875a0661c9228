"""Does the router tell kinds of turns apart, whatever their length, and how long does it think?

    python -m benchmarks.routing [FILE.jsonl] [--json]

A row has `lang`, `text`, and either `label` with `accept` (home, fast, strong, reasoning), `text_noisy` and `tags`
where there are, or `private: true|false`. Without a file it is our own evaluation set. How the figures are meant:

- A row is right where the prediction is in `accept`. For macro-F1 such a prediction counts as the label; the mean is
  over the kinds that the language's rows have.
- `noisy_drop`: macro-F1 lost on `text_noisy`, on the same rows, in the language that loses more. Negative: none lost.
- `short_hard_recall`: share of rows tagged `short-hard` that go to strong or reasoning; `long_easy_false_escalation`:
  share of rows tagged `long-easy` that do. `trap_accuracy_*`, `short_hard_accuracy` and `long_easy_accuracy` ask for
  the right kind itself.
- Times are of the thread's own processor time, each sentence met for the first time. `decision` is all that is decided
  on this machine before a tier is asked.
- A figure without rows, or whose part is not built in, is null.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

OURS = Path(__file__).parent / "data/turns.jsonl"
KINDS = ("home", "fast", "strong", "reasoning")
HARD = ("strong", "reasoning")
LANGUAGES: tuple[Literal["es", "en"], ...] = ("es", "en")
# Skills that change something, and what they only tell.
ACTING = frozenset({"timer", "alarm", "reminder", "volume"})
ASKING = frozenset({"left", "list", "next", "ask"})

Figures: TypeAlias = dict[str, float | int | None]


@dataclass(frozen=True, slots=True)
class Row:
    text: str
    lang: str
    label: str | None = None
    accept: tuple[str, ...] = ()
    text_noisy: str | None = None
    tags: tuple[str, ...] = ()
    private: bool | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What decides on this machine. A part that is None leaves its figures null.

    `kind`: the scorer's choice. `acts`: would a grammar act on a device, without a model? `blocked`: is the text kept
    from the cloud? `decide`: everything before a tier is asked.
    """

    kind: Callable[[str, str], str]
    acts: Callable[[str, str], bool] | None = None
    blocked: Callable[[str, str], bool] | None = None
    decide: Callable[[str, str], object] | None = None


def build_parts() -> Parts:
    """The parts as the daemon has them. Imported here, so that their memory is counted."""
    from jarvisd.config import SkillsConfig
    from jarvisd.routing.decision import Option, decide
    from jarvisd.routing.judge import build_judge
    from jarvisd.routing.mix import TYPICAL, corrected
    from jarvisd.routing.scorer import KINDS as LABELS
    from jarvisd.routing.scorer import Scorer
    from jarvisd.routing.wishes import wishes
    from jarvisd.skills.skills import Skills

    scorer, judge = Scorer.load("kinds"), build_judge()
    skills = Skills(SkillsConfig(), Path("agenda.sqlite"), languages=lambda: LANGUAGES, on_ring=_nobody_rings)
    options = [Option(level, level, level, 0.5) for level in ("fast", "strong", "reasoning")]

    def lang(language: str) -> Literal["es", "en"]:
        return "es" if language == "es" else "en"

    def kind(text: str, language: str) -> str:
        shares = scorer.probabilities(text, lang(language))
        return max(shares, key=lambda label: shares[label])

    def acts(text: str, language: str) -> bool:
        command = skills.understand(text, lang(language))
        return command is not None and command.skill in ACTING and command.intent not in ASKING

    def blocked(text: str, language: str) -> bool:
        return judge(text, lang(language)).private

    def whole(text: str, language: str) -> object:
        heard = wishes(text, lang(language))
        if (command := skills.understand(heard.rest, lang(language))) is not None:
            return command
        judge(heard.rest, lang(language))
        shares = scorer.probabilities(heard.rest, lang(language))
        return decide(corrected({label: shares[label] for label in LABELS}, TYPICAL), options)

    for language in LANGUAGES:  # what is built on first use is not a decision's time
        whole("pon un temporizador de diez minutos", language)
        blocked("set a timer for ten minutes", language)
    return Parts(kind, acts, blocked, whole)


async def _nobody_rings(_ring: object) -> None:
    raise AssertionError("nothing is set here")


def read_rows(file: Path) -> list[Row]:
    """Raises ValueError, which names the line, for what is no row."""
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                rows.append(_row(json.loads(line)))
            except (ValueError, TypeError, AttributeError) as error:
                raise ValueError(f"{file}:{number}: {error}") from error
    return rows


def _row(found: Mapping[str, Any]) -> Row:
    label = found.get("label")
    accept = tuple(found.get("accept") or ([label] if label else []))
    if label is None and found.get("private") is None:
        raise ValueError("neither a label nor private")
    if unknown := {*accept, *([label] if label else [])} - set(KINDS):
        raise ValueError(f"no such kind: {', '.join(sorted(map(str, unknown)))}")
    if not isinstance(found.get("text"), str):
        raise ValueError("no text")
    return Row(
        text=found["text"],
        lang=str(found.get("lang", "en")),
        label=label,
        accept=accept,
        text_noisy=found.get("text_noisy"),
        tags=tuple(found.get("tags") or ()),
        private=found.get("private"),
    )


def macro_f1(rows: Sequence[Row], predicted: Sequence[str]) -> float | None:
    counted = [row.label if kind in row.accept else kind for row, kind in zip(rows, predicted, strict=True)]
    scores = []
    for kind in KINDS:
        wanted = sum(row.label == kind for row in rows)
        if wanted:
            hits = sum(row.label == kind == one for row, one in zip(rows, counted, strict=True))
            scores.append(2 * hits / (wanted + sum(one == kind for one in counted)))
    return sum(scores) / len(scores) if scores else None


def share(found: Sequence[bool]) -> float | None:
    return sum(found) / len(found) if found else None


def percentile(times_ms: Sequence[float], percent: float) -> float | None:
    """The smallest time that so many percent do not exceed."""
    return sorted(times_ms)[math.ceil(len(times_ms) * percent / 100) - 1] if times_ms else None


def timed(part: Callable[[str, str], Any], rows: Sequence[Row]) -> tuple[list[Any], list[float]]:
    answers, times_ms = [], []
    for row in rows:
        began = time.thread_time_ns()
        answers.append(part(row.text, row.lang))
        times_ms.append((time.thread_time_ns() - began) / 1e6)
    return answers, times_ms


def figures_of(rows: Sequence[Row], parts: Parts) -> Figures:
    labelled = [row for row in rows if row.label]
    predicted, scorer_ms = timed(parts.kind, labelled)
    right = [kind in row.accept for row, kind in zip(labelled, predicted, strict=True)]
    hard = [kind in HARD for kind in predicted]

    def of(chosen: Callable[[Row], bool], values: Sequence[bool]) -> float | None:
        return share([value for row, value in zip(labelled, values, strict=True) if chosen(row)])

    figures: Figures = {}
    for lang in LANGUAGES:
        its = [(row, kind) for row, kind in zip(labelled, predicted, strict=True) if row.lang == lang]
        figures[f"macro_f1_{lang}"] = macro_f1([row for row, _ in its], [kind for _, kind in its])
    for lang in LANGUAGES:
        figures[f"accuracy_{lang}"] = of(lambda row, lang=lang: row.lang == lang, right)  # type: ignore[misc]
    figures["noisy_drop"] = noisy_drop(labelled, predicted, parts)
    figures["short_hard_recall"] = of(lambda row: "short-hard" in row.tags, hard)
    figures["long_easy_false_escalation"] = of(lambda row: "long-easy" in row.tags, hard)
    figures |= _by_other_parts(rows, labelled, parts)
    figures["scorer_p99_ms"] = percentile(scorer_ms, 99)
    figures["decision_p99_ms"] = percentile(timed(parts.decide, rows)[1], 99) if parts.decide else None
    figures["scorer_p50_ms"] = percentile(scorer_ms, 50)
    for lang in LANGUAGES:
        figures[f"trap_accuracy_{lang}"] = of(lambda row, lang=lang: row.lang == lang and _trap(row), right)  # type: ignore[misc]
    figures["short_hard_accuracy"] = of(lambda row: "short-hard" in row.tags, right)
    figures["long_easy_accuracy"] = of(lambda row: "long-easy" in row.tags, right)
    figures["rows"] = len(rows)
    return figures


def noisy_drop(labelled: Sequence[Row], predicted: Sequence[str], parts: Parts) -> float | None:
    drops = []
    for lang in LANGUAGES:
        its = [
            (row, kind) for row, kind in zip(labelled, predicted, strict=True) if row.text_noisy and row.lang == lang
        ]
        rows = [row for row, _ in its]
        clean = macro_f1(rows, [kind for _, kind in its])
        noisy = macro_f1(rows, [parts.kind(row.text_noisy or "", lang) for row in rows])
        if clean is not None and noisy is not None:
            drops.append(clean - noisy)
    return max(drops) if drops else None


def _by_other_parts(rows: Sequence[Row], labelled: Sequence[Row], parts: Parts) -> Figures:
    figures: Figures = dict.fromkeys(("device_actions_on_non_home", "private_blocked", "public_blocked"))
    others = [row for row in labelled if "home" not in row.accept]
    if parts.acts and others:
        figures["device_actions_on_non_home"] = sum(parts.acts(row.text, row.lang) for row in others)
    if parts.blocked:
        for name, private in (("private_blocked", True), ("public_blocked", False)):
            found = [parts.blocked(row.text, row.lang) for row in rows if row.private is private]
            figures[name] = share(found)
    return figures


def _trap(row: Row) -> bool:
    return not {"short-hard", "long-easy"}.isdisjoint(row.tags)


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def measure(rows: Sequence[Row]) -> Figures:
    before_mb = rss_mb()
    figures = figures_of(rows, build_parts())
    figures["rss_added_mb"] = rss_mb() - before_mb
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}


def wrong(rows: Sequence[Row], parts: Parts) -> list[str]:
    found = [(row, parts.kind(row.text, row.lang)) for row in rows if row.label]
    return [f"{row.lang} {row.label} -> {kind}: {row.text}" for row, kind in found if kind not in row.accept]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=OURS)
    parser.add_argument("--json", action="store_true", help="print one flat JSON object as the last line")
    parser.add_argument("--wrong", action="store_true", help="list the rows that go to a wrong kind")
    arguments = parser.parse_args()
    try:
        rows = read_rows(arguments.file)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    figures = measure(rows)
    if arguments.wrong:
        print(*wrong(rows, build_parts()), sep="\n")
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:28} {'-' if value is None else value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
