"""aiomqtt's client, and what it lacks for a connection that must be told about and ended whatever happens."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl

import aiomqtt
from paho.mqtt import client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from jarvisd.config import MqttConfig

V5, V311 = aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311

# paho calls each lost connection an error; the link tells it once, in its own words.
_WIRE_LOGGER = logging.getLogger("jarvisd.mqtt.wire")
_WIRE_LOGGER.setLevel(logging.CRITICAL)
# Without this a short message may wait 40 ms for the acknowledgement of the one before.
_SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
# Messages that wait for a handler; beyond, they are dropped.
_MAX_QUEUED = 1_000


class Client(aiomqtt.Client):
    """For one connection only: aiomqtt 2.5 spins or breaks when one is entered again after a failed publish."""

    def __init__(
        self,
        config: MqttConfig,
        protocol: aiomqtt.ProtocolVersion,
        *,
        client_id: str,
        password: str | None,
        tls: ssl.SSLContext | None,
        will: aiomqtt.Will,
        limit_s: float,
    ) -> None:
        assert config.host is not None
        super().__init__(
            config.host,
            config.port,
            identifier=client_id,
            username=config.username,
            password=password,
            protocol=protocol,
            clean_session=True if protocol is V311 else None,
            keepalive=max(1, config.keepalive_s * 3 // 4),  # paho notices after up to two of its own
            timeout=limit_s,
            tls_context=tls,
            will=will,
            max_queued_incoming_messages=_MAX_QUEUED,
            socket_options=_SOCKET_OPTIONS,
            logger=_WIRE_LOGGER,
        )
        self.protocol = protocol
        self.last_acknowledgement = 0

    async def subscribe_to_new(self, topic: str) -> bool:
        """Messages from now on, not the retained one; whether the broker allows it."""
        if self.protocol is V5:
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            answers = await self.subscribe(topic, options=options)
        else:
            answers = await self.subscribe(topic, qos=1)
        return all((one.value if isinstance(one, ReasonCode) else one) < 128 for one in answers)

    def abandon(self) -> None:
        """Close what aiomqtt leaves open of a connection that never came about or does not end."""
        open_socket = self._client.socket()
        if open_socket is not None and open_socket.fileno() >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(open_socket)
            loop.remove_writer(open_socket)
            open_socket.close()
        for end in (self._connected, self._disconnected):
            if end.done() and not end.cancelled():
                end.exception()  # else asyncio complains that nobody looked

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: object,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        """A broker that hangs up instead of answering is told at once; aiomqtt would wait until its limit."""
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttCodeError(reason_code))
        else:
            super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_publish(
        self, client: paho.Client, userdata: object, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        """Keeps the reason code of the acknowledgement, which aiomqtt throws away."""
        self.last_acknowledgement = reason_code.value
        super()._on_publish(client, userdata, mid, reason_code, properties)
