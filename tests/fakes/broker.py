"""A real mosquitto on a free loopback port, and what can happen to one."""

import asyncio
import base64
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiomqtt
import pytest

HOST = "127.0.0.1"


class Broker:
    """Keeps its port when it comes back. The methods block: in a test that is async, use asyncio.to_thread."""

    def __init__(self, folder: Path, settings: str = "allow_anonymous true", *, port: int | None = None) -> None:
        self.host = HOST
        self.port = port or free_port()
        self._folder = folder
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it takes connections."""
        config = self._folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} {HOST}\nuser root\nset_tcp_nodelay true\n{self._settings}\n")
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([mosquitto(), "-v", "-c", str(config)], stdout=log, stderr=log)
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise AssertionError(f"mosquitto does not start:\n{self.log()}") from None
            time.sleep(0.005)

    def stop(self) -> None:
        """As `systemctl stop` does. Without effect on one that does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.kill()
        self.start()

    def freeze(self) -> None:
        """It keeps its port and its connections, and does nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        return (self._folder / "mosquitto.log").read_text(errors="replace")

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._signal(how)
            self._signal(signal.SIGCONT)
            self._process.wait(10)
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)


class Listener:
    """An independent client: keeps what it receives on everything below a base topic, as (topic, payload)."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.seen: list[tuple[str, bytes]] = []

    async def until(self, topic: str, payload: bytes | None = None) -> bytes:
        """Receives up to a message on a topic that ends like this; a payload can be waited for, too."""
        async with asyncio.timeout(30):
            async for message in self.client.messages:
                self.seen.append((str(message.topic), bytes(message.payload)))
                if str(message.topic).endswith(topic) and payload in (None, message.payload):
                    return bytes(message.payload)
        raise AssertionError("the broker has gone")

    async def take(self, count: int) -> None:
        """Receives so many messages."""
        async with asyncio.timeout(30):
            for _ in range(count):
                message = await anext(self.client.messages)
                self.seen.append((str(message.topic), bytes(message.payload)))

    async def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        await self.client.publish(topic, payload, qos=1, retain=retain)


class listening:  # noqa: N801 - reads as `async with listening(broker) as listener`
    def __init__(self, broker: Broker, topic: str = "#", **options: object) -> None:
        self._client = aiomqtt.Client(
            broker.host, broker.port, socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)], **options
        )
        self._topic = topic

    async def __aenter__(self) -> Listener:
        await self._client.__aenter__()
        await self._client.subscribe(self._topic, qos=1)
        return Listener(self._client)

    async def __aexit__(self, *error: object) -> None:
        with suppress(aiomqtt.MqttError):  # the broker may have gone first
            await self._client.__aexit__(None, None, None)
        if self._client._disconnected.done():
            self._client._disconnected.exception()  # else asyncio complains that nobody looked


def mosquitto() -> str:
    """The program; without it the test is skipped, or fails where JARVISD_REQUIRE_MOSQUITTO is set."""
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found:
        return found
    reason = "mosquitto is not installed (Debian: apt-get install mosquitto)"
    if os.environ.get("JARVISD_REQUIRE_MOSQUITTO"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return free.getsockname()[1]


def password_file(folder: Path, user: str, password: str) -> Path:
    """In mosquitto's format: PBKDF2 with SHA-512."""
    salt = b"0123456789ab"
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    path = folder / "passwords"
    path.write_text(f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A running mosquitto that lets everybody in and forgets everything when it ends."""
    one = Broker(tmp_path)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def absent_broker(tmp_path: Path) -> Iterator[Broker]:
    """One that has not been started yet."""
    mosquitto()
    one = Broker(tmp_path)
    yield one
    one.stop()
