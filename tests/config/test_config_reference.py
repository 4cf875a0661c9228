"""The generated documents follow the models, and the sample file is a configuration."""

import re
import tomllib
from pathlib import Path

import pytest

from jarvisd.config import Config
from jarvisd.config.reference import REFERENCE_PAGE, SAMPLE_FILE, main, reference, sample, toml
from jarvisd.config.schema import is_live, tables

ROOT = Path(__file__).parents[2]
STALE = "run `python -m jarvisd.config.reference`"


def test_documents_are_fresh():
    assert (ROOT / SAMPLE_FILE).read_text() == sample(), STALE
    assert (ROOT / REFERENCE_PAGE).read_text() == reference(), STALE


def test_sample_as_it_stands_is_the_defaults():
    assert Config.model_validate(tomllib.loads(sample())) == Config()


def every_key_set():
    data = tomllib.loads(re.sub(r"(?m)^#(?=[^\s#])", "", sample()))
    # Hours of warmth are only for an engine that is not always up, which is the default.
    data["engines"][data["warmup_times"]["morning"]["engine"]]["start"] = "demand"
    return data


def test_sample_with_every_key_set_is_valid():
    config = Config.model_validate(every_key_set())
    assert {engine.kind for engine in config.engines.values()} == {table.kind for table in tables() if table.kind}
    assert config.tiers["fast"].engine == "llama_cpp"


def test_sample_has_every_key_with_its_default():
    config, defaults = Config.model_validate(every_key_set()), Config()
    for name in Config.model_fields:
        if name in {"tiers", "engines", "gpus", "mcp", "warmup_times"}:
            continue
        section = getattr(config, name)
        assert section.model_fields_set == set(type(section).model_fields)
        for key in section.model_fields_set:
            if (default := getattr(getattr(defaults, name), key)) is not None:
                assert getattr(section, key) == default, f"{name}.{key}"


def test_sample_lines_are_above_their_keys():
    block = sample().partition("#threshold = ")[0].splitlines()[-2:]
    assert block == [
        "# Score from which a wake word counts, 0 to 1. Lower hears more, also wrongly.",
        "# Default: 0.5. Allowed: more than 0, less than 1. Live.",
    ]


def test_reference_marks_exactly_the_live_keys():
    page = reference()
    for table in tables():
        for name, field in table.model.model_fields.items():
            if not table.kind:
                section = page.partition(f"## `[{table.path}]`\n")[2].partition("\n## ")[0]
                (row,) = re.findall(rf"(?m)^\| `{name}` \|.*$", section)
                assert (" | yes | " in row) == is_live(field), f"{table.path}.{name}"


def test_main_writes_both(tmp_path, capsys):
    main(tmp_path)
    assert (tmp_path / SAMPLE_FILE).read_text() == sample()
    assert (tmp_path / REFERENCE_PAGE).read_text() == reference()
    assert capsys.readouterr().out.count("\n") == 2


def test_values_as_toml_writes_them():
    value = {"a": [True, 1, 0.5, 'quote " and \\ and ñ\n'], "b": {}, "c d": {"e": Path("/x")}}
    assert tomllib.loads(f"value = {toml(value)}")["value"] == {**value, "c d": {"e": "/x"}}
    with pytest.raises(TypeError, match="NoneType"):
        toml([None])
