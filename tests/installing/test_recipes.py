"""Which commands build which environment, for the cards and drivers that there are."""

from pathlib import Path

import pytest

from jarvisd.errors import EngineError
from jarvisd.installing.recipes import KINDS, Cards, Interpreter, obstacle, recipe

PYTHON = Interpreter(Path("/usr/bin/python3.11"), (3, 11), Path("/usr/include/python3.11"), glibc=(2, 36))
OLD_GLIBC = Interpreter(Path("/usr/bin/python3.11"), (3, 11), Path("/usr/include/python3.11"), glibc=(2, 31))
BOTH = Cards((580, 65), ((12, 0), (7, 5)))
PIP = "-m pip install --progress-bar off --cache-dir"


def plan(kind, cards, python=PYTHON, from_source=False):
    return recipe(kind, Path("/s") / kind, python, cards, Path("/opt/jarvisd"), from_source=from_source)


def lines(kind, cards, **how):
    return [step.shell() for step in plan(kind, cards, **how).steps]


def start(kind):
    return [
        f"/usr/bin/python3.11 -m venv --clear /s/{kind}",
        f"/s/{kind}/bin/python {PIP} /s/{kind}/.downloads --upgrade 'pip>=25.1'",
    ]


def pip(kind, rest):
    return f"/s/{kind}/bin/python {PIP} /s/{kind}/.downloads --resume-retries 5 {rest}"


def link(kind):
    return f"ln -sfn /opt/jarvisd /s/{kind}/lib/python3.11/site-packages/jarvisd"


def test_vllm_for_a_new_and_an_old_card():
    assert lines("vllm", BOTH) == [
        *start("vllm"),
        pip("vllm", "'vllm>=0.32,<0.34'"),
        "/s/vllm/bin/vllm download-kernels",
        "/s/vllm/bin/python -P -c 'import vllm'",
        "rm -rf /s/vllm/.downloads",
    ]


def test_kernels_are_fetched_only_for_cards_that_want_them():
    assert not any("download-kernels" in line for line in lines("vllm", Cards((580, 65), ((7, 5),))))


@pytest.mark.parametrize("cards", [Cards(), Cards((580, 65), ((6, 1),))])
def test_vllm_is_refused_without_a_card_that_it_can_use(cards):
    with pytest.raises(EngineError, match=r"capability 7\.5.*use llama-cpp"):
        plan("vllm", cards)


def test_whisper_for_cards_brings_the_libraries_of_cuda_12():
    assert lines("whisper", BOTH) == [
        *start("whisper"),
        pip(
            "whisper",
            "'faster-whisper>=1.2,<2' 'wyoming>=1.7,<2' 'pluggy>=1.5,<2' nvidia-cublas-cu12 'nvidia-cudnn-cu12==9.*'",
        ),
        link("whisper"),
        "/s/whisper/bin/python -P -c 'import faster_whisper, jarvisd.workers.whisper'",
        "rm -rf /s/whisper/.downloads",
    ]


def test_whisper_for_the_processor_brings_no_cuda():
    made = plan("whisper", Cards())
    assert (made.build, made.least_driver) == ("CPU", ())
    assert not any("nvidia" in step.shell() for step in made.steps)


def test_llama_for_the_processor():
    assert lines("llama-cpp", Cards()) == [
        *start("llama-cpp"),
        pip("llama-cpp", "'xllamacpp>=2026.10'"),
        pip("llama-cpp", "'pluggy>=1.5,<2'"),
        link("llama-cpp"),
        "/s/llama-cpp/bin/python -P -c 'import xllamacpp, jarvisd.workers.llama'",
        "rm -rf /s/llama-cpp/.downloads",
    ]


@pytest.mark.parametrize(
    ("cards", "build", "index"),
    [
        (BOTH, "CUDA 13.2", "cu132"),
        (Cards((575, 64), ((12, 0),)), "CUDA 12.8", "cu128"),
        (Cards((580, 65), ((12, 0), (9, 0))), "CUDA 12.8", "cu128"),  # 13.2 would need a newer driver to translate
        (Cards((580, 65), ((6, 1),)), "CUDA 12.8", "cu128"),
    ],
)
def test_llama_for_cards_takes_the_wheel_that_driver_and_card_can_run(cards, build, index):
    made = plan("llama-cpp", cards)
    assert made.build == build
    wanted = f"--index-url https://xorbitsai.github.io/xllamacpp/whl/{index} 'xllamacpp>=2026.10'"
    assert pip("llama-cpp", wanted) in [step.shell() for step in made.steps]
    assert made.tools == {}


