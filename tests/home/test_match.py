"""Which of Home Assistant's answers about a sentence may be carried out."""

import pytest

from jarvisd.config import HomeConfig
from jarvisd.home.match import ACTIONS, UNKNOWN, Match, NoMatch, choose
from tests.fakes.home_assistant import matched, nearly, trigger

CONFIG = HomeConfig(url="http://home.lan:8123")


def chosen(row, **settings):
    return choose(["do it"], [row], HomeConfig(url="http://home.lan:8123", **settings))


def test_the_first_sentence_that_matches_is_chosen():
    rows = [None, nearly("HassTurnOn", name="lampara"), matched("HassTurnOff", ("light.a",), name="Lamp")]
    assert choose(["a", "b", "c"], rows, CONFIG) == Match("c", "HassTurnOff", {"name": "Lamp"}, ("light.a",))


def test_a_reason_says_what_was_not_found():
    assert choose(["a"], [nearly("HassTurnOn", name=" lámpara mágica ")], CONFIG) == NoMatch(
        "Home Assistant exposes nothing called 'lámpara mágica'"
    )
    assert choose(["a"], [None], CONFIG) == NoMatch(UNKNOWN)


@pytest.mark.parametrize(
    "intent",
    ["HassStartTimer", "HassCancelAllTimers", "HassListAddItem", "HassBroadcast", "HassNevermind", "HassOther"],
)
def test_intents_that_are_not_for_devices_are_refused(intent):
    assert chosen(matched(intent)) == NoMatch(f"{intent} is not left to Home Assistant", final=True)


def test_a_refused_match_ends_the_search():
    rows = [matched("HassStartTimer"), matched("HassTurnOn", ("light.a",))]
    assert choose(["a", "b"], rows, CONFIG) == NoMatch("HassStartTimer is not left to Home Assistant", final=True)


def test_more_intents_are_let_through_by_name():
    found = chosen(matched("HassShoppingListAddItem", item="leche"), more_intents=("HassShoppingListAddItem",))
    assert isinstance(found, Match)
    assert not found.is_device_action


def test_own_sentences_act_unless_they_may_not():
    assert chosen(trigger()) == Match("do it", "")
    assert chosen(matched("MyIntent", source="custom")) == Match("do it", "MyIntent")
    assert chosen(trigger(), own_sentences=False) == NoMatch(
        "a sentence trigger is not left to Home Assistant", final=True
    )
    assert chosen(matched("MyIntent", source="custom"), own_sentences=False) == NoMatch(
        "MyIntent is not left to Home Assistant", final=True
    )


def test_without_actions_only_questions_are_answered():
    assert isinstance(chosen(matched("HassGetState"), allow_actions=False), Match)
    for row in (matched("HassTurnOn", ("light.a",)), trigger()):
        assert "allow_actions" in chosen(row, allow_actions=False).reason


@pytest.mark.parametrize("results", [None, {}, "x", [3], [[]], [{"match": "yes"}], []])
def test_answers_of_another_form_match_nothing(results):
    assert choose(["a"], results, CONFIG) == NoMatch(UNKNOWN)


@pytest.mark.parametrize(
    ("row", "domains"),
    [
        (matched("HassTurnOn"), None),
        (matched("HassTurnOn", domain="light"), {"light"}),
        (matched("HassTurnOff", domain=["lock", "cover"]), {"lock", "cover"}),
        (matched("HassClimateSetTemperature"), {"climate"}),
        (matched("HassLightSet", domain="light"), {"light"}),
        (matched("HassSetPosition", domain="cover"), {"cover"}),
    ],
)
def test_how_far_a_match_can_reach(row, domains):
    found = chosen(row)
    assert isinstance(found, Match)
    assert found.domains() == domains


def test_no_intent_for_devices_has_words_of_its_own_in_its_sentences():
    wildcards = {"HassListAddItem", "HassShoppingListAddItem", "HassBroadcast", "HassMediaSearchAndPlay", "HassRespond"}
    assert not set(ACTIONS) & wildcards
    assert not [intent for intent in ACTIONS if "Timer" in intent]
