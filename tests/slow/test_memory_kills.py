"""kill -9 at any moment: what was acknowledged is there, what was forgotten is nowhere, and no help is needed."""

import random
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jarvisd.memory.forgetting import traces
from jarvisd.memory.reading import blob
from jarvisd.memory.schema import ERASE_DUE
from jarvisd.memory.store import Store
from tests.fakes.memory_writer import said, vector

WRITER = Path(__file__).parents[1] / "fakes/memory_writer.py"
# After the file is open: from at once to the middle of many writes and erasures.
LONGEST_S = 0.25


class House:
    """A state folder, and what its writers were told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: set[str] = set()
        self.gone: set[str] = set()
        self.torn = 0
        # Of the forgotten, those that were looked for before.
        self.seen: set[str] = set()

    def run_and_kill(self, run: int, after_s: float) -> None:
        argv = [sys.executable, str(WRITER), str(self.folder), str(run)]
        environment = {"PYTHONPATH": str(WRITER.parents[2])}
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "open\n", "the store does not open"
            time.sleep(after_s)
            writer.kill()
            lines = writer.stdout.read().split("\n")[:-1]  # the last one is empty, or was cut off
        for what, *ids in map(str.split, lines):
            if what == "kept":
                self.kept |= set(ids)
            elif what == "gone":
                self.gone |= set(ids)

    def look(self) -> None:
        """Opens the store in this process and holds it against what was acknowledged."""
        store = Store(self.folder / "memory.sqlite")
        there = {memory.id for memory in store.newest(10_000_000)}
        # What was being forgotten when the kill came may be gone without a word: then it is known as forgotten.
        self.gone |= store.is_forgotten(sorted(self.kept - there))
        assert self.kept - self.gone <= there
        assert not self.gone & there
        assert store.check() == []
        assert store.note(ERASE_DUE) is None
        assert not self.gone & {one for one, _ in store.vectors("m", count=10_000_000)[1]}
        store.close()
        content = b"".join(file.read_bytes() for file in sorted(self.folder.iterdir()))
        words = {found.decode() for found in re.findall(rb"qz([0-9a-z]+)zq", content)}
        assert words >= self.kept - self.gone  # so the scan can fail
        assert not words & self.gone
        # A vector takes longer to look for: of those that went now, and of some that went before.
        for one in [*sorted(self.gone - self.seen)[-60:], *sorted(self.seen)[:20]]:
            assert blob(vector(one)) not in content, one
        assert traces(self.folder, [said(one) for one in sorted(self.gone - self.seen)[:20]]) == []
        self.seen |= self.gone


def kills(folder: Path, count: int) -> House:
    house = House(folder)
    moments = random.Random(count)
    for run in range(count):
        house.run_and_kill(run, moments.uniform(0, LONGEST_S))
        store_was_torn(house)
        house.look()
    return house


def store_was_torn(house: House) -> None:
    """Counts the kills that came between a deletion and its erasure."""
    reader = sqlite3.connect(f"file:{house.folder / 'memory.sqlite'}?mode=ro", uri=True)
    house.torn += reader.execute("SELECT count(*) FROM notes WHERE name = ?", (ERASE_DUE,)).fetchone()[0]
    reader.close()


def test_a_dozen_kills(tmp_path):
    house = kills(tmp_path, 12)
    assert house.kept
    assert house.gone


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_three_hundred_kills(tmp_path):
    house = kills(tmp_path, 300)
    assert len(house.kept) > 1_000
    assert len(house.gone) > 100
    assert house.torn, "no kill came between a deletion and its erasure"
    print(f"\n300 kills: {len(house.kept)} kept, {len(house.gone)} forgotten, {house.torn} in the middle of forgetting")
