"""Energy: by the card's counter or by its power, over restarts, and whatever happens to the file."""

import json
import logging

import pytest

from jarvisd.gpu.energy import LONGEST_GAP_S, EnergyLedger
from jarvisd.gpu.shares import SAMPLES_NEEDED
from jarvisd.types import EngineState, EngineUse, GpuReading

KWH = 3.6e6


def counter(joules, *, at_s=0.0, uuid="GPU-1"):
    return GpuReading(uuid, "RTX 2060", at_s, energy_joules=joules, power_watts=100.0)


def power(watts, at_s):
    return GpuReading("GPU-1", "GTX 970", at_s, power_watts=watts)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "gpu-energy.json"


def saved(ledger):
    ledger.save(ledger.contents())


def test_by_the_cards_counter_from_the_first_look_on(file):
    ledger = EnergyLedger(file)
    for joules in (5 * KWH, 5.5 * KWH, 6 * KWH):
        ledger.note(counter(joules))
    assert ledger.kwh("GPU-1") == pytest.approx(1.0)


def test_a_counter_that_begins_again_loses_nothing_that_it_tells(file):
    ledger = EnergyLedger(file)
    for joules in (5 * KWH, 6 * KWH, 0.25 * KWH, 0.5 * KWH):
        ledger.note(counter(joules))
    assert ledger.kwh("GPU-1") == pytest.approx(1.5)


def test_by_power_where_there_is_no_counter(file):
    ledger = EnergyLedger(file)
    for at_s, watts in ((0, 100), (36, 300), (72, 300)):
        ledger.note(power(watts, at_s))
    assert ledger.kwh("GPU-1") == pytest.approx((36 * 200 + 36 * 300) / KWH)


def test_what_nobody_saw_is_not_guessed_from_power(file):
    ledger = EnergyLedger(file)
    ledger.note(power(100, 0))
    ledger.note(power(100, LONGEST_GAP_S + 1))
    ledger.note(power(None, LONGEST_GAP_S + 2))
    ledger.note(power(100, LONGEST_GAP_S + 3))
    assert ledger.kwh("GPU-1") == 0


def test_a_card_that_cannot_be_read_uses_nothing_and_is_caught_up(file):
    ledger = EnergyLedger(file)
    ledger.note(counter(1 * KWH))
    ledger.note(GpuReading("GPU-1", "RTX 2060", 1.0, fault=15))
    ledger.note(counter(3 * KWH))
    assert ledger.kwh("GPU-1") == pytest.approx(2.0)


def test_each_card_has_its_own_account(file):
    ledger = EnergyLedger(file)
    ledger.note(counter(0, uuid="GPU-1"))
    ledger.note(counter(0, uuid="GPU-2"))
    ledger.note(counter(2 * KWH, uuid="GPU-2"))
    assert (ledger.kwh("GPU-1"), ledger.kwh("GPU-2"), ledger.kwh("GPU-3")) == (0, pytest.approx(2.0), 0)


def test_it_goes_on_after_a_restart_with_what_was_used_meanwhile(file):
    ledger = EnergyLedger(file)
    ledger.load()
    ledger.note(counter(1 * KWH))
    ledger.note(counter(2 * KWH))
    saved(ledger)
    after = EnergyLedger(file)
    after.load()
    assert after.kwh("GPU-1") == pytest.approx(1.0)
    after.note(counter(2.5 * KWH))
    assert after.kwh("GPU-1") == pytest.approx(1.5)


def strong(used_s=0.0, state=EngineState.READY, card="GPU-1"):
    return EngineUse("strong", card, state, used_s)


def theirs(ledger, uuid="GPU-1"):
    return {engine.name: (engine.used_kwh, engine.idle_kwh, engine.idle_watts) for engine in ledger.engines(uuid)}


def test_engines_have_their_part_of_what_a_card_used(file):
    ledger = EnergyLedger(file)
    ledger.note(counter(0), [strong()])
    ledger.note(counter(2 * KWH, at_s=5), [strong(used_s=3)])
    ledger.note(counter(3 * KWH, at_s=10), [strong(used_s=3)])
    ledger.note(counter(7 * KWH, at_s=15), [strong(used_s=3, state=EngineState.ASLEEP)])
    assert theirs(ledger) == {"strong": (pytest.approx(2), pytest.approx(1), None)}
    assert ledger.kwh("GPU-1") == pytest.approx(7)


