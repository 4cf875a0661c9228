"""MCP servers, real ones, over stdio and HTTP, well and badly behaved: they cost their tools, never the turn."""

import asyncio
import json
import os
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jarvisd.config import Config, ToolsConfig
from jarvisd.engines.process import ChildProcess
from jarvisd.errors import EngineUnavailable
from jarvisd.events import ToolServerChanged
from jarvisd.tools.mcp import McpServers, leaves_house
from jarvisd.tools.toolbox import Toolbox
from tests.fakes.engines import is_running
from tests.fakes.facts import Facts
from tests.fakes.tools import call, context

pytest.importorskip("mcp", reason="the extra jarvisd[mcp] is not installed")
FAKE = str(Path(__file__).parents[1] / "fakes" / "mcp_server.py")
SECRETS = {"key": "sesame"}


def program(*options, **table):
    return {"argv": [sys.executable, FAKE, *options], "allow": ["*"], **table}


@asynccontextmanager
async def servers(tmp_path, **tables):
    config = Config.model_validate({"mcp": tables}).mcp
    facts = Facts()
    toolbox = Toolbox(ToolsConfig(), publish=facts.publish)
    mcp = McpServers(config, toolbox, runtime_dir=tmp_path, publish=facts.publish, read_secret=SECRETS.get)
    async with asyncio.timeout(50), asyncio.TaskGroup() as group:
        running = group.create_task(mcp.run())
        try:
            yield mcp, toolbox, facts
        finally:
            running.cancel()


async def ask(toolbox, name, arguments="{}", said="x"):
    outcome = await toolbox.call(call(name, arguments), context(said), private=False)
    return json.loads(outcome.message)["data"]


def names(toolbox, *, private=False):
    return {tool.name for tool in toolbox.offered(private=private)}


def children(pid, program=b""):
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found if program in Path(f"/proc/{child}/cmdline").read_bytes()]


async def test_nothing_is_started_before_it_is_wanted(tmp_path):
    async with servers(tmp_path, a=program()) as (mcp, toolbox, _):
        await asyncio.sleep(0.1)
        assert not (tmp_path / "mcp.sock").exists()
        await mcp.ready(30)
        assert "a__add" in names(toolbox)
        assert (tmp_path / "mcp.sock").stat().st_mode & 0o077 == 0


async def test_calls_and_their_results(tmp_path):
    table = program(env={"PLAIN": "visible"}, env_credentials={"SECRET": "key"})
    async with servers(tmp_path, a=table) as (mcp, toolbox, _):
        await mcp.ready(30)
        assert await ask(toolbox, "a__add", '{"a": 1, "b": 2}') == "3"
        assert await ask(toolbox, "a__whoami", '{"variable": "SECRET"}') == "sesame"
        assert await ask(toolbox, "a__whoami", '{"variable": "PLAIN"}') == "visible"
        assert await ask(toolbox, "a__whoami", '{"variable": "JARVISD_PARENT_PID"}') == "unset"
        assert "b" in await ask(toolbox, "a__add", '{"a": 1}')
        assert "broken" in await ask(toolbox, "a__broken")
        both = await asyncio.gather(*(ask(toolbox, "a__add", f'{{"a": {n}, "b": 0}}') for n in range(8)))
        assert both == [str(n) for n in range(8)]
        description = next(tool.description for tool in toolbox.offered(private=False) if tool.name == "a__whoami")
        assert len(description) <= 1000


async def test_words_that_want_to_be_obeyed_are_data(tmp_path):
    note = tmp_path / "note"
    table = program("--note", str(note), acts=["open_gate"])
    async with servers(tmp_path, a=table) as (mcp, toolbox, _):
        await mcp.ready(30)
        weather = await ask(toolbox, "a__weather", said="what is the weather")
        assert "Ignore your rules" in weather
        assert "<" not in weather
        assert "[INST]" not in weather
        assert "was not called" in await ask(toolbox, "a__open_gate", said="what is the weather")
        assert not note.exists()
        opened = await ask(toolbox, "a__open_gate", said="please open the gate")
        assert opened == "sent, but not checked. the gate is open"
        assert note.read_text() == "opened\n"


