"""Devices as tools, against a Home Assistant that speaks the real one's protocol."""

import json

import pytest

from jarvisd.answering.devices import SOURCE, device_tools
from jarvisd.bus import Bus
from jarvisd.config import ToolsConfig
from jarvisd.home.devices import Devices
from jarvisd.tools.toolbox import Toolbox
from jarvisd.types import ToolCall, ToolContext, Turn
from tests.fakes.houses import house_and_link


async def filled(link):
    await link.refresh()
    toolbox = Toolbox(ToolsConfig(), publish=Bus().publish)
    names = await toolbox.replace(SOURCE, device_tools(Devices(link), link.known_house))
    assert len(names) == 10
    return toolbox


def said(text, language="en"):
    return ToolContext(Turn("microphone", language, 60.0, room="hall"), language, text)


async def called(toolbox, tool, context, **arguments):
    return await toolbox.call(ToolCall("1", tool, json.dumps(arguments)), context, private=True)


async def test_what_the_person_asked_for_is_done_and_read_back():
    async with house_and_link() as (home, link):
        toolbox = await filled(link)
        home.serves("light.turn_on", light__salon=("on", {}))
        context = said("enciende la luz del salón", "es")
        outcome = await called(toolbox, "turn_on", context, entity_id="light.salon")
    assert (outcome.acted, outcome.result.confirmed) == (True, True)


async def test_a_device_that_does_not_answer_is_not_called_done():
    async with house_and_link() as (home, link):
        toolbox = await filled(link)
        home.serves("light.turn_on")
        context = said("turn on the porch lamp")
        outcome = await called(toolbox, "turn_on", context, entity_id="light.porch")
    assert outcome.result.confirmed is False


@pytest.mark.parametrize(
    ("words", "tool", "entity_id"),
    [
        ("turn on the porch lamp", "turn_on", "light.salon"),
        ("turn on the porch lamp", "turn_off", "light.porch"),
        ("is the porch lamp on", "turn_on", "light.porch"),
        ("what is the capital of France", "turn_on", "light.porch"),
        ("tell me about the garage", "open_door", "cover.garage"),
    ],
)
async def test_what_the_person_did_not_ask_for_is_refused_before_home_assistant_hears_of_it(words, tool, entity_id):
    async with house_and_link() as (home, link):
        toolbox = await filled(link)
        outcome = await called(toolbox, tool, said(words), entity_id=entity_id)
        assert home.commands("call_service") == []
    assert outcome.result.failed


async def test_a_garage_waits_for_a_yes_and_opens_then():
    async with house_and_link() as (home, link):
        toolbox = await filled(link)
        home.serves("cover.open_cover", cover__garage=("open", {}))
        context = said("open the garage")
        outcome = await called(toolbox, "open_door", context, entity_id="cover.garage")
        assert outcome.question
        assert home.commands("call_service") == []
        assert await toolbox.hear(said("yes do it"))
        assert len(home.commands("call_service")) == 1


async def test_a_garage_is_no_blind():
    async with house_and_link() as (home, link):
        toolbox = await filled(link)
        outcome = await called(toolbox, "open_cover", said("open the garage"), entity_id="cover.garage")
        assert home.commands("call_service") == []
    assert outcome.result.failed


async def test_the_devices_are_listed_as_data():
    async with house_and_link() as (_home, link):
        toolbox = await filled(link)
        outcome = await called(toolbox, "list_devices", said("which lights are on"))
    assert "light.salon" in outcome.message
