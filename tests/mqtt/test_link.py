"""The link against a real mosquitto that comes, goes, freezes and forgets."""

import asyncio
import logging
import os
import signal
import sys

import pytest

from jarvisd.config import MqttConfig
from jarvisd.events import MqttLinkChanged
from jarvisd.mqtt.link import Link
from tests.fakes.broker import Broker, listening
from tests.fakes.facts import Facts

STATUS, STATE, ASK, RESPONSE = (f"jarvisd/home/{name}" for name in ("status", "state", "ask/set", "response"))


def make_link(broker, facts=None, *, config=None, **options):
    return Link(
        config or MqttConfig(host=broker.host, port=broker.port),
        client_id="jarvisd-home",
        status_topic=STATUS,
        password=None,
        publish=(facts or Facts()).publish,
        retry_s=(0.01, 0.05),
        **options,
    )


def connected(event):
    return event.connected


def lost(event):
    return not event.connected


async def test_after_a_connect_the_state_comes_first_and_then_online(broker):
    link = make_link(broker)
    link.retain(STATE, b"{}")
    async with listening(broker) as house, asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        await house.until(STATUS)
        run.cancel()
    assert house.seen == [(STATE, b"{}"), (STATUS, b"online")]


async def test_status_and_state_are_retained_for_those_who_come_later(broker):
    facts = Facts()
    link = make_link(broker, facts)
    link.retain(STATE, b"{}")
    async with asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        await facts.until(MqttLinkChanged, connected)
        async with listening(broker) as late:
            await late.take(2)
        run.cancel()
    assert sorted(late.seen) == [(STATE, b"{}"), (STATUS, b"online")]


async def test_a_clean_end_delivers_what_waits_and_says_offline(broker):
    facts = Facts()
    link = make_link(broker, facts)
    async with listening(broker) as house, asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        await facts.until(MqttLinkChanged, connected)
        link.send(RESPONSE, b"last words")
        run.cancel()
        await house.until(STATUS, b"offline")
    assert house.seen[0] == (STATUS, b"online")
    assert (RESPONSE, b"last words") in house.seen
    assert house.seen[-1] == (STATUS, b"offline")


async def test_the_last_will_speaks_for_a_daemon_that_was_killed(broker):
    script = f"""
import asyncio
from jarvisd.config import MqttConfig
from jarvisd.mqtt.link import Link

async def main():
    config = MqttConfig(host={broker.host!r}, port={broker.port})
    link = Link(config, client_id="j", status_topic={STATUS!r}, password=None, publish=lambda event: None)
    await link.run()

asyncio.run(main())
"""
    async with listening(broker) as house:
        daemon = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
        await house.until(STATUS, b"online")
        os.kill(daemon.pid, signal.SIGKILL)
        await daemon.wait()
        await house.until(STATUS, b"offline")


async def test_without_a_broker_it_says_so_once_and_waits_for_one(absent_broker, caplog):
    facts = Facts()
    link = make_link(absent_broker, facts)
    async with asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        away = await facts.until(MqttLinkChanged, lost)
        link.send(RESPONSE, b"kept")
        link.tell(RESPONSE, b"not kept")
        assert link.status().waiting == 1

        await asyncio.to_thread(absent_broker.start)
        await facts.until(MqttLinkChanged, connected)
        async with listening(absent_broker) as house:
            await house.until(RESPONSE)
            run.cancel()

    nothing_there = f"nothing listens on {absent_broker.host}:{absent_broker.port}; is the broker running?"
    assert away.detail == nothing_there
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == [f"MQTT not connected: {nothing_there}; answers wait, and everything else goes on"]
    assert (RESPONSE, b"kept") in house.seen
    assert (RESPONSE, b"not kept") not in house.seen


async def test_nothing_that_must_arrive_is_lost_when_the_broker_is_killed(broker):
    facts = Facts()
    link = make_link(broker, facts)
    link.retain(STATE, b"{}")
    async with asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        await facts.until(MqttLinkChanged, connected)
        await asyncio.to_thread(broker.kill)
        for number in range(20):
            link.send(RESPONSE, str(number).encode())
        await facts.until(MqttLinkChanged, lost)

        await asyncio.to_thread(broker.start)
        await facts.until(MqttLinkChanged, connected)
        async with listening(broker) as house:
            await house.until(RESPONSE, b"19")
            run.cancel()

    answers = [payload for topic, payload in house.seen if topic == RESPONSE]
    assert answers == [str(number).encode() for number in range(20)]
    assert (STATE, b"{}") in house.seen
    status = link.status()
    assert (status.connects, status.waiting, status.dropped, status.expired) == (2, 0, 0, 0)


async def test_a_frozen_broker_is_noticed_by_the_acknowledgement_it_owes(broker):
    facts = Facts()
    link = make_link(broker, facts, connect_limit_s=0.1, ack_limit_s=0.1)
    async with asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        await facts.until(MqttLinkChanged, connected)
        broker.freeze()
        link.send(RESPONSE, b"kept")
        frozen = await facts.until(MqttLinkChanged, lambda event: "frozen" in event.detail)
        assert link.status().waiting == 1

        broker.thaw()
        await facts.until(MqttLinkChanged, connected)
        async with listening(broker) as house:
            link.send(RESPONSE, b"more")
            await house.until(RESPONSE, b"more")
            run.cancel()
    assert "takes connections but does not answer as an MQTT broker; is it frozen" in frozen.detail
    assert link.status().waiting == 0


