"""A plugin's tool, called by a model server that is a process of its own, and the answer that comes of it."""

import json
from contextlib import aclosing
from dataclasses import replace

from jarvisd_plugins.calculator import Plugin

from jarvisd.config import ToolsConfig
from jarvisd.llm.chat import stream_chat
from jarvisd.llm.prompt import question_messages
from jarvisd.tools.loop import answer_with_tools
from jarvisd.tools.toolbox import Toolbox
from jarvisd.transport import request
from jarvisd.types import EngineState
from tests.fakes.engines import fake_engine, running_pool, until
from tests.fakes.facts import Facts
from tests.fakes.plugins import dispatcher_of
from tests.fakes.tools import context

SUM = [
    {
        "index": 0,
        "id": "a",
        "type": "function",
        "function": {"name": "calculate", "arguments": '{"expression": "17*23"}'},
    }
]


async def test_a_model_calls_a_plugins_tool_and_tells_what_came_of_it(tmp_path):
    facts = Facts()
    toolbox = Toolbox(ToolsConfig(), publish=facts.publish)
    for plugin, tools in (await dispatcher_of(calculator=Plugin()).collect("register_tools")).items():
        await toolbox.replace(plugin, tools)
    engine = fake_engine(tmp_path, "--text", "It is 391.", "--calls", json.dumps(SUM))
    asked = context("how much is 17 times 23")
    async with running_pool(engine) as (pool, told):
        await until(told, EngineState.READY)
        async with pool.lease("quick") as endpoint:

            def ask(messages, tools):
                limits = {"max_tokens": 50, "temperature": 0.0, "first_token_timeout_s": 20.0}
                return stream_chat(endpoint, "fake", messages, tools=tools, **limits)

            messages = question_messages(asked.said, "You are Jarvis.", "en")
            answer = answer_with_tools(ask, messages, toolbox, asked, ToolsConfig(), private=True)
            async with aclosing(answer) as pieces:
                *deltas, end = [piece async for piece in pieces]
            async with request(replace(endpoint, url="http://localhost"), "GET", "/fake/asked") as response:
                bodies = [one["body"] for one in await response.json()]
    assert "".join(delta.text for delta in deltas) == "It is 391. It is 391. "
    assert end.completion_tokens == 6
    assert [event.outcome for event in facts.seen] == ["answered"]
    first, second = bodies[-2:]
    assert [tool["function"]["name"] for tool in first["tools"]] == ["calculate", "convert_units"]
    call, result = second["messages"][-2:]
    assert call["tool_calls"][0]["function"] == {"name": "calculate", "arguments": '{"expression": "17*23"}'}
    assert json.loads(result["content"])["data"] == "391"
