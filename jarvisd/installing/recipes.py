"""What an engine kind needs on this machine, as the exact commands that build it. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from jarvisd.errors import EngineError

Kind: TypeAlias = Literal["vllm", "whisper", "llama-cpp", "embed"]
KINDS: tuple[Kind, ...] = ("vllm", "whisper", "llama-cpp", "embed")
# The distribution that tells each kind's version.
DISTRIBUTIONS: Mapping[str, str] = {
    "vllm": "vllm",
    "whisper": "faster-whisper",
    "llama-cpp": "xllamacpp",
    "embed": "sentence-transformers",
}

# The first driver of each CUDA release that the builds are made with (NVIDIA's release notes for CUDA).
DRIVER_FOR_CUDA_12, DRIVER_FOR_CUDA_12_8, DRIVER_FOR_CUDA_13 = (525, 60), (570, 26), (580, 65)
VLLM_LEAST_CAPABILITY = (7, 5)
# Hopper and Blackwell: without these, fetched apart from the package, vLLM compiles kernels for minutes at start.
KERNELS_FROM_CAPABILITY = (9, 0)
# Cards for which the wheel of CUDA 13.2 holds machine code. For others it holds intermediate code, which only
# drivers of that CUDA can translate: they get the wheel of 12.8.
LLAMA_NATIVE_CAPABILITIES = frozenset({(7, 5), (8, 6), (8, 9), (12, 0), (12, 1)})
LLAMA_INDEX = "https://xorbitsai.github.io/xllamacpp/whl/"
LLAMA_WHEELS_LEAST_GLIBC = (2, 35)
# torch for the processor is on an index of its own; PyPI's brings gigabytes of CUDA.
TORCH_INDEX = "https://download.pytorch.org/whl/"
# Its builds for CUDA 12.8 and 13 have no code for older cards.
TORCH_LEAST_CAPABILITY = (7, 5)
GB = 10**9

# What a worker of jarvisd imports besides its engine; wyoming is how the recogniser speaks.
_WORKER_NEEDS = ("pluggy>=1.5,<2",)
_DOWNLOADS = ".downloads"


@dataclass(frozen=True, slots=True)
class Cards:
    """What the driver says: its version, and the CUDA capability of each card. Nothing of either: no card."""

    driver: tuple[int, ...] = ()
    capabilities: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that an environment is made with. `include_dir`: where its C headers would be."""

    program: Path
    version: tuple[int, int]
    include_dir: Path
    makes_environments: bool = True
    glibc: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """One command. `env` is added to the environment; `what` says it in a few words."""

    what: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def shell(self) -> str:
        """The step as one would type it."""
        return shlex.join([*(f"{name}={value}" for name, value in self.env.items()), *self.argv])


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the environment of a kind is built in `place`. `needs_bytes`: on the disk, while it is built.

    `tools`: programs that must be there, by what they are for. `headers`: Python's C headers are needed, too.
    """

    kind: Kind
    place: Path
    build: str
    steps: tuple[Step, ...]
    needs_bytes: int
    least_driver: tuple[int, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)
    headers: bool = False


def obstacle(kind: Kind, capability: tuple[int, int], driver: tuple[int, ...]) -> str:
    """Why this kind cannot serve a card; empty: it can."""
    if kind == "vllm" and capability < VLLM_LEAST_CAPABILITY:
        return f"vLLM needs a card of capability {_dots(VLLM_LEAST_CAPABILITY)}, this one has {_dots(capability)}"
    if kind == "embed" and capability < TORCH_LEAST_CAPABILITY:
        return f"torch needs a card of capability {_dots(TORCH_LEAST_CAPABILITY)}, this one has {_dots(capability)}"
    least = {
        "vllm": DRIVER_FOR_CUDA_13,
        "whisper": DRIVER_FOR_CUDA_12,
        "llama-cpp": (),
        "embed": DRIVER_FOR_CUDA_12_8,
    }[kind]
    if driver < least:
        return f"needs driver {_dots(least)}, here is {_dots(driver) or 'none'}"
    return ""


def recipe(kind: Kind, place: Path, python: Interpreter, cards: Cards, package: Path, *, from_source: bool) -> Recipe:
    """The commands for this machine. Raises EngineError where there are none.

    `package` is the folder of jarvisd's own package, which its workers are imported from. `from_source` compiles
    llama.cpp here.
    """
    if kind != "llama-cpp" and from_source:
        raise EngineError("Only llama-cpp can be compiled: leave out --from-source.", code="install")
    match kind:
        case "vllm":
            return _vllm(place, python, cards)
        case "whisper":
            return _whisper(place, python, cards, package)
        case "llama-cpp":
            return _llama(place, python, cards, package, from_source)
        case "embed":
            return _embed(place, python, cards)


def _vllm(place: Path, python: Interpreter, cards: Cards) -> Recipe:
    able = [one for one in cards.capabilities if one >= VLLM_LEAST_CAPABILITY]
    if not able:
        what = f"these have {', '.join(map(_dots, cards.capabilities))}" if cards.capabilities else "there is none"
        raise EngineError(
            f"vLLM needs an NVIDIA card of capability {_dots(VLLM_LEAST_CAPABILITY)} or more, and {what}. "
            "For another machine: --gpu-capability 12.0 --driver 580.65. Without a card use llama-cpp.",
            code="install",
        )
    steps = [*_environment(place, python), _pip(place, "vLLM, torch and CUDA 13", "vllm>=0.32,<0.34")]
    if max(able) >= KERNELS_FROM_CAPABILITY:
        steps.append(Step("fetch vLLM's kernels for this card", (str(place / "bin/vllm"), "download-kernels")))
    return Recipe(
        kind="vllm",
        place=place,
        build="CUDA 13",
        steps=(*steps, *_end(place, "import vllm")),
        needs_bytes=20 * GB,
        least_driver=DRIVER_FOR_CUDA_13,
        # Triton compiles a small C file for each kernel that it starts.
        tools={"cc": "Triton, which vLLM computes with, compiles while it serves"},
        headers=True,
    )


def _whisper(place: Path, python: Interpreter, cards: Cards, package: Path) -> Recipe:
    packages = ["faster-whisper>=1.2,<2", "wyoming>=1.7,<2", *_WORKER_NEEDS]
    if cards.capabilities:
        # CTranslate2 opens these two by their names for CUDA 12 and brings neither.
        packages += ["nvidia-cublas-cu12", "nvidia-cudnn-cu12==9.*"]
    return Recipe(
        kind="whisper",
        place=place,
        build="CUDA 12" if cards.capabilities else "CPU",
        steps=(
            *_environment(place, python),
            _pip(place, "faster-whisper" + (", cuBLAS and cuDNN of CUDA 12" if cards.capabilities else ""), *packages),
            _jarvisd(place, python, package),
            *_end(place, "import faster_whisper, jarvisd.workers.whisper"),
        ),
        needs_bytes=5 * GB if cards.capabilities else GB,
        least_driver=DRIVER_FOR_CUDA_12 if cards.capabilities else (),
    )


def _embed(place: Path, python: Interpreter, cards: Cards) -> Recipe:
    """torch first, of the build that is wanted: sentence-transformers would bring PyPI's, which is for CUDA."""
    able = any(one >= TORCH_LEAST_CAPABILITY for one in cards.capabilities)
    build: str
    torch: tuple[str, ...]
    if not able:
        # Where that index cannot be reached, pip goes on with its others; what torch needs comes with the next step.
        build, torch = "CPU", ("--no-deps", "--extra-index-url", f"{TORCH_INDEX}cpu", "torch==2.13.0")
    elif cards.driver >= DRIVER_FOR_CUDA_13:
        build, torch = "CUDA 13", ("--index-url", f"{TORCH_INDEX}cu130", "torch>=2.13,<3")
    else:
        build, torch = "CUDA 12.8", ("--index-url", f"{TORCH_INDEX}cu128", "torch>=2.13,<3")
    return Recipe(
        kind="embed",
        place=place,
        build=build,
        steps=(
            *_environment(place, python),
            _pip(place, f"torch for {'the processor' if build == 'CPU' else build}", *torch),
            _pip(place, "sentence-transformers", "sentence-transformers>=6.2,<7"),
            *_end(place, "import sentence_transformers"),
        ),
        needs_bytes=10 * GB if able else 4 * GB,
        least_driver=DRIVER_FOR_CUDA_12_8 if able else (),
    )


