"""The one connection to the broker: kept up, brought back, and never anybody else's trouble.

After a connect: subscribe, then every retained value, then `online`; `offline` is the last will and is said before a
clean end. A message leaves the outbox only when the broker has acknowledged it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiomqtt

from jarvisd.config import MqttConfig
from jarvisd.errors import MqttError
from jarvisd.events import Event, MqttLinkChanged
from jarvisd.mqtt import faults
from jarvisd.mqtt.client import V5, V311, Client
from jarvisd.mqtt.outbox import Outbox, Outgoing

_LOGGER = logging.getLogger(__name__)

_PROTOCOL_NAMES = {V5: "MQTT 5", V311: "MQTT 3.1.1"}

# When the daemon ends: time for the last messages, then for `offline`, then for closing.
GOODBYE_LIMIT_S = 1.0
# Answers that waited for the broker wait so long for somebody to hear them: the others come back, too.
REJOIN_S = 15.0
REJOIN_PAUSE_S = 0.5
# A connection that stood so long was a good one: the next attempt comes quickly again.
STEADY_S = 10.0
# Where only a person can help, attempts are so far apart.
PERSON_RETRY_S = 60.0
# Handlers at work at once; beyond, messages wait.
MAX_HANDLERS = 128


@dataclass(frozen=True, slots=True)
class Incoming:
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """A snapshot to show. `waiting`: answers not yet delivered; `dropped`, `expired`: those given up."""

    connected: bool
    detail: str
    connects: int
    waiting: int
    dropped: int
    expired: int


Handler: TypeAlias = Callable[[Incoming], Awaitable[None]]


class Link:
    """`publish` tells events; `retry_s`: the first and the longest time between attempts."""

    def __init__(
        self,
        config: MqttConfig,
        *,
        client_id: str,
        status_topic: str,
        password: str | None,
        publish: Callable[[Event], None],
        connect_limit_s: float = 5.0,
        ack_limit_s: float = 10.0,
        retry_s: tuple[float, float] = (0.5, 10.0),
    ) -> None:
        self._config = config
        self._client_id = client_id
        self._status_topic = status_topic
        self._password = password
        self._publish = publish
        self._connect_limit_s = connect_limit_s
        self._ack_limit_s = ack_limit_s
        self._retry_s = retry_s
        self._outbox = Outbox(config.outbox_size, config.outbox_ttl_s)
        self._handlers: dict[str, Handler] = {}
        self._slots = asyncio.Semaphore(MAX_HANDLERS)
        self._protocol = V5
        self._connected = False
        self._connected_at = 0.0
        self._connects = 0
        self._cancelled_before = 0
        self._forbidden: set[str] = set()
        self._detail = "not connected yet"

    def on(self, topic: str, handler: Handler) -> None:
        """Await `handler` for each message on the topic that is not a retained one. Call before `run`."""
        self._handlers[topic] = handler

    def send(self, topic: str, payload: bytes) -> None:
        """Must arrive, also when the broker is away now."""
        self._outbox.keep(topic, payload)

    def tell(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Worth something only now: dropped while the broker is away."""
        if self._connected:
            self._outbox.pass_on(topic, payload, qos)

    def retain(self, topic: str, payload: bytes) -> None:
        """The retained value of a topic from now on; sent when it changes and after each connect."""
        self._outbox.retain(topic, payload)

    def status(self) -> LinkStatus:
        return LinkStatus(
            self._connected,
            self._detail,
            self._connects,
            self._outbox.waiting,
            self._outbox.dropped,
            self._outbox.expired,
        )

    async def run(self) -> None:
        """A service: runs until cancelled, and raises nothing because of the broker."""
        async with asyncio.TaskGroup() as handlers:  # they outlive a connection: a slow answer is still wanted
            failures = 0
            self._cancelled_before = _cancellations()
            while True:
                began = time.monotonic()
                try:
                    await self._connect_and_stay(handlers)
                except MqttError as fault:
                    if time.monotonic() - began > STEADY_S:
                        failures = 0
                    self._unavailable(fault)
                    await asyncio.sleep(pause_s(fault, failures, self._retry_s))
                    failures += 1

    async def _connect_and_stay(self, handlers: asyncio.TaskGroup) -> None:
        """One connection, from the first byte to its loss: raises MqttError then, and only that."""
        tls = await faults.tls_context(self._config)
        await faults.reach(self._config, tls, self._connect_limit_s)
        client = await self._enter(tls)
        try:
            _stop_if_cancelled(self._cancelled_before)
            error = await self._stay(client, handlers)
        finally:
            await self._leave(client)
        raise faults.lost(self._config, self._client_id, error) from error

    async def _stay(self, client: Client, handlers: asyncio.TaskGroup) -> aiomqtt.MqttError:
        """Receive and send until the connection is lost; what it was lost by."""
        async with asyncio.TaskGroup() as group:
            both = {
                group.create_task(_until_lost(self._receive(client, handlers)), name="mqtt receive"),
                group.create_task(_until_lost(self._send(client)), name="mqtt send"),
            }
            ended, going_on = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            self._connected = False
            for task in going_on:
                task.cancel()
        return ended.pop().result()

    async def _enter(self, tls: ssl.SSLContext | None) -> Client:
        """A connected client, by the newest protocol that the broker speaks."""
        for protocol in (self._protocol, V311 if self._protocol is V5 else V5):
            client = self._client(protocol, tls)
            try:
                await client.__aenter__()
            except aiomqtt.MqttError as error:
                client.abandon()
                refusal = faults.refused(self._config, error)
                if refusal.code == "mqtt_auth":
                    break
            except BaseException:
                client.abandon()
                raise
            else:
                self._protocol = protocol
                return client
        raise refusal

    def _client(self, protocol: aiomqtt.ProtocolVersion, tls: ssl.SSLContext | None) -> Client:
        return Client(
            self._config,
            protocol,
            client_id=self._client_id,
            password=self._password,
            tls=tls,
            will=aiomqtt.Will(self._status_topic, b"offline", qos=1, retain=True),
            limit_s=self._connect_limit_s,
        )

    async def _send(self, client: Client) -> None:
        await self._subscribe(client)
        self._outbox.renew()
        while (message := self._outbox.head()) is not None and message.retained:
            await self._deliver(client, message)
            _stop_if_cancelled()
        await self._say(client, b"online")
        self._available()
        while True:
            _stop_if_cancelled()
            await self._deliver(client, await self._outbox.next())

    async def _subscribe(self, client: Client) -> None:
        for topic in self._handlers:
            if not await client.subscribe_to_new(topic):
                _LOGGER.warning("The MQTT broker does not let us read %s; see its access list", topic)
            _stop_if_cancelled()

    async def _deliver(self, client: Client, message: Outgoing) -> None:
        """Returns when the broker has acknowledged it; otherwise raises, and the message stays."""
        await client.publish(
            message.topic, message.payload, qos=message.qos, retain=message.retained, timeout=self._ack_limit_s
        )
        said = client.last_acknowledgement
        if said == faults.NO_SUBSCRIBERS and self._connected and self._waited_for_broker(message):
            await asyncio.sleep(REJOIN_PAUSE_S)
            return
        if said == faults.NOT_AUTHORIZED and message.topic not in self._forbidden:
            self._forbidden.add(message.topic)
            _LOGGER.warning("The MQTT broker does not let us write %s; see its access list", message.topic)
        self._outbox.done(message)

    def _waited_for_broker(self, message: Outgoing) -> bool:
        """It was to be kept while the broker was away, and the broker has not been back for long."""
        waited = not message.passing and not message.retained and message.put_at < self._connected_at
        return waited and time.monotonic() < self._connected_at + REJOIN_S

    async def _say(self, client: Client, status: bytes) -> None:
        await client.publish(self._status_topic, status, qos=1, retain=True, timeout=self._ack_limit_s)

    async def _receive(self, client: Client, handlers: asyncio.TaskGroup) -> None:
        async for message in client.messages:
            topic = str(message.topic)
            if message.retain:
                _LOGGER.warning("Ignored a retained MQTT message on %s: commands must not be retained", topic)
            elif topic in self._handlers:
                await self._slots.acquire()
                incoming = Incoming(topic, bytes(message.payload))
                handlers.create_task(self._handle(incoming), name=f"mqtt {topic}")

    async def _handle(self, message: Incoming) -> None:
        try:
            await self._handlers[message.topic](message)
        except Exception:
            _LOGGER.exception("A message on %s could not be handled", message.topic)
        finally:
            self._slots.release()

    async def _leave(self, client: Client) -> None:
        """Says goodbye if somebody is there to hear it; a broker that does not listen gets little time."""
        is_heard, self._connected = self._connected, False
        try:
            if is_heard:
                await _briefly(self._empty_outbox(client))
                await _briefly(self._say(client, b"offline"))
            await _briefly(client.__aexit__(None, None, None))
        finally:
            client.abandon()

    async def _empty_outbox(self, client: Client) -> None:
        while (message := self._outbox.head()) is not None:
            await self._deliver(client, message)

    def _available(self) -> None:
        self._connected = True
        self._connected_at = time.monotonic()
        self._connects += 1
        self._detail = f"{self._config.host}:{self._config.port}, {_PROTOCOL_NAMES[self._protocol]}"
        _LOGGER.info("MQTT connected: %s", self._detail)
        self._publish(MqttLinkChanged(connected=True, detail=self._detail))

    def _unavailable(self, fault: MqttError) -> None:
        """Says each reason once, until it changes."""
        self._outbox.drop_passing()
        if fault.message == self._detail:
            _LOGGER.debug("MQTT still not connected: %s", fault)
            return
        self._detail = fault.message
        _LOGGER.warning("MQTT not connected: %s; answers wait, and everything else goes on", fault)
        self._publish(MqttLinkChanged(connected=False, detail=fault.message))


