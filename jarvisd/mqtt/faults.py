"""Tells apart why there is no connection, in a sentence that says what to do.

`reach` opens and closes a bare connection of its own before the MQTT client tries: it can be cancelled at once,
where the client's connect blocks a thread, and its exceptions still say what was wrong.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import ssl

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.reasoncodes import ReasonCode

from jarvisd.config import MqttConfig
from jarvisd.errors import MqttError

# Reason codes of MQTT 5; paho translates those of 3.1.1 into them.
NO_SUBSCRIBERS = 16
NOT_AUTHORIZED = 135
_CLOSED = 128
_BAD_CREDENTIALS = 134
_TAKEN_OVER = 142

# How asyncio tells that a host has several addresses, and none of them let us in.
_EVERYWHERE_REFUSED = re.compile(rf"Multiple exceptions: \[Errno {errno.ECONNREFUSED}\].*")

# Faults that a person must mend; trying often would only fill the broker's log.
NEEDS_A_PERSON = frozenset({"mqtt_auth", "mqtt_tls"})


async def tls_context(config: MqttConfig) -> ssl.SSLContext | None:
    if not config.tls:
        return None
    ca_file = config.ca_file
    try:
        return await asyncio.to_thread(ssl.create_default_context, cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise MqttError(f"mqtt.ca_file {ca_file} cannot be used: {_reason(error)}", code="mqtt_tls") from error


async def reach(config: MqttConfig, tls: ssl.SSLContext | None, limit_s: float) -> None:
    """Raises MqttError unless something listens there, and with TLS, unless it is who it says it is."""
    place = f"{config.host}:{config.port}"
    try:
        async with asyncio.timeout(limit_s):
            _, writer = await asyncio.open_connection(config.host, config.port, ssl=tls)
    except TimeoutError as error:
        raise MqttError(f"{place} does not answer within {limit_s:g} s", code="mqtt_unreachable") from error
    except ssl.SSLCertVerificationError as error:
        raise MqttError(
            f"the certificate of {place} is not trusted ({error.verify_message}); for a certificate of your own "
            "set mqtt.ca_file",
            code="mqtt_tls",
        ) from error
    except (socket.gaierror, UnicodeError) as error:
        raise MqttError(
            f"there is no host {config.host!r} ({_reason(error)}); see mqtt.host", code="mqtt_no_host"
        ) from error
    except OSError as error:
        if isinstance(error, ConnectionRefusedError) or _EVERYWHERE_REFUSED.fullmatch(str(error)):
            raise MqttError(f"nothing listens on {place}; is the broker running?", code="mqtt_refused") from error
        if tls is not None and isinstance(error, ssl.SSLError | ConnectionResetError):
            text = f"{place} does not speak TLS ({_reason(error)}); see mqtt.tls and mqtt.port"
            raise MqttError(text, code="mqtt_tls") from error
        raise MqttError(f"{place} cannot be reached: {_reason(error)}", code="mqtt_unreachable") from error
    writer.transport.abort()


def refused(config: MqttConfig, error: aiomqtt.MqttError) -> MqttError:
    """Why the broker let nobody in, although it can be reached."""
    place = f"{config.host}:{config.port}"
    if not isinstance(error, MqttConnectError):
        return MqttError(
            f"{place} takes connections but does not answer as an MQTT broker; is it frozen, or is mqtt.tls needed?",
            code="mqtt_silent",
        )
    code = reason_code(error)
    if code not in (_BAD_CREDENTIALS, NOT_AUTHORIZED):
        return MqttError(f"the broker at {place} refuses the connection: {error.rc}", code="mqtt_refused")
    if config.username is None:
        text = f"the broker at {place} wants a user name and a password; set mqtt.username and the secret"
    else:
        text = f"the broker at {place} refuses user {config.username!r}; check mqtt.username and the secret"
    return MqttError(f"{text} {config.password_credential!r}", code="mqtt_auth")


def lost(config: MqttConfig, client_id: str, error: aiomqtt.MqttError) -> MqttError:
    """Why a connection ended that had stood."""
    cause = error.__cause__ if isinstance(error.__cause__, aiomqtt.MqttError) else error
    code = reason_code(cause)
    if code == _TAKEN_OVER:
        text = f"another client called {client_id!r} took over; does a second daemon have the same house.node?"
        return MqttError(text, code="mqtt_taken_over")
    how = "it was closed" if code == _CLOSED else _reason(cause)
    return MqttError(f"the connection to {config.host}:{config.port} was lost ({how})", code="mqtt_lost")


def reason_code(error: BaseException | None) -> int | None:
    if isinstance(error, aiomqtt.MqttCodeError) and isinstance(error.rc, ReasonCode):
        return error.rc.value
    return None


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
