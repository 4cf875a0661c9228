"""Figures as Prometheus reads them."""

from jarvisd.turns.exposition import exposition
from jarvisd.turns.log import TurnRecord
from jarvisd.turns.stats import stats

SKILL = TurnRecord("s", 1.0, "cli", "en", "skill", 4.0, first_word_ms=4.0)
FAST = TurnRecord(
    "f", 2.0, "cli", "en", "model", 900.0, tier="fast", engine="small", first_word_ms=300.0, cost_micros=1500
)


def test_every_figure_has_its_help_its_type_and_its_values():
    lines = exposition(stats([SKILL, FAST, FAST])).splitlines()
    assert 'jarvisd_share{by="fast"} 0.6667' in lines
    assert 'jarvisd_first_word_seconds{quantile="0.5"} 0.3' in lines
    assert 'jarvisd_money{what="spent"} 0.003' in lines
    assert "jarvisd_turns 3" in lines
    named = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert named == {line.split("{")[0].split()[0] for line in lines if not line.startswith("#")}


def test_what_is_not_known_is_left_out():
    text = exposition(stats([]))
    assert "quantile" not in text
    assert "all_cloud" not in text
    assert "jarvisd_turns 0" in text
