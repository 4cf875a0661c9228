"""Who makes room on a card: decided without a card."""

import random
from dataclasses import replace

import pytest

from jarvisd.engines.placement import GIB, Budget, NoRoom, Occupied, Room, Rung, Tenant, bed, give_back, place

CARD = Budget(card_bytes=16 * GIB)


def engine(name, gib, rung=Rung.AWAKE, **more):
    values = {"can_sleep": True, "asleep_bytes": GIB, "host_bytes": gib * GIB, "awake_s": 100.0, **more}
    return Tenant(name, rung, gib * GIB, **values)


def wanted(name, gib, **more):
    return engine(name, gib, Rung.STOPPED, **more)


def test_on_an_empty_card_there_is_room():
    assert place(wanted("strong", 14), [], CARD) == Room()


def test_nobody_is_moved_where_both_fit():
    assert place(wanted("fast", 4), [engine("whisper", 2)], CARD) == Room()


def test_the_longest_unused_sleeps_and_only_as_many_as_must():
    others = [engine("a", 6, idle_s=10), engine("b", 6, idle_s=500)]
    assert place(wanted("c", 6), others, CARD) == Room((("b", Rung.ASLEEP_IN_RAM),))


def test_who_was_put_to_sleep_in_vain_stays():
    others = [engine("small", 2, idle_s=900), engine("large", 12, idle_s=10)]
    assert place(wanted("strong", 12), others, CARD) == Room((("large", Rung.ASLEEP_IN_RAM),))


def test_what_sleep_does_not_free_is_freed_by_an_end():
    assert place(wanted("strong", 16), [engine("large", 12)], CARD) == Room((("large", Rung.STOPPED),))


def test_one_that_cannot_sleep_ends():
    assert place(wanted("strong", 12), [engine("whisper", 6, can_sleep=False)], CARD) == Room(
        (("whisper", Rung.STOPPED),)
    )


def test_without_ram_the_weights_wait_on_the_disk():
    short = replace(CARD, host_bytes=13 * GIB)
    others = [engine("a", 7, idle_s=2), engine("b", 7, idle_s=1)]
    assert place(wanted("strong", 14), others, short) == Room((("a", Rung.ASLEEP_IN_RAM), ("b", Rung.ASLEEP_ON_DISK)))
    assert bed(engine("a", 7), 0) is Rung.ASLEEP_ON_DISK
    assert bed(engine("a", 7), None) is Rung.ASLEEP_IN_RAM
    assert bed(engine("a", 7, can_sleep=False), None) is Rung.STOPPED


def test_what_is_in_use_is_waited_for():
    decision = place(wanted("strong", 12), [engine("large", 12, leased=True)], CARD)
    assert decision == Occupied("strong waits for its card: large is in use.")


def test_what_has_only_just_become_ready_is_left_in_peace():
    patient = replace(CARD, min_residency_s=10)
    decision = place(wanted("strong", 12), [engine("large", 12, awake_s=3)], patient)
    assert isinstance(decision, Occupied)
    assert decision.retry_in_s == 7
    assert isinstance(place(wanted("strong", 12), [engine("large", 12, awake_s=10)], patient), Room)


def test_what_can_never_fit_is_refused_with_the_figures():
    assert place(wanted("llama70", 40), [], CARD) == NoRoom("llama70 needs 40.0 GiB, and its card has 16.0 GiB.")
    decision = place(wanted("strong", 12), [engine("whisper", 6, pinned=True)], CARD)
    assert decision == NoRoom(
        "strong needs 12.0 GiB, and its card has 16.0 GiB, of which whisper (pinned) keeps 6.0 GiB."
    )


def test_a_pinned_engine_that_is_down_keeps_its_place():
    down = engine("whisper", 6, Rung.STOPPED, pinned=True)
    assert isinstance(place(wanted("strong", 12), [down], CARD), NoRoom)


def test_at_boot_nobody_is_moved():
    decision = place(wanted("reasoning", 12), [engine("strong", 12)], CARD, may_move=False)
    assert decision == Occupied("reasoning starts when it is asked: strong has the card.")


def test_for_what_is_only_expected_nobody_goes_who_was_used_lately():
    careful = replace(CARD, min_idle_s=300)
    decision = place(wanted("reasoning", 12), [engine("strong", 12, idle_s=299)], careful)
    assert decision == Occupied("reasoning starts when it is asked: strong has the card.")
    assert place(wanted("reasoning", 12), [engine("strong", 12, idle_s=300)], careful) == Room(
        (("strong", Rung.ASLEEP_IN_RAM),)
    )
    both = [engine("idle", 6, idle_s=900), engine("used", 6, idle_s=10)]
    assert place(wanted("reasoning", 8), both, careful) == Room((("idle", Rung.ASLEEP_IN_RAM),))


def test_engines_that_are_never_together_alternate_even_where_both_fit():
    rival = engine("b", 2, never_with=frozenset({"a"}))
    assert place(wanted("a", 2), [rival], CARD) == Room((("b", Rung.ASLEEP_IN_RAM),))
    assert place(wanted("a", 2), [rival], Budget()) == Room((("b", Rung.ASLEEP_IN_RAM),))
    assert isinstance(place(wanted("a", 2), [replace(rival, pinned=True)], CARD), NoRoom)
    assert place(wanted("a", 2), [replace(rival, rung=Rung.ASLEEP_IN_RAM)], CARD) == Room()


