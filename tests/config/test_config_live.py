"""What a reload changes."""

import pytest

from jarvisd.config import Config
from jarvisd.config.live import apply_live, diff_live

BASE = {
    "engines": {"a": {"kind": "llama_cpp", "model": "m"}, "b": {"kind": "pocketsphinx"}},
    "tiers": {"fast": {"engine": "a"}},
}


def config(**changes):
    return Config.model_validate(BASE | changes)


def test_nothing_changed():
    assert diff_live(config(), config()) == ((), ())


@pytest.mark.parametrize(
    ("change", "live", "restart"),
    [
        ({"wake": {"threshold": 0.4}}, ("wake.threshold",), ()),
        ({"log": {"level": "debug"}, "mqtt": {"host": "x"}}, ("log.level",), ("mqtt.host",)),
        ({"tiers": {"fast": {"engine": "a", "max_tokens": 9}}}, ("tiers.fast.max_tokens",), ()),
        ({"tiers": {}}, (), ("tiers.fast",)),
        ({"tiers": BASE["tiers"] | {"slow": {"engine": "a"}}}, (), ("tiers.slow",)),
        ({"engines": BASE["engines"] | {"b": {"kind": "wyoming", "url": "tcp://x:1"}}}, (), ("engines.b",)),
        ({"engines": BASE["engines"] | {"a": {"kind": "llama_cpp", "model": "n"}}}, (), ("engines.a.model",)),
        ({"plugins": {"settings": {"clock": {"a": 1}}}}, (), ("plugins.settings.clock",)),
    ],
)
def test_paths(change, live, restart):
    assert diff_live(config(), config(**change)) == (live, restart)


def test_only_live_values_are_taken_over():
    old = config(log={"level": "info"}, mqtt={"host": "old"})
    new = config(
        log={"level": "debug"},
        mqtt={"host": "new"},
        tiers={"fast": {"engine": "a", "max_tokens": 9}, "more": {"engine": "a"}},
    )
    merged = apply_live(old, new)
    assert merged.log.level == "debug"
    assert merged.mqtt.host == "old"
    assert merged.tiers["fast"].max_tokens == 9
    assert list(merged.tiers) == ["fast"]
    assert old.log.level == "info"


def test_taking_over_leaves_only_what_waits_for_a_restart():
    old, new = config(), config(log={"level": "debug"}, wake={"threshold": 0.3, "gate": False}, tiers={})
    assert diff_live(apply_live(old, new), new) == ((), ("wake.gate", "tiers.fast"))
