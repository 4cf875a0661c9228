"""The rules of the house that no other tool holds: who may import whom, and how the files are kept."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_FILE = 400
SOURCES = sorted([*ROOT.glob("jarvisd/**/*.py"), *ROOT.glob("plugins/**/*.py")])
# Packages that are heavy or may be replaced, each with the one file that knows it.
KEPT_IN_ONE_ROOM = (
    "aiomqtt",
    "apscheduler",
    "chromadb_rust_bindings",
    "faster_whisper",
    "hassil",
    "httpcore",
    "httpx2",
    "huggingface_hub",
    "jsonschema_rs",
    "mcp",
    "onnxruntime",
    "pocketsphinx",
    "pynvml",
    "rich",
    "sentence_transformers",
    "snowballstemmer",
    "tokenizers",
    "torch",
    "websockets",
    "xllamacpp",
)
# In the daemon for the wake word, and in a child of its own for embeddings.
KEPT_IN_TWO_ROOMS = {"onnxruntime": {"jarvisd/audio", "jarvisd/workers"}}
# What the daemon's own process must never load, not even by a detour.
NEVER_IN_THE_DAEMON = {
    "chromadb", "chromadb_rust_bindings", "click", "ctranslate2", "faster_whisper", "httpx", "httpx2",
    "huggingface_hub", "jsonschema_rs", "mcp", "pocketsphinx", "pynvml", "requests", "rich", "scipy",
    "sentence_transformers", "sklearn", "tokenizers", "torch", "transformers", "xllamacpp",
}  # fmt: skip


def imported_packages(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def test_import_contracts():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_heavy_packages_are_imported_in_one_room():
    importers = defaultdict(set)
    for file in SOURCES:
        for package in set(imported_packages(file)) & set(KEPT_IN_ONE_ROOM):
            importers[package].add(str(file.parent.relative_to(ROOT)))
    assert {package: rooms for package, rooms in importers.items() if len(rooms) > 1} == KEPT_IN_TWO_ROOMS
    assert sorted(importers) == sorted(KEPT_IN_ONE_ROOM), "a package that nobody imports is no dependency"


def test_daemon_loads_nothing_heavy():
    program = "import sys, jarvisd.daemon; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & NEVER_IN_THE_DAEMON == set()


def test_no_file_is_long():
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in SOURCES}
    assert {file: length for file, length in lengths.items() if length > LONGEST_FILE} == {}


def test_nothing_is_left_for_later():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in SOURCES
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert found == []


def test_every_package_is_installed():
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    names = {"jarvisd": ROOT / "jarvisd", "jarvisd_plugins": ROOT / "plugins"}
    there = {
        ".".join([name, *init.parent.relative_to(folder).parts])
        for name, folder in names.items()
        for init in folder.glob("**/__init__.py")
    }
    assert sorted(built) == sorted(there | {"jarvisd.profiles"})


def test_dependencies_are_explained():
    page = (ROOT / "docs/dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    for file in ("dev.in", "models.txt", "dev-models.txt"):
        wanted += [
            line for line in (ROOT / "requirements" / file).read_text().splitlines() if line and line[0] not in "#-"
        ]
    names = sorted({re.split(r"[^\w-]", line)[0] for line in wanted})
    assert [name for name in names if not re.search(rf"(?m)^\| .*\b{re.escape(name)}\b", page)] == []


@pytest.mark.parametrize(
    "page", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "CHANGELOG.md"], ids=lambda page: page.name
)
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_tests_have_names_of_their_own():
    files = defaultdict(list)
    for file in ROOT.glob("tests/**/test_*.py"):
        files[file.name].append(str(file.parent))
    assert {name: places for name, places in files.items() if len(places) > 1} == {}