def _llama(place: Path, python: Interpreter, cards: Cards, package: Path, from_source: bool) -> Recipe:
    wheel = "" if from_source else _llama_wheel(cards, python.glibc)
    compiled = from_source or (bool(cards.capabilities) and not wheel)
    if compiled:
        build, install = "compiled", _llama_compiled(place, cards)
    elif wheel:
        build = f"CUDA {wheel[2:4]}.{wheel[4:]}"
        install = _pip(place, f"llama.cpp for {build}", "--index-url", LLAMA_INDEX + wheel, "xllamacpp>=2026.10")
    else:
        build, install = "CPU", _pip(place, "llama.cpp", "xllamacpp>=2026.10")
    tools = {
        "cc": "llama.cpp is C",
        "c++": "llama.cpp is C++",
        "cmake": "it builds llama.cpp",
        "cargo": "a part is Rust",
    }
    if cards.capabilities:
        tools["nvcc"] = "CUDA's compiler, from the CUDA toolkit"
    return Recipe(
        kind="llama-cpp",
        place=place,
        build=f"{build} for CUDA" if compiled and cards.capabilities else build,
        steps=(
            *_environment(place, python),
            install,
            _pip(place, "what jarvisd's worker imports", *_WORKER_NEEDS),
            _jarvisd(place, python, package),
            *_end(place, "import xllamacpp, jarvisd.workers.llama"),
        ),
        needs_bytes=10 * GB if compiled else 3 * GB if wheel else GB // 2,
        tools=tools if compiled else {},
        headers=compiled,
    )


