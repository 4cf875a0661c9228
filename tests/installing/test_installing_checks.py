"""What is in the way of building, said with figures and with what to do."""

import sys
from pathlib import Path

import pytest

from jarvisd.errors import EngineError
from jarvisd.installing.checks import checks, free_bytes, look_at_python, size_bytes
from jarvisd.installing.recipes import GB, Cards, Interpreter, Recipe

PYTHON = Interpreter(Path("/usr/bin/python3.11"), (3, 11), Path("/nowhere"))


def found(place=Path("/nowhere/vllm"), python=PYTHON, cards=Cards(), free=100 * GB, present=0, **recipe):  # noqa: B008
    recipe = Recipe("vllm", place, "CUDA 13", (), 20 * GB, **recipe)
    return {check.name: check for check in checks(recipe, python, cards, free_bytes=free, present_bytes=present)}


def wrong(name, **how):
    check = found(**how)[name]
    assert not check.passed
    return check.said


def test_nothing_is_in_the_way():
    assert all(check.passed for check in found(cards=Cards((580, 82), ()), least_driver=(580, 65)).values())


def test_disk_is_refused_with_numbers():
    said = wrong("disk", free=6 * GB)
    assert "21.0 GB are needed" in said
    assert "6.0 GB are free" in said
    assert "make room for 15.0 GB" in said


def test_what_is_there_already_needs_no_room():
    assert found(free=6 * GB, present=15 * GB)["disk"].passed


@pytest.mark.parametrize(("driver", "here"), [((570, 86), "570.86"), ((), "none")])
def test_an_old_driver_is_refused(driver, here):
    said = wrong("driver", cards=Cards(driver), least_driver=(580, 65))
    assert said == f"CUDA 13 needs 580.65 or newer, here is {here}: update NVIDIA's driver"


def test_a_missing_compiler_and_missing_headers_are_named_with_their_packages():
    how = {"tools": {"no-such-compiler": "for the test"}, "headers": True}
    assert "is missing (for the test): apt install no-such-compiler" in wrong("no-such-compiler", **how)
    assert wrong("Python.h", **how).endswith("apt install python3.11-dev")


@pytest.mark.parametrize("part", ["", "lib/engines/vllm", ".."])
def test_the_own_environment_is_never_the_place(part):
    assert "jarvisd's own environment" in wrong("place", place=Path(sys.prefix) / part)


def test_the_own_environment_is_known_through_a_link(tmp_path):
    (tmp_path / "state").symlink_to(sys.prefix)
    assert "jarvisd's own environment" in wrong("place", place=tmp_path / "state")


@pytest.mark.parametrize("version", [(3, 10), (3, 15)])
def test_a_python_that_is_too_old_or_new_is_refused(version):
    assert "name another with --python" in wrong("Python", python=Interpreter(Path("/p"), version, Path("/i")))


def test_a_python_without_venv_is_told_its_package():
    python = Interpreter(Path("/p"), (3, 12), Path("/i"), makes_environments=False)
    assert "apt install python3.12-venv" in wrong("Python", python=python)


def test_this_python_is_looked_at():
    python = look_at_python(Path(sys.executable))
    assert (python.version, python.makes_environments) == (sys.version_info[:2], True)
    assert python.glibc > (2, 0)


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/true", "/bin/false"])
def test_what_is_no_python_is_refused(program):
    with pytest.raises(EngineError, match="correct --python"):
        look_at_python(Path(program))


def test_sizes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").write_bytes(bytes(1000))
    assert size_bytes(tmp_path) == 1000
    assert size_bytes(tmp_path / "none") == 0
    assert free_bytes(tmp_path / "none/deeper") > 0
