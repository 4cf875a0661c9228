"""Is what `jarvisd plan` works out true? Against published sizes and logs of real machines, without any weights.

    python -m benchmarks.footprint [--json]

Model folders with true headers are made from published configurations, and read as any folder is. A figure that was
published with one decimal cannot be met more exactly than that: what lies within its rounding is no error
(`…_unrounded` counts that, too).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.model_folders import PUBLISHED, write_folder, write_gguf
from jarvisd.engines.footprint import GIB, ModelFacts, Serving
from jarvisd.engines.model_files import read_model
from jarvisd.planning.cards import imagined_card
from jarvisd.planning.fit import Candidate, Fit, fit

# GiB of weights in AWQ, as computed by others from the parameters, or as vLLM logged it while loading; as published.
WEIGHTS_GIB: tuple[tuple[str, str], ...] = (
    ("casperhansen/llama-3.3-70b-instruct-awq", "37.0"),
    ("Qwen/Qwen2.5-32B-Instruct-AWQ", "18.0"),
    ("Qwen/Qwen2.5-14B-Instruct-AWQ", "9.3"),
    ("casperhansen/deepseek-r1-distill-qwen-14b-awq", "9.3"),
    ("Qwen/Qwen3-14B-AWQ", "9.3"),
    ("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", "5.3"),
    ("Qwen/Qwen3-8B-AWQ", "5.7"),
    ("Qwen/Qwen2.5-7B-Instruct-AWQ", "5.2"),
    ("Qwen/Qwen3-4B-AWQ", "2.5"),
    ("AMead10/Llama-3.2-3B-Instruct-AWQ", "2.1"),
    ("Qwen/Qwen2.5-3B-Instruct-AWQ", "1.9"),
    ("Qwen/Qwen3-1.7B-AWQ", "1.3"),
    ("Qwen/Qwen2.5-14B-Instruct-AWQ", "9.38"),  # vLLM's log on an RTX 5070 Ti
    ("Qwen/Qwen2.5-7B-Instruct-AWQ", "5.2032"),  # vLLM's log on an RTX 4060, vllm-project/vllm issue 13882
)
# GiB of cache for so many tokens.
CACHE_GIB: tuple[tuple[str, int, str], ...] = (
    ("casperhansen/llama-3.3-70b-instruct-awq", 8192, "2.5"),
    ("Qwen/Qwen2.5-32B-Instruct-AWQ", 8192, "2.0"),
    ("Qwen/Qwen2.5-14B-Instruct-AWQ", 8192, "1.5"),
    ("casperhansen/deepseek-r1-distill-qwen-14b-awq", 8192, "1.5"),
    ("Qwen/Qwen3-14B-AWQ", 8192, "1.25"),
    ("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", 8192, "1.0"),
    ("Qwen/Qwen3-8B-AWQ", 8192, "1.1"),
    ("Qwen/Qwen2.5-7B-Instruct-AWQ", 8192, "0.44"),
    ("Qwen/Qwen3-4B-AWQ", 8192, "1.1"),
    ("AMead10/Llama-3.2-3B-Instruct-AWQ", 8192, "0.9"),
    ("Qwen/Qwen2.5-3B-Instruct-AWQ", 8192, "0.28"),
    ("Qwen/Qwen3-1.7B-AWQ", 8192, "0.88"),
    ("Qwen/Qwen2.5-14B-Instruct-AWQ", 16_336, "2.99"),  # vLLM's log on an RTX 5070 Ti
    ("Qwen/Qwen3-1.7B-AWQ", 175_856, "18.78"),  # vLLM's log, vllm-project/vllm issue 33263
)


@dataclass(frozen=True, slots=True)
class Promise:
    """Somebody's claim that a model fits a card. `form`: awq, half (16 bit) or q8 (GGUF, 8 bit)."""

    model: str
    memory: str
    context_tokens: int = 8192
    form: str = "awq"


