"""Calls of tools, put together from whatever pieces a server sends."""

import pytest

from jarvisd.llm.calls import CallPieces, as_message, as_tool
from jarvisd.types import Message, Tool, ToolCall


def whole(*pieces):
    calls = CallPieces()
    for piece in pieces:
        calls.take(piece)
    return calls.whole()


def piece(arguments, index=None, call_id=None, name=None):
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return (
        {"function": function} | ({"index": index} if index is not None else {}) | ({"id": call_id} if call_id else {})
    )


ADD, SUB = ToolCall("a", "add", '{"x": 1}'), ToolCall("b", "sub", "{}")


@pytest.mark.parametrize(
    "pieces",
    [
        [piece("", 0, "a", "add"), piece('{"x"', 0), piece(": 1}", 0), piece("{}", 1, "b", "sub")],
        [piece("", 0, "a", "add"), piece("", 1, "b", "sub"), piece('{"x": 1}', 0), piece("{}", 1)],
        [piece('{"x": ', call_id="a", name="add"), piece("1}", call_id="a"), piece("{}", call_id="b", name="sub")],
        [piece('{"x": ', call_id="a", name="add"), piece("1}"), piece("{}", call_id="b", name="sub")],
        [piece({"x": 1}, 0, "a", "add"), piece("{}", 1, "b", "sub")],
    ],
)
def test_however_a_server_cuts_its_calls_they_are_the_same(pieces):
    assert whole(*pieces) == (ADD, SUB)


def test_a_call_without_an_id_gets_one_and_one_without_a_name_is_kept_to_be_refused():
    assert whole(piece("{}", 0, name="add"), piece("{}", 1)) == (
        ToolCall("call_0", "add", "{}"),
        ToolCall("call_1", "", "{}"),
    )


@pytest.mark.parametrize("broken", ["text", None, {"function": {"name": 3}}, {"function": {"arguments": [1]}}])
def test_what_is_no_call_is_a_type_error(broken):
    with pytest.raises(TypeError):
        whole(broken)


def test_what_is_sent():
    tool = Tool("add", "Adds.", {"type": "object"}, lambda arguments, context: None)
    assert as_tool(tool) == {
        "type": "function",
        "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}},
    }
    assert as_message(Message("user", "hi")) == {"role": "user", "content": "hi"}
    asked = as_message(Message("assistant", "", tool_calls=(ADD,)))
    assert asked["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"x": 1}'}}
    ]
    assert as_message(Message("tool", "1", tool_call_id="a")) == {"role": "tool", "content": "1", "tool_call_id": "a"}
