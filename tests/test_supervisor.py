import asyncio

import pytest

from jarvisd.bus import Bus
from jarvisd.errors import AudioError, JarvisError
from jarvisd.events import ServiceCrashed
from jarvisd.supervisor import Service, Supervisor, backoff_s
from tests.fakes.virtual_time import run_in_virtual_time


async def until_cancelled(log: list[str], name: str) -> None:
    log.append(f"{name} up")
    try:
        await asyncio.Event().wait()
    finally:
        log.append(f"{name} down")


def test_services_stop_in_the_order_of_their_stages():
    log: list[str] = []

    async def main() -> None:
        supervisor = Supervisor(Bus())
        services = [
            Service("engines", lambda: until_cancelled(log, "engines"), stage=3),
            Service("ears", lambda: until_cancelled(log, "ears"), stage=1),
            Service("turns", lambda: until_cancelled(log, "turns"), stage=2),
        ]
        async with asyncio.TaskGroup() as group:
            group.create_task(supervisor.run(services))
            await asyncio.sleep(1)
            supervisor.stop()

    run_in_virtual_time(main())
    assert log[3:] == ["ears down", "turns down", "engines down"]


def test_a_failing_service_is_restarted_with_growing_delay_and_the_fact_is_told():
    async def main() -> list[ServiceCrashed]:
        bus = Bus()
        supervisor = Supervisor(bus)
        runs = 0

        async def flaky() -> None:
            nonlocal runs
            runs += 1
            if runs <= 4:
                raise AudioError("the microphone is gone")
            supervisor.stop()

        with bus.subscribe("test") as mailbox:
            await supervisor.run([Service("ears", flaky, stage=1)])
            assert runs == 5
            assert supervisor.failing() == {}
            return [event for event in mailbox._events if isinstance(event, ServiceCrashed)]

    crashes = run_in_virtual_time(main())
    assert [crash.restarts for crash in crashes] == [1, 2, 3, 4]
    assert crashes[3].retry_in_s > 2 * crashes[0].retry_in_s
    assert crashes[0].error == "the microphone is gone"


def test_an_essential_service_that_keeps_failing_ends_the_daemon_after_stopping_the_others():
    log: list[str] = []

    async def main() -> None:
        async def broken() -> None:
            raise ValueError("bad state")

        await Supervisor(Bus()).run(
            [
                Service("spine", broken, stage=1, essential=True, give_up_after=3),
                Service("mqtt", lambda: until_cancelled(log, "mqtt"), stage=2),
            ]
        )

    with pytest.raises(JarvisError, match="spine failed 3 times in a row, last with: bad state"):
        run_in_virtual_time(main())
    assert log == ["mqtt up", "mqtt down"]


def test_a_service_that_ignores_its_cancellation_does_not_hold_up_shutdown(caplog):
    async def main() -> None:
        supervisor = Supervisor(Bus())
        released = asyncio.Event()

        async def stubborn() -> None:
            while not released.is_set():
                try:
                    await released.wait()
                except asyncio.CancelledError:
                    continue

        async with asyncio.TaskGroup() as group:
            running = group.create_task(supervisor.run([Service("stubborn", stubborn, stage=1)]))
            await asyncio.sleep(1)
            supervisor.stop()
            await running
            released.set()

    run_in_virtual_time(main())
    assert "stubborn did not stop within 5 s" in caplog.text


def test_backoff_doubles_up_to_its_longest_delay():
    assert 0.375 <= backoff_s(1) <= 0.625
    assert 1.5 <= backoff_s(3) <= 2.5
    assert backoff_s(500) <= 75


def test_a_service_that_runs_again_is_no_longer_failing_and_the_same_trouble_is_told_once(caplog):
    async def main() -> list[dict[str, str]]:
        supervisor = Supervisor(Bus())
        seen = []
        runs = 0

        async def flaky() -> None:
            nonlocal runs
            runs += 1
            if runs <= 3:
                raise AudioError("the microphone is gone")
            await asyncio.Event().wait()

        async with asyncio.TaskGroup() as group:
            group.create_task(supervisor.run([Service("ears", flaky, stage=1, essential=True)]))
            await asyncio.sleep(0.1)
            seen.append((supervisor.failing(), supervisor.essentials_run()))
            await asyncio.sleep(60)
            seen.append((supervisor.failing(), supervisor.essentials_run()))
            supervisor.stop()
        return seen

    assert run_in_virtual_time(main()) == [({"ears": "the microphone is gone"}, False), ({}, True)]
    assert caplog.text.count("the microphone is gone") == 1
