import asyncio
import os
import signal
import socket
from contextlib import AsyncExitStack, aclosing, suppress
from pathlib import Path

import pytest

from jarvisd.bus import Bus
from jarvisd.engines.needs import CardNeed
from jarvisd.engines.owner import Pace
from jarvisd.engines.pool import EnginePool
from jarvisd.engines.spec import EngineSpec
from jarvisd.errors import EngineReplyError, EngineStartError, EngineUnavailable
from jarvisd.llm.chat import Delta, stream_chat
from jarvisd.types import Endpoint, EngineState, EngineUse, Message
from tests.fakes.engines import PROBES, fake_engine, is_running, running_pool, until, until_gone

PATIENT_S = 30.0


@pytest.fixture(autouse=True)
async def limit():
    """Nothing here waits for long; a test that would hang says where."""
    async with asyncio.timeout(50):
        yield


async def ask(endpoint: Endpoint, first_token_timeout_s: float = PATIENT_S) -> str:
    answer = stream_chat(
        endpoint,
        "fake",
        [Message("user", "What is the capital of Spain?")],
        max_tokens=50,
        temperature=0,
        first_token_timeout_s=first_token_timeout_s,
    )
    async with aclosing(answer):
        return "".join([piece.text async for piece in answer if isinstance(piece, Delta)])


async def test_an_engine_is_started_proven_leased_and_ended(tmp_path):
    spec = fake_engine(tmp_path)
    async with running_pool(spec) as (pool, told):
        ready = await until(told, EngineState.READY)
        async with pool.lease("quick") as endpoint:
            assert await ask(endpoint) == "The capital of Spain is Madrid. "
            assert pool.statuses()[0].leases == 1
        assert pool.statuses()[0].leases == 0
        assert ready.start_s > 0
        assert is_running(ready.pid)
    assert not is_running(ready.pid)
    assert not (tmp_path / "quick.sock").exists()
    assert pool.statuses()[0].state is EngineState.STOPPED


async def test_an_engine_that_is_starting_is_waited_for_by_everybody_and_started_once(tmp_path):
    async with running_pool(fake_engine(tmp_path, "--misbehave", "slow-ready")) as (pool, told):
        await until(told, EngineState.STARTING)
        answers = []

        async def wait_and_ask() -> None:
            async with pool.lease("quick", PATIENT_S) as endpoint:
                answers.append(await ask(endpoint))

        async with asyncio.TaskGroup() as group:
            first = group.create_task(wait_and_ask())
            group.create_task(wait_and_ask())
            group.create_task(wait_and_ask())
            await asyncio.sleep(0)
            assert pool.statuses()[0].leases == 3
            first.cancel()
        assert len(answers) == 2
        assert pool.statuses()[0].restarts == 0


async def test_who_will_not_wait_is_told_so_at_once(tmp_path):
    async with running_pool(fake_engine(tmp_path, "--misbehave", "never-ready")) as (pool, told):
        await until(told, EngineState.STARTING)
        with pytest.raises(EngineUnavailable, match="quick is starting; try again in a moment"):
            async with pool.lease("quick", 0.0):
                pass
        assert pool.statuses()[0].leases == 0


@pytest.mark.parametrize(
    ("misbehave", "start_timeout_s", "reason"),
    [
        ("exit-at-start", 20.0, "quick ended with exit code 1: no kernel image is available"),
        (
            "oom",
            20.0,
            "quick ended with exit code 1: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.25",
        ),
        ("never-ready", 0.3, "Engine quick was not ready within 0.3 s: it does not listen"),
        ("asleep-200", 2.0, "Engine quick was not ready within 2 s: it listens and does not answer"),
        ("html", 2.0, "Engine quick was not ready within 2 s: The model server did not stream, but sent text/html"),
        ("status-500", 2.0, "Engine quick was not ready within 2 s: The model server refused the question (HTTP 500"),
    ],
)
async def test_a_failed_start_reaches_who_waits_for_it_with_the_reason(tmp_path, misbehave, start_timeout_s, reason):
    options = ("--misbehave", misbehave)
    async with running_pool(fake_engine(tmp_path, *options, start_timeout_s=start_timeout_s)) as (pool, told):
        with pytest.raises(EngineStartError) as failed:
            async with pool.lease("quick", PATIENT_S):
                pass
        assert failed.value.message.startswith(reason)
        with pytest.raises(EngineStartError):  # and who comes later does not wait
            async with pool.lease("quick", PATIENT_S):
                pass
        assert (await until(told, EngineState.FAILED)).detail == failed.value.message


