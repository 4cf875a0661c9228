"""Whom to ask: every part of the rule, one at a time."""

import itertools

import pytest

from jarvisd.routing.decision import LATE_A_SECOND, REGRET, Option, decide

FAST = Option("fast", "small", "fast", eta_s=0.4)
STRONG = Option("strong", "big", "strong", eta_s=0.8)
REASONING = Option("reasoning", "r1", "reasoning", eta_s=1.0)
ALL = (FAST, STRONG, REASONING)


def surely(kind, share=0.97):
    rest = (1 - share) / 3
    return {one: share if one == kind else rest for one in ("home", "fast", "strong", "reasoning")}


def at(option, **changes):
    values = {name: getattr(option, name) for name in Option.__slots__}
    return Option(**values | changes)


def order(decision):
    return [weighed.option.tier for weighed in decision.order]


@pytest.mark.parametrize("kind", ["fast", "strong", "reasoning"])
def test_each_kind_goes_to_its_level_when_all_are_warm(kind):
    assert order(decide(surely(kind), ALL))[0] == kind


def test_every_kind_is_no_regret_on_one_level_and_some_on_the_others():
    for levels in REGRET.values():
        assert sum(regret <= 0 for regret in levels.values()) == 1


def test_a_cold_model_is_not_waited_for_and_is_wanted_for_the_next_time():
    decision = decide(surely("strong"), (FAST, at(STRONG, eta_s=45.0)))
    assert order(decision) == ["fast", "strong"]
    assert decision.wanted == "strong"
    assert "strong is warming up" in decision.reason(decision.order[0])


def test_a_sleeping_model_is_worth_its_seconds():
    decision = decide(surely("strong"), (FAST, at(STRONG, eta_s=4.0)))
    assert order(decision)[0] == "strong"
    assert decision.wanted is None


def test_a_question_for_the_fast_one_never_warms_the_strong_one():
    assert decide(surely("fast"), (FAST, at(STRONG, eta_s=45.0))).wanted is None


def test_money_counts_against_what_is_left_today():
    cloud = at(STRONG, tier="cloud", price=0.02)
    assert order(decide(surely("strong"), (FAST, cloud))) == ["cloud", "fast"]
    assert order(decide(surely("strong"), (FAST, at(cloud, price=0.9)))) == ["fast", "cloud"]
    assert order(decide(surely("strong"), (STRONG, cloud)))[0] == "strong"


def test_what_is_refused_is_never_asked_and_its_reason_is_kept():
    decision = decide(surely("strong"), (FAST, at(STRONG, refused="private")))
    assert order(decision) == ["fast"]
    assert decision.refused == {"strong": "private"}
    assert decide(surely("strong"), (at(FAST, refused="x"),)).order == ()


def test_what_fails_is_asked_last_and_never_wanted():
    decision = decide(surely("strong"), (at(STRONG, failing="it failed"), FAST, REASONING))
    assert order(decision)[-1] == "strong"
    assert decision.wanted is None
    assert decision.reason(decision.order[-1]).endswith("it failed")


def test_a_wish_beats_what_the_words_look_like_but_not_a_refusal():
    assert order(decide(surely("fast"), ALL, wish="reasoning"))[0] == "reasoning"
    assert order(decide(surely("reasoning"), ALL, wish="fast"))[0] == "fast"
    refused = (FAST, STRONG, at(REASONING, refused="private"))
    assert order(decide(surely("fast"), refused, wish="reasoning"))[0] == "strong"


def test_a_tier_that_was_asked_for_by_name_comes_first_unless_it_is_refused():
    cloud = at(STRONG, tier="cloud", price=0.5, eta_s=9.0)
    assert order(decide(surely("fast"), (FAST, STRONG, cloud), prefer={"cloud"}))[0] == "cloud"
    assert order(decide(surely("fast"), (FAST, at(cloud, refused="private")), prefer={"cloud"})) == ["fast"]


def test_the_one_that_answered_last_stays_against_one_that_is_a_little_better():
    close = {"home": 0.0, "fast": 0.0, "strong": 0.73, "reasoning": 0.27}
    first, second = order(decide(close, (STRONG, REASONING)))
    margin = decide(close, (STRONG, REASONING)).margin
    assert 0 < margin < 0.05
    assert order(decide(close, (STRONG, REASONING), last_tier=second)) == [second, first]
    assert order(decide(surely("strong"), (STRONG, REASONING), last_tier="reasoning"))[0] == "strong"


def test_doubt_about_the_fast_one_has_its_answer_looked_at():
    doubtful = {"home": 0.0, "fast": 0.75, "strong": 0.25, "reasoning": 0.0}
    decision = decide(doubtful, (FAST, STRONG), look=True)
    assert order(decision)[0] == "fast"
    assert (decision.grey, decision.escalate_to) == (True, "strong")
    assert not decide(surely("fast"), (FAST, STRONG), look=True).grey
    assert not decide(doubtful, (FAST,), look=True).grey
    assert not decide(doubtful, (FAST, at(STRONG, failing="it failed")), look=True).grey
    assert not decide(doubtful, (FAST, STRONG), look=True, wish="fast").grey


def test_what_cannot_be_looked_at_goes_to_the_better_one_in_doubt():
    doubtful = {"home": 0.0, "fast": 0.75, "strong": 0.25, "reasoning": 0.0}
    decision = decide(doubtful, (FAST, STRONG))
    assert order(decision)[0] == "strong"
    assert not decision.grey


def test_what_is_hardly_fast_at_all_is_not_tried_there_first():
    hard = {"home": 0.0, "fast": 0.2, "strong": 0.8, "reasoning": 0.0}
    assert order(decide(hard, (FAST, STRONG), look=True))[0] == "strong"


def test_more_waiting_never_makes_a_tier_likelier():
    for kind, tier in itertools.product(("fast", "strong", "reasoning"), ("fast", "strong", "reasoning")):
        ranks = []
        for eta_s in (0.5, 3.0, 10.0, 60.0):
            options = [at(option, eta_s=eta_s) if option.tier == tier else option for option in ALL]
            ranks.append(order(decide(surely(kind, 0.6), options)).index(tier))
        assert ranks == sorted(ranks)


def test_the_reason_has_the_kinds_the_time_and_the_next_best():
    decision = decide(surely("strong"), ALL)
    said = decision.reason(decision.order[0])
    assert said.startswith("strong: 97% strong, 1% ")
    assert "first word in about 0.8 s" in said
    assert f"would be {decision.margin:.2f} worse" in said


def test_only_time_beyond_comfort_counts():
    (weighed,) = decide(surely("fast"), (at(FAST, eta_s=5.0),), comfort_s=3.0).order
    assert weighed.late == pytest.approx(2 * LATE_A_SECOND)
    (weighed,) = decide(surely("fast"), (at(FAST, eta_s=3.0),), comfort_s=3.0).order
    assert weighed.late == 0


def test_no_tiers_no_order():
    decision = decide(surely("fast"), ())
    assert (decision.order, decision.margin, decision.grey) == ((), 0.0, False)
