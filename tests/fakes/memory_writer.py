"""A program that remembers and forgets until it is killed, and prints each thing only when it was acknowledged.

Arguments: the state folder, and a number that no other run has. A line is `kept ID`, `gone ID` or `erased`.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np

from jarvisd.memory.store import Store
from jarvisd.types import Memory, MemoryKind

BEGAN_S = 1_760_000_000.0
DIMENSIONS = 16


def said(one: str) -> str:
    """A text with a word that only this memory has."""
    return f"acuérdate de qz{one}zq en la cocina, please"


def vector(one: str) -> np.ndarray:
    return np.random.default_rng(list(one.encode())).standard_normal(DIMENSIONS).astype(np.float32)


def memory(one: str, kind: MemoryKind = "turn") -> Memory:
    return Memory(one, BEGAN_S, said(one), "es", answered=f"vale, {said(one)}", kind=kind)


def tell(*words: str) -> None:
    print(*words, flush=True)


def main() -> None:
    folder, run = Path(sys.argv[1]), sys.argv[2]
    store = Store(folder / "memory.sqlite")
    random.seed(run)
    there = [one.id for one in store.newest(100)]
    tell("open")
    for step in range(100_000):
        one = f"{run}x{step}"
        store.add([memory(one)])
        tell("kept", one)
        there.append(one)
        match random.randrange(12):
            case 0 | 1:
                went = [there.pop(random.randrange(len(there))) for _ in range(min(3, len(there)))]
                store.forget(went)
                tell("gone", *went)
                store.erase()
                tell("erased")
            case 2 | 3:
                rows = store.without_vector("m", 8)
                store.set_vectors("m", {number: vector(found.id) for number, found in rows})
            case 4:
                many = [f"{one}i{at}" for at in range(20)]
                store.add([memory(other) for other in many])
                tell("kept", *many)
                there += many
            case 5:
                store.add([memory(f"{one}c{at}", "command") for at in range(3)])
                store.expire(["command"], BEGAN_S + 1)
                store.erase()
            case 6:
                store.index_told([entry[0] for entry in store.outbox(50)])


if __name__ == "__main__":
    main()
