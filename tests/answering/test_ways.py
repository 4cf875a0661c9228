"""The ways to an answer without a model: real skills, a real toolbox, and a Home Assistant of the real protocol."""

import json
from contextlib import asynccontextmanager

import pytest

from jarvisd.answering.ways import CONFIRM_WITHIN_S, Ways
from jarvisd.bus import Bus
from jarvisd.config import SkillsConfig, ToolsConfig
from jarvisd.home.agent import HomeAssistant
from jarvisd.skills.skills import Skills
from jarvisd.tools.toolbox import Toolbox
from jarvisd.types import Tool, ToolCall, ToolContext, ToolResult, Transcript, Turn
from tests.fakes.home_assistant import matched, said
from tests.fakes.houses import house_and_link

HALL = Turn("microphone", "en", 60.0, room="hall")
BATH = Turn("microphone", "en", 60.0, room="bath")


def words(text):
    return Transcript(text, "en", engine="ears")


class Clock:
    now_s = 1000.0

    def __call__(self):
        return self.now_s


@asynccontextmanager
async def at_home(clock=None):
    """A house whose garage opens when its sentence is confirmed."""
    async with house_and_link() as (home, link):
        garage = matched("HassTurnOn", ("cover.garage",), name="garage")
        home.teach("open the garage", garage, said("Opened", entities=("cover.garage",)), cover__garage="opening")
        agent = HomeAssistant(link, normalise=lambda text, language: [text], may_act=lambda text: True)
        yield home, Ways(home=agent, clock=clock or Clock())


async def test_nothing_is_configured_and_nobody_answers():
    ways = Ways()
    assert await ways.confirmation(words("yes"), HALL, "en") is None
    assert await ways.skill(words("what time is it"), HALL) is None
    assert await ways.house(words("open the garage"), HALL, "en") is None
    assert not ways.may_hear_a_pin(HALL)


async def test_a_skill_answers_in_the_language_it_understood(tmp_path):
    skills = Skills(SkillsConfig(), tmp_path / "agenda.sqlite", languages=lambda: ("en", "es"), on_ring=None)
    found = await Ways(skills).skill(Transcript("¿qué sabes hacer?", "es"), HALL)
    assert (found.by, found.via, found.language) == ("talk", "skill", "es")
    assert await Ways(skills).skill(words("explain tides"), HALL) is None


async def test_a_dangerous_command_waits_for_a_yes_from_the_same_room():
    async with at_home() as (home, ways):
        asked = await ways.house(words("open the garage"), HALL, "en")
        assert (asked.via, home.commands("conversation/process")) == ("home", [])
        assert await ways.confirmation(words("yes"), BATH, "en") is None
        done = await ways.confirmation(words("yes do it"), HALL, "en")
        assert done.text == "Opened"
        assert len(home.commands("conversation/process")) == 1
        assert await ways.confirmation(words("yes"), HALL, "en") is None


async def test_a_no_or_another_matter_or_too_late_is_none():
    clock = Clock()
    async with at_home(clock) as (home, ways):
        await ways.house(words("open the garage"), HALL, "en")
        assert (await ways.confirmation(words("no"), HALL, "en")).text == "Okay, I won't."
        await ways.house(words("open the garage"), HALL, "en")
        assert await ways.confirmation(words("what time is it"), HALL, "en") is None
        assert await ways.confirmation(words("yes"), HALL, "en") is None
        await ways.house(words("open the garage"), HALL, "en")
        clock.now_s += CONFIRM_WITHIN_S + 1
        assert await ways.confirmation(words("yes"), HALL, "en") is None
        assert home.commands("conversation/process") == []


@pytest.mark.parametrize(("pin", "may"), [("4711", True), (None, False)])
async def test_what_may_be_a_pin_is_known_before_it_is_told_to_anybody(pin, may):
    def opened(arguments, context):
        return ToolResult("open", confirmed=True)

    tool = Tool("open_gate", "Opens.", {"type": "object", "properties": {}}, opened, acts=True, dangerous=True)
    toolbox = Toolbox(ToolsConfig(), publish=Bus().publish, pin=pin)
    await toolbox.replace("test", [tool])
    ways = Ways(toolbox=toolbox)
    assert not ways.may_hear_a_pin(HALL)
    call = ToolCall("1", "open_gate", json.dumps({}))
    outcome = await toolbox.call(call, ToolContext(HALL, "en", "open the gate"), private=True)
    assert outcome.question
    assert ways.may_hear_a_pin(HALL) is may
    assert not ways.may_hear_a_pin(BATH)
    done = await ways.confirmation(words("4711" if pin else "yes"), HALL, "en")
    assert (done.by, done.via) == ("tools", "home")
