"""The plan is a function of the time: what people set, quiet hours, and clocks that are moved."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jarvisd.config import WarmupConfig, WarmupTimeConfig
from jarvisd.warmup.demand import DAY_S, Habits
from jarvisd.warmup.hours import EVERY_DAY, Hours, hours
from jarvisd.warmup.plan import GRACE_S, Candidate, KeepWarm, LetGo, plan

HOUR_S = 3600.0
MADRID = ZoneInfo("Europe/Madrid")
# A Monday, 00:00 on the wall.
MONDAY_S = 4 * DAY_S
ALWAYS = Habits((1.0,) * 2016, (1.0,) * 8, (1.0,) * 5, 0.5)
SELDOM = Habits((0.1,) * 2016, (1.0,) * 8, (1.0,) * 5, 0.5)


def set_hours(*quiet, **times):
    return hours(
        WarmupConfig(quiet_hours=quiet),
        {name: WarmupTimeConfig(engine="strong", **facts) for name, facts in times.items()},
    )


def candidate(name="strong", **facts):
    return Candidate(name, **({"warm": False, "busy": False, "keep_alive_s": HOUR_S} | facts))


def doing(now_s, known, **facts):
    """warm, go or nothing."""
    actions = plan(now_s, [candidate(**facts)], known)
    return {KeepWarm: "warm", LetGo: "go"}[type(actions[0])] if actions else "nothing"


WEEKDAYS = set_hours(morning={"at": "07:00", "days": "weekdays"})
LATE = set_hours(late={"at": "23:00", "days": ["fri"], "for_minutes": 180})


@pytest.mark.parametrize(
    ("known", "day", "hour", "expected"),
    [
        (WEEKDAYS, 0, 6.99, "nothing"),
        (WEEKDAYS, 0, 7.0, "warm"),
        (WEEKDAYS, 4, 8.99, "warm"),
        (WEEKDAYS, 4, 9.0, "nothing"),
        (WEEKDAYS, 5, 8.0, "nothing"),
        (LATE, 4, 22.9, "nothing"),
        (LATE, 4, 23.5, "warm"),
        (LATE, 5, 1.9, "warm"),
        (LATE, 5, 2.0, "nothing"),
        (LATE, 5, 23.5, "nothing"),
        (Hours(), 0, 8.0, "nothing"),
    ],
)
def test_hours_that_people_set(known, day, hour, expected):
    assert doing(MONDAY_S + day * DAY_S + hour * HOUR_S, known) == expected


def test_of_two_hours_the_one_that_ends_last_is_named():
    known = set_hours(short={"at": "07:00", "for_minutes": 30}, long={"at": "06:00", "for_minutes": 180})
    (action,) = plan(MONDAY_S + 7.2 * HOUR_S, [candidate()], known)
    assert action == KeepWarm("strong", "warmup_times.long, until 09:00")


def test_what_people_set_goes_before_what_was_learned():
    at_s = MONDAY_S + 8 * HOUR_S
    assert doing(at_s, WEEKDAYS, learned=SELDOM, warm=True, uses_s=(MONDAY_S,)) == "warm"
    assert doing(at_s + 2 * HOUR_S, WEEKDAYS, learned=SELDOM, warm=True, uses_s=(MONDAY_S,)) == "go"


QUIET = set_hours("23:30-06:30", late={"at": "06:00", "for_minutes": 60})


@pytest.mark.parametrize(
    ("hour", "facts", "expected"),
    [
        (23.0, {"learned": ALWAYS}, "warm"),
        (23.5, {"learned": ALWAYS}, "nothing"),
        (6.2, {}, "nothing"),
        (6.5, {}, "warm"),
        (3.0, {"warm": True}, "go"),
        (3.0, {"warm": True, "busy": True}, "nothing"),
        (3.0, {"warm": True, "uses_s": (MONDAY_S + 3 * HOUR_S - GRACE_S + 1,)}, "nothing"),
        (3.0, {"warm": True, "uses_s": (MONDAY_S + 3 * HOUR_S - GRACE_S,)}, "go"),
        # Brought up for somebody who is still waiting for it.
        (3.0, {"warm": True, "came_up_s": MONDAY_S + 3 * HOUR_S - 60}, "nothing"),
        (12.0, {"warm": True}, "nothing"),
    ],
)
def test_quiet_hours(hour, facts, expected):
    assert doing(MONDAY_S + hour * HOUR_S, QUIET, **facts) == expected


@pytest.mark.parametrize(
    ("idle_h", "ended_ago_h", "expected"),
    [(2.0, 0.1, "go"), (0.5, 0.1, "nothing"), (2.0, 1.5, "nothing")],
)
def test_after_its_hours_an_engine_is_up_for_its_keep_alive_after_real_use(idle_h, ended_ago_h, expected):
    now_s = MONDAY_S + (9 + ended_ago_h) * HOUR_S
    facts = {"warm": True, "uses_s": (now_s - idle_h * HOUR_S,), "came_up_s": MONDAY_S + 7 * HOUR_S}
    assert doing(now_s, WEEKDAYS, **facts) == expected


def test_others_go_before_somebody_comes_and_the_likeliest_comes_first():
    likely = Habits((0.9,) * 2016, (1.0,) * 8, (1.0,) * 5, 0.5)
    known = [
        candidate("likely", learned=likely),
        candidate("sure", learned=ALWAYS),
        candidate("strong"),
        candidate("unneeded", learned=SELDOM, warm=True),
    ]
    actions = plan(MONDAY_S + 8 * HOUR_S, known, WEEKDAYS)
    assert [action.name for action in actions] == ["unneeded", "strong", "sure", "likely"]


def local_s(moment):
    offset = moment.utcoffset()
    return moment.timestamp() + offset.total_seconds()


def minutes_warm(known, begin, span_h, **facts):
    """Real minutes from `begin` on in which the plan keeps it warm."""
    moments = [
        (begin.astimezone(ZoneInfo("UTC")) + timedelta(minutes=n)).astimezone(MADRID) for n in range(span_h * 60)
    ]
    return [at.strftime("%H:%M") for at in moments if doing(local_s(at), known, **facts) == "warm"]


SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=MADRID), datetime(2026, 10, 25, tzinfo=MADRID)


def test_hours_in_the_night_of_spring_begin_where_the_clock_jumps_to():
    warm = minutes_warm(set_hours(early={"at": "02:30", "for_minutes": 120}), SPRING, 8)
    assert (warm[0], warm[-1], len(warm)) == ("03:00", "04:29", 90)


def test_hours_in_the_night_of_autumn_are_those_on_the_wall():
    warm = minutes_warm(set_hours(early={"at": "02:30", "for_minutes": 120}), AUTUMN, 8)
    assert (warm[0], warm[-1], len(warm)) == ("02:30", "04:29", 150)


@pytest.mark.parametrize(
    ("night", "until_six_h", "awake_minutes"),
    [(SPRING, 5, 180), (AUTUMN, 7, 240)],  # in autumn 02:00 to 02:30 comes again, and is quiet again
)
def test_quiet_hours_in_nights_of_moved_clocks_are_those_on_the_wall(night, until_six_h, awake_minutes):
    warm = minutes_warm(set_hours("23:00-02:30"), night, until_six_h, learned=ALWAYS)
    assert warm[-1] == "05:59"
    assert len(warm) == awake_minutes


def test_edges_are_where_something_changes():
    known = set_hours("23:30-06:30", late={"at": "23:00", "days": ["fri"], "for_minutes": 90.5})
    assert known.edges() == {
        (1410, EVERY_DAY), (390, EVERY_DAY), (1380, frozenset({4})), (31, frozenset({5})),
    }  # fmt: skip


def test_every_minute_of_a_fortnight_that_lies_between_edges_is_like_the_one_before():
    known = set_hours("23:30-06:30", a={"at": "22:00", "days": "weekend", "for_minutes": 240}, b={"at": "12:00"})
    edges = known.edges()
    before = None
    for number in range(14 * 1440):
        at_s = MONDAY_S + number * 60
        now = (doing(at_s, known), known.is_quiet(at_s))
        is_edge = any(number % 1440 == minute and number // 1440 % 7 in days for minute, days in edges)
        assert before is None or now == before or is_edge, number
        before = now