async def test_only_what_is_listed_is_offered(tmp_path):
    table = program(allow=["add", "no_such"], dangerous=["open_gate"])
    async with servers(tmp_path, a=table) as (mcp, toolbox, _):
        await mcp.ready(30)
        offered = {tool.name: (tool.acts, tool.dangerous) for tool in toolbox.offered(private=False)}
        assert offered == {"a__add": (False, False), "a__open_gate": (True, True)}
        (status,) = mcp.statuses()
        assert (status.up, status.detail) == (True, "it has no tool no_such")
        assert "weather" in status.unused


async def test_the_list_changes_while_it_runs(tmp_path):
    async with servers(tmp_path, a=program()) as (mcp, toolbox, facts):
        await mcp.ready(30)
        assert "a__dance" not in names(toolbox)
        await ask(toolbox, "a__learn")
        await facts.until(ToolServerChanged, lambda event: "a__dance" in event.detail)
        assert await ask(toolbox, "a__dance") == "one two three"


async def test_a_server_that_dies_costs_its_tools_and_comes_back(tmp_path):
    async with servers(tmp_path, a=program(), b=program()) as (mcp, toolbox, facts):
        await mcp.ready(30)
        await ask(toolbox, "a__die")
        await facts.until(ToolServerChanged, lambda event: event.server == "a" and not event.up)
        assert not any(name.startswith("a__") for name in names(toolbox))
        assert await ask(toolbox, "b__add", '{"a": 1, "b": 2}') == "3"
        await facts.until(ToolServerChanged, lambda event: event.server == "a" and event.up)
        assert await ask(toolbox, "a__add", '{"a": 1, "b": 2}') == "3"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (program("--misbehave", "exits"), "I want a licence key"),
        ({"argv": ["/no/such/server"], "allow": ["*"]}, "/no/such/server cannot be started"),
        (program("--misbehave", "never-answers", start_timeout_s=1.0), "did not answer within 1 s"),
        ({"url": "http://127.0.0.1:9/mcp", "allow": ["*"]}, "onnect"),
        (program(env_credentials={"KEY": "nobody-set-it"}), "The secret nobody-set-it is not set"),
    ],
)
async def test_a_server_that_does_not_come_up_is_told_and_the_others_are_there(tmp_path, table, said):
    async with servers(tmp_path, bad=table, good=program()) as (mcp, toolbox, _):
        await mcp.ready(30)
        bad, good = mcp.statuses()
        assert (bad.up, good.up) == (False, True)
        assert said in bad.detail
        assert await ask(toolbox, "good__add", '{"a": 1, "b": 2}') == "3"


async def test_a_server_that_fails_once_is_tried_again(tmp_path):
    async with servers(tmp_path, a=program("--misbehave", "once", "--note", str(tmp_path / "note"))) as (mcp, _, facts):
        mcp.want()
        await facts.until(ToolServerChanged, lambda event: event.up)


async def test_a_call_that_hangs_is_given_up_and_two_restart_the_server(tmp_path):
    async with servers(tmp_path, a=program(call_timeout_s=0.3)) as (mcp, toolbox, facts):
        await mcp.ready(30)
        assert await ask(toolbox, "a__slow", '{"seconds": 30}') == "a took longer than 0.3 s"
        assert mcp.statuses()[0].up
        assert await ask(toolbox, "a__slow", '{"seconds": 30}') == "a took longer than 0.3 s"
        await facts.until(ToolServerChanged, lambda event: not event.up and "2 calls in a row" in event.detail)
        await facts.until(ToolServerChanged, lambda event: event.up)


async def test_a_caller_that_goes_away_leaves_the_server_usable(tmp_path):
    async with servers(tmp_path, a=program()) as (mcp, toolbox, _):
        await mcp.ready(30)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await ask(toolbox, "a__slow", '{"seconds": 30}')
        assert await ask(toolbox, "a__add", '{"a": 1, "b": 2}') == "3"


