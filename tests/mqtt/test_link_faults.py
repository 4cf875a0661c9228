"""Brokers that cannot be reached or let nobody in: each is told apart."""

import asyncio
import logging
import shutil
import ssl
import subprocess

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from jarvisd.config import MqttConfig
from jarvisd.errors import MqttError
from jarvisd.events import MqttLinkChanged
from jarvisd.mqtt import faults
from jarvisd.mqtt.link import Link, pause_s
from tests.fakes.broker import HOST, Broker, free_port, listening, mosquitto, password_file
from tests.fakes.facts import Facts

STATUS, ASK, RESPONSE = "jarvisd/home/status", "jarvisd/home/ask/set", "jarvisd/home/response"


def make_link(facts, password=None, **config):
    return Link(
        MqttConfig(**({"host": HOST} | config)),
        client_id="jarvisd-home",
        status_topic=STATUS,
        password=password,
        publish=facts.publish,
        connect_limit_s=0.3,
        retry_s=(0.01, 0.05),
    )


async def first_news(link, facts):
    """What the link says first of its connection."""
    async with asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        news = await facts.until(MqttLinkChanged)
        run.cancel()
    return news


async def detail_of(**config):
    facts = Facts()
    news = await first_news(make_link(facts, **config), facts)
    assert not news.connected
    return news.detail


@pytest.fixture
def strict_broker(tmp_path):
    mosquitto()
    passwords = password_file(tmp_path, "jarvisd", "secret")
    broker = Broker(tmp_path, f"allow_anonymous false\npassword_file {passwords}")
    broker.start()
    yield broker
    broker.stop()


async def test_a_wrong_password_and_none_are_told_apart(strict_broker, caplog):
    port = strict_broker.port
    wrong = await detail_of(port=port, username="jarvisd", password="wrong")
    assert wrong == (
        f"the broker at {HOST}:{port} refuses user 'jarvisd'; check mqtt.username and the secret 'mqtt-password'"
    )
    none = await detail_of(port=port)
    assert none == (
        f"the broker at {HOST}:{port} wants a user name and a password; "
        "set mqtt.username and the secret 'mqtt-password'"
    )
    assert "wrong" not in caplog.text.replace(wrong, "").replace(none, "")


async def test_the_right_password_opens(strict_broker):
    facts = Facts()
    link = make_link(facts, port=strict_broker.port, username="jarvisd", password="secret")
    assert (await first_news(link, facts)).connected


@pytest.mark.parametrize(
    ("code", "failures", "shortest_s", "longest_s"),
    [
        ("mqtt_refused", 0, 0.25, 0.5),
        ("mqtt_refused", 3, 2, 4),
        ("mqtt_refused", 5_000, 5, 10),
        ("mqtt_auth", 0, 5, 10),
        ("mqtt_auth", 5_000, 30, 60),
        ("mqtt_tls", 5_000, 30, 60),
    ],
)
def test_pauses_grow_and_are_long_where_a_person_must_help(code, failures, shortest_s, longest_s):
    pauses = [pause_s(MqttError("", code=code), failures, (0.5, 10)) for _ in range(50)]
    assert shortest_s <= min(pauses) < max(pauses) <= longest_s


async def test_no_such_host():
    name = "x" * 64 + ".invalid"  # a label that long cannot even be asked for
    detail = await detail_of(host=name)
    assert detail.startswith(f"there is no host {name!r} (")
    assert detail.endswith("; see mqtt.host")


@pytest.mark.parametrize("host", [HOST, "localhost"])
async def test_nothing_listens(host):
    port = free_port()
    assert await detail_of(host=host, port=port) == f"nothing listens on {host}:{port}; is the broker running?"


class Silent:
    """Takes connections and says nothing, or something that is not MQTT."""

    def __init__(self, says: bytes = b"") -> None:
        self._says = says
        self._open: list[asyncio.StreamWriter] = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        return self._server.sockets[0].getsockname()[1]

    async def __aexit__(self, *error):
        self._server.close()
        for writer in self._open:
            writer.close()

    async def _serve(self, reader, writer):
        self._open.append(writer)
        writer.write(self._says)


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\xff\xff\xff\xff", b"\0" * 64])
async def test_something_that_is_no_broker(says):
    async with Silent(says) as port:
        detail = await detail_of(port=port)
    assert detail.startswith(f"{HOST}:{port} takes connections but does not answer as an MQTT broker")


async def test_tls_where_there_is_none(broker):
    detail = await detail_of(port=broker.port, tls=True)
    assert detail.startswith(f"{HOST}:{broker.port} does not speak TLS (")


async def test_a_silent_port_with_tls():
    async with Silent() as port:
        assert await detail_of(port=port, tls=True) == f"{HOST}:{port} does not answer within 0.3 s"


async def test_a_missing_or_broken_ca_file(tmp_path):
    missing = tmp_path / "missing.pem"
    detail = await detail_of(port=1, tls=True, ca_file=missing)
    assert detail == f"mqtt.ca_file {missing} cannot be used: No such file or directory"
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    assert f"mqtt.ca_file {broken} cannot be used: " in await detail_of(port=1, tls=True, ca_file=broken)


