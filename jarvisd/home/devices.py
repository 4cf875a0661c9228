"""Devices for language models' tools: only what is exposed, only plain actions, and the truth about the result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from jarvisd.errors import HomeError, HomeUnavailable
from jarvisd.home.danger import Confirmations
from jarvisd.home.data import as_data, rows_as_data
from jarvisd.home.expect import Asked, as_asked, asked_by_service
from jarvisd.home.house import Entity
from jarvisd.home.link import HomeLink
from jarvisd.home.readback import read_back
from jarvisd.home.services import needs_yes, refusal
from jarvisd.home.session import HomeRefusal, Session
from jarvisd.home.states import EntityState, watch

# Reading and acting for a model: it has a turn's time, but nobody waits for a dead house.
LIMIT_S = 5.0
# What was exposed a minute ago may have been hidden since, because of what just happened.
ACTION_AGE_S = 30.0
MAX_REASON_CHARACTERS = 200

Status: TypeAlias = Literal["done", "sent", "failed", "absent", "needs_confirmation", "refused", "unsure"]

_SAID: Mapping[Status, str] = {
    "done": "Done: the state shows it.",
    "sent": "Sent, but no state can show whether it was done.",
    "failed": "Not done: the device does not respond. Tell the user so.",
    "absent": "Not done: the device cannot be reached. Tell the user so.",
    "needs_confirmation": "Nothing was done: the user is asked to confirm this first.",
    "refused": "Nothing was done.",
    "unsure": "Home Assistant stopped answering: it is not known whether it was done. Tell the user so.",
}


@dataclass(frozen=True, slots=True)
class Exposed:
    """An exposed entity as it is now. `dangerous`: operating it needs a yes from a person."""

    entity: Entity
    state: EntityState
    dangerous: bool


@dataclass(frozen=True, slots=True)
class ServiceResult:
    """What is true after a call. `detail` is for who proposed it. `confirmation` is for who asks the person: never
    show it to a model."""

    status: Status
    detail: str = ""
    state: EntityState | None = None
    confirmation: str | None = field(default=None, repr=False)

    def as_data(self) -> str:
        """The result in words for a model, with what the device says as data."""
        said = " ".join(filter(None, (_SAID[self.status], self.detail)))
        return said if self.state is None else f"{said}\n{rows_as_data([_row(self.state)])}"


@dataclass(frozen=True, slots=True)
class _Call:
    domain: str
    service: str
    entity_id: str
    data: tuple[tuple[str, Any], ...]


class Devices:
    """States of, and actions on, what Home Assistant exposes to voice assistants."""

    def __init__(self, link: HomeLink) -> None:
        self._link = link
        self._questions: Confirmations[_Call] = Confirmations()

    async def list_exposed(self) -> tuple[Exposed, ...]:
        """Everything that is exposed, by entity id. Raises HomeError."""
        async with self._link.session(LIMIT_S) as session, _in_time():
            house = await self._link.house(session)
            now = (await watch(session, house.entities)).now
        more = self._link.config.dangerous
        return tuple(
            Exposed(entity, now[entity_id], needs_yes("", entity, more))
            for entity_id, entity in sorted(house.entities.items())
            if entity_id in now
        )

    async def get_state(self, entity_id: str) -> EntityState:
        """How an exposed entity is. Raises HomeError, also for one that is not exposed."""
        async with self._link.session(LIMIT_S) as session, _in_time():
            entity = (await self._link.house(session)).entities.get(entity_id)
            now = (await watch(session, [entity_id])).now if entity is not None else {}
        if entity_id not in now:
            raise HomeError("There is no such device, or it is not exposed to voice assistants in Home Assistant.")
        return now[entity_id]

    def needs_confirmation(self, service: str, entity_id: str, data: Mapping[str, Any] | None = None) -> bool:
        """Whether a person would have to confirm this, as far as the house is known; true for what is not known."""
        entity = self._link.known_house().entities.get(entity_id)
        kind = asked_by_service(service, data or {}).kind
        return entity is None or needs_yes(kind, entity, self._link.config.dangerous)

    async def call_service(
        self,
        domain: str,
        service: str,
        entity_id: str,
        data: Mapping[str, Any] | None = None,
        *,
        confirmed: str | None = None,
    ) -> ServiceResult:
        """Does it, and reads back whether it is so. `confirmed`: the token of an earlier `needs_confirmation` for
        this very call, given back because a person said yes. Never raises for a fault of Home Assistant's."""
        if not self._link.config.allow_actions:
            return ServiceResult("refused", "Devices may not be operated (home.allow_actions).")
        call = _Call(domain, service, entity_id, tuple(sorted((data or {}).items())))
        try:
            async with self._link.session(LIMIT_S) as session:
                async with _in_time():
                    entity = (await self._link.house(session, ACTION_AGE_S)).entities.get(entity_id)
                if why := refusal(domain, service, entity, dict(call.data)):
                    return ServiceResult("refused", why)
                assert entity is not None  # refused above
                asked = asked_by_service(service, dict(call.data))
                if needs_yes(asked.kind, entity, self._link.config.dangerous) and not self._is_confirmed(
                    call, confirmed
                ):
                    return ServiceResult("needs_confirmation", confirmation=self._questions.ask(call))
                return await self._call(session, call, asked)
        except HomeError as error:
            return ServiceResult("refused", f"No home control: {as_data(error.message, MAX_REASON_CHARACTERS)}")

    def _is_confirmed(self, call: _Call, token: str | None) -> bool:
        return token is not None and self._questions.redeem(token) == call

    async def _call(self, session: Session, call: _Call, asked: Asked) -> ServiceResult:
        async with _in_time():
            watched = await watch(session, [call.entity_id])
        before = dict(watched.now)
        try:
            async with _in_time():
                await session.ask(
                    "call_service",
                    domain=call.domain,
                    service=call.service,
                    service_data=dict(call.data),
                    target={"entity_id": call.entity_id},
                )
            await read_back(watched, [call.entity_id], asked, before, self._link.config.confirm_s)
        except HomeRefusal as error:
            return ServiceResult("refused", f"Home Assistant says: {as_data(error.message, MAX_REASON_CHARACTERS)}")
        except HomeError:
            return ServiceResult("unsure")
        now = watched.now.get(call.entity_id)
        return ServiceResult(_status(asked, before.get(call.entity_id), now), state=now)


def exposed_as_data(exposed: tuple[Exposed, ...]) -> str:
    """The devices for a model, a line each."""
    return rows_as_data(
        {**_row(one.state), "area": one.entity.area, "confirmation": "needed" if one.dangerous else "no"}
        for one in exposed
    )


def _status(asked: Asked, before: EntityState | None, now: EntityState | None) -> Status:
    shown = as_asked(asked, before, now)
    if shown is None:
        return "sent"
    if shown:
        return "done"
    return "absent" if now is None or now.state == "unavailable" else "failed"


def _row(state: EntityState) -> dict[str, object]:
    unit = state.attributes.get("unit_of_measurement")
    row: dict[str, object] = {"entity_id": state.entity_id, "name": state.name, "state": state.state}
    return {**row, "unit": unit} if unit else row


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """A limit whose end is a HomeUnavailable."""
    try:
        async with asyncio.timeout(LIMIT_S):
            yield
    except TimeoutError:
        raise HomeUnavailable(f"Home Assistant did not answer within {LIMIT_S:g} s.") from None
