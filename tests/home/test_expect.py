"""Whether a state shows what was asked."""

import pytest

from jarvisd.home.expect import Asked, as_asked, asked_by_intent, asked_by_service
from jarvisd.home.states import EntityState


def state(entity_id, value, **attributes):
    return EntityState(entity_id, value, attributes)


@pytest.mark.parametrize(
    ("entity_id", "asked", "now", "shown"),
    [
        ("light.a", "on", "on", True),
        ("light.a", "on", "off", False),
        ("light.a", "off", "off", True),
        ("light.a", "on", "unavailable", False),
        ("switch.a", "on", "unknown", False),
        ("cover.a", "on", "opening", True),
        ("cover.a", "on", "closed", False),
        ("cover.a", "off", "closing", True),
        ("lock.a", "on", "locking", True),
        ("lock.a", "off", "unlocked", True),
        ("lock.a", "on", "jammed", False),
        ("climate.a", "on", "heat", True),
        ("climate.a", "on", "off", False),
        ("media_player.a", "off", "standby", True),
        ("media_player.a", "on", "idle", True),
        ("media_player.a", "paused", "playing", False),
        ("media_player.a", "playing", "buffering", True),
        ("vacuum.a", "on", "cleaning", True),
        ("vacuum.a", "off", "returning", True),
        ("alarm_control_panel.a", "off", "armed_home", None),
        ("light.a", "unknown", "on", None),
    ],
)
def test_states_by_domain(entity_id, asked, now, shown):
    assert as_asked(Asked(asked), None, state(entity_id, now)) is shown


def test_an_entity_that_is_gone_is_not_done():
    assert as_asked(Asked("on"), state("light.a", "off"), None) is False


@pytest.mark.parametrize(
    ("was", "now", "shown"),
    [
        (None, 102, True),  # 40 % of 255
        (None, 110, True),
        (None, 255, False),  # on, but all of it
        (255, 180, True),  # on its way
        (102, 200, False),
        (50, 50, False),
    ],
)
def test_brightness(was, now, shown):
    before = state("light.a", "off" if was is None else "on", brightness=was)
    assert as_asked(Asked("brightness", 40.0), before, state("light.a", "on", brightness=now)) is shown


def test_brightness_of_lamps_that_are_off():
    assert as_asked(Asked("brightness", 40.0), None, state("light.a", "off")) is False
    assert as_asked(Asked("brightness", 0.0), None, state("light.a", "off")) is True


@pytest.mark.parametrize(
    ("asked", "now", "shown"),
    [
        (Asked("temperature", 21.0), state("climate.a", "heat", temperature=21.0), True),
        (Asked("temperature", 21.0), state("climate.a", "heat", temperature=18), False),
        (Asked("temperature", 21.0), state("climate.a", "heat_cool", target_temp_low=20), None),
        (Asked("position", 50.0), state("cover.a", "open", current_position=52), True),
        (Asked("position", 50.0), state("cover.a", "closing", current_position=90), True),
        (Asked("position", 50.0), state("cover.a", "closed", current_position=0), False),
        (Asked("volume", 30.0), state("media_player.a", "playing", volume_level=0.3), True),
        (Asked("volume", 30.0), state("media_player.a", "playing", volume_level=0.9), False),
        (Asked("mode", "heat"), state("climate.a", "heat"), True),
        (Asked("mode", "armed_away"), state("alarm_control_panel.a", "arming"), True),
        (Asked("mode", "disarmed"), state("alarm_control_panel.a", "armed_away"), False),
    ],
)
def test_values(asked, now, shown):
    assert as_asked(asked, None, now) is shown


def test_scenes_and_buttons_show_when_they_were_last_used():
    before, after = state("scene.a", "unknown"), state("scene.a", "2026-01-01T00:00:00")
    assert as_asked(Asked("on"), before, after) is True
    assert as_asked(Asked("on"), before, before) is False
    assert as_asked(Asked("press"), state("button.a", "x"), state("button.a", "unavailable")) is False


def test_a_script_ran_when_it_says_so():
    before = state("script.a", "off", last_triggered="1")
    assert as_asked(Asked("on"), before, state("script.a", "off", last_triggered="2")) is True
    assert as_asked(Asked("on"), before, state("script.a", "on", last_triggered="1")) is True
    assert as_asked(Asked("on"), before, before) is False


@pytest.mark.parametrize(
    ("intent", "slots", "asked"),
    [
        ("HassTurnOn", {"name": "x"}, Asked("on")),
        ("HassLightSet", {"brightness": 40}, Asked("brightness", 40.0)),
        ("HassLightSet", {"color": "red"}, Asked("on")),
        ("HassLightSet", {"brightness": "cuarenta"}, Asked("on")),
        ("HassClimateSetTemperature", {"temperature": 21}, Asked("temperature", 21.0)),
        ("HassSetVolume", {"volume_level": 30}, Asked("volume", 30.0)),
        ("HassMediaNext", {}, Asked("unknown")),
        ("HassWhatever", {}, Asked("unknown")),
    ],
)
def test_intents_ask_for(intent, slots, asked):
    assert asked_by_intent(intent, slots) == asked


@pytest.mark.parametrize(
    ("service", "data", "asked"),
    [
        ("turn_on", {}, Asked("on")),
        ("turn_on", {"brightness_pct": 40}, Asked("brightness", 40.0)),
        ("volume_set", {"volume_level": 0.3}, Asked("volume", 30.0)),
        ("set_hvac_mode", {"hvac_mode": "heat"}, Asked("mode", "heat")),
        ("alarm_disarm", {}, Asked("mode", "disarmed")),
        ("unlock", {}, Asked("off")),
        ("stop_cover", {}, Asked("unknown")),
    ],
)
def test_services_ask_for(service, data, asked):
    assert asked_by_service(service, data) == asked
