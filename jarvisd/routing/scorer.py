"""Which kind of turn a sentence is: a linear model over what `features` sees, in pure Python.

The weights are trained by `python -m training` from the project's own sentences (docs/routing-training.md). A file of
weights is gzip over one line of JSON, the header, and the tables: hashes of features in ascending order, then for each
a row of small integers, look by look and label by label.
"""

from __future__ import annotations

import gzip
import json
import math
import sys
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from zlib import crc32

from jarvisd.routing.features import CLOSE_LOOKS, LOOKS, evenly, grams, look_at, pieces, plain_words
from jarvisd.types import Kind, Language

KINDS: tuple[Kind, ...] = ("home", "fast", "strong", "reasoning")

# Words whose pieces are remembered: most words of a household come again.
WORDS_REMEMBERED = 2_048


def feature_hash(feature: str) -> int:
    return crc32(feature.encode())


@dataclass(frozen=True, slots=True)
class Weights:
    """A trained model. `rows[i]` belongs to `hashes[i]`; a row has `len(LOOKS) * len(labels)` integers.

    `temperature` by language makes probabilities of scores; "" is for a text of unknown language.
    """

    labels: tuple[str, ...]
    scales: tuple[float, ...]
    temperature: Mapping[str, float]
    hashes: array[int]
    rows: array[int]

    def to_bytes(self) -> bytes:
        """The file's content; the same weights give the same bytes."""
        header = {
            "labels": self.labels,
            "scales": self.scales,
            "temperature": dict(self.temperature),
            "features": len(self.hashes),
        }
        tables = _little_endian(self.hashes).tobytes() + self.rows.tobytes()
        return gzip.compress(json.dumps(header, sort_keys=True).encode() + b"\n" + tables, mtime=0)

    def fingerprint(self) -> int:
        """Changes with the weights: what was made for others is recognised."""
        return crc32(self.rows.tobytes(), crc32(self.hashes.tobytes()))

    @classmethod
    def load(cls, task: str) -> Weights:
        """The weights that jarvisd brings along. Reads a file and takes some 50 ms: not in the loop."""
        return cls.from_bytes((resources.files("jarvisd.routing") / "weights" / f"{task}.weights.gz").read_bytes())

    @classmethod
    def from_bytes(cls, content: bytes) -> Weights:
        line, _, tables = gzip.decompress(content).partition(b"\n")
        header = json.loads(line)
        hashes, rows = array("I"), array("b")
        split = header["features"] * hashes.itemsize
        hashes.frombytes(tables[:split])
        rows.frombytes(tables[split:])
        labels = tuple(header["labels"])
        return cls(labels, tuple(header["scales"]), header["temperature"], _little_endian(hashes), rows)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a household changed: additions to rows, by a feature's hash, in units of a score."""

    rows: Mapping[int, tuple[float, ...]] = field(default_factory=dict)


class Scorer:
    """Text to probabilities. Deterministic, and never fails: nothing known gives the same to each label."""

    def __init__(self, weights: Weights, correction: Correction | None = None) -> None:
        self.labels = weights.labels
        self._weights = weights
        self._correction = correction.rows if correction else {}
        self._width = len(weights.labels)
        self._pieces = lru_cache(WORDS_REMEMBERED)(self._sum_of_pieces)

    @classmethod
    def load(cls, task: str = "kinds", correction: Correction | None = None) -> Scorer:
        return cls(Weights.load(task), correction)

    def probabilities(self, text: str, language: Language | None = None) -> Mapping[str, float]:
        """For each label; they add up to one. `language` only chooses how far the scores are trusted."""
        temperatures = self._weights.temperature
        temperature = temperatures.get(language or "", temperatures[""])
        scores = [score / temperature for score in self.scores(text)]
        highest = max(scores)
        powers = [math.exp(score - highest) for score in scores]
        total = sum(powers)
        return dict(zip(self.labels, (power / total for power in powers), strict=True))

    def scores(self, text: str) -> list[float]:
        """The sum over `features.seen(text)` of weight times share, by label."""
        words = plain_words(text)
        totals = [0.0] * self._width
        places: dict[str, int | None] = {}  # the looks have much in common
        for look in LOOKS if words else ():
            part = look_at(words, look)
            found = grams(part)
            self._add(totals, self._sum(found, (look,), places), evenly(len(found)))
            if look in CLOSE_LOOKS:
                self._add_pieces(totals, part, look)
        return totals

    def _add_pieces(self, totals: list[float], words: Sequence[str], look: int) -> None:
        count, first = 0, CLOSE_LOOKS.index(look) * self._width
        sums = [0.0] * self._width
        for word in words:
            its_count, its_sums = self._pieces(word)
            count += its_count
            for label in range(self._width):
                sums[label] += its_sums[first + label]
        self._add(totals, sums, evenly(count))

    def _sum_of_pieces(self, word: str) -> tuple[int, list[float]]:
        """How many pieces a word has, and their weights for the looks that see pieces."""
        found = pieces(word)
        return len(found), self._sum(found, CLOSE_LOOKS, {})

    def _sum(self, found: Sequence[str], looks: Sequence[int], places: dict[str, int | None]) -> list[float]:
        """The weights of features, look by look and label by label. `places` is filled with where their rows begin."""
        for feature in found:
            if feature not in places:
                places[feature] = self._place(feature)
        starts = [start for feature in found if (start := places[feature]) is not None]
        rows, scales, width = self._weights.rows, self._weights.scales, self._width
        sums = [
            scales[look] * sum([rows[start + place] for start in starts])  # noqa: C419 - a list is quicker
            for look in looks
            for place in range(look * width, (look + 1) * width)
        ]
        if self._correction:
            self._correct(sums, found, looks)
        return sums

    def _place(self, feature: str) -> int | None:
        key, hashes = feature_hash(feature), self._weights.hashes
        place = bisect_left(hashes, key)
        known = place < len(hashes) and hashes[place] == key
        return place * len(LOOKS) * self._width if known else None

    def _correct(self, sums: list[float], found: Sequence[str], looks: Sequence[int]) -> None:
        for feature in found:
            row = self._correction.get(feature_hash(feature))
            if row is not None:
                wanted = [row[look * self._width + label] for look in looks for label in range(self._width)]
                for place, addition in enumerate(wanted):
                    sums[place] += addition

    def _add(self, totals: list[float], sums: Sequence[float], share: float) -> None:
        for label, value in enumerate(sums):
            totals[label] += value * share


def _little_endian(numbers: array[int]) -> array[int]:
    if sys.byteorder == "little":
        return numbers
    turned = array(numbers.typecode, numbers)
    turned.byteswap()
    return turned
