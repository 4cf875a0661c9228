"""Train a task's model anew and write it where jarvisd loads it from.

    python -m training TASK [--seed N] [--output FILE]

Tasks are the folders of training/corpus but `slots`. The same corpus and seed give the same file. Beside it goes
TASK.probe.tsv: plain sentences on which a household's corrections are tried.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from training.corpus import CORPUS, CorpusError
from training.fit import train
from training.samples import draw, draw_probe, labels_of

WEIGHTS = Path(__file__).parents[1] / "jarvisd/routing/weights"
# Models are fitted to so many draws from the corpus, and their mean is kept.
DRAWS = 2
# The order of labels that the code knows; other tasks' are in alphabetical order.
ORDER = {"kinds": ("home", "fast", "strong", "reasoning")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", help="a folder of training/corpus")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="default: jarvisd/routing/weights/TASK.weights.gz")
    arguments = parser.parse_args()
    began = time.perf_counter()
    try:
        labels = ORDER.get(arguments.task) or next(iter(labels_of(arguments.task).values()))
        draws = [draw(arguments.task, arguments.seed * DRAWS + number, CORPUS) for number in range(DRAWS)]
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 1
    weights = train(draws, labels)
    file: Path = arguments.output or WEIGHTS / f"{arguments.task}.weights.gz"
    file.write_bytes(weights.to_bytes())
    probe = file.with_name(f"{arguments.task}.probe.tsv")
    lines = (f"{label}\t{sentence}\n" for label, sentence in draw_probe(arguments.task, arguments.seed))
    probe.write_text("".join(lines), encoding="utf-8")
    distinct = len({sample.text for samples in draws for sample in samples})
    print(f"{distinct} different sentences, {len(weights.hashes)} features, temperature {dict(weights.temperature)}")
    print(f"{file}: {file.stat().st_size} bytes in {time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
