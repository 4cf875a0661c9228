"""A real MQTT broker for the length of the demonstration: mosquitto, or amqtt where there is none."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
START_LIMIT_S = 15.0
AMQTT_CONFIG = """\
listeners:
  default: {{type: tcp, bind: "127.0.0.1:{port}"}}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin: {{allow_anonymous: true}}
"""


@dataclass(frozen=True, slots=True)
class Broker:
    name: str
    host: str
    port: int


@asynccontextmanager
async def running_broker(folder: Path) -> AsyncIterator[Broker]:
    """A broker on a free loopback port; it ends with the block."""
    port = _free_port()
    name, command = _mosquitto(port, folder) or _amqtt(port, folder)
    with (folder / "broker.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        await _accepting(process, port)
        yield Broker(name, "127.0.0.1", port)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _mosquitto(port: int, folder: Path) -> tuple[str, list[str]] | None:
    found = subprocess.run([REPOSITORY / "scripts/mosquitto.sh"], stdout=subprocess.PIPE, text=True, check=False)
    if found.returncode != 0:
        return None
    program = found.stdout.strip()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n")
    version = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    return version or "mosquitto", [program, "-c", str(config)]


def _amqtt(port: int, folder: Path) -> tuple[str, list[str]]:
    """amqtt lacks MQTT 5 and keeps nothing for absent clients: enough to look on, not for a house."""
    amqtt = Path(sys.executable).with_name("amqtt")
    if not amqtt.exists():
        print("Installing amqtt, a broker in Python, for this demonstration", file=sys.stderr)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--constraint", str(REPOSITORY / "requirements/dev.txt"), "amqtt"], check=True)
    config = folder / "amqtt.yaml"
    config.write_text(AMQTT_CONFIG.format(port=port))
    return "amqtt (no mosquitto could be installed)", [str(amqtt), "-c", str(config)]


async def _accepting(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(START_LIMIT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                if process.returncode is not None:
                    raise SystemExit("demo: the broker ended at once; see broker.log") from None
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