def _llama_wheel(cards: Cards, glibc: tuple[int, int]) -> str:
    """The folder of the index with the wheel for these cards; empty without a card, or where no wheel fits."""
    if not cards.capabilities or glibc < LLAMA_WHEELS_LEAST_GLIBC:
        return ""
    if cards.driver >= DRIVER_FOR_CUDA_13 and LLAMA_NATIVE_CAPABILITIES.issuperset(cards.capabilities):
        return "cu132"
    return "cu128" if cards.driver >= DRIVER_FOR_CUDA_12_8 else ""


def _llama_compiled(place: Path, cards: Cards) -> Step:
    env = {}
    if cards.capabilities:
        architectures = ";".join(f"{major}{minor}" for major, minor in sorted(set(cards.capabilities)))
        env = {"XLLAMACPP_BUILD_CUDA": "1", "CUDA_ARCHITECTURES": architectures}
    step = _pip(place, "llama.cpp, compiled here", "--no-binary", "xllamacpp", "xllamacpp>=2026.10")
    return Step(step.what, step.argv, env)


def _environment(place: Path, python: Interpreter) -> tuple[Step, ...]:
    return (
        Step("make the environment", (str(python.program), "-m", "venv", "--clear", str(place))),
        # From 25.1 on a download that breaks off is taken up where it was.
        Step("a pip that resumes downloads", (*_pip_install(place), "--upgrade", "pip>=25.1")),
    )


def _pip(place: Path, what: str, *arguments: str) -> Step:
    return Step(f"install {what}", (*_pip_install(place), "--resume-retries", "5", *arguments))


def _pip_install(place: Path) -> tuple[str, ...]:
    return (str(place / "bin/python"), "-m", "pip", "install", "--progress-bar", "off", "--cache-dir",
            str(place / _DOWNLOADS))  # fmt: skip


def _jarvisd(place: Path, python: Interpreter, package: Path) -> Step:
    """A link, so that the worker is always the one of the running jarvisd."""
    major, minor = python.version
    link = place / f"lib/python{major}.{minor}/site-packages/jarvisd"
    return Step("let it find jarvisd's worker", ("ln", "-sfn", str(package), str(link)))


def _end(place: Path, program: str) -> tuple[Step, ...]:
    return (
        Step("try it", (str(place / "bin/python"), "-P", "-c", program)),
        Step("throw the downloads away", ("rm", "-rf", str(place / _DOWNLOADS))),
    )


def library_path(place: Path, python: tuple[int, int]) -> str:
    """Where CTranslate2 finds cuBLAS and cuDNN in its environment."""
    packages = place / f"lib/python{python[0]}.{python[1]}/site-packages/nvidia"
    return f"{packages}/cublas/lib:{packages}/cudnn/lib"


def _dots(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