def pause_s(fault: MqttError, failures: int, retry_s: tuple[float, float]) -> float:
    """How long to wait after a fault, with `failures` before it: longer each time, and never in step with others."""
    first_s, longest_s = retry_s
    if fault.code in faults.NEEDS_A_PERSON:
        first_s, longest_s = longest_s, max(longest_s, PERSON_RETRY_S)
    return min(longest_s, first_s * float(2 ** min(failures, 10))) * random.uniform(0.5, 1.0)


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _stop_if_cancelled(before: int = 0) -> None:
    """aiomqtt waits with asyncio.wait_for, which in Python 3.11 can swallow a cancellation that comes with a result.

    `before`: how many this task had seen when it came to us; 3.11's TaskGroup leaves old ones counted.
    """
    if _cancellations() > before:
        raise asyncio.CancelledError


async def _briefly(step: Awaitable[object]) -> None:
    try:
        async with asyncio.timeout(GOODBYE_LIMIT_S):
            await step
    except (TimeoutError, aiomqtt.MqttError) as error:
        _LOGGER.debug("The MQTT connection did not end cleanly: %s", error)


async def _until_lost(endless: Coroutine[Any, Any, None]) -> aiomqtt.MqttError:
    try:
        await endless
    except aiomqtt.MqttError as error:
        return error
    raise AssertionError("receiving and sending end only with the connection")
