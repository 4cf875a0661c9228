"""Questions to a priced cloud on loopback, which behaves well or badly; what it cost is in a real ledger."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import date

import pytest

from jarvisd.config import CloudConfig, RemoteEngine
from jarvisd.errors import CloudRefused, EngineError, EngineReplyError, EngineUnavailable
from jarvisd.llm.chat import Delta, Finished, probe, stream_chat
from jarvisd.llm.cloud import CloudCall, outgoing_request, stream_cloud
from jarvisd.outgoing import CloudPrompt, Verdict, question_for_cloud
from jarvisd.routing.ledger import Ledger
from jarvisd.routing.outbound import read_outbound
from jarvisd.types import Endpoint, Message
from tests.fakes.priced_cloud import PricedCloud

TODAY = date(2026, 11, 9)
QUESTION = "cuánto mide la torre eiffel"
PROMPT = question_for_cloud(Verdict(QUESTION, False), "es", TODAY)
PRICES = {"price_per_million_input": 2.0, "price_per_million_output": 10.0}
CALL = CloudCall("t1", "cloud", "a public question", 30, 0.2, 20.0, idle_timeout_s=20.0)


def engine(url: str = "https://api.example.org/v1", **changes) -> RemoteEngine:
    return RemoteEngine(kind="remote", url=url, model="big", cloud=True, **{**PRICES, **changes})


class House:
    """A house with one cloud engine, its ledger and its bill."""

    def __init__(self, tmp_path, cloud: PricedCloud, port: int, **limits) -> None:
        self.cloud = cloud
        self.path = tmp_path / "cloud.sqlite"
        self.endpoint = Endpoint(f"http://127.0.0.1:{port}/v1", api_key="key", cloud=True)
        self.engine = engine(f"http://127.0.0.1:{port}/v1")
        config = CloudConfig(**{"allowed": True, "day_limit": 1.0, "month_limit": 5.0, **limits})
        self.ledger = Ledger(self.path, config, {"cloud": self.engine}, today=lambda: TODAY)

    async def ask(self, prompt: CloudPrompt = PROMPT, call: CloudCall = CALL) -> tuple[str, Finished]:
        answer = stream_cloud(prompt, self.endpoint, self.engine, call, self.ledger.spending)
        async with aclosing(answer), asyncio.timeout(30):
            *deltas, end = [piece async for piece in answer]
        assert isinstance(end, Finished)
        return "".join(delta.text for delta in deltas if isinstance(delta, Delta)), end

    @property
    def held_micros(self) -> int:
        outgoing = outgoing_request(PROMPT, self.engine, CALL)
        return outgoing.prompt_tokens_max * 2 + outgoing.completion_tokens_max * 10

    async def left(self):
        return await asyncio.to_thread(read_outbound, self.path, 1, TODAY)

    async def only(self):
        (left,) = await self.left()
        return left

    async def spent_micros(self) -> int:
        return (await asyncio.to_thread(self.ledger.account)).spent_today_micros


@asynccontextmanager
async def house(tmp_path, misbehave: str = "", **limits) -> AsyncIterator[House]:
    cloud = PricedCloud(misbehave)
    listening = await asyncio.start_server(cloud.connected, "127.0.0.1", 0)
    try:
        yield House(tmp_path, cloud, listening.sockets[0].getsockname()[1], **limits)
    finally:
        listening.close()


async def test_an_answer_costs_what_the_server_counted(tmp_path):
    async with house(tmp_path) as home:
        text, end = await home.ask()
    assert (text, end.completion_tokens) == ("word " * 20, 20)
    left = await home.only()
    assert (left.state, left.charged_micros) == ("settled", home.cloud.prompt_tokens * 2 + 20 * 10)
    assert 0 < left.charged_micros < left.reserved_micros == home.held_micros


async def test_what_is_recorded_is_what_left_to_the_byte(tmp_path):
    async with house(tmp_path) as home:
        await home.ask()
    left, (sent,) = await home.only(), home.cloud.asked
    assert (left.body, left.bytes, left.question) == (sent.decode(), len(sent), QUESTION)
    assert (left.turn_id, left.engine, left.why) == ("t1", "cloud", "a public question")
    body = json.loads(sent)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert "Authorization: Bearer key" in home.cloud.heads[0]
    assert "key" not in left.body


@pytest.mark.parametrize("misbehave", ["hang", "hang-midway", "cut", "garbage", "bills-without-finish", "status-500"])
async def test_a_bill_that_is_not_known_is_the_highest_that_was_allowed(tmp_path, misbehave):
    impatient = CloudCall("t1", "cloud", "a public question", 30, 0.2, 0.3, idle_timeout_s=0.3)
    async with house(tmp_path, misbehave) as home:
        with pytest.raises(EngineReplyError):
            await home.ask(call=impatient)
    left = await home.only()
    assert (left.state, left.charged_micros) == ("failed", home.held_micros)
    assert left.note
    billed = home.cloud.prompt_tokens * 2 + home.cloud.completion_tokens * 10
    assert 0 < billed <= await home.spent_micros()


async def test_an_answer_without_a_count_costs_all_that_was_held(tmp_path):
    async with house(tmp_path, "no-usage") as home:
        text, _ = await home.ask()
    assert text
    left = await home.only()
    assert (left.state, left.charged_micros) == ("failed", home.held_micros)


async def test_thinking_is_paid_where_it_is_in_the_total_only(tmp_path):
    async with house(tmp_path, "thinks") as home:
        _, end = await home.ask()
    assert end.completion_tokens == 27
    assert (await home.only()).charged_micros == home.cloud.prompt_tokens * 2 + 27 * 10


@pytest.mark.parametrize(("misbehave", "error"), [("refuses", EngineReplyError), ("busy", EngineUnavailable)])
async def test_a_refused_question_costs_nothing(tmp_path, misbehave, error):
    async with house(tmp_path, misbehave) as home:
        with pytest.raises(error, match=r"Unsupported parameter|Rate limit"):
            await home.ask()
    left = await home.only()
    assert (left.state, left.charged_micros) == ("free", 0)


async def test_nobody_there_costs_nothing(tmp_path):
    async with house(tmp_path) as home:
        pass
    with pytest.raises(EngineUnavailable):
        await home.ask()
    assert ((await home.only()).state, await home.spent_micros()) == ("free", 0)


async def test_who_bills_too_much_is_not_asked_again(tmp_path):
    async with house(tmp_path, "bills-too-much") as home:
        await home.ask()
        with pytest.raises(CloudRefused, match="billed more than its limits allow") as refusal:
            await home.ask()
    assert refusal.value.code == "cloud_budget"
    assert (await home.only()).charged_micros == home.cloud.prompt_tokens * 2 + 1030 * 10
    assert home.cloud.requests == 1


async def test_whoever_hangs_up_pays_all_that_was_held(tmp_path):
    async with house(tmp_path) as home:
        answer = stream_cloud(PROMPT, home.endpoint, home.engine, CALL, home.ledger.spending)
        await anext(answer)
        await answer.aclose()
    left = await home.only()
    assert (left.state, left.charged_micros) == ("failed", home.held_micros)


async def test_a_cancelled_turn_pays_all_that_was_held(tmp_path):
    async with house(tmp_path, "hang") as home, asyncio.TaskGroup() as group:
        asking = group.create_task(home.ask())
        while not home.cloud.requests:
            await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.wait([asking])
        left = await home.only()
        assert (left.state, left.charged_micros) == ("failed", home.held_micros)


@pytest.mark.parametrize(
    ("limits", "code"), [({"allowed": False}, "cloud_off"), ({"day_limit": 0.0005}, "cloud_budget")]
)
async def test_a_refusal_comes_before_anything_is_sent(tmp_path, limits, code):
    async with house(tmp_path, **limits) as home:
        with pytest.raises(CloudRefused) as refusal:
            await home.ask()
    assert (refusal.value.code, home.cloud.asked, await home.left()) == (code, [], ())


async def test_only_a_cloud_prompt_goes_to_a_cloud(tmp_path):
    said = (Message("user", "is the front door locked"),)
    async with house(tmp_path) as home:
        with pytest.raises(CloudRefused):
            await home.ask(prompt=said)  # type: ignore[arg-type]
        plain = stream_chat(home.endpoint, "big", said, max_tokens=9, temperature=0.0, first_token_timeout_s=9.0)
        for way in (anext(plain), probe(home.endpoint, "big")):
            with pytest.raises(CloudRefused):
                await way
    assert home.cloud.asked == []


@pytest.mark.parametrize(
    ("url", "configured", "name"),
    [
        ("https://api.openai.com/v1", "auto", "max_completion_tokens"),
        ("https://api.openai.com/v1", "max_tokens", "max_tokens"),
        ("https://api.anthropic.com/v1", "auto", "max_tokens"),
        ("https://api.anthropic.com/v1", "max_completion_tokens", "max_completion_tokens"),
    ],
)
def test_the_limit_of_an_answer_has_the_server_s_name(url, configured, name):
    body = json.loads(outgoing_request(PROMPT, engine(url, token_limit=configured), CALL).body)
    assert {key: body[key] for key in body if key.startswith("max")} == {name: 30}


def test_servers_that_differ_are_asked_as_they_want():
    openai = engine("https://api.openai.com/v1", send_temperature=False, extra_body={"reasoning_effort": "low"})
    body = json.loads(outgoing_request(PROMPT, openai, CALL).body)
    assert (body["max_completion_tokens"], body["reasoning_effort"]) == (30, "low")
    assert not {"max_tokens", "temperature"} & body.keys()
    other = json.loads(outgoing_request(PROMPT, engine("https://openrouter.ai/api/v1"), CALL).body)
    assert (other["max_tokens"], other["temperature"], other["stream_options"]) == (30, 0.2, {"include_usage": True})


@pytest.mark.parametrize("text", ["a", "ñandú", "漢字 and 😀", "x" * 1000])
def test_a_prompt_never_has_more_tokens_than_are_held(text):
    prompt = question_for_cloud(Verdict(text, False), "en", TODAY)
    held = outgoing_request(prompt, engine(), CALL).prompt_tokens_max
    assert held > sum(len(message.content.encode()) for message in prompt.messages)


def test_a_refusal_is_a_reason_to_ask_the_next_engine():
    assert issubclass(CloudRefused, EngineError)