@pytest.mark.parametrize(
    ("cards", "how"),
    [
        (Cards((535, 183), ((7, 5), (12, 0))), {}),  # a driver older than both wheels
        (BOTH, {"python": OLD_GLIBC}),
        (BOTH, {"from_source": True}),
    ],
)
def test_llama_is_compiled_for_exactly_these_cards_where_no_wheel_fits(cards, how):
    made = plan("llama-cpp", cards, **how)
    assert made.build == "compiled for CUDA"
    assert "XLLAMACPP_BUILD_CUDA=1 'CUDA_ARCHITECTURES=75;120' " + pip(
        "llama-cpp", "--no-binary xllamacpp 'xllamacpp>=2026.10'"
    ) in [step.shell() for step in made.steps]
    assert set(made.tools) == {"cc", "c++", "cmake", "cargo", "nvcc"}


def test_llama_compiled_for_the_processor_needs_no_cuda():
    made = plan("llama-cpp", Cards(), from_source=True)
    assert (made.build, "nvcc" in made.tools, made.headers) == ("compiled", False, True)
    assert all(not step.env for step in made.steps)


def test_embed_for_the_processor_takes_a_torch_without_cuda_before_anything_asks_for_another():
    made = plan("embed", Cards())
    assert (made.build, made.least_driver) == ("CPU", ())
    assert [step.shell() for step in made.steps] == [
        *start("embed"),
        pip("embed", "--no-deps --extra-index-url https://download.pytorch.org/whl/cpu torch==2.13.0"),
        pip("embed", "'sentence-transformers>=6.2,<7'"),
        "/s/embed/bin/python -P -c 'import sentence_transformers'",
        "rm -rf /s/embed/.downloads",
    ]


@pytest.mark.parametrize(
    ("cards", "build", "index"),
    [
        (BOTH, "CUDA 13", "cu130"),
        (Cards((570, 86), ((12, 0),)), "CUDA 12.8", "cu128"),
        (Cards((580, 65), ((6, 1),)), "CPU", "cpu"),
    ],
)
def test_embed_for_cards_takes_the_torch_of_the_driver(cards, build, index):
    made = plan("embed", cards)
    assert made.build == build
    assert any(f"index-url https://download.pytorch.org/whl/{index} " in step.shell() for step in made.steps)
    assert made.least_driver == (() if build == "CPU" else (570, 26))


@pytest.mark.parametrize("kind", ["vllm", "whisper", "embed"])
def test_only_llama_is_compiled(kind):
    with pytest.raises(EngineError, match="leave out --from-source"):
        plan(kind, BOTH, from_source=True)


@pytest.mark.parametrize("kind", KINDS)
def test_every_command_stays_in_its_folder(kind):
    first, *others = plan(kind, BOTH).steps
    assert first.argv[-1] == f"/s/{kind}"
    for step in others:
        assert step.argv[0].startswith(f"/s/{kind}/bin/") or f"/s/{kind}/" in step.argv[-1]


@pytest.mark.parametrize(
    ("kind", "capability", "driver", "why"),
    [
        ("vllm", (12, 0), (580, 65), ""),
        ("vllm", (6, 1), (580, 65), "capability 7.5"),
        ("vllm", (12, 0), (570, 86), "needs driver 580.65, here is 570.86"),
        ("whisper", (7, 5), (570, 86), ""),
        ("whisper", (7, 5), (470, 0), "needs driver 525.60"),
        ("llama-cpp", (6, 1), (470, 0), ""),
        ("embed", (7, 5), (580, 65), ""),
        ("embed", (6, 1), (580, 65), "torch needs a card of capability 7.5"),
        ("embed", (12, 0), (550, 54), "needs driver 570.26"),
    ],
)
def test_which_card_a_kind_can_serve(kind, capability, driver, why):
    found = obstacle(kind, capability, driver)
    assert why in found and bool(why) == bool(found)