@pytest.fixture
def tls_broker(tmp_path):
    mosquitto()
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        (
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=broker "
            f"-addext subjectAltName=IP:{HOST} -keyout {key} -out {certificate}"
        ).split(),
        check=True,
        capture_output=True,
    )
    broker = Broker(tmp_path, f"allow_anonymous true\ncertfile {certificate}\nkeyfile {key}")
    broker.start()
    yield broker, certificate
    broker.stop()


async def test_tls_is_verified(tls_broker):
    broker, certificate = tls_broker
    detail = await detail_of(port=broker.port, tls=True)
    assert f"the certificate of {HOST}:{broker.port} is not trusted" in detail
    assert "set mqtt.ca_file" in detail

    facts = Facts()
    assert (await first_news(make_link(facts, port=broker.port, tls=True, ca_file=certificate), facts)).connected


async def test_answers_travel_by_tls(tls_broker):
    broker, certificate = tls_broker
    facts = Facts()
    link = make_link(facts, port=broker.port, tls=True, ca_file=certificate)
    context = ssl.create_default_context(cafile=str(certificate))
    async with listening(broker, RESPONSE, tls_context=context) as house, asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        link.send(RESPONSE, b"x" * 50_000)
        assert await house.until(RESPONSE) == b"x" * 50_000
        run.cancel()


async def test_a_broker_that_wants_tls(tls_broker):
    broker, _ = tls_broker
    detail = await detail_of(port=broker.port)
    assert "does not answer as an MQTT broker; is it frozen, or is mqtt.tls needed?" in detail


class OldBroker:
    """In front of a mosquitto: refuses MQTT 5 as the 3.1.1 specification wants it, or just hangs up."""

    def __init__(self, broker: Broker, *, answers: bool) -> None:
        self._broker = broker
        self._answers = answers
        self.port = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error):
        self._server.close()

    async def _serve(self, reader, writer):
        beginning = await reader.read(64)
        version = beginning[8:9]  # CONNECT, its length, 0 4 M Q T T, version
        if version == b"\x04":
            there_reader, there_writer = await asyncio.open_connection(HOST, self._broker.port)
            there_writer.write(beginning)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, there_writer))
                group.create_task(self._pass(there_reader, writer))
        elif beginning and self._answers:
            writer.write(b"\x20\x02\x00\x01")  # CONNACK: unacceptable protocol version
        writer.close()

    async def _pass(self, reader, writer):
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()


@pytest.mark.parametrize("answers", [True, False], ids=["refuses", "hangs up"])
async def test_a_broker_that_speaks_only_3_1_1(broker, caplog, answers):
    facts, heard = Facts(), []
    async with OldBroker(broker, answers=answers) as old:
        link = make_link(facts, port=old.port)

        async def echo(message):
            heard.append(message.payload)
            link.send(RESPONSE, message.payload)

        link.on(ASK, echo)
        async with listening(broker, RESPONSE) as asker, asyncio.TaskGroup() as group:
            await asker.say(ASK, b"retained", retain=True)
            run = group.create_task(link.run())
            news = await facts.until(MqttLinkChanged)
            await asker.say(ASK, b"hello")
            assert await asker.until(RESPONSE) == b"hello"
            run.cancel()
    assert news == MqttLinkChanged(True, f"{HOST}:{old.port}, MQTT 3.1.1")
    assert heard == [b"hello"]
    assert f"Ignored a retained MQTT message on {ASK}" in caplog.text


async def test_an_access_list_that_forbids_is_said_once(tmp_path, caplog):
    mosquitto()
    rules = tmp_path / "acl"
    rules.write_text(f"topic write {STATUS}\ntopic readwrite other/#\n")
    rules.chmod(0o600)
    broker = Broker(tmp_path, f"allow_anonymous true\nacl_file {rules}")
    await asyncio.to_thread(broker.start)
    try:
        facts = Facts()
        link = make_link(facts, port=broker.port)
        link.on(ASK, link.send)
        async with listening(broker, "other/#") as house, asyncio.TaskGroup() as group:
            run = group.create_task(link.run())
            await facts.until(MqttLinkChanged)
            link.send(RESPONSE, b"1")
            link.send(RESPONSE, b"2")
            link.send("other/topic", b"3")
            await house.until("other/topic")
            run.cancel()
    finally:
        await asyncio.to_thread(broker.stop)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert f"The MQTT broker does not let us write {RESPONSE}; see its access list" in warnings
    assert len(warnings) <= 2  # reading is granted by this mosquitto, and then nothing comes


def lost_by(reason: str) -> str:
    error = aiomqtt.MqttError("Disconnected during message iteration")
    error.__cause__ = aiomqtt.MqttCodeError(ReasonCode(PacketTypes.DISCONNECT, reason))
    return faults.lost(MqttConfig(host="broker"), "jarvisd-home", error).message


def test_why_a_connection_was_lost():
    assert lost_by("Session taken over") == (
        "another client called 'jarvisd-home' took over; does a second daemon have the same house.node?"
    )
    assert lost_by("Unspecified error") == "the connection to broker:1883 was lost (it was closed)"
    assert "Server shutting down" in lost_by("Server shutting down")


def test_a_refusal_for_another_reason_is_shown():
    refusal = aiomqtt.exceptions.MqttConnectError(ReasonCode(PacketTypes.CONNACK, "Server busy"))
    told = faults.refused(MqttConfig(host="broker"), refusal)
    assert told.message == "the broker at broker:1883 refuses the connection: Server busy"
    assert told.code not in faults.NEEDS_A_PERSON