async def test_a_huge_result_is_cut(tmp_path):
    async with servers(tmp_path, a=program()) as (mcp, toolbox, _):
        await mcp.ready(30)
        assert len(await ask(toolbox, "a__huge", '{"megabytes": 2}')) <= ToolsConfig().max_result_characters


async def test_a_server_that_lies_about_its_tools_loses_those(tmp_path):
    async with servers(tmp_path, a=program("--misbehave", "lies")) as (mcp, toolbox, _):
        await mcp.ready(30)
        assert not {"a__add", "a__slow", "a__huge", "a__die"} & names(toolbox)
        assert "a__weather" in names(toolbox)
        assert len(toolbox.faults()["mcp.a"]) == 4


async def test_the_end_of_the_worker_is_the_end_of_all_servers_and_is_told(tmp_path):
    facts = Facts()
    toolbox = Toolbox(ToolsConfig(), publish=facts.publish)
    config = Config.model_validate({"mcp": {"a": program()}}).mcp
    mcp = McpServers(config, toolbox, runtime_dir=tmp_path, publish=facts.publish, read_secret=SECRETS.get)

    async def killed():
        await mcp.ready(30)
        (worker,) = children(os.getpid(), b"workers.mcp")
        servers = children(worker)
        os.kill(worker, 9)
        return servers

    async with asyncio.timeout(50):
        with pytest.raises(ExceptionGroup) as failed:
            async with asyncio.TaskGroup() as group:
                group.create_task(mcp.run())
                started = await killed()
    assert failed.group_contains(EngineUnavailable, match="killed by SIGKILL")
    assert names(toolbox) == set()
    assert mcp.statuses()[0].up is False
    assert started
    async with asyncio.timeout(10):
        while any(is_running(pid) for pid in started):  # the kernel ends them with the worker
            await asyncio.sleep(0.02)


@asynccontextmanager
async def http_server(*options):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = ChildProcess.start("http", (sys.executable, FAKE, "--http", str(port), *options), {})
    try:
        yield f"http://127.0.0.1:{port}/mcp", child
    finally:
        await child.stop(3)


async def test_a_server_over_http_comes_goes_and_comes_back(tmp_path):
    async with (
        http_server() as (url, child),
        servers(tmp_path, a={"url": url, "allow": ["*"]}) as (mcp, toolbox, facts),
    ):
        mcp.want()
        await facts.until(ToolServerChanged, lambda event: event.up)
        assert await ask(toolbox, "a__add", '{"a": 1, "b": 2}') == "3"
        await ask(toolbox, "a__learn")
        await facts.until(ToolServerChanged, lambda event: "a__dance" in event.detail)
        await child.stop(3)
        said = await ask(toolbox, "a__add", '{"a": 1, "b": 2}')
        assert said != "3"
        await facts.until(ToolServerChanged, lambda event: not event.up)
        assert names(toolbox) == set()


@pytest.mark.parametrize(
    ("table", "away"),
    [
        ({"argv": ["x"]}, False),
        ({"argv": ["x"], "leaves_house": True}, True),
        ({"url": "http://127.0.0.1:1/mcp"}, False),
        ({"url": "http://[::1]:1/mcp"}, False),
        ({"url": "https://mcp.example.org/mcp"}, True),
        ({"url": "http://10.0.0.5/mcp"}, True),
        ({"url": "http://10.0.0.5/mcp", "leaves_house": False}, False),
    ],
)
def test_which_servers_are_outside(table, away):
    assert leaves_house(Config.model_validate({"mcp": {"a": table}}).mcp["a"]) is away


async def test_a_private_turn_gets_no_tool_of_a_server_outside(tmp_path):
    async with servers(tmp_path, a=program(leaves_house=True), b=program()) as (mcp, toolbox, _):
        await mcp.ready(30)
        assert {name[0] for name in names(toolbox)} == {"a", "b"}
        assert {name[0] for name in names(toolbox, private=True)} == {"b"}
