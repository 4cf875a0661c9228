"""`jarvisd privacy` as a person meets it, without any daemon."""

import json
import subprocess
import sys
from datetime import date, timedelta

import pytest

from jarvisd.config import CloudConfig, RemoteEngine
from jarvisd.outgoing import Outgoing, Usage
from jarvisd.routing.ledger import Ledger, Reservation

ENGINE = RemoteEngine(
    kind="remote", url="https://a.example/v1", model="m", price_per_million_input=1.0, price_per_million_output=10.0
)
BODY = '{"model": "m", "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "qué es [bold]π"}]}'


def report(tmp_path, *arguments, settings=()):
    options = [part for one in (f'house.state_dir="{tmp_path}"', *settings) for part in ("--set", one)]
    done = subprocess.run(
        [sys.executable, "-m", "jarvisd", "--config", "profile:embedded", *options, "privacy", *arguments],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "200"},
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def ask(tmp_path, day: date, end: Usage | str | None) -> None:
    ledger = Ledger(tmp_path / "cloud.sqlite", CloudConfig(allowed=True), {"cloud": ENGINE}, today=lambda: day)
    held = ledger.reserve(Outgoing("turn7", "cloud", BODY.encode(), "it is public", 1000, 100, tier="strong"))
    assert isinstance(held, Reservation)
    if isinstance(end, Usage):
        ledger.settle(held, end)
    elif end is not None:
        ledger.fail(held, end)


def test_nothing_left_is_said_plainly(tmp_path):
    code, out, _ = report(tmp_path, "report")
    assert code == 0
    assert out == "Nothing left the house in the last 30 days. The cloud is off (cloud.allowed).\n"
    assert not (tmp_path / "cloud.sqlite").exists()


def test_every_request_is_shown_with_when_why_and_what_it_cost(tmp_path):
    ask(tmp_path, date.today(), Usage(40, 10))
    ask(tmp_path, date.today(), "it hung")
    ask(tmp_path, date.today(), None)
    code, out, _ = report(tmp_path, "report", settings=["cloud.allowed=true"])
    assert code == 0
    size = len(BODY.encode())
    assert f"{3 * size} bytes left the house in the last 30 days, 3 times. The cloud is allowed" in out
    assert f"cloud, turn turn7: {size} bytes, 0.0001 EUR, 40 tokens in and 10 out" in out
    assert "cost not known, counted in full: it hung" in out
    assert "never settled, counted in full" in out
    assert out.count("why     it is public") == 3
    assert out.count("words   qué es [bold]π") == 3
    assert "Spent today 0.0041 EUR, this month 0.0041 EUR; 0.4959 EUR may still be spent today." in out
    assert "0.0040 EUR of this month is money held for requests whose real cost nobody knows." in out


def test_days_are_counted_back_from_today(tmp_path):
    ask(tmp_path, date.today() - timedelta(days=3), Usage(1, 1))
    assert "Nothing left the house today" in report(tmp_path, "report", "--days", "1")[1]
    assert "Nothing" in report(tmp_path, "report", "--days", "3")[1]
    assert "once" in report(tmp_path, "report", "--days", "4")[1]


def test_full_shows_the_bytes(tmp_path):
    ask(tmp_path, date.today(), Usage(1, 1))
    assert f"  sent    {BODY}\n" in report(tmp_path, "report", "--full")[1]


@pytest.mark.parametrize("full", [False, True])
def test_the_same_for_programs(tmp_path, full):
    ask(tmp_path, date.today(), Usage(40, 10))
    code, out, _ = report(tmp_path, "report", "--json", *(["--full"] if full else []))
    found = json.loads(out)
    assert (code, found["bytes"], found["currency"], found["trouble"]) == (0, len(BODY.encode()), "EUR", "")
    assert found["cost"] == found["spent_today"] == 0.00014
    (request,) = found["requests"]
    assert (request["engine"], request["tier"], request["state"]) == ("cloud", "strong", "settled")
    assert (request["words"], request.get("sent")) == ("qué es [bold]π", BODY if full else None)
    assert json.loads(report(tmp_path / "other", "report", "--json")[1])["requests"] == []


def test_a_broken_ledger_is_said_and_not_taken_for_nothing(tmp_path):
    (tmp_path / "cloud.sqlite").write_bytes(b"no ledger at all")
    code, out, err = report(tmp_path, "report")
    assert (code, out) == (1, "")
    assert f"The ledger {tmp_path}/cloud.sqlite cannot be used" in err


@pytest.mark.parametrize("days", ["0", "-1", "401", "x"])
def test_days_that_make_no_sense(tmp_path, days):
    code, _, err = report(tmp_path, "report", "--days", days)
    assert code == 2
    assert "--days" in err


@pytest.mark.parametrize("arguments", [["--help"], ["report", "--help"]])
def test_help(tmp_path, arguments):
    assert report(tmp_path, *arguments)[1].startswith("Usage: jarvisd privacy")
