"""What memory finds, what it takes, and how it compares with plain vector and full-text search.

    python -m benchmarks.memory locomo10.json [--json]   LoCoMo, and our own pairs
    python -m benchmarks.memory --pairs [--json]         our own pairs alone
    python -m benchmarks.memory --size 10000 [--json]    times and memory at a size

LoCoMo (Maharana et al. 2024) is no part of jarvisd: https://github.com/snap-research/locomo has locomo10.json. All goes
through the daemon's own record, embedding worker, index and recall. How the figures are meant:

- Recall is the mean share of a question's evidence among the first 5 or 10; over categories 1 to 4, each conversation
  a memory of its own, both speakers' turns in sight, captions of pictures left out. `pooled`: all in one memory.
- `held_out`: the conversations on which no constant was chosen (the sixth and later).
- `lexical_only`: without an embedder. `baseline_chroma`: each turn's text alone, nearest vectors first, by what
  `baseline_dense` says; `baseline_fts5`: SQLite's full-text search as it comes, any word of the question.
- `query`: a recall in the pooled memory, beside the embedding of the question itself.
- `pairs_*_sure`: what is held out of them: right and sure for questions that have an answer, wrongly sure for others.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks import memory_locomo, memory_pairs, memory_size
from benchmarks.memory_house import MODEL, Texts, engines, has_embedder
from benchmarks.memory_locomo import Hits, mean
from benchmarks.memory_sets import ADVERSARIAL, CATEGORIES, LoCoMo, read_locomo, read_pairs

NAMES = {
    "jarvisd": "jarvisd",
    "words": "jarvisd, words alone",
    "pooled": "jarvisd, all in one memory",
    "dense": "plain vectors",
    "fts5": "plain FTS5",
}


async def measure(options: argparse.Namespace, locomo: LoCoMo | None) -> tuple[dict[str, object], dict[str, Hits]]:
    """The figures, and LoCoMo's hits for the table."""
    figures: dict[str, float | int | str | None] = {}
    hits: dict[str, Hits] = {}
    if options.size:  # first, in a process that holds nothing else
        await memory_size.measure(options.size, figures)
    if locomo is not None or options.pairs:
        with tempfile.TemporaryDirectory(prefix="jarvisd-bench-") as folder:
            async with engines(Path(folder)) as pool:
                texts = Texts(pool, options.vectors) if has_embedder() and not options.words_alone else None
                figures["embedder"] = MODEL if texts is not None else "none"
                if locomo is not None:
                    hits = await memory_locomo.measure(locomo, pool, texts, figures)
                await memory_pairs.measure(read_pairs(), texts, figures)
    return {name: round(one, 4) if isinstance(one, float) else one for name, one in figures.items()}, hits


def table(hits: Mapping[str, Hits]) -> list[str]:
    """Recall at 5 and 10 by category."""
    columns = [f"{number} {name}" for number, name in CATEGORIES.items() if number != ADVERSARIAL]
    heads = ["1-4", "held out", *columns, f"{ADVERSARIAL} {CATEGORIES[ADVERSARIAL]}"]
    lines = [f"{'recall@5 / @10':28}" + "".join(f"{head:>15}" for head in heads)]
    for key, name in NAMES.items():
        ours = hits[key]
        rows = [(0, 0), (memory_locomo.HELD_OUT, 0), *((0, category) for category in CATEGORIES)]
        cells = [
            f"{_cell(mean(ours, 5, first=first, category=category))} "
            f"/{_cell(mean(ours, 10, first=first, category=category))}"
            for first, category in rows
        ]
        lines.append(f"{name:28}" + "".join(f"{cell:>15}" for cell in cells))
    return lines


def _cell(value: float | None) -> str:
    return "    -" if value is None else f"{value:5.3f}"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, help="a file of LoCoMo")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--pairs", action="store_true", help="our own pairs alone")
    parser.add_argument("--size", type=int, help="times and memory with so many memories")
    parser.add_argument("--words-alone", action="store_true", help="as without an embedder")
    parser.add_argument("--vectors", type=Path, metavar="FILE.npz", help="keep vectors there for the next time")
    options = parser.parse_args()
    if options.file is None and not options.pairs and not options.size:
        parser.error("name a file of LoCoMo, or --pairs, or --size")
    try:
        locomo = read_locomo(options.file) if options.file is not None else None
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    figures, hits = asyncio.run(measure(options, locomo))
    if options.json:
        print(json.dumps(figures))
        return 0
    if hits:
        print(*table(hits), "", sep="\n")
    for name, figure in figures.items():
        print(f"{name:36} {'-' if figure is None else figure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
