"""The way to Home Assistant, and what of the house it knows."""

import asyncio
import logging
from contextlib import suppress

import pytest

from jarvisd.config import HomeConfig
from jarvisd.errors import ConfigError, HomeUnavailable
from jarvisd.home.link import ASK_FIRST, HomeLink, HomeStatus
from tests.fakes.home_assistant import fake_home
from tests.fakes.houses import house_and_link, link_to


def test_an_address_without_a_token_is_a_fault_with_a_way_out():
    with pytest.raises(ConfigError, match=r"long-lived access token.*LoadCredential=home-assistant-token"):
        HomeLink(HomeConfig(url="http://home.lan:8123"), None, lambda: ("es",))


@pytest.mark.parametrize("misbehave", [(), ("not-admin",)])
async def test_what_is_exposed_is_read_with_any_token(misbehave):
    async with house_and_link(*misbehave) as (home, link):
        home.aliases["light.salon"] = ["la grande"]
        await link.refresh()
        house = link.known_house()
    assert sorted(house.entities) == [
        "cover.garage", "light.pasillo", "light.porch", "light.salon", "lock.front", "scene.cine",
    ]  # fmt: skip
    salon = house.entities["light.salon"]
    assert (salon.names, salon.area, salon.domain) == (("Luz del salón", "la grande"), "Salón", "light")
    assert house.entities["cover.garage"].device_class == "garage"
    assert house.areas == (("Salón", "living room"),)
    assert house.spellings["salon"] == "salón"


async def test_a_house_without_exposed_entities_is_a_house():
    async with house_and_link() as (home, link):
        home.exposed.clear()
        await link.refresh()
        assert link.status() == HomeStatus(True, "Home Assistant 2025.4.4", 0)


async def test_sentences_of_each_language_are_loaded_beforehand():
    async with house_and_link() as (home, link):
        await link.refresh()
    for command in ("conversation/prepare", ASK_FIRST):
        assert [one["language"] for one in home.commands(command)] == ["es", "en"]
    assert not home.acted


async def test_a_registry_that_is_not_understood_costs_the_names_only(caplog):
    async with house_and_link("odd-registry") as (_home, link):
        with caplog.at_level(logging.WARNING, "jarvisd.home"):
            await link.refresh()
        assert link.status().reachable is True
    assert "names of the house are not known" in caplog.text


async def test_status_says_what_is_wrong():
    async with fake_home() as home:
        link = link_to(home)
        assert link.status() == HomeStatus(None, "not asked yet", 0)
    await link.refresh()
    assert link.status().reachable is False
    assert "cannot be reached" in link.status().detail


async def test_a_wrong_token_has_a_code_of_its_own():
    async with fake_home() as home:
        with pytest.raises(HomeUnavailable) as caught:
            async with link_to(home, token="no").session(5.0):
                pass
    assert caught.value.code == "home_token"


async def test_a_limit_of_the_caller_is_no_fault_of_the_house():
    async with house_and_link() as (_home, link):
        with pytest.raises(TimeoutError):
            async with link.session(5.0), asyncio.timeout(0.01):
                await asyncio.sleep(5)
        assert link.status().reachable is True


async def test_the_service_reads_the_house_and_waits():
    async with house_and_link() as (home, link):
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(link.run())
            while not link.known_house().entities:
                await asyncio.sleep(0.01)
            running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        assert home.connections == 1


async def test_proxies_of_the_environment_are_not_used(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with house_and_link() as (_home, link):
        await link.refresh()
        assert link.status().reachable is True


async def test_a_certificate_file_that_is_not_there_is_named(tmp_path):
    link = HomeLink(
        HomeConfig(url="https://127.0.0.1:9", ca_file=tmp_path / "none.pem"), "token", lambda: ("es",)
    )  # fmt: skip
    await link.refresh()
    assert "home.ca_file" in link.status().detail
