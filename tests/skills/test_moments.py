from datetime import date, datetime

import pytest

from jarvisd.skills.moments import Moment, day_of, merged, next_time, recurs_next

# A Wednesday afternoon, and what a recurring alarm at half past seven would be.
NOW = datetime(2026, 11, 25, 15, 25)


@pytest.mark.parametrize(
    ("moment", "habit", "expected"),
    [
        (Moment(7, unsure=True), "waking", "2026-11-26 07:00"),
        (Moment(7, unsure=True), "alarm", "2026-11-25 19:00"),
        (Moment(3, unsure=True), "alarm", "2026-11-26 03:00"),
        (Moment(12, unsure=True), "waking", "2026-11-26 12:00"),
        (Moment(19, 30), "alarm", "2026-11-25 19:30"),
        (Moment(7, 30), "alarm", "2026-11-26 07:30"),
        (Moment(3, unsure=True, day="tomorrow"), "day", "2026-11-26 15:00"),
        (Moment(3, unsure=True, day="tomorrow"), "alarm", "2026-11-26 03:00"),
        (Moment(9, unsure=True, day="friday"), "day", "2026-11-27 09:00"),
        (Moment(day="wednesday"), "day", "2026-12-02 09:00"),
        (Moment(day="today", part="night"), "day", "2026-11-25 21:00"),
        (Moment(part="morning"), "day", "2026-11-26 09:00"),
        (Moment(4, unsure=True, day="today"), "day", "2026-11-25 16:00"),
        (Moment(8, day="12-25"), "day", "2026-12-25 08:00"),
        (Moment(8, day="2-29"), "day", "2028-02-29 08:00"),
        (Moment(7, unsure=True, days=("sat", "sun")), "alarm", "2026-11-28 07:00"),
        (Moment(16, days=("wed",)), "alarm", "2026-11-25 16:00"),
        (Moment(15, days=("wed",)), "alarm", "2026-12-02 15:00"),
        (Moment(in_s=90 * 60), "alarm", "2026-11-25 16:55"),
    ],
)
def test_what_is_said_becomes_a_time(moment, habit, expected):
    assert next_time(moment, NOW, habit) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("moment", [Moment(15, day="today"), Moment(8, day="2-30"), Moment(8, day="13-1")])
def test_what_cannot_come_is_refused(moment):
    with pytest.raises(ValueError, match=r"."):
        next_time(moment, NOW, "day")


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Moment(day="tomorrow"), Moment(8, unsure=True), "08:00? tomorrow"),
        (Moment(8, unsure=True), Moment(day="tomorrow", part="night"), "20:00 tomorrow"),
        (Moment(part="afternoon"), Moment(5, unsure=True), "17:00"),
        (Moment(part="night"), Moment(12, unsure=True), "00:00"),
        (Moment(day="tomorrow"), Moment(9, day="tomorrow"), "09:00 tomorrow"),
        (Moment(6), Moment(9), None),
        (Moment(day="friday"), Moment(day="monday"), None),
        (Moment(day="friday"), Moment(days=("mon",)), None),
        (Moment(in_s=60), Moment(day="friday"), None),
    ],
)
def test_two_moments_complete_or_contradict_each_other(one, other, both):
    found = merged(one, other)
    assert (str(found) if found else None) == both


def test_a_recurring_alarm_skips_the_day_that_is_left_out_and_those_it_rang_on():
    days = ("mon", "wed", "fri")
    assert recurs_next(16, 0, days, NOW) == datetime(2026, 11, 25, 16)
    assert recurs_next(16, 0, days, NOW, last=date(2026, 11, 25)) == datetime(2026, 11, 27, 16)
    assert recurs_next(16, 0, days, NOW, date(2026, 11, 25), date(2026, 11, 27)) == datetime(2026, 11, 30, 16)
    assert recurs_next(16, 0, ("wed",), NOW, skip=date(2026, 11, 25)) == datetime(2026, 12, 2, 16)


def test_a_weekday_is_never_today():
    today = date(2026, 11, 25)
    assert [day_of(name, today).day for name in ("wednesday", "thursday", "tuesday", "yesterday")] == [2, 26, 1, 24]