def test_the_part_by_power_is_the_same(file):
    ledger = EnergyLedger(file)
    ledger.note(power(100, 0), [strong()])
    ledger.note(power(300, 36), [strong(used_s=1)])
    assert theirs(ledger)["strong"][:2] == (pytest.approx(36 * 200 / KWH), 0)


def test_an_engine_has_no_part_of_another_card(file):
    ledger = EnergyLedger(file)
    for joules, used_s in ((0, 0), (KWH, 5)):
        ledger.note(counter(joules), [strong(used_s, card="GPU-2")])
        ledger.note(counter(joules, uuid="GPU-2"), [strong(used_s, card="GPU-2")])
    assert theirs(ledger) == {}
    assert theirs(ledger, "GPU-2") == {"strong": (pytest.approx(1), 0, None)}
    assert theirs(ledger, "GPU-3") == {}


@pytest.mark.parametrize("others", [True, False])
def test_what_a_game_draws_is_not_an_engines(file, others):
    ledger = EnergyLedger(file)
    ledger.note(counter(0), [strong()])
    ledger.note(counter(KWH, at_s=5), [strong()], others=others)
    assert theirs(ledger)["strong"] == (0, 0 if others else pytest.approx(1), None)


def test_what_nobody_watched_is_the_cards_and_no_engines(file):
    ledger = EnergyLedger(file)
    ledger.note(counter(0), [strong()])
    ledger.note(counter(KWH, at_s=LONGEST_GAP_S + 1), [strong(used_s=1)])
    assert (ledger.kwh("GPU-1"), theirs(ledger)) == (pytest.approx(1), {"strong": (0, 0, None)})


def rests(ledger, watts, from_s, *uses):
    """An engine, or none, on a card at rest, for as long as it takes to know its power."""
    for at_s in range(from_s, from_s + 60 * (SAMPLES_NEEDED + 1), 5):
        ledger.note(power(watts, at_s), uses)


def test_engines_and_what_they_add_at_rest_are_known_after_a_restart(file):
    ledger = EnergyLedger(file)
    rests(ledger, 12, 0)
    rests(ledger, 30, 1000, strong())
    before = theirs(ledger)
    assert before["strong"][1] > 0
    assert before["strong"][2] == 18
    saved(ledger)
    after = EnergyLedger(file)
    after.load()
    after.note(power(30, 0), [strong()])
    assert theirs(after) == before


def test_a_file_of_before_engines_were_counted_is_read(file):
    file.write_text('{"cards": {"GPU-1": {"name": "x", "joules": 3600000.0, "counter_joules": 5.0}}}')
    ledger = EnergyLedger(file)
    ledger.load()
    assert (ledger.kwh("GPU-1"), ledger.engines("GPU-1")) == (pytest.approx(1), ())


def test_without_a_card_no_file_is_made(file):
    ledger = EnergyLedger(file)
    ledger.load()
    saved(ledger)
    assert list(file.parent.iterdir()) == []


def test_the_file_is_replaced_as_a_whole(file):
    ledger = EnergyLedger(file)
    ledger.note(counter(1))
    saved(ledger)
    assert json.loads(file.read_text())["cards"]["GPU-1"]["counter_joules"] == 1
    assert [path.name for path in file.parent.iterdir()] == [file.name]


FAULTY_ENGINES = '{"cards": {"GPU-1": {"name": "x", "joules": 1, "counter_joules": 5, "engines": {"strong": 5}}}}'


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"cards": 5}', FAULTY_ENGINES, '{"cards": {"GPU-1": {"name": "x"}}}', "\xff"]
)
def test_an_unreadable_file_is_put_aside(file, text, caplog):
    file.write_text(text, "latin-1")
    ledger = EnergyLedger(file)
    ledger.load()
    assert "counted from zero again" in caplog.text
    assert file.with_suffix(".unreadable").exists()
    ledger.note(counter(1))
    saved(ledger)
    assert json.loads(file.read_text())["cards"]


def test_a_file_that_cannot_be_written_is_told_and_counting_goes_on(tmp_path, caplog):
    ledger = EnergyLedger(tmp_path / "not-there" / "gpu-energy.json")
    ledger.note(counter(1 * KWH))
    with caplog.at_level(logging.WARNING):
        saved(ledger)
    assert "cannot be written" in caplog.text
    ledger.note(counter(2 * KWH))
    assert ledger.kwh("GPU-1") == pytest.approx(1.0)
