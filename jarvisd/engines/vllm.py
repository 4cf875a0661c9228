"""How vLLM is started for one household: an exact cache, few sequences, a Unix socket, and nothing sent anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jarvisd.config import VllmEngine
from jarvisd.engines.footprint import ModelFacts, Serving, footprint
from jarvisd.engines.needs import CardNeed

# A batch is as large as the number of questions at the same time: no graphs for more.
GRAPH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
# Cards before this have no bfloat16, and vLLM refuses a model that asks for it.
FIRST_WITH_BFLOAT16 = 8.0
# The CUDA context and the libraries stay on the card while vLLM sleeps.
ASLEEP_BYTES = 1 << 30

# How families of models write calls of tools, by a part of their names; the first that is found counts.
_PARSERS = (
    ("deepseek-r1", "none"),  # thinks aloud, and was not taught to call
    ("qwen3-coder", "qwen3_coder"),
    ("qwen3.5", "qwen3_coder"),
    ("qwen3.6", "qwen3_coder"),
    ("qwen", "hermes"),
    ("qwq", "hermes"),
    ("hermes", "hermes"),
    ("llama-4", "llama4_pythonic"),
    ("llama-3", "llama3_json"),
    ("mistral", "mistral"),
    ("ministral", "mistral"),
    ("mixtral", "mistral"),
    ("gpt-oss", "openai"),
    ("granite", "granite"),
    ("phi-4-mini", "phi4_mini_json"),
    ("gemma-4", "gemma4"),
)

# How models that think aloud tell their thoughts from the answer, by parts of their names; the first that fits.
_THINKERS = (
    ("qwen3-coder", "none"),
    ("deepseek-r1", "deepseek_r1"),
    ("qwq", "deepseek_r1"),
    ("qwen3", "qwen3"),
)

_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}


def vllm_argv(
    engine: VllmEngine, name: str, socket: Path, kv_cache_bytes: int, capability: float | None
) -> tuple[str, ...]:
    """`vllm serve` and its arguments."""
    argv = [
        str(vllm_program(engine.command)), "serve", engine.model,
        "--served-model-name", name,
        "--uds", str(socket),
        "--dtype", _dtype(engine, capability),
        "--max-model-len", str(engine.context_tokens),
        "--max-num-seqs", str(engine.max_num_seqs),
        "--kv-cache-memory-bytes", str(kv_cache_bytes),
    ]  # fmt: skip
    if engine.quantization != "auto":
        argv += ["--quantization", engine.quantization]
    argv += _graphs(engine)
    argv += _tools(engine)
    if engine.sleep:
        argv.append("--enable-sleep-mode")
    argv += _reasoning(engine)
    return (*argv, *engine.extra_args)


def vllm_env(engine: VllmEngine) -> dict[str, str]:
    """What is added to the environment. Sleep needs vLLM's developer mode, which is why it is never on a port."""
    env = dict(_OFFLINE)
    if engine.sleep:
        env["VLLM_SERVER_DEV_MODE"] = "1"
    if engine.gpu is not None:
        env["CUDA_VISIBLE_DEVICES"] = engine.gpu
    return env | engine.env


def vllm_program(command: Path) -> Path:
    """The program itself, where the folder of its environment was named."""
    return command if command.is_file() else command / "bin" / "vllm"


def vllm_cache_bytes(engine: VllmEngine, facts: ModelFacts | None) -> int | None:
    """Bytes of the key-value cache; None where nobody says them and the model cannot be read."""
    if engine.kv_cache_bytes is not None:
        return engine.kv_cache_bytes
    if facts is None:
        return None
    return footprint(facts, _serving(engine), engine.context_tokens).kv_bytes or None


def vllm_need(engine: VllmEngine, facts: ModelFacts | None, cache_bytes: int) -> CardNeed:
    """What it takes of its card and, asleep, of the host's memory."""
    if facts is None:
        awake, weights = 0, 0
    else:
        worked_out = footprint(facts, _serving(engine), engine.context_tokens)
        awake = worked_out.weights_bytes + cache_bytes + worked_out.engine_bytes
        weights = worked_out.weights_bytes
    return CardNeed(
        card=engine.gpu,
        awake_bytes=engine.gpu_memory_bytes or awake,
        asleep_bytes=ASLEEP_BYTES if engine.sleep else 0,
        host_bytes=weights,
    )


def tool_parser(engine: VllmEngine) -> str:
    """vLLM's name for how this model calls tools, or "none"."""
    return _by_name(engine.model, _PARSERS) if engine.tool_parser == "auto" else engine.tool_parser


def _by_name(model: str, parsers: Sequence[tuple[str, str]]) -> str:
    name = model.lower().replace("_", "-")
    return next((parser for part, parser in parsers if part in name), "none")


def _tools(engine: VllmEngine) -> list[str]:
    """Without a parser vLLM refuses every question that offers tools."""
    parser = tool_parser(engine)
    return [] if parser == "none" else ["--enable-auto-tool-choice", "--tool-call-parser", parser]


def _reasoning(engine: VllmEngine) -> list[str]:
    """Without a parser, what a model thinks comes as if it were its answer."""
    parser = engine.reasoning_parser
    parser = _by_name(engine.model, _THINKERS) if parser == "auto" else parser
    return [] if parser == "none" else ["--reasoning-parser", parser]


def _serving(engine: VllmEngine) -> Serving:
    return Serving(by="vllm" if engine.cuda_graphs else "vllm_eager")


def _dtype(engine: VllmEngine, capability: float | None) -> str:
    if engine.dtype == "auto" and capability is not None and capability < FIRST_WITH_BFLOAT16:
        return "float16"
    return engine.dtype


def _graphs(engine: VllmEngine) -> list[str]:
    if not engine.cuda_graphs:
        return ["--enforce-eager"]
    sizes = [size for size in GRAPH_SIZES if size < engine.max_num_seqs] + [engine.max_num_seqs]
    return ["--cudagraph-capture-sizes", *map(str, sizes)]
