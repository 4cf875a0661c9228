"""A real Home Assistant, when there is one:

    JARVISD_TEST_HOME_URL=http://127.0.0.1:8123 JARVISD_TEST_HOME_TOKEN=... JARVISD_TEST_HOME_LAMP=light.desk pytest ...

The lamp (anything that can be switched, exposed, without a dangerous name) is switched on and off.
"""

import os

import pytest

from jarvisd.config import HomeConfig
from jarvisd.errors import HomeUnavailable
from jarvisd.home.agent import HomeAssistant, HomeReply, NotForHome
from jarvisd.home.devices import Devices
from jarvisd.home.link import HomeLink

URL, TOKEN, LAMP = (os.environ.get(f"JARVISD_TEST_HOME_{name}", "") for name in ("URL", "TOKEN", "LAMP"))
pytestmark = pytest.mark.skipif(not (URL and TOKEN and LAMP), reason="no Home Assistant (JARVISD_TEST_HOME_URL)")


@pytest.fixture
async def link():
    link = HomeLink(HomeConfig(url=URL, timeout_s=10.0), TOKEN, lambda: ("es", "en"))
    await link.refresh()
    assert link.status().reachable, link.status().detail
    return link


async def test_a_lamp_is_switched_and_read_back(link):
    devices = Devices(link)
    for service, state in (("turn_on", "on"), ("turn_off", "off")):
        result = await devices.call_service(LAMP.partition(".")[0], service, LAMP)
        assert (result.status, result.state.state) == ("done", state)
        assert (await devices.get_state(LAMP)).state == state


@pytest.mark.parametrize(("language", "on", "off"), [("en", "turn on", "turn off"), ("es", "enciende", "apaga")])
async def test_the_grammar_switches_it_too(link, language, on, off):
    agent = HomeAssistant(link, normalise=lambda text, language: [text], may_act=lambda text: True)
    name = link.known_house().entities[LAMP].name
    for verb, state in ((on, "on"), (off, "off")):
        reply = await agent.converse(f"{verb} {name}", language)
        assert isinstance(reply, HomeReply)
        assert (reply.outcome, reply.entities, reply.read_back) == ("done", (LAMP,), True)
        assert (await Devices(link).get_state(LAMP)).state == state


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "set a timer for 5 minutes"),
        ("es", "pon un temporizador de cinco minutos"),
        ("en", "add bread to my shopping list"),
        ("en", "tell me a story about a lamp"),
        ("es", "si tengo 3 camisas y 4 pantalones cuántos conjuntos puedo hacer"),
    ],
)
async def test_what_is_not_for_devices_is_left_alone(link, language, text):
    agent = HomeAssistant(link, normalise=lambda text, language: [text], may_act=lambda text: True)
    assert isinstance(await agent.converse(text, language), NotForHome)


async def test_a_wrong_token_is_told(link):
    with pytest.raises(HomeUnavailable, match="does not accept the token"):
        async with HomeLink(HomeConfig(url=URL), "wrong", lambda: ("es",)).session(10.0):
            pass


async def test_entities_that_do_not_exist_are_refused(link):
    result = await Devices(link).call_service("light", "turn_on", "light.that_does_not_exist")
    assert result.status == "refused"