def test_without_a_figure_there_is_no_limit():
    assert place(wanted("strong", 999), [engine("large", 999)], Budget()) == Room()


def test_alone_everything_that_may_go_goes():
    others = [engine("a", 1), engine("b", 1, Rung.ASLEEP_IN_RAM), engine("kept", 1, pinned=True)]
    assert place(wanted("c", 1), others, CARD, alone=True) == Room((("a", Rung.STOPPED), ("b", Rung.STOPPED)))
    in_use = place(wanted("c", 1), [engine("a", 1, leased=True)], CARD, alone=True)
    assert in_use == Occupied("c needs its card alone, and a is in use.")


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_wanted_the_budget_holds_and_nobody_is_moved_who_may_not_be(seed):
    chance = random.Random(seed)
    for _ in range(100):
        names = [f"engine{number}" for number in range(chance.randint(1, 7))]
        tenants = {
            name: Tenant(
                name,
                Rung.STOPPED,
                chance.randint(1, 12) * GIB,
                asleep_bytes=chance.choice([0, GIB]),
                host_bytes=chance.randint(1, 12) * GIB,
                can_sleep=chance.random() < 0.6,
                pinned=chance.random() < 0.15,
                never_with=frozenset(other for other in names if other != name and chance.random() < 0.1),
            )
            for name in names
        }
        budget = Budget(16 * GIB, chance.choice([None, 8 * GIB]), chance.choice([0.0, 5.0]))
        for _ in range(30):
            name = chance.choice(names)
            tenants = {key: change(chance, one) for key, one in tenants.items()}
            others = [one for key, one in tenants.items() if key != name]
            decision = place(
                tenants[name], others, budget, may_move=chance.random() < 0.9, alone=chance.random() < 0.05
            )
            if not isinstance(decision, Room):
                assert decision.reason.startswith(name)
                continue
            for moved, rung in decision.moves:
                before = tenants[moved]
                assert not before.leased
                assert not before.pinned
                assert before.rung is not Rung.AWAKE or before.awake_s >= budget.min_residency_s
                assert rung < before.rung
                assert rung is Rung.STOPPED or before.can_sleep
                tenants[moved] = replace(before, rung=rung)
            tenants[name] = replace(tenants[name], rung=Rung.AWAKE, awake_s=0.0)
            assert sum(one.held_bytes for one in tenants.values()) <= budget.card_bytes
            awake = {one.name for one in tenants.values() if one.rung is Rung.AWAKE}
            assert not [one for one in tenants.values() if one.name in awake and one.never_with & awake]


def change(chance, one):
    """Time passes, and people come and go."""
    if one.rung is Rung.AWAKE and not one.leased and chance.random() < 0.1:
        return replace(one, rung=Rung.STOPPED, leased=False)
    return replace(
        one,
        leased=one.rung is Rung.AWAKE and chance.random() < 0.3,
        awake_s=one.awake_s + chance.choice([0.0, 3.0, 60.0]),
        idle_s=chance.choice([0.0, 10.0, 100.0]),
    )


def left(gib, **more):
    return Budget(card_bytes=gib * GIB, **more)


def test_nobody_steps_down_for_others_where_all_still_fit():
    assert give_back([engine("strong", 10), engine("fast", 4)], left(14)) == ()


def test_the_longest_unused_steps_down_for_others_however_new_it_is():
    tenants = [engine("a", 6, idle_s=10), engine("b", 6, idle_s=500, awake_s=1.0)]
    assert give_back(tenants, left(8, min_residency_s=10.0)) == (("b", Rung.ASLEEP_IN_RAM),)


def test_what_sleep_does_not_give_back_is_given_back_by_an_end():
    assert give_back([engine("a", 6), engine("b", 6, asleep_bytes=3 * GIB, idle_s=5)], left(2)) == (
        ("a", Rung.ASLEEP_IN_RAM),
        ("b", Rung.STOPPED),
    )
    assert give_back([engine("a", 6, Rung.ASLEEP_IN_RAM)], left(0)) == (("a", Rung.STOPPED),)


def test_what_is_in_use_or_pinned_stays_also_for_others():
    tenants = [engine("a", 6, leased=True), engine("b", 2, pinned=True), engine("c", 2)]
    assert give_back(tenants, left(1)) == (("c", Rung.STOPPED),)


def test_after_giving_back_it_fits_or_all_that_may_go_have_gone():
    chance = random.Random(3)
    for _ in range(500):
        tenants = [
            engine(
                str(number),
                chance.randint(1, 9),
                chance.choice(list(Rung)),
                can_sleep=chance.random() < 0.7,
                leased=chance.random() < 0.2,
                pinned=chance.random() < 0.1,
                idle_s=chance.randint(0, 9),
            )
            for number in range(chance.randint(0, 5))
        ]
        budget = left(chance.randint(0, 16))
        moves = dict(give_back(tenants, budget))
        after = [replace(tenant, rung=moves.get(tenant.name, tenant.rung)) for tenant in tenants]
        assert all(moves.get(tenant.name) is None for tenant in tenants if tenant.leased or tenant.pinned)
        if sum(tenant.held_bytes for tenant in after) > budget.card_bytes:
            assert all(one.rung is Rung.STOPPED or one.leased or one.pinned for one in after)