IMPOSSIBLE = (
    Promise("casperhansen/llama-3.3-70b-instruct-awq", "14GB"),
    Promise("Qwen/Qwen2.5-32B-Instruct-AWQ", "10GB"),
    Promise("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", "5GB", form="half"),
    Promise("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", "6GB", form="q8"),  # 8.5 GB
    Promise("Qwen/Qwen2.5-14B-Instruct-AWQ", "16GB", form="half"),
    Promise("Qwen/Qwen3-14B-AWQ", "6GB"),
    Promise("Qwen/Qwen3-8B-AWQ", "6GB"),
    Promise("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", "16GB", context_tokens=131_072),
)
# What does fit must not be refused: a plan that always says no would pass the rest.
POSSIBLE = (
    Promise("Qwen/Qwen3-14B-AWQ", "16GB"),
    Promise("Qwen/Qwen2.5-14B-Instruct-AWQ", "15.47GiB", context_tokens=16_336),
    Promise("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", "16GB", form="q8"),
    Promise("Qwen/Qwen3-4B-AWQ", "6GiB"),
    Promise("Qwen/Qwen2.5-3B-Instruct-AWQ", "6GB"),
)


def read_all(folder: Path) -> Mapping[tuple[str, str], ModelFacts]:
    """Every model in every form, read from headers that were just written."""
    facts = {}
    for name, shape in PUBLISHED.items():
        place = folder / name
        facts[name, "awq"] = read_model(write_folder(place / "awq", shape, shards=3))
        facts[name, "half"] = read_model(write_folder(place / "half", shape, awq=False))
        facts[name, "q8"] = read_model(write_gguf(place / "model-Q8_0.gguf", shape))
    return facts


def error_percent(computed: float, published: str) -> tuple[float, float]:
    """How far off, beyond what rounding explains, and as it stands."""
    figure = float(published)
    rounding = 0.5 * 10 ** -len(published.partition(".")[2])
    off = abs(computed - figure)
    return max(0.0, off - rounding) / figure * 100, off / figure * 100


def judged(promise: Promise, facts: Mapping[tuple[str, str], ModelFacts]) -> Fit:
    found = facts[promise.model, promise.form]
    serving = Serving("llama_cpp" if promise.form == "q8" else "vllm")
    name = f"{promise.model.rpartition('/')[2]} ({promise.form})"
    return fit(Candidate(name, found, serving, promise.context_tokens), [imagined_card(promise.memory, 1)])


def measure() -> tuple[dict[str, float], list[str]]:
    """The figures, and the sentences that refused the impossible."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        facts = read_all(Path(folder))
        took_ms = (time.perf_counter() - began) / len(facts) * 1000
    weights = [error_percent(facts[name, "awq"].weights_bytes / GIB, said) for name, said in WEIGHTS_GIB]
    cache = [error_percent(_cache_gib(facts[name, "awq"], tokens), said) for name, tokens, said in CACHE_GIB]
    refused = [found for one in IMPOSSIBLE if not (found := judged(one, facts)).fits and found.reason]
    accepted = [found for one in POSSIBLE if (found := judged(one, facts)).fits]
    figures = {
        "weights_error_max_percent": round(max(error for error, _ in weights), 3),
        "kv_error_max_percent": round(max(error for error, _ in cache), 3),
        "impossible_refused": len(refused),
        "impossible_total": len(IMPOSSIBLE),
        "possible_accepted": len(accepted),
        "possible_total": len(POSSIBLE),
        "weights_error_max_percent_unrounded": round(max(error for _, error in weights), 3),
        "kv_error_max_percent_unrounded": round(max(error for _, error in cache), 3),
        "write_and_read_ms_per_model": round(took_ms, 1),
    }
    return figures, [one.reason for one in refused]


def _cache_gib(facts: ModelFacts, tokens: int) -> float:
    return facts.cache.bytes_for(tokens) / GIB if facts.cache else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one flat JSON object as the last line")
    arguments = parser.parse_args()
    figures, reasons = measure()
    for reason in reasons:
        print(f"refused: {reason}")
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:36} {value}")


if __name__ == "__main__":
    main()