async def test_a_frozen_broker_is_noticed_when_nothing_is_said(broker):
    facts = Facts()
    config = MqttConfig.model_construct(
        **(MqttConfig(host=broker.host, port=broker.port).model_dump() | {"keepalive_s": 1})
    )
    link = make_link(broker, facts, config=config, connect_limit_s=0.1)
    async with asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        await facts.until(MqttLinkChanged, connected)
        broker.freeze()
        noticed = await facts.until(MqttLinkChanged, lost)
        broker.thaw()
        await facts.until(MqttLinkChanged, connected)
        run.cancel()
    assert "was lost" in noticed.detail


async def test_the_end_does_not_wait_long_for_a_frozen_broker(broker):
    facts = Facts()
    link = make_link(broker, facts)
    async with asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        await facts.until(MqttLinkChanged, connected)
        broker.freeze()
        link.send(RESPONSE, b"never")
        run.cancel()
    broker.thaw()
    assert link.status().waiting == 1
    assert not link.status().connected


async def test_slow_handlers_block_neither_reception_nor_each_other_and_outlive_the_broker(broker):
    facts = Facts()
    link = make_link(broker, facts)
    all_in, may_go_on, inside = asyncio.Event(), asyncio.Event(), []

    async def slow(message):
        inside.append(message.payload)
        if len(inside) == 20:
            all_in.set()
        await may_go_on.wait()
        link.send(RESPONSE, message.payload)

    link.on(ASK, slow)
    async with asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        await facts.until(MqttLinkChanged, connected)
        async with listening(broker, RESPONSE) as asker:
            for number in range(20):
                await asker.say(ASK, str(number).encode())
            await all_in.wait()
        await asyncio.to_thread(broker.kill)
        await facts.until(MqttLinkChanged, lost)
        may_go_on.set()
        await asyncio.to_thread(broker.start)
        async with listening(broker, RESPONSE) as asker:
            await asker.until(RESPONSE, b"19")
            run.cancel()
    assert asker.seen == [(RESPONSE, payload) for payload in inside]


async def test_a_handler_that_fails_is_told_and_harms_no_other(broker, caplog):
    facts, link = Facts(), make_link(broker)
    link = make_link(broker, facts)

    async def fails_at_times(message):
        if message.payload == b"bad":
            raise ValueError("cannot")
        link.send(RESPONSE, message.payload)

    link.on(ASK, fails_at_times)
    async with listening(broker, RESPONSE) as asker, asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        await facts.until(MqttLinkChanged, connected)
        await asker.say(ASK, b"bad")
        await asker.say(ASK, b"good")
        assert await asker.until(RESPONSE) == b"good"
        run.cancel()
    assert f"A message on {ASK} could not be handled" in caplog.text
    assert "ValueError: cannot" in caplog.text


async def test_retained_commands_are_not_obeyed(broker):
    facts, heard = Facts(), []
    link = make_link(broker, facts)

    async def handler(message):
        heard.append(message.payload)
        link.send(RESPONSE, message.payload)

    link.on(ASK, handler)
    async with listening(broker, RESPONSE) as asker, asyncio.TaskGroup() as group:
        await asker.say(ASK, b"from long ago", retain=True)
        run = group.create_task(link.run())
        await facts.until(MqttLinkChanged, connected)
        await asker.say(ASK, b"now")
        await asker.until(RESPONSE)
        run.cancel()
    assert heard == [b"now"]


async def test_a_flood_is_taken_whole(broker):
    facts = Facts()
    link = make_link(broker, facts, config=MqttConfig(host=broker.host, port=broker.port, outbox_size=500))

    async def echo(message):
        link.send(RESPONSE, message.payload)

    link.on(ASK, echo)
    async with listening(broker, RESPONSE) as asker, asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        await facts.until(MqttLinkChanged, connected)
        asks = [group.create_task(asker.say(ASK, str(number).encode())) for number in range(300)]
        await asyncio.gather(*asks)
        await asker.until(RESPONSE, b"299")
        run.cancel()
    assert [payload for _, payload in asker.seen] == [str(number).encode() for number in range(300)]


@pytest.mark.parametrize("what", ["before the answer to CONNECT", "in the pause"])
async def test_it_can_be_cancelled_at_any_time(absent_broker, what):
    facts = Facts()
    if what == "in the pause":
        link = make_link(absent_broker, facts)
        async with asyncio.TaskGroup() as group:
            run = group.create_task(link.run())
            await facts.until(MqttLinkChanged, lost)
            run.cancel()
        assert run.cancelled()
        return

    asked = asyncio.Event()

    async def never_answers(reader, writer):
        if await reader.read(1):
            asked.set()
            await reader.read()
        writer.close()

    server = await asyncio.start_server(never_answers, "127.0.0.1", absent_broker.port)
    async with server:
        link = make_link(absent_broker, facts)
        async with asyncio.TaskGroup() as group:
            run = group.create_task(link.run())
            await asked.wait()
            run.cancel()
    assert run.cancelled()


async def test_a_broker_that_forgot_everything_is_told_again(broker):
    facts = Facts()
    link = make_link(broker, facts)
    link.retain(STATE, b"1")
    async with asyncio.TaskGroup() as group:
        run = group.create_task(link.run())
        for _ in range(3):
            await facts.until(MqttLinkChanged, connected)
            async with listening(broker) as house:
                await house.until(STATE, b"1")
                await house.until(STATUS, b"online")
            await asyncio.to_thread(broker.restart)
        run.cancel()


def test_a_broker_keeps_its_port(tmp_path, broker):
    port = broker.port
    broker.restart()
    assert broker.port == port
    assert isinstance(broker, Broker)
