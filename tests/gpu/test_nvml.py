"""NVIDIA's real binding against a stand-in for the driver's library, in a process of its own."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.nvml.driver import BIG, MIB, RTX_2060, SMALL, FakeDriver, build

ROOT = Path(__file__).parents[2]
LOOKER = ROOT / "tests/fakes/nvml/looker.py"


class Looker:
    def __init__(self, process):
        self._process = process

    def look(self):
        """The readings by UUID, and the driver's fault."""
        self.ask()
        return self.answer()

    def ask(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def answer(self):
        self.scan = json.loads(self._process.stdout.readline())
        return {reading["uuid"]: reading for reading in self.scan["readings"]}, self.scan["fault"]


@contextmanager
def looking(environment, reopen_after_s=0):
    process = subprocess.Popen(
        [sys.executable, str(LOOKER), str(reopen_after_s)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, **environment},
    )  # fmt: skip
    try:
        yield Looker(process)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def looker(driver):
    with looking(driver.environment) as looker:
        yield looker


def test_both_cards_tell_all_they_can(looker):
    cards, fault = looker.look()
    assert fault is None
    assert list(cards) == [BIG, SMALL]
    big = cards[BIG]
    assert big | {"read_monotonic": 0} == {
        "uuid": BIG, "name": "NVIDIA GeForce RTX 5070 Ti", "read_monotonic": 0, "fault": None, "capability": [12, 0],
        "driver_version": "580.95.05", "memory_total_bytes": 16303 * MIB, "memory_used_bytes": 9000 * MIB,
        "memory_free_bytes": (16303 - 9000 - 400) * MIB, "memory_reserved_bytes": 400 * MIB, "processes": [],
        "utilisation_percent": 7, "temperature_celsius": 48, "slowdown_celsius": 95, "power_watts": 31.5,
        "power_limit_watts": 300.0, "energy_joules": 7_200_000.0, "graphics_clock_mhz": 2400,
        "memory_clock_mhz": 14001, "throttle_reasons": [], "fan_percent": 0, "pcie_generation": 5, "pcie_width": 16,
        "xid": None,
    }  # fmt: skip
    assert (cards[SMALL]["capability"], cards[SMALL]["memory_total_bytes"]) == ([7, 5], 6144 * MIB)


def test_what_changes_is_seen_at_the_next_look(driver, looker):
    looker.look()
    driver.say(big_temperature=91, big_throttle=0x4 | 0x40)
    cards, _ = looker.look()
    assert cards[BIG]["temperature_celsius"] == 91
    assert cards[BIG]["throttle_reasons"] == ["power cap", "hardware thermal limit"]


def test_what_a_card_does_not_support_is_none_and_the_rest_is_there(driver, looker):
    driver.say(small_fan=None, small_power_mw=None, small_energy_mj=None, small_memory_reserved=None)
    cards, fault = looker.look()
    small = cards[SMALL]
    assert (small["fan_percent"], small["power_watts"], small["energy_joules"]) == (None, None, None)
    assert (small["fault"], small["temperature_celsius"], fault) == (None, 41, None)
    # An older driver: what it holds for itself is counted as used.
    assert (small["memory_used_bytes"], small["memory_reserved_bytes"]) == (2000 * MIB, None)


EVERY_VALUE = sorted(set(RTX_2060) - {"uuid", "name"})


@pytest.mark.parametrize("value", EVERY_VALUE)
def test_each_call_may_be_missing_in_the_driver_and_the_card_is_read_all_the_same(driver, looker, value):
    driver.say(**{f"small_{value}": "E13"})
    cards, fault = looker.look()
    assert (cards[SMALL]["fault"], fault) == (None, None)
    assert cards[SMALL]["name"] == "NVIDIA GeForce RTX 2060"


@pytest.mark.parametrize("code", [2, 3, 4, 13, 25])
def test_a_card_that_tells_nothing_but_its_name_is_a_card(driver, looker, code):
    driver.say(**{f"small_{value}": f"E{code}" for value in EVERY_VALUE})
    cards, fault = looker.look()
    small = cards[SMALL]
    assert (small["fault"], fault, small["processes"], small["throttle_reasons"]) == (None, None, [], [])
    told = {name for name, value in small.items() if value not in (None, [])}
    assert told == {"uuid", "name", "read_monotonic", "driver_version"}


def test_a_value_that_was_never_told_is_not_asked_again(driver, looker):
    driver.say(small_fan=None)
    looker.look()
    driver.say(small_fan=55)
    cards, _ = looker.look()
    assert cards[SMALL]["fan_percent"] is None


def test_a_value_that_fails_once_is_asked_again(driver, looker):
    driver.say(small_power_mw="E999")
    cards, _ = looker.look()
    assert (cards[SMALL]["power_watts"], cards[SMALL]["fault"]) == (None, None)
    driver.say(small_power_mw=20000)
    cards, _ = looker.look()
    assert cards[SMALL]["power_watts"] == 20.0


def test_processes_with_their_memory_each_once(driver, looker):
    driver.say(big_compute=f"4321:{5 * MIB},77:?", big_graphics=f"4321:{5 * MIB},99:{2 * MIB}")
    cards, _ = looker.look()
    assert [(process["pid"], process["memory_bytes"]) for process in cards[BIG]["processes"]] == [
        (77, None),
        (99, 2 * MIB),
        (4321, 5 * MIB),
    ]


@pytest.mark.parametrize("code", [9, 15, 16, 17, 18, 999])
def test_a_card_in_trouble_says_its_code_and_the_other_is_read(driver, looker, code):
    looker.look()
    driver.say(small_error=code)
    cards, _ = looker.look()
    assert (cards[SMALL]["fault"], cards[SMALL]["name"]) == (code, "NVIDIA GeForce RTX 2060")
    assert (cards[SMALL]["temperature_celsius"], cards[SMALL]["memory_total_bytes"]) == (None, None)
    assert (cards[BIG]["fault"], cards[BIG]["temperature_celsius"]) == (None, 48)
    driver.say(small_error=None)
    looker.look()
    cards, fault = looker.look()
    assert (cards[SMALL]["fault"], cards[SMALL]["temperature_celsius"], fault) == (None, 41, None)


def test_a_card_that_is_not_enumerated_any_more_is_lost(driver, looker):
    looker.look()
    driver.say(small_error=15)
    looker.look()
    driver.remove_small()
    cards, fault = looker.look()
    assert (cards[SMALL]["fault"], fault) == (15, None)
    assert cards[BIG]["fault"] is None


def test_a_card_that_cannot_be_opened_is_told_as_the_drivers_fault(driver, looker):
    driver.say(small_handle_error=17)
    cards, fault = looker.look()
    assert (list(cards), fault) == ([BIG], 17)
    driver.say(small_handle_error=None)
    cards, fault = looker.look()
    assert (list(cards), fault) == ([BIG, SMALL], None)


def test_a_number_that_no_card_has_any_more_is_a_lost_card_and_no_fault_of_the_driver(driver, looker):
    looker.look()
    driver.say(small_error=15)
    looker.look()
    driver.say(small_error=None, small_handle_error=2)
    cards, fault = looker.look()
    assert (cards[SMALL]["fault"], cards[BIG]["fault"], fault) == (15, None, None)
    driver.say(small_handle_error=None)
    cards, _ = looker.look()
    assert cards[SMALL]["fault"] is None


def test_cards_keep_their_identity_when_their_numbers_change(driver, looker):
    looker.look()
    driver.say(small_error=15)
    looker.look()
    driver.say(small_error=None)
    driver.swap()
    looker.look()
    cards, _ = looker.look()
    assert (cards[BIG]["temperature_celsius"], cards[SMALL]["temperature_celsius"]) == (48, 41)


@pytest.mark.parametrize("code", [9, 18, 28])
def test_a_driver_that_does_not_begin_says_its_code_until_it_does(driver, looker, code):
    driver.say(init=code)
    assert looker.look() == ({}, code)
    driver.say(init=None)
    cards, fault = looker.look()
    assert (len(cards), fault) == (2, None)


def test_a_mismatch_while_running_is_every_cards(driver, looker):
    looker.look()
    driver.say(init=18, big_error=18, small_error=18)
    looker.look()
    cards, fault = looker.look()
    assert {reading["fault"] for reading in cards.values()} == {18}
    assert fault == 18


def test_trouble_does_not_open_the_library_at_every_look(driver):
    with looking(driver.environment, reopen_after_s=3600) as looker:
        driver.say(init=9)
        assert looker.look() == ({}, 9)
        driver.say(init=None)
        assert looker.look() == ({}, 9)


def test_no_card_at_all(driver, looker):
    driver.remove_small()
    driver.say(big_uuid=None)
    assert looker.look() == ({}, 28)


def test_a_critical_error_is_kept_with_its_card(driver, looker):
    looker.look()
    driver.say(big_xid=31)
    cards, _ = looker.look()
    assert (cards[BIG]["xid"], cards[SMALL]["xid"]) == (31, None)
    cards, _ = looker.look()
    assert cards[BIG]["xid"] == 31


def test_a_hung_driver_answers_when_it_goes_on(driver, looker):
    looker.look()
    driver.say(hang=1)
    looker.ask()
    driver.say(hang=None, big_temperature=50)
    cards, _ = looker.answer()
    assert cards[BIG]["temperature_celsius"] == 50


def test_without_a_library_the_binding_is_not_even_loaded(tmp_path):
    with looking({"LD_LIBRARY_PATH": str(tmp_path)}) as looker:
        cards, fault = looker.look()
        if cards or fault != 12:
            pytest.skip("this machine has NVIDIA's library")
        assert not looker.scan["binding_loaded"]


def test_an_old_driver_knows_only_the_old_call_for_the_temperature(tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    driver = FakeDriver(tmp_path, build(folder, "-DOLD_DRIVER"))
    with looking(driver.environment) as looker:
        cards, _ = looker.look()
    assert cards[BIG]["temperature_celsius"] == 48
