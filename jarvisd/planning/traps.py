"""What goes wrong on a certain card although the memory would do, each in a sentence that says what to do instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jarvisd.engines.footprint import ENGINE_BYTES, GIB, ModelFacts
from jarvisd.planning.cards import Card
from jarvisd.planning.fit import Candidate, Fit, whisper_type
from jarvisd.planning.known import CHAT, FAMILIES

# sm_75, sm_80, sm_89, sm_120
_TURING, _AMPERE, _ADA, _BLACKWELL = (7, 5), (8, 0), (8, 9), (12, 0)
# What a CUDA version wants of the driver, on Linux: vLLM's wheel is built with 13, CTranslate2's with 12, and
# nothing before 12.8 knows sm_120.
_DRIVER_OF_CUDA_13, _DRIVER_OF_CUDA_12, _DRIVER_OF_CUDA_12_8 = 580, 525, 570
# Their values grow beyond what 16-bit floats with 5 bits of exponent can hold; vLLM refuses float16 for them.
_ONLY_BFLOAT16 = ("Gemma2", "Gemma3", "Glm4For")
_SIZE = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)b(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trap:
    """`card` is the UUID of the card that it lies in wait on, None for a trap of the model itself."""

    code: str
    message: str
    card: str | None = None


def traps(fit: Fit) -> tuple[Trap, ...]:
    """The traps of a model, and those of the cards that it fits."""
    candidate = fit.candidate
    found = list(_of_model(candidate, fits=fit.fits))
    for one in fit.on_cards:
        if one.fits:
            found += (Trap(code, text, one.card.uuid) for code, text in _of_card(candidate, one.card))
    return tuple(found)


def _of_model(candidate: Candidate, *, fits: bool) -> Iterable[Trap]:
    facts = candidate.facts
    if not fits and facts.four_bit_bytes is not None:
        cache = facts.cache.bytes_for(candidate.context_tokens) if facts.cache else 0
        yield Trap(
            "sixteen_bit",
            f"{candidate.name} has weights of 16 bit, {facts.weights_bytes / GIB:.1f} GiB. In 4 bit (AWQ) they are "
            f"{facts.four_bit_bytes / GIB:.1f} GiB, {_whole(facts, cache):.1f} GiB with all: take an AWQ of it.",
        )
    if facts.max_context_tokens is not None and candidate.context_tokens > facts.max_context_tokens and facts.cache:
        yield Trap(
            "context_beyond_model",
            f"{candidate.name} was made for {facts.max_context_tokens} tokens, not for {candidate.context_tokens}.",
        )
    if facts.purpose == "speech" and facts.format != "ctranslate2":
        yield Trap(
            "not_ctranslate2",
            f"{candidate.name} is Whisper as it was published; faster-whisper wants CTranslate2's format "
            "(ct2-transformers-converter, or a repository called faster-whisper-…).",
        )


def _whole(facts: ModelFacts, cache_bytes: int) -> float:
    return ((facts.four_bit_bytes or 0) + cache_bytes + ENGINE_BYTES["vllm"]) / GIB


def _of_card(candidate: Candidate, card: Card) -> Iterable[tuple[str, str]]:
    if candidate.serving.by.startswith("vllm"):
        yield from _vllm(candidate, card)
    elif candidate.serving.by == "whisper":
        yield from _whisper(candidate, card)
    major = card.driver_major
    if card.capability is not None and card.capability >= _BLACKWELL and major and major < _DRIVER_OF_CUDA_12_8:
        yield (
            "driver_too_old",
            f"{card.name} needs driver {_DRIVER_OF_CUDA_12_8} or newer, and CUDA 12.8 or newer in every engine; "
            f"the driver is {card.driver}.",
        )


def _vllm(candidate: Candidate, card: Card) -> Iterable[tuple[str, str]]:
    major = card.driver_major
    if major and major < _DRIVER_OF_CUDA_13:
        yield (
            "driver_too_old",
            f"vLLM's wheel is built with CUDA 13, which wants driver {_DRIVER_OF_CUDA_13} or newer; it is "
            f"{card.driver}. Update the driver, or install a vLLM built with CUDA 12.",
        )
    if card.capability is None:
        return
    if card.capability < _TURING:
        yield "card_too_old", f"vLLM needs CUDA capability 7.5; {card.name} has {_capability(card)}. Take llama.cpp."
        return
    if card.capability < _AMPERE:
        yield from _before_ampere(candidate, card)
    if "fp8" in candidate.facts.quantization.lower() and card.capability < _ADA:
        yield (
            "no_fp8",
            f"{card.name} does not compute in FP8: the weights stay as small, but are unpacked for every token. "
            "AWQ is half the size.",
        )
    if card.capability >= _BLACKWELL:
        yield (
            "cuda_build",
            f"{card.name} (sm_120) needs a vLLM built with CUDA 12.8 or newer; with an older one it ends with "
            "“no kernel image is available”. Run `vllm download-kernels` once after installing.",
        )


def _before_ampere(candidate: Candidate, card: Card) -> Iterable[tuple[str, str]]:
    if candidate.facts.architecture.startswith(_ONLY_BFLOAT16):
        yield (
            "needs_bfloat16",
            f"{candidate.name} overflows in float16 and {card.name} has no bfloat16: vLLM refuses it there. "
            "Take another model, or a GGUF of it with llama.cpp.",
        )
    elif candidate.facts.dtype == "bfloat16":
        yield "no_bfloat16", f"{card.name} has no bfloat16: run {candidate.name} there with --dtype float16."
    yield (
        "no_flash_attention_2",
        f"{card.name} has no FlashAttention 2: vLLM takes Triton's attention there; do not ask for FLASH_ATTN.",
    )


def _whisper(candidate: Candidate, card: Card) -> Iterable[tuple[str, str]]:
    major = card.driver_major
    if major and major < _DRIVER_OF_CUDA_12:
        yield (
            "driver_too_old",
            f"faster-whisper wants CUDA 12, and so driver {_DRIVER_OF_CUDA_12} or newer; it is {card.driver}.",
        )
    if card.capability is None:
        return
    compute_type = whisper_type(candidate.serving.compute_type or "auto", card.capability)
    if compute_type.startswith("int8") and card.capability >= _BLACKWELL:
        yield (
            "int8_whisper",
            f"Whisper in {compute_type} fails on {card.name} (sm_120) with CUBLAS_STATUS_NOT_SUPPORTED in older "
            'builds of CTranslate2: set compute_type = "float16".',
        )
    if "bfloat16" in compute_type and card.capability < _AMPERE:
        yield "no_bfloat16", f'{card.name} has no bfloat16: set compute_type = "int8_float16".'


def misnamed(name: str) -> str:
    """A sentence for a model of a size in which its family does not exist, such as Llama-3.2-8B; else nothing."""
    lowered = name.rpartition("/")[2].lower()
    family = max((one for one in FAMILIES if one in lowered), key=len, default="")
    rest = lowered.partition(family)[2] if family else ""
    size = _SIZE.search(rest)
    if not family or size is None or float(size[1]) in FAMILIES[family]:
        return ""
    there = ", ".join(f"{one:g}B" for one in FAMILIES[family])
    return f"There is no {family.title()} with {size[1]}B; it exists with {there}."


def similar(name: str, others: Sequence[str] = ()) -> str:
    """The known model whose name is most like this one, or nothing."""
    names = [*others, *(one.repository for one in CHAT)]
    plain = {one.rpartition("/")[2].lower(): one for one in names}
    near = difflib.get_close_matches(name.rpartition("/")[2].lower(), plain, n=1, cutoff=0.5)
    return plain[near[0]] if near else ""


def _capability(card: Card) -> str:
    return ".".join(map(str, card.capability)) if card.capability else "?"
