import json

import pytest

from jarvisd.engines.host import KEPT_FREE_BYTES, memory_for_sleep_bytes
from jarvisd.engines.needs import CardNeed, LearnedNeeds, need_key

NEED = CardNeed("GPU-a", 500, key="k")


def test_the_larger_of_what_is_worked_out_and_what_was_learned_counts(tmp_path):
    file = tmp_path / "needs.json"
    needs = LearnedNeeds(file)
    assert needs.of(NEED) == 500
    assert not needs.learn(NEED, 400)
    assert needs.learn(NEED, 700)
    needs.save()
    assert LearnedNeeds(file).of(NEED) == 700
    assert LearnedNeeds(file).of(CardNeed("GPU-a", 500, key="another")) == 500
    assert LearnedNeeds().of(NEED) == 500


@pytest.mark.parametrize("text", ["{", "[]", '{"k": "many"}', '{"k": -1}', "\x00"])
def test_a_damaged_file_is_learned_anew(tmp_path, text):
    file = tmp_path / "needs.json"
    file.write_text(text)
    needs = LearnedNeeds(file)
    assert needs.of(NEED) == 500
    needs.learn(NEED, 600)
    needs.save()
    assert json.loads(file.read_text()) == {"k": 600}


def test_what_cannot_be_kept_is_told_and_still_known(tmp_path, caplog):
    needs = LearnedNeeds(tmp_path / "none" / "needs.json")
    needs.learn(NEED, 600)
    needs.save()
    assert "cannot be kept" in caplog.text
    assert needs.of(NEED) == 600


def test_a_measurement_is_of_a_card_and_its_arguments_not_of_a_place():
    key = need_key("GPU-a", ["serve", "m", "--uds", "/run/a"], "/run/a")
    assert key == need_key("GPU-a", ["serve", "m", "--uds", "/run/b"], "/run/b")
    assert key != need_key("GPU-b", ["serve", "m", "--uds", "/run/a"], "/run/a")
    assert key != need_key("GPU-a", ["serve", "n", "--uds", "/run/a"], "/run/a")


def test_memory_to_sleep_in_is_what_is_available_but_not_all_of_it(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: 99 kB\nMemAvailable:   {(KEPT_FREE_BYTES + 5 * 1024) // 1024} kB\n")
    assert memory_for_sleep_bytes(meminfo) == 5 * 1024
    meminfo.write_text("MemAvailable: 5 kB\n")
    assert memory_for_sleep_bytes(meminfo) == 0
    meminfo.write_text("MemTotal: 5 kB\n")
    assert memory_for_sleep_bytes(meminfo) is None
    assert memory_for_sleep_bytes(tmp_path / "none") is None
    assert memory_for_sleep_bytes() >= 0
