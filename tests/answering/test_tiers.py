"""The tiers as they are, weighed for a question."""

from dataclasses import replace

import pytest

from jarvisd.answering.question import Question
from jarvisd.answering.tiers import Tiers, level_of
from jarvisd.config import Config, TierConfig
from jarvisd.outgoing import Verdict
from jarvisd.routing.account import Account, Refusal
from jarvisd.routing.latency import Latency
from jarvisd.routing.wishes import Wishes
from jarvisd.types import EngineState, EngineStatus, Turn

ENGINES = {
    "small": {"kind": "process", "argv": ["small"], "url": "http://127.0.0.1:1/v1"},
    "big": {"kind": "process", "argv": ["big"], "url": "http://127.0.0.1:2/v1"},
    "far": {"kind": "remote", "url": "https://api.example.org/v1", "model": "m"},
}
ORDER = ("fast", "strong", "cloud")


class House:
    """What is asked counts as strong; all engines are ready, and the cloud may be asked unless a test says no."""

    def __init__(self):
        self.config = Config.model_validate(
            {
                "engines": ENGINES,
                "tiers": {"fast": {"engine": "small"}, "strong": {"engine": "big"}, "cloud": {"engine": "far"}},
                "conversation": {"tiers": ORDER},
            }
        )
        self.states = dict.fromkeys(("small", "big", "far"), EngineState.READY)
        self.shares = {"home": 0.0, "fast": 0.05, "strong": 0.9, "reasoning": 0.05}
        self.private = False
        self.refusal = None
        self.left_micros = 500_000
        self.judged = []

    def tiers(self):
        return Tiers(
            conversation=lambda: self.config.conversation,
            tiers=lambda: self.config.tiers,
            engines=lambda: self.config.engines,
            settings=lambda: self.config.routing,
            statuses=lambda: [EngineStatus(name, "process", state) for name, state in self.states.items()],
            latency=Latency(),
            score=lambda text, language: self.shares,
            mix=lambda: dict.fromkeys(("home", "fast", "strong", "reasoning"), 0.25),
            judge=self.judge,
            refusal=lambda engine, prompt, completion: self.refusal,
            price=lambda engine, prompt, completion: 1_000,
            account=lambda: Account("2026-01-01", "EUR", self.left_micros, self.left_micros),
        )

    def judge(self, text, language):
        self.judged.append(text)
        return Verdict(text, self.private, ("a name",))

    def decide(self, **wished):
        return self.tiers().decide(Question(Turn("cli", "en", 60.0), "explain tides", "en", Wishes(**wished)))


@pytest.fixture
def house():
    return House()


def order(decision):
    return [one.option.tier for one in decision.order]


def test_the_level_is_as_configured_or_as_the_name_says_or_strong():
    assert level_of("fast", TierConfig(engine="x")) == "fast"
    assert level_of("fast", TierConfig(engine="x", level="reasoning")) == "reasoning"
    assert level_of("kitchen", TierConfig(engine="x")) == "strong"


def test_at_home_before_the_cloud_when_both_would_do(house):
    assert order(house.decide()) == ["strong", "cloud", "fast"]


def test_nothing_private_is_asked_outside_and_the_reason_is_told(house):
    house.private = True
    decision = house.decide()
    assert order(decision) == ["strong", "fast"]
    assert decision.refused == {"cloud": "it stays in the house: a name"}


def test_a_private_question_stays_even_when_the_cloud_is_asked_for(house):
    house.private = True
    assert "cloud" not in order(house.decide(cloud=True))


def test_the_cloud_by_name_and_without_it(house):
    assert order(house.decide(cloud=True))[0] == "cloud"
    without = house.decide(cloud=False)
    assert "cloud" not in order(without)
    assert without.refused == {"cloud": "you want it without the cloud"}


def test_what_the_ledger_refuses_is_not_asked_and_its_text_is_not_even_judged(house):
    house.refusal = Refusal("cloud_budget", "Today's limit is used up.")
    decision = house.decide()
    assert decision.refused == {"cloud": "Today's limit is used up."}
    assert house.judged == []


def test_what_is_nearly_used_up_is_kept(house):
    house.states["big"] = EngineState.FAILED
    assert order(house.decide())[0] == "cloud"
    house.left_micros = 1_000
    assert order(house.decide())[0] == "fast"


def test_a_failed_engine_comes_last_and_one_that_is_gone_too(house):
    house.states["big"] = EngineState.FAILED
    assert order(house.decide(cloud=False)) == ["fast", "strong"]
    del house.states["big"]
    assert order(house.decide(cloud=False)) == ["fast", "strong"]


def test_routes_say_what_a_turns_record_needs(house):
    house.states["big"] = EngineState.STOPPED
    tiers = house.tiers()
    decision = tiers.decide(Question(Turn("cli", "en", 60.0), "explain tides", "en", Wishes(cloud=False)))
    fast, strong = (tiers.route(decision, rank) for rank in (0, 1))
    assert (fast.tier, fast.engine, fast.cold, fast.cloud, fast.wanted) == ("fast", "small", False, False, "strong")
    assert strong.cold
    assert strong.probabilities["strong"] == pytest.approx(0.9)
    assert fast.reason.startswith("fast: 90% strong")
    cloud = house.tiers()
    assert cloud.route(
        cloud.decide(Question(Turn("cli", "en", 60.0), "explain tides", "en", Wishes(cloud=True))), 0
    ).cloud


def test_a_house_without_a_cloud_reads_no_ledger(house):
    assert house.tiers().is_blocking()
    house.config = house.config.model_copy(
        update={"conversation": house.config.conversation.model_copy(update={"tiers": ("fast", "strong")})}
    )
    assert not house.tiers().is_blocking()
    assert replace(house.tiers(), refusal=None).decide(Question(Turn("cli", "en", 60.0), "explain tides", "en")).order
