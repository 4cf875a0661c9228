"""The tables about tools: what is wrong in them is told with its place."""

import pytest
from pydantic import ValidationError

from jarvisd.config import Config


def mcp(**table):
    return Config.model_validate({"mcp": {"a": table}}).mcp["a"]


def test_a_program_and_an_address():
    assert mcp(argv=["x"], allow=["look"], acts=["buy"]).acts == ("buy",)
    assert mcp(url="http://127.0.0.1:1/mcp", token_credential="token").token_credential == "token"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "give either argv"),
        ({"argv": ["x"], "url": "http://127.0.0.1:1"}, "give either argv"),
        ({"url": "ftp://127.0.0.1"}, "must begin with http:// or https://"),
        ({"url": "https://me:secret@example.org"}, "no place for secrets"),
        ({"url": "http://127.0.0.1:1", "env": {"A": "b"}}, "env: has no meaning"),
        ({"argv": ["x"], "token_credential": "t"}, "token_credential: has no meaning for a program"),
        ({"argv": ["x"], "allow": ["buy"], "acts": ["buy"]}, "buy stands in more than one list"),
        ({"argv": ["x"], "acts": ["*"]}, "name each tool that changes something"),
        ({"argv": ["x"], "calls": 3}, "calls"),
    ],
)
def test_what_is_wrong_is_told(table, said):
    with pytest.raises(ValidationError, match=said):
        mcp(**table)


def test_small_models_call_nothing_unless_said():
    tiers = {"fast": {"engine": "e"}, "strong": {"engine": "e", "tools": True}}
    config = Config.model_validate({"tiers": tiers, "engines": {"e": {"kind": "llama_cpp", "model": "/m.gguf"}}})
    assert [config.tiers[name].tools for name in tiers] == [False, True]
