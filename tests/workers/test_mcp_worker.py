import os
import sys

from tests.fakes.workers import how_it_ended


async def test_without_the_package_it_says_what_to_install(tmp_path):
    (tmp_path / "mcp.py").write_text("raise ImportError('not here')")
    code, said = await how_it_ended("mcp", "--socket", str(tmp_path / "m.sock"), env={"PYTHONPATH": str(tmp_path)})
    assert code == os.EX_UNAVAILABLE
    assert said == f"The package mcp is not installed (not here): run {sys.executable} -m pip install 'jarvisd[mcp]'"