async def test_an_engine_that_failed_is_tried_again_until_it_works(tmp_path, caplog):
    spec = fake_engine(tmp_path, "--misbehave", "exit-at-start", "--once", str(tmp_path / "second-life"))
    with caplog.at_level("INFO"):
        async with running_pool(spec) as (pool, told):
            await until(told, EngineState.FAILED)
            ready = await until(told, EngineState.READY)
            assert ready.restarts >= 1
            async with pool.lease("quick") as endpoint:
                assert await ask(endpoint)
    told_lines = [record.getMessage() for record in caplog.records if record.name == "jarvisd.engines.owner"]
    assert [line.split(":")[0] for line in told_lines if "exit code" in line] == ["engine quick"]  # once, however often
    assert any("is ready again" in line for line in told_lines)


async def test_a_server_that_is_still_loading_is_waited_for(tmp_path):
    spec = fake_engine(tmp_path, "--misbehave", "loading-503")
    async with running_pool(spec) as (pool, _), pool.lease("quick", PATIENT_S) as endpoint:
        assert await ask(endpoint)


async def test_a_child_that_dies_while_it_answers_comes_back_and_who_waits_is_served(tmp_path):
    options = ("--misbehave", "crash", "--good-requests", "1", "--once", str(tmp_path / "second-life"))
    async with running_pool(fake_engine(tmp_path, *options)) as (pool, told):
        first = await until(told, EngineState.READY)
        with pytest.raises(EngineReplyError, match="broke off"):
            async with pool.lease("quick") as endpoint:
                await ask(endpoint)
        async with pool.lease("quick", PATIENT_S) as endpoint:
            assert await ask(endpoint)
        back = await until(told, EngineState.STARTING)
        assert back.detail == "quick ended with exit code 139: Segmentation fault in the attention kernel"
        assert pool.statuses()[0].pid != first.pid


async def test_a_child_that_ends_again_and_again_is_failed_and_nobody_waits_for_it(tmp_path):
    async with running_pool(fake_engine(tmp_path), pace=Pace(0.02, 0.02, 60.0, 1.0)) as (_, told):
        os.kill((await until(told, EngineState.READY)).pid, signal.SIGKILL)
        await until(told, EngineState.STARTING)
        os.kill((await until(told, EngineState.READY)).pid, signal.SIGKILL)
        assert (await until(told, EngineState.FAILED)).detail == "quick was killed by SIGKILL without a word."


async def test_a_hung_child_is_healed_when_an_answer_does_not_come(tmp_path):
    options = ("--misbehave", "hang", "--good-requests", "1", "--once", str(tmp_path / "second-life"))
    async with running_pool(fake_engine(tmp_path, *options)) as (pool, told):
        first = await until(told, EngineState.READY)
        with pytest.raises(EngineReplyError, match=r"no word within 0\.1 s"):
            async with pool.lease("quick") as endpoint:
                await ask(endpoint, first_token_timeout_s=0.1)
        async with pool.lease("quick", PATIENT_S) as endpoint:
            assert await ask(endpoint)
        assert not is_running(first.pid)
        assert "no word within 0.1 s" in (await until(told, EngineState.STARTING)).detail


