"""What fits where: the two unequal cards of a house, and the promises that cannot be kept."""

import itertools
from dataclasses import replace

import pytest

from benchmarks import footprint as published
from jarvisd.engines.footprint import GIB, CacheLayers, CacheShape, ModelFacts, Serving, footprint, longest_context
from jarvisd.planning.cards import Card, imagined_card
from jarvisd.planning.fit import MOST_MODELS, Candidate, fit, together, tokens, whisper_type
from jarvisd.planning.known import CHAT, SPEECH, WHISPER_TURBO
from jarvisd.planning.suggest import suggest

BIG = Card("GPU-big", "RTX 5070 Ti", int(15.47 * GIB), capability=(12, 0), driver="580.82")
SMALL = Card("GPU-small", "RTX 2060", int(5.8 * GIB), capability=(7, 5), driver="580.82")
KNOWN = {one.name: one for one in (*CHAT, *SPEECH)}


def wanted(name, context_tokens=8192, card=None, **changes):
    known = KNOWN[name]
    return Candidate(name, replace(known.facts, **changes), known.serving, context_tokens, card)


def model(weights_gib, kib_per_token=128, **changes):
    cache = CacheShape((CacheLayers(1, kib_per_token * 1024 // 2),)) if kib_per_token else None
    facts = ModelFacts("m", "/m", "safetensors", "chat", "", int(weights_gib * GIB), cache, layers=32)
    return replace(facts, **changes)


def test_published_sizes_and_promises():
    figures, reasons = published.measure()
    assert figures["weights_error_max_percent"] <= 2
    assert figures["kv_error_max_percent"] == 0
    assert figures["impossible_refused"] == figures["impossible_total"] == len(reasons) == 8
    assert figures["possible_accepted"] == figures["possible_total"]
    assert all(" needs " in reason and "can be used" in reason for reason in reasons)


def test_the_house_of_two_cards():
    strong, second, small, ears = map(
        wanted, ("Qwen3-14B AWQ", "Qwen3-8B AWQ", "Qwen2.5-3B AWQ", "Whisper large-v3-turbo")
    )
    fits = [fit(one, [BIG, SMALL]) for one in (strong, second, small, ears)]
    assert [[where.fits for where in one.on_cards] for one in fits] == [
        [True, False], [True, False], [True, True], [True, True]
    ]  # fmt: skip
    assert 18_000 < fits[0].on_cards[0].context_tokens < 24_000
    on_small = together(fits, SMALL)
    assert on_small.share == ((small.name, ears.name),)
    assert on_small.alternate == ()
    on_big = together(fits, BIG)
    assert (strong.name, second.name) in on_big.alternate
    assert (second.name, small.name, ears.name) in on_big.share


def test_a_four_billion_model_has_the_small_card_for_itself_only():
    fits = [fit(wanted(name), [SMALL]) for name in ("Qwen3-4B AWQ", "Whisper large-v3-turbo")]
    assert all(one.fits for one in fits)
    assert together(fits, SMALL).alternate == (("Qwen3-4B AWQ", "Whisper large-v3-turbo"),)
    assert together(fits, SMALL).share == ()


def test_a_refusal_says_what_is_missing_and_what_would_fit():
    refused = fit(wanted("Qwen3-32B AWQ"), [BIG])
    assert not refused.fits
    assert refused.reason == (
        "Qwen3-32B AWQ needs 21.4 GiB with 8k context (weights 18.0, cache 2.0, engine 1.4); this card has 15.5, "
        "of which 14.2 can be used. Nearest: Qwen3-14B AWQ, 11.9 GiB, 23k tokens."
    )
    assert refused.nearest.repository == "Qwen/Qwen3-14B-AWQ"


def test_with_several_cards_the_best_of_them_is_named():
    assert "RTX 5070 Ti has 15.5" in fit(wanted("Qwen3-32B AWQ"), [SMALL, BIG]).reason


def test_a_context_that_is_too_long_is_the_reason():
    refused = fit(wanted("Llama-3.1-8B AWQ", 131_072), [BIG])
    assert "It fits with 61k context" in refused.reason


def test_ears_that_do_not_fit_are_refused_with_smaller_ears():
    refused = fit(wanted("Whisper large-v3"), [imagined_card("1.8GiB", 1)])
    assert refused.nearest.name == "Whisper small"
    assert "context" not in refused.reason


def test_an_embedder_belongs_on_the_processor():
    facts = model(1.06, 0, purpose="embedding")
    assert "processor" in fit(Candidate("bge-m3", facts, Serving("embed"), 0), [imagined_card("1GiB", 1)]).reason


def test_a_card_that_is_not_there():
    refused = fit(wanted("Qwen3-4B AWQ", card="GPU-gone"), [BIG, SMALL])
    assert not refused.fits
    assert "GPU-gone" in refused.reason
    assert "GPU-big, GPU-small" in refused.reason


def test_a_model_is_only_judged_on_its_own_card():
    only = fit(wanted("Qwen3-14B AWQ", card="GPU-small"), [BIG, SMALL])
    assert [one.card.uuid for one in only.on_cards] == ["GPU-small"]
    assert not only.fits


def test_what_was_measured_counts_when_it_is_more():
    candidate = wanted("Qwen3-4B AWQ")
    assert fit(candidate, [SMALL]).fits
    measured = replace(candidate, known_bytes=int(5.5 * GIB))
    assert not fit(measured, [SMALL]).fits
    assert "as configured or measured" in fit(measured, [SMALL]).reason


def test_other_programs_leave_less():
    playing = replace(BIG, foreign_bytes=8 * GIB)
    refused = fit(wanted("Qwen3-14B AWQ"), [playing])
    assert not refused.fits
    assert "other programs hold 8.0 GiB" in refused.reason


def test_layers_left_to_the_processor_take_nothing_of_the_card():
    facts = model(8)
    half = footprint(facts, Serving("llama_cpp", gpu_layers=16), 8192)
    whole = footprint(facts, Serving("llama_cpp", gpu_layers=99), 8192)
    assert (half.weights_bytes, half.kv_bytes) == (whole.weights_bytes // 2, whole.kv_bytes // 2)
    assert footprint(facts, Serving("llama_cpp", gpu_layers=0), 8192).total_bytes == 0


def test_the_longest_context_is_the_longest():
    facts = model(4)
    for budget in (int(5.4 * GIB) - 1, int(5.4 * GIB), 6 * GIB, 9 * GIB):
        longest = longest_context(facts, Serving("vllm"), budget)
        assert longest % 16 == 0
        if longest:
            assert footprint(facts, Serving("vllm"), longest).total_bytes <= budget
        assert footprint(facts, Serving("vllm"), longest + 16).total_bytes > budget
    assert longest_context(replace(facts, max_context_tokens=1000), Serving("vllm"), 9 * GIB) == 1000
    assert longest_context(facts, Serving("vllm"), GIB) == 0


def test_sets_that_share_never_exceed_the_card():
    sizes = (1, 2, 3, 5, 7, 9)
    fits = [fit(Candidate(f"m{size}", model(size, 0), Serving("llama_cpp"), 0), [BIG]) for size in sizes]
    needed = {one.candidate.name: one.on_cards[0].needed_bytes for one in fits}
    groups = together(fits, BIG).share
    assert groups
    assert all(sum(needed[name] for name in group) <= BIG.budget_bytes for group in groups)
    for group in groups:
        for other in set(needed) - set(group):
            assert needed[other] + sum(needed[name] for name in group) > BIG.budget_bytes
    for pair in itertools.combinations(needed, 2):
        shares = any(set(pair) <= set(group) for group in groups)
        assert shares != (pair in together(fits, BIG).alternate)


def test_many_models_are_still_compared_at_once():
    fits = [fit(Candidate(f"m{one}", model(1, 0), Serving("llama_cpp"), 0), [BIG]) for one in range(MOST_MODELS)]
    assert len(together(fits, BIG).share[0]) == 8


@pytest.mark.parametrize(
    ("asked", "capability", "used"),
    [
        ("auto", (7, 5), "int8_float16"),
        ("auto", (12, 0), "float16"),
        ("auto", None, "float16"),
        ("int8", (12, 0), "int8"),
    ],
)
def test_whisper_in_the_type_of_its_card(asked, capability, used):
    assert whisper_type(asked, capability) == used


def test_whisper_takes_less_where_it_runs_in_int8():
    big, small = (one.footprint.weights_bytes for one in fit(wanted(WHISPER_TURBO.name), [BIG, SMALL]).on_cards)
    assert big == 2 * small


def test_a_line_up_for_two_cards():
    big, small = suggest([BIG, SMALL], 8192)
    assert [place.model.name for place in big.places] == ["Qwen3-14B AWQ"]
    assert [place.model.name for place in small.places] == ["Whisper large-v3-turbo", "Qwen2.5-3B AWQ"]
    assert sum(place.needed_bytes for place in small.places) <= SMALL.budget_bytes
    assert small.places[1].context_tokens >= 8192


def test_a_line_up_beside_other_programs():
    playing = replace(BIG, foreign_bytes=6 * GIB, kept_free_bytes=GIB)
    (line_up,) = suggest([playing], 8192)
    assert len(line_up.places) == 2
    assert sum(place.needed_bytes for place in line_up.places) <= playing.budget_bytes


def test_a_line_up_for_one_card_and_for_one_that_is_too_small():
    (only,) = suggest([BIG], 8192)
    assert [place.model.name for place in only.places] == ["Whisper large-v3-turbo", "Qwen3-14B AWQ"]
    (none,) = suggest([imagined_card("1GiB", 1)], 8192)
    assert none.places == ()


@pytest.mark.parametrize(("count", "text"), [(8192, "8k"), (23_200, "23k"), (131_072, "128k"), (640, "640")])
def test_tokens_as_people_say_them(count, text):
    assert tokens(count) == text


@pytest.mark.parametrize(
    ("text", "total", "capability"),
    [
        ("15.5GiB", int(15.5 * GIB), None),
        ("16gb", 16_000_000_000, None),
        ("6 GiB@7.5", 6 * GIB, (7, 5)),
        ("1024", 1024, None),
    ],
)
def test_memory_as_people_write_it(text, total, capability):
    card = imagined_card(text, 2)
    assert (card.uuid, card.total_bytes, card.capability) == ("card-2", total, capability)


@pytest.mark.parametrize("text", ["", "much", "-5GiB", "0GiB", "nan", "1e9", "5TiB", "99999999GiB", "6GiB@seven"])
def test_memory_that_is_none(text):
    with pytest.raises(ValueError, match="no amount of memory"):
        imagined_card(text, 1)


def test_a_card_is_never_planned_full():
    assert replace(BIG, total_bytes=100 * GIB).budget_bytes == 92 * GIB
    assert replace(BIG, total_bytes=100 * GIB, reserved_bytes=10 * GIB).budget_bytes == 90 * GIB
    assert replace(BIG, foreign_bytes=99 * GIB).budget_bytes == 0


def test_what_is_kept_free_is_there_for_other_programs():
    kept = replace(BIG, total_bytes=100 * GIB, kept_free_bytes=2 * GIB)
    assert kept.budget_bytes == replace(kept, foreign_bytes=GIB).budget_bytes == 90 * GIB
    assert replace(kept, foreign_bytes=3 * GIB).budget_bytes == 89 * GIB
