"""A small Home Assistant that speaks its WebSocket protocol: as much of it as the daemon uses, and as badly as asked.

What it understands is told to it sentence by sentence (`teach`); what a sentence or a service does to a device, too.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

TOKEN = "a-long-lived-token"
AGENT = "conversation.home_assistant"
MISBEHAVIOUR = {
    "no-auth": "never asks who is there",
    "other-server": "greets like another program",
    "garbage": "answers the first command with something that is not JSON",
    "list": "answers commands with a JSON list",
    "hang-debug": "never says what a sentence would do",
    "hang-process": "takes a command and never says what became of it",
    "cut-process": "takes a command, does it, and hangs up",
    "not-admin": "the token is not an administrator's",
    "odd-registry": "lists entities in another form",
}


def matched(intent: str, targets: tuple[str, ...] = (), source: str = "builtin", **slots: Any) -> dict[str, Any]:
    """What the debug command says of a sentence that would be carried out."""
    return {
        "intent": {"name": intent},
        "slots": {name: str(value) for name, value in slots.items()},
        "details": {name: {"name": name, "value": value, "text": str(value)} for name, value in slots.items()},
        "targets": {entity_id: {"matched": True} for entity_id in targets},
        "match": True,
        "sentence_template": "",
        "unmatched_slots": {},
        "source": source,
    }


def nearly(intent: str, **unmatched_slots: str) -> dict[str, Any]:
    return {**matched(intent), "match": False, "unmatched_slots": unmatched_slots}


def trigger() -> dict[str, Any]:
    return {"match": True, "source": "trigger", "sentence_template": "x"}


def said(speech: str, kind: str = "action_done", entities: tuple[str, ...] = (), code: str = "") -> dict[str, Any]:
    """What the process command answers."""
    data: dict[str, Any] = {"code": code} if code else {
        "targets": [],
        "success": [{"name": one, "type": "entity", "id": one} for one in entities],
        "failed": [],
    }  # fmt: skip
    response = {"speech": {"plain": {"speech": speech, "extra_data": None}}, "card": {}, "language": "es"}
    return {"response": {**response, "response_type": kind, "data": data}, "conversation_id": "01CONVERSATION"}


class FakeHome:
    """One house. `asked`: the commands that came, without the tokens."""

    def __init__(self, *misbehave: str) -> None:
        assert set(misbehave) <= set(MISBEHAVIOUR)
        self.misbehave = set(misbehave)
        self.token = TOKEN
        self.states: dict[str, dict[str, Any]] = {}
        self.exposed: list[str] = []
        self.aliases: dict[str, list[str]] = {}
        self.area_of: dict[str, str] = {}
        self.areas: dict[str, list[str]] = {}
        self.asked: list[dict[str, Any]] = []
        self.connections = 0
        self._grammar: dict[str, dict[str, Any] | None] = {}
        self._answers: dict[str, dict[str, Any]] = {}
        self._effects: dict[str, Mapping[str, Any]] = {}
        self._watchers: list[tuple[ServerConnection, int, list[str]]] = []
        self.url = ""

    def add(self, entity_id: str, name: str, state: str = "off", *, exposed: bool = True, area: str = "", **attributes):
        self.states[entity_id] = {"s": state, "a": {"friendly_name": name, **attributes}}
        if exposed:
            self.exposed.append(entity_id)
        if area:
            self.areas.setdefault(area, [area])
            self.area_of[entity_id] = area

    def teach(self, sentence: str, row: dict[str, Any] | None, answer: dict[str, Any] | None = None, **effect: Any):
        """`effect`: entity id with __ for the dot, and its new state (or `(state, attributes)`)."""
        self._grammar[sentence] = row
        self._answers[sentence] = answer or said("No", "error", code="no_intent_match")
        self._effects[sentence] = effect

    def answers(self, sentence: str, answer: Any) -> None:
        self._answers[sentence] = answer

    def serves(self, service: str, **effect: Any) -> None:
        self._effects[service] = effect

    async def change(self, entity_id: str, state: str, **attributes: Any) -> None:
        self.states[entity_id]["s"] = state
        self.states[entity_id]["a"].update(attributes)
        change = {entity_id: {"+": {"s": state, "a": attributes}}}
        for socket, number, ids in self._watchers:
            if entity_id in ids:
                with contextlib.suppress(ConnectionClosed):
                    await self._event(socket, number, {"c": change})

    def commands(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.asked if one["type"] == kind]

    @property
    def acted(self) -> bool:
        return bool(self.commands("conversation/process") or self.commands("call_service"))

    async def connected(self, socket: ServerConnection) -> None:
        self.connections += 1
        try:
            await self._serve(socket)
        except ConnectionClosed:
            pass
        finally:
            self._watchers = [one for one in self._watchers if one[0] is not socket]

    async def _serve(self, socket: ServerConnection) -> None:
        if "no-auth" in self.misbehave:
            await socket.wait_closed()
        greeting = "hello" if "other-server" in self.misbehave else "auth_required"
        await socket.send(json.dumps({"type": greeting, "ha_version": "2025.4.4"}))
        if json.loads(await socket.recv()).get("access_token") != self.token:
            await socket.send(json.dumps({"type": "auth_invalid", "message": "Invalid access token or password"}))
            return
        await socket.send(json.dumps({"type": "auth_ok", "ha_version": "2025.4.4"}))
        async for text in socket:
            message = json.loads(text)
            self.asked.append(message)
            if "garbage" in self.misbehave:
                await socket.send("<html>Bad gateway</html>")
            elif "list" in self.misbehave:
                await socket.send("[]")
            else:
                await self._answer(socket, message)

    async def _answer(self, socket: ServerConnection, message: dict[str, Any]) -> None:
        number = message["id"]
        match message["type"]:
            case "subscribe_entities":
                ids = message["entity_ids"]
                self._watchers.append((socket, number, ids))
                await self._result(socket, number, None)
                await self._event(socket, number, {"a": {one: self.states[one] for one in ids if one in self.states}})
            case "conversation/agent/homeassistant/debug":
                if "hang-debug" in self.misbehave:
                    await socket.wait_closed()
                rows = [self._grammar.get(sentence) for sentence in message["sentences"]]
                await self._result(socket, number, {"results": rows})
            case "conversation/process":
                await self._process(socket, message)
            case "call_service":
                await self._call(socket, message)
            case "homeassistant/expose_entity/list" if "not-admin" in self.misbehave:
                await self._refuse(socket, number, "unauthorized", "Unauthorized")
            case "homeassistant/expose_entity/list":
                exposed = {one: {"conversation": True} for one in self.exposed}
                await self._result(socket, number, {"exposed_entities": exposed})
            case "config/entity_registry/list_for_display":
                await self._result(socket, number, {"entities": [{"ei": one} for one in self.states]})
            case "config/entity_registry/get_entries":
                entries = [] if "odd-registry" in self.misbehave else {
                    one: self._entry(one) for one in message["entity_ids"]
                }  # fmt: skip
                await self._result(socket, number, entries)
            case "config/area_registry/list":
                areas = [
                    {"area_id": area, "name": names[0], "aliases": names[1:]} for area, names in self.areas.items()
                ]
                await self._result(socket, number, areas)
            case "config/device_registry/list":
                await self._result(socket, number, [])
            case "conversation/prepare":
                await self._result(socket, number, None)
            case _:
                await self._refuse(socket, number, "unknown_command", "Unknown command.")

    async def _process(self, socket: ServerConnection, message: dict[str, Any]) -> None:
        assert message["agent_id"] == AGENT, "another agent may do anything"
        if "hang-process" in self.misbehave:
            await socket.wait_closed()
        await self._take_effect(message["text"])
        if "cut-process" in self.misbehave:
            await socket.close()
            return
        await self._result(socket, message["id"], self._answers[message["text"]])

    async def _call(self, socket: ServerConnection, message: dict[str, Any]) -> None:
        service = f"{message['domain']}.{message['service']}"
        if service not in self._effects:
            await self._refuse(socket, message["id"], "not_found", f"Service {service} not found.")
            return
        if "cut-process" in self.misbehave:
            await socket.close()
            return
        await self._take_effect(service)
        await self._result(socket, message["id"], {"context": {}})

    async def _take_effect(self, cause: str) -> None:
        for entity, effect in self._effects[cause].items():
            state, attributes = effect if isinstance(effect, tuple) else (effect, {})
            await self.change(entity.replace("__", "."), state, **attributes)

    def _entry(self, entity_id: str) -> dict[str, Any]:
        return {
            "entity_id": entity_id,
            "area_id": self.area_of.get(entity_id),
            "device_id": None,
            "aliases": self.aliases.get(entity_id, []),
            "options": {"conversation": {"should_expose": entity_id in self.exposed}},
        }

    async def _result(self, socket: ServerConnection, number: int, result: Any) -> None:
        await socket.send(json.dumps({"id": number, "type": "result", "success": True, "result": result}))

    async def _refuse(self, socket: ServerConnection, number: int, code: str, message: str) -> None:
        error = {"code": code, "message": message}
        await socket.send(json.dumps({"id": number, "type": "result", "success": False, "error": error}))

    async def _event(self, socket: ServerConnection, number: int, event: Any) -> None:
        await socket.send(json.dumps({"id": number, "type": "event", "event": event}))


@asynccontextmanager
async def fake_home(*misbehave: str, port: int = 0) -> AsyncIterator[FakeHome]:
    """A house on loopback, with a lamp, a lamp that is unplugged, one that does not obey, and a garage."""
    home = FakeHome(*misbehave)
    home.add("light.salon", "Luz del salón", area="Salón")
    home.add("light.pasillo", "Lámpara del pasillo", "unavailable")
    home.add("light.porch", "Porch lamp")
    home.add("cover.garage", "Garage", "closed", device_class="garage")
    home.add("lock.front", "Front door", "locked")
    home.add("scene.cine", "Cine", "unknown")
    home.add("switch.secret", "Vault", exposed=False)
    home.areas["Salón"] = ["Salón", "living room"]
    async with serve(home.connected, "127.0.0.1", port) as server:
        home.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield home
        server.close(close_connections=True)