async def test_a_healthy_child_is_never_killed_for_one_bad_answer(tmp_path):
    async with running_pool(fake_engine(tmp_path)) as (pool, told):
        ready = await until(told, EngineState.READY)
        pool.report_failure("quick", EngineReplyError("The stream was cut."))
        with pytest.raises(EngineUnavailable):  # nobody is given it until it has proven itself
            async with pool.lease("quick", 0.0):
                pass
        async with pool.lease("quick", PATIENT_S) as endpoint:
            assert await ask(endpoint)
        assert (pool.statuses()[0].pid, pool.statuses()[0].restarts) == (ready.pid, 0)


async def test_a_doubted_child_is_not_killed_under_somebody_who_uses_it(tmp_path):
    options = ("--misbehave", "hang", "--good-requests", "1", "--once", str(tmp_path / "second-life"))
    async with running_pool(fake_engine(tmp_path, *options)) as (pool, told):
        first = await until(told, EngineState.READY)
        async with AsyncExitStack() as elsewhere:
            await elsewhere.enter_async_context(pool.lease("quick"))
            pool.report_failure("quick", EngineReplyError("Nothing came."))
            with pytest.raises(EngineUnavailable):
                async with pool.lease("quick", 1.0):  # longer than it has to prove itself
                    pass
            assert is_running(first.pid)
        async with pool.lease("quick", PATIENT_S) as endpoint:
            assert await ask(endpoint)
        assert not is_running(first.pid)


async def test_what_ignores_sigterm_is_ended_with_the_pool(tmp_path):
    spec = fake_engine(tmp_path, "--misbehave", "ignore-sigterm", stop_timeout_s=0.1)
    async with running_pool(spec) as (_, told):
        ready = await until(told, EngineState.READY)
    assert not is_running(ready.pid)


async def test_what_the_child_started_is_ended_with_it(tmp_path):
    pid_file = tmp_path / "pid"
    spec = fake_engine(tmp_path, "--misbehave", "grandchild", "--pid-file", str(pid_file))
    async with running_pool(spec) as (_, told):
        await until(told, EngineState.READY)
        grandchild = int(pid_file.read_text())
        assert is_running(grandchild)
    await until_gone(grandchild)


async def test_a_pool_that_is_cancelled_during_a_start_leaves_nothing(tmp_path):
    async with running_pool(fake_engine(tmp_path, "--misbehave", "never-ready")) as (pool, told):
        await until(told, EngineState.STARTING)
        await asyncio.sleep(0.01)
        pid = pool.statuses()[0].pid
    assert pid is not None
    assert not is_running(pid)
    assert await until(told, EngineState.STOPPED)


@pytest.mark.parametrize("misbehave", ["slow-ready", "grandchild", "crash", "exit-at-start"])
async def test_whenever_a_pool_is_cancelled_nothing_is_left(tmp_path, misbehave):
    spec = fake_engine(tmp_path, "--misbehave", misbehave, "--after", "0.05", stop_timeout_s=0.05)
    for step in range(6):
        async with running_pool(spec):
            await asyncio.sleep(0.04 * step)
        assert processes_with(spec.endpoint.socket_path) == []


