"""A machine with two unlike cards, as far as NVIDIA's library tells: what they say can change at any time."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("libnvidia_ml.c")
LIBRARY = "libnvidia-ml.so.1"
MIB = 1024 * 1024
BIG = "GPU-5070aaaa-1111-2222-3333-444444445070"
SMALL = "GPU-2060bbbb-1111-2222-3333-444444442060"

RTX_5070_TI = {
    "uuid": BIG, "name": "NVIDIA GeForce RTX 5070 Ti", "capability": "12.0", "memory_total": 16303 * MIB,
    "memory_used": 9000 * MIB, "memory_reserved": 400 * MIB, "compute": "", "graphics": "", "utilisation": 7,
    "temperature": 48, "slowdown": 95, "power_mw": 31500, "power_limit_mw": 300000, "energy_mj": 7_200_000_000,
    "graphics_mhz": 2400, "memory_mhz": 14001, "throttle": 1, "fan": 0, "pcie_generation": 5, "pcie_width": 16,
}  # fmt: skip
RTX_2060 = {
    "uuid": SMALL, "name": "NVIDIA GeForce RTX 2060", "capability": "7.5", "memory_total": 6144 * MIB,
    "memory_used": 2000 * MIB, "memory_reserved": 150 * MIB, "compute": "", "graphics": "", "utilisation": 0,
    "temperature": 41, "slowdown": 93, "power_mw": 12000, "power_limit_mw": 160000, "energy_mj": 3_600_000_000,
    "graphics_mhz": 300, "memory_mhz": 405, "throttle": 1, "fan": 31, "pcie_generation": 3, "pcie_width": 8,
}  # fmt: skip


class FakeDriver:
    """What the library says to every process that has `environment`. A value of None is not supported."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._file = folder / "nvml.txt"
        self._said = {"driver": "580.95.05"}
        self._library = library
        for number, card in enumerate((RTX_5070_TI, RTX_2060)):
            self._said |= {f"{number}.{name}": value for name, value in card.items()}
        self.say()

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_LIBRARY_PATH": str(self._library.parent), "JARVISD_FAKE_NVML": str(self._file)}

    def say(self, **changes: object) -> None:
        """`big_temperature=90` is the RTX 5070 Ti's, `small_error=15` the RTX 2060's, `init=18` the library's."""
        for name, value in changes.items():
            key = name.replace("big_", "0.", 1).replace("small_", "1.", 1)
            self._said[key] = value
        self._write()

    def remove_small(self) -> None:
        """The RTX 2060 is not among the cards any more."""
        self._said = {key: value for key, value in self._said.items() if not key.startswith("1.")}
        self._write()

    def swap(self) -> None:
        """The cards get each other's number."""
        other = {"0": "1", "1": "0"}
        self._said = {other.get(key[0], key[0]) + key[1:]: value for key, value in self._said.items()}
        self._write()

    def _write(self) -> None:
        lines = [f"{key} {value}" for key, value in self._said.items() if value is not None]
        new = self._file.with_suffix(".new")
        new.write_text("\n".join(lines) + "\n")
        new.replace(self._file)


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def driver(tmp_path, nvml_library) -> FakeDriver:
    return FakeDriver(tmp_path, nvml_library)


def build(folder: Path, *options: str) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (gcc) for the stand-in of NVIDIA's library")
    library = folder / LIBRARY
    command = [compiler, "-std=c11", "-D_DEFAULT_SOURCE", "-shared", "-fPIC", f"-Wl,-soname,{LIBRARY}", *options]
    subprocess.run([*command, "-o", str(library), str(SOURCE)], check=True, env=os.environ)
    return library
