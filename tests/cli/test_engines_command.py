"""`jarvisd engines` as a person meets it."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import jarvisd

CARDS = ("--gpu-capability", "12.0", "--gpu-capability", "7.5", "--driver", "580.65")
DRY_VLLM = """\
vllm (CUDA 13) in STATE/engines/vllm
  good  place: STATE/engines/vllm
  good  Python: VERSION (PYTHON)
  good  disk: FREE GB free, 21.0 GB needed
  good  driver: 580.65 (CUDA 13 needs 580.65)
  good  cc: CC
  good  Python.h: HEADER
# make the environment
PYTHON -m venv --clear STATE/engines/vllm
# a pip that resumes downloads
STATE/engines/vllm/bin/python -m pip install --progress-bar off --cache-dir STATE/engines/vllm/.downloads --upgrade 'pip>=25.1'
# install vLLM, torch and CUDA 13
STATE/engines/vllm/bin/python -m pip install --progress-bar off --cache-dir STATE/engines/vllm/.downloads --resume-retries 5 'vllm>=0.32,<0.34'
# fetch vLLM's kernels for this card
STATE/engines/vllm/bin/vllm download-kernels
# try it
STATE/engines/vllm/bin/python -P -c 'import vllm'
# throw the downloads away
rm -rf STATE/engines/vllm/.downloads
"""


@pytest.fixture
def command(tmp_path, driver):
    """Runs `jarvisd engines …` with a state folder of its own, on a machine with the two cards of the stand-in."""

    def run(*arguments, settings=(), env=None):
        places = (f'house.state_dir="{tmp_path}/state"', f'house.runtime_dir="{tmp_path}"')
        options = [part for one in (*places, *settings) for part in ("--set", one)]
        done = subprocess.run(
            [sys.executable, "-m", "jarvisd", *options, "engines", *arguments],
            env=os.environ | driver.environment | (env or {}),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=50,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return run


def own_python() -> str:
    return f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"


def same_everywhere(out, tmp_path) -> str:
    """What differs from machine to machine is replaced by its name."""
    out = (
        out.replace(str(tmp_path / "state"), "STATE").replace(own_python(), "PYTHON").replace(sys.executable, "PYTHON")
    )
    out = re.sub(r"Python: [\d.]+ ", "Python: VERSION ", out)
    out = re.sub(r"disk: [\d.]+ GB", "disk: FREE GB", out)
    return re.sub(r"Python\.h: \S+", "Python.h: HEADER", re.sub(r" cc: \S+", " cc: CC", out))


@pytest.mark.parametrize("arguments", [[], ["list"], ["install"], ["remove"]])
def test_help_says_what_each_does(command, arguments):
    code, out, _ = command(*arguments, "--help")
    assert (code, out.startswith("Usage: jarvisd engines")) == (0, True)


@pytest.mark.skipif(
    not Path(sysconfig.get_path("include"), "Python.h").is_file()
    or not shutil.which("cc")
    or shutil.disk_usage("/tmp").free < 21 * 10**9,
    reason="needs Python's headers, a C compiler and 21 GB: without them the refusal is right",
)
@pytest.mark.parametrize("cards", [(), CARDS])
def test_a_dry_run_prints_the_commands_and_does_nothing(command, tmp_path, cards):
    code, out, err = command("install", "vllm", "--dry-run", *cards)
    shown = same_everywhere(out, tmp_path).replace("580.95.5", "580.65")
    assert (code, shown, err) == (0, DRY_VLLM, "")
    assert not (tmp_path / "state").exists()


def test_an_old_driver_is_refused_and_a_dry_run_shows_the_commands_all_the_same(command, tmp_path):
    arguments = ("install", "vllm", "--gpu-capability", "12.0", "--driver", "570.86")
    code, out, err = command(*arguments, "--dry-run")
    assert code == 1
    assert "driver: CUDA 13 needs 580.65 or newer, here is 570.86: update NVIDIA's driver" in err
    assert "bin/vllm download-kernels" in out
    code, out, err = command(*arguments)
    assert (code, "download-kernels" in out, "cannot be installed yet" in err) == (1, False, True)
    assert not (tmp_path / "state").exists()


def test_no_card_means_no_vllm(command, driver):
    driver.say(init=28)
    code, _, err = command("install", "vllm", "--dry-run")
    assert (code, "Without a card use llama-cpp" in err) == (1, True)


def test_cards_that_cannot_be_read_are_not_taken_for_none(command, driver):
    driver.say(init=18)
    code, _, err = command("install", "llama-cpp", "--dry-run")
    assert (code, "To go on without: --cpu" in err) == (1, True)
    code, out, _ = command("install", "llama-cpp", "--dry-run", "--cpu")
    assert (code, "llama-cpp (CPU)" in out) == (0, True)
    assert json.loads(command("list", "--json")[1])["fault"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("install", "ollama"),
        ("install", "vllm", "--driver", "580.65"),
        ("install", "vllm", "--gpu-capability", "12.0"),
        ("install", "vllm", "--gpu-capability", "new", "--driver", "580.65"),
        ("install", "vllm", "--cpu", *CARDS),
        ("remove", "pocketsphinx"),
    ],
)
def test_wrong_usage(command, arguments):
    assert command(*arguments)[0] == 2


def test_never_into_the_own_environment(tmp_path, command):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/engines").symlink_to(Path(sys.prefix))
    code, _, err = command("install", "llama-cpp", "--cpu", "--dry-run")
    assert code == 1
    assert "is within jarvisd's own environment" in err


def test_the_list_says_where_they_are_and_which_cards_they_serve(command, tmp_path):
    folder = tmp_path / "elsewhere"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/vllm").touch()
    (folder / "lib/python3.12/site-packages/vllm-0.33.0.dist-info").mkdir(parents=True)
    setting = f"engines.big={{kind='vllm',model='/m',command='{folder}'}}"
    code, out, _ = command("list", "--json", settings=[setting])
    found = json.loads(out)
    rows = {(row["kind"], row["note"]): row for row in found["engines"]}
    assert (code, found["cards"], found["driver"]) == (0, ["12.0", "7.5"], "580.95.5")
    assert rows["vllm", "jarvisd engines install vllm"]["state"] == "not installed"
    big = rows["vllm", "engines.big"]
    assert (big["state"], big["version"], big["python"], big["place"]) == ("installed", "0.33.0", "3.12", str(folder))
    assert big["cards_served"] == {"12.0": "", "7.5": ""}
    code, out, _ = command("list", "--gpu-capability", "6.1", "--driver", "550.54")
    assert (code, "vllm not on 6.1: vLLM needs a card of capability 7.5" in out) == (0, True)


def test_an_environment_that_an_embedding_engine_names_is_listed(command, tmp_path):
    folder = tmp_path / "elsewhere"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").touch()
    (folder / "lib/python3.11/site-packages/sentence_transformers-6.2.0.dist-info").mkdir(parents=True)
    tables = [
        f"engines.{name}={{kind='embed',model='/m',python='{place}'}}"
        for name, place in (("vectors", folder / "bin/python"), ("lost", tmp_path / "none"))
    ]
    found = json.loads(command("list", "--json", settings=tables)[1])
    rows = {row["note"]: row for row in found["engines"] if row["kind"] == "embed"}
    here = rows["engines.vectors"]
    assert (here["state"], here["version"], here["place"]) == ("installed", "6.2.0", str(folder))
    assert rows["engines.lost"]["state"] == "missing"
    assert rows["jarvisd engines install embed"]["state"] == "not installed"
    own = rows["jarvisd's own environment, with ONNX Runtime"]
    assert (own["state"], own["build"], own["cards_served"]["12.0"]) == (
        "installed",
        "CPU",
        "was built for the processor",
    )


def test_how_an_embedding_environment_is_built_is_shown(command, tmp_path):
    code, out, _ = command("install", "embed", "--dry-run", "--cpu")
    assert (code, "embed (CPU)" in out) == (0, True)
    assert "--no-deps --extra-index-url https://download.pytorch.org/whl/cpu torch==2.13.0" in out
    code, out, _ = command("install", "embed", "--dry-run", *CARDS)
    assert (code, "--index-url https://download.pytorch.org/whl/cu130 'torch>=2.13,<3'" in out) == (0, True)
    assert not (tmp_path / "state").exists()


def test_nothing_to_remove(command):
    code, _, err = command("remove", "vllm", "--yes")
    assert (code, "vllm is not installed" in err) == (1, True)


@pytest.mark.slow  # it fetches 36 MB
def test_llama_is_installed_for_real_listed_and_removed(command, tmp_path):
    code, out, _ = command("install", "llama-cpp", "--cpu")
    assert code == 0
    assert "7/7" in out
    place = tmp_path / "state/engines/llama-cpp"
    program = "import sys, xllamacpp, jarvisd; print(sys.prefix, jarvisd.__version__)"
    done = subprocess.run([place / "bin/python", "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(place), jarvisd.__version__]

    code, out, _ = command("install", "llama-cpp", "--cpu")
    assert (code, "is installed already" in out) == (0, True)
    row = next(row for row in json.loads(command("list", "--json")[1])["engines"] if row["place"] == str(place))
    assert (row["kind"], row["state"], row["build"]) == ("llama-cpp", "installed", "CPU")
    assert row["cards_served"] == {"12.0": "was built for the processor", "7.5": "was built for the processor"}

    assert command("remove", "llama-cpp")[0] == 130  # nobody is there to say yes
    assert command("remove", "llama-cpp", "--yes")[0] == 0
    assert not place.exists()
