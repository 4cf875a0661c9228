"""Houses for tests: a made-up one, and links to the fake Home Assistant."""

from contextlib import asynccontextmanager

from jarvisd.config import HomeConfig
from jarvisd.home.house import Entity, house_of
from jarvisd.home.link import HomeLink
from tests.fakes.home_assistant import TOKEN, fake_home

HOUSE = house_of(
    [
        Entity("light.salon", ("Luz del salón",), "Salón"),
        Entity("switch.cafetera", ("Cafetera", "máquina de café"), "Cocina"),
        Entity("fan.vent", ("Ventilador",)),
        Entity("scene.cine", ("Cine",)),
    ],
    [("Salón", "living room"), ("Cocina", "kitchen")],
)


def link_to(home, token=TOKEN, clock=None, **settings) -> HomeLink:
    values = {"url": home.url, "timeout_s": 5.0, "confirm_s": 0.3, **settings}
    more = {} if clock is None else {"clock": clock}
    return HomeLink(HomeConfig(**values), token, lambda: ("es", "en"), **more)


@asynccontextmanager
async def house_and_link(*misbehave, **settings):
    async with fake_home(*misbehave) as home:
        yield home, link_to(home, **settings)