def processes_with(argument: str) -> list[int]:
    """Processes that were started with this among their arguments and still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if argument.encode() in (folder / "cmdline").read_bytes() and is_running(int(folder.name)):
                found.append(int(folder.name))
    return found


async def test_one_engine_that_fails_does_not_touch_another(tmp_path):
    bad = fake_engine(tmp_path, "--misbehave", "exit-at-start", name="bad")
    async with running_pool(bad, fake_engine(tmp_path)) as (pool, told):
        await until(told, EngineState.FAILED, "bad")
        async with pool.lease("quick", PATIENT_S) as endpoint:
            assert await ask(endpoint)


async def test_a_fault_in_a_probe_fails_that_engine_only_and_is_logged(tmp_path, caplog):
    async def probe(endpoint: Endpoint, model: str) -> None:
        if model == "odd":
            raise ZeroDivisionError("in the probe")
        await PROBES["openai"](endpoint, model)

    odd = fake_engine(tmp_path, name="odd", model="odd")
    async with running_pool(odd, fake_engine(tmp_path), probes={"openai": probe}) as (pool, told):
        assert "in the probe" in (await until(told, EngineState.FAILED, "odd")).detail
        async with pool.lease("quick", PATIENT_S) as endpoint:
            assert await ask(endpoint)
    assert any(record.exc_info and record.name == "jarvisd.engines.owner" for record in caplog.records)


async def test_somebody_else_at_the_address_is_neither_taken_for_the_child_nor_thrown_out(tmp_path):
    spec = fake_engine(tmp_path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(spec.endpoint.socket_path)
        other.listen()
        async with running_pool(spec) as (_, told):
            assert "Something else already listens at" in (await until(told, EngineState.FAILED)).detail
    assert (tmp_path / "quick.sock").exists()


async def test_a_socket_left_by_an_earlier_life_is_no_hindrance(tmp_path):
    spec = fake_engine(tmp_path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(spec.endpoint.socket_path)
    async with running_pool(spec) as (_, told):
        assert await until(told, EngineState.READY)


async def test_a_child_on_a_port_is_found_there(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = (*fake_engine(tmp_path).argv[:3], "--port", str(port))
    spec = fake_engine(tmp_path, argv=argv)
    spec = EngineSpec(
        "quick", "process", "openai", Endpoint(f"http://127.0.0.1:{port}/v1"), argv=argv, start_timeout_s=20, model=""
    )
    async with running_pool(spec) as (pool, _), pool.lease("quick", PATIENT_S) as endpoint:
        assert await ask(endpoint)


REMOTE = EngineSpec("cloud", "remote", "openai", Endpoint("https://a.invalid/v1"))


async def test_an_engine_elsewhere_is_always_leased_and_tells_of_its_last_failure():
    pool = EnginePool([REMOTE], PROBES, Bus())
    with pytest.raises(EngineReplyError):
        async with pool.lease("cloud", 0.0):
            raise EngineReplyError("HTTP 500")
    assert pool.statuses()[0].detail == "Its last answer failed: HTTP 500"
    async with pool.lease("cloud", 0.0) as endpoint:
        assert endpoint == REMOTE.endpoint
    assert (pool.statuses()[0].state, pool.statuses()[0].detail) == (EngineState.READY, "")


async def test_an_engine_that_a_person_must_see_to_first_says_so():
    spec = EngineSpec("cloud", "remote", "openai", REMOTE.endpoint, unusable="Its API key is not set.")
    async with running_pool(spec) as (pool, told):
        assert (await until(told, EngineState.FAILED, "cloud")).detail == "Its API key is not set."
        with pytest.raises(EngineStartError, match="Its API key is not set"):
            async with pool.lease("cloud"):
                pass


async def test_an_engine_that_is_not_configured_is_named():
    with pytest.raises(EngineUnavailable, match=r"There is no engine strong; add \[engines\.strong\]"):
        async with EnginePool([], PROBES, Bus()).lease("strong"):
            pass


async def test_only_who_has_an_engine_uses_it_and_engines_without_a_card_are_not_told(tmp_path):
    on_card = fake_engine(tmp_path, name="strong", need=CardNeed("GPU-1"))
    async with running_pool(on_card, fake_engine(tmp_path)) as (pool, told):
        await until(told, EngineState.READY, "strong")
        (before,) = pool.uses()
        assert before == EngineUse("strong", "GPU-1", EngineState.READY, 0.0)
        async with pool.lease("strong"), pool.lease("strong"):
            while (first := pool.uses()[0].used_s) == 0.0:
                await asyncio.sleep(0)
        after = pool.uses()[0].used_s
        assert after >= first
        await asyncio.sleep(0.01)
        assert pool.uses()[0].used_s == after
