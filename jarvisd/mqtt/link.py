"""The one connection to the broker: kept up, brought back, and never anybody else's trouble.

A fresh client for each attempt: with aiomqtt 2.5, entering one again after a failed publish spins or breaks.
After a connect: subscribe, then every retained value, then `online`; `offline` is the last will and is said before a
clean end. A message leaves the outbox only when the broker has acknowledged it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from jarvisd.config import MqttConfig
from jarvisd.errors import MqttError
from jarvisd.events import Event, MqttLinkChanged
from jarvisd.mqtt import faults
from jarvisd.mqtt.outbox import Outbox, Outgoing

_LOGGER = logging.getLogger(__name__)

_V5, _V311 = aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311
_PROTOCOL_NAMES = {_V5: "MQTT 5", _V311: "MQTT 3.1.1"}

# Without this a short message may wait 40 ms for the acknowledgement of the one before.
_SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)

CONNECT_LIMIT_S = 5.0
# When the daemon ends: time for the last messages, then for `offline`, then for closing.
GOODBYE_LIMIT_S = 1.0
# A connection that stood so long was a good one: the next attempt comes quickly again.
STEADY_S = 10.0
# Where only a person can help, attempts are so far apart.
PERSON_RETRY_S = 60.0
# Handlers at work at once; beyond, messages wait in the client's queue, and beyond that they are dropped.
MAX_HANDLERS = 128
MAX_QUEUED = 1_000


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
        ack_limit_s: float = 10.0,
        retry_s: tuple[float, float] = (0.5, 10.0),
    ) -> None:
        self._config = config
        self._client_id = client_id
        self._status_topic = status_topic
        self._password = password
        self._publish = publish
        self._ack_limit_s = ack_limit_s
        self._retry_s = retry_s
        self._outbox = Outbox(config.outbox_size, config.outbox_ttl_s)
        self._handlers: dict[str, Handler] = {}
        self._slots = asyncio.Semaphore(MAX_HANDLERS)
        self._protocol = _V5
        self._connected = False
        self._connects = 0
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
            while True:
                began = asyncio.get_running_loop().time()
                try:
                    await self._connect_and_stay(handlers)
                except MqttError as fault:
                    if asyncio.get_running_loop().time() - began > STEADY_S:
                        failures = 0
                    self._unavailable(fault)
                    await asyncio.sleep(self._pause_s(fault, failures))
                    failures += 1

    def _pause_s(self, fault: MqttError, failures: int) -> float:
        first_s, longest_s = self._retry_s
        if fault.code in faults.NEEDS_A_PERSON:
            first_s, longest_s = longest_s, max(longest_s, PERSON_RETRY_S)
        return min(longest_s, first_s * float(2 ** min(failures, 10))) * random.uniform(0.5, 1.0)

    async def _connect_and_stay(self, handlers: asyncio.TaskGroup) -> None:
        """One connection, from the first byte to its loss: raises MqttError then, and only that."""
        tls = await faults.tls_context(self._config)
        await faults.reach(self._config, tls, CONNECT_LIMIT_S)
        client = await self._enter(tls)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._receive(client, handlers), name="mqtt receive")
                group.create_task(self._send(client), name="mqtt send")
        except* aiomqtt.MqttError as lost:
            self._connected = False
            raise faults.lost(self._config, self._client_id, _first(lost)) from None
        finally:
            await self._leave(client)

    async def _enter(self, tls: ssl.SSLContext | None) -> aiomqtt.Client:
        """A connected client, by the newest protocol that the broker speaks."""
        for protocol in (self._protocol, _V311 if self._protocol is _V5 else _V5):
            client = self._client(protocol, tls)
            try:
                await client.__aenter__()
            except aiomqtt.MqttError as error:
                _abandon(client)
                refusal = faults.refused(self._config, error)
                if refusal.code == "mqtt_auth":
                    break
            except BaseException:
                _abandon(client)
                raise
            else:
                self._protocol = protocol
                return client
        raise refusal

    def _client(self, protocol: aiomqtt.ProtocolVersion, tls: ssl.SSLContext | None) -> aiomqtt.Client:
        assert self._config.host is not None
        return aiomqtt.Client(
            self._config.host,
            self._config.port,
            identifier=self._client_id,
            username=self._config.username,
            password=self._password,
            protocol=protocol,
            clean_session=True if protocol is _V311 else None,
            keepalive=max(1, self._config.keepalive_s * 3 // 4),  # paho notices after up to two of its own
            timeout=CONNECT_LIMIT_S,
            tls_context=tls,
            will=aiomqtt.Will(self._status_topic, b"offline", qos=1, retain=True),
            max_queued_incoming_messages=MAX_QUEUED,
            socket_options=_SOCKET_OPTIONS,
        )

    async def _send(self, client: aiomqtt.Client) -> None:
        await self._subscribe(client)
        self._outbox.renew()
        while (message := self._outbox.head()) is not None and message.retained:
            await self._deliver(client, message)
        await self._say(client, b"online")
        self._available()
        while True:
            await self._deliver(client, await self._outbox.next())

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        for topic in self._handlers:
            if self._protocol is _V5:
                never_retained = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
                answers = await client.subscribe(topic, options=never_retained)
            else:
                answers = await client.subscribe(topic, qos=1)
            if any((one.value if isinstance(one, ReasonCode) else one) >= 128 for one in answers):
                _LOGGER.warning("The MQTT broker does not let us read %s; see its access list", topic)

    async def _deliver(self, client: aiomqtt.Client, message: Outgoing) -> None:
        """Returns when the broker has acknowledged it; otherwise raises, and the message stays."""
        await client.publish(
            message.topic, message.payload, qos=message.qos, retain=message.retained, timeout=self._ack_limit_s
        )
        self._outbox.done(message)

    async def _say(self, client: aiomqtt.Client, status: bytes) -> None:
        await client.publish(self._status_topic, status, qos=1, retain=True, timeout=self._ack_limit_s)

    async def _receive(self, client: aiomqtt.Client, handlers: asyncio.TaskGroup) -> None:
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

    async def _leave(self, client: aiomqtt.Client) -> None:
        """Says goodbye if somebody is there to hear it; a broker that does not listen gets little time."""
        try:
            if self._connected:
                await _briefly(self._empty_outbox(client))
                await _briefly(self._say(client, b"offline"))
            await _briefly(client.__aexit__(None, None, None))
        finally:
            self._connected = False
            _abandon(client)

    async def _empty_outbox(self, client: aiomqtt.Client) -> None:
        while (message := self._outbox.head()) is not None:
            await self._deliver(client, message)

    def _available(self) -> None:
        self._connected = True
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


async def _briefly(step: Awaitable[object]) -> None:
    try:
        async with asyncio.timeout(GOODBYE_LIMIT_S):
            await step
    except (TimeoutError, aiomqtt.MqttError) as error:
        _LOGGER.debug("The MQTT connection did not end cleanly: %s", error)


def _first(errors: BaseExceptionGroup[aiomqtt.MqttError]) -> aiomqtt.MqttError:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, aiomqtt.MqttError)
    return error


def _abandon(client: aiomqtt.Client) -> None:
    """Close what a client leaves open that never connected or does not end: aiomqtt offers no way to do so."""
    open_socket = client._client.socket()
    if open_socket is not None and open_socket.fileno() >= 0:
        loop = asyncio.get_running_loop()
        loop.remove_reader(open_socket)
        loop.remove_writer(open_socket)
        open_socket.close()
    if client._disconnected.done():
        client._disconnected.exception()  # else asyncio complains that nobody looked
