"""The models: every key is described, has a default that works or an example, and somebody reads it."""

import ast
from pathlib import Path

import pytest
from pydantic import ValidationError

from jarvisd.config import Config, MqttConfig, WakeConfig, WhisperEngine
from jarvisd.config.checks import check_url, reference_faults
from jarvisd.config.schema import model_at, sections_in, tables

PACKAGE = Path(__file__).parents[2] / "jarvisd"


def every_key():
    return [(table, name, field) for table in tables() for name, field in table.model.model_fields.items()]


def test_defaults_alone_are_a_valid_configuration():
    config = Config()
    assert config.audio.source == "none"
    assert config.house.languages == ("en", "es")
    assert config.engines == {}


def test_every_key_is_described():
    assert [
        f"{table.path}.{name}" for table, name, field in every_key() if name != "kind" and not field.description
    ] == []


def test_every_table_is_described():
    assert [table.path for table in tables() if not table.model.__doc__] == []


def test_key_without_a_value_has_an_example():
    without = [
        f"{table.path}.{name}"
        for table, name, field in every_key()
        if name != "kind"
        and (field.is_required() or field.get_default(call_default_factory=True) is None)
        and not field.examples
    ]
    assert without == []


def test_every_key_has_a_reader():
    read = {
        node.attr
        for file in PACKAGE.rglob("*.py")
        if file.parent.name != "config"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    unread = sorted({f"{table.path}.{name}" for table, name, _ in every_key() if name not in read})
    assert not unread, f"these keys change nothing: {', '.join(unread)}"


def test_configuration_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Config().wake.threshold = 0.9


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("endpoint", "silence_s", True),
        ("endpoint", "silence_s", "0.6"),
        ("endpoint", "silence_s", float("nan")),
        ("conversation", "deadline_s", float("inf")),
        ("mqtt", "port", 1883.0),
        ("mqtt", "tls", 1),
        ("mqtt", "tls", "yes"),
        ("mqtt", "base_topic", "house/#"),
        ("mqtt", "base_topic", "/house"),
        ("mqtt", "base_topic", ""),
        ("house", "node", "Kitchen"),
        ("house", "languages", []),
        ("house", "languages", ["en", "en"]),
        ("house", "languages", ["fr"]),
        ("wake", "words", "hey_jarvis"),
        ("wake", "threshold", 1.0),
        ("wake", "near_miss", 0.5),
        ("audio", "source", "wav"),
        ("audio", "wav", ["~no-such-user/x.wav"]),
        ("plugins", "settings", {"clock": 3}),
    ],
)
def test_wrong_values_are_refused(table, key, value):
    with pytest.raises(ValidationError) as refused:
        Config.model_validate({table: {key: value}})
    assert {error["loc"][0] for error in refused.value.errors()} == {table}


def test_home_folder_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ana")
    assert MqttConfig(ca_file=Path("~/ca.pem")).ca_file == Path("/home/ana/ca.pem")
    assert WhisperEngine(kind="whisper", model="~/models/turbo").model == "/home/ana/models/turbo"
    assert WhisperEngine(kind="whisper", model="large-v3-turbo").model == "large-v3-turbo"


def test_threshold_may_come_down_with_the_near_misses():
    assert WakeConfig(threshold=0.1, near_miss=0.05).threshold == 0.1


@pytest.mark.parametrize(
    ("url", "schemes"),
    [
        ("http://127.0.0.1:8000/v1", ("http", "https")),
        ("https://api.example.org/v1", ("http", "https")),
        ("tcp://[::1]:10300", ("tcp", "unix")),
        ("unix:///run/asr.sock", ("tcp", "unix")),
    ],
)
def test_addresses(url, schemes):
    check_url(url, schemes)


@pytest.mark.parametrize(
    ("url", "schemes", "words"),
    [
        ("127.0.0.1:8000", ("http", "https"), "must begin with http:// or https://"),
        ("tcp://asr.lan", ("tcp", "unix"), "needs a port"),
        ("http:///v1", ("http",), "names no host"),
        ("http://host:99999", ("http",), "is not an address"),
        ("http://[::1", ("http",), "is not an address"),
        ("unix://run/asr.sock", ("unix",), "full path"),
        ("https://ana:geheim@host/v1", ("https",), "no place for secrets"),
    ],
)
def test_wrong_addresses(url, schemes, words):
    with pytest.raises(ValueError, match=words) as refused:
        check_url(url, schemes)
    assert "geheim" not in str(refused.value)


def test_references_take_any_shape_of_file():
    assert reference_faults({"engines": 3, "tiers": [], "transcription": "x", "conversation": {"tiers": 4}}) == []
    assert reference_faults({"tiers": {"fast": 3}, "transcription": {"engine": 3}}) == []


def test_references_name_the_nearest():
    faults = reference_faults(
        {
            "engines": {"whisper": {"kind": "whisper"}, "gpt": {"kind": "remote"}, "odd": {"kind": "whispr"}},
            "transcription": {"engine": "wisper"},
            "tiers": {"fast": {"engine": "gpt"}, "slow": {"engine": "whisper"}, "other": {"engine": "odd"}},
            "conversation": {"tiers": ["fats", "fast", "fast"]},
        }
    )
    assert faults == [
        "transcription.engine: there is no [engines.wisper]; did you mean whisper?",
        "tiers.slow.engine: [engines.whisper] is a speech-to-text engine, not a language model",
        "conversation.tiers: there is no [tiers.fats]; did you mean fast?",
        "conversation.tiers: fast is named twice",
    ]


def test_process_serves_what_its_protocol_says():
    def faults(protocol):
        engine = {"kind": "process", "argv": ["x"], "protocol": protocol}
        return reference_faults(
            {"engines": {"e": engine}, "transcription": {"engine": "e"}, "tiers": {"t": {"engine": "e"}}}
        )

    assert faults("openai") == ["transcription.engine: [engines.e] is a language model, not a speech-to-text engine"]
    assert faults("wyoming") == ["tiers.t.engine: [engines.e] is a speech-to-text engine, not a language model"]
    assert faults("embeddings") == [
        "transcription.engine: [engines.e] is an embedding engine, not a speech-to-text engine",
        "tiers.t.engine: [engines.e] is an embedding engine, not a language model",
    ]


def test_an_index_answers_nothing():
    tables = {
        "engines": {"index": {"kind": "chroma"}},
        "transcription": {"engine": "index"},
        "tiers": {"fast": {"engine": "index"}},
    }
    assert reference_faults(tables) == [
        "transcription.engine: [engines.index] is an index of vectors, not a speech-to-text engine",
        "tiers.fast.engine: [engines.index] is an index of vectors, not a language model",
    ]


def test_one_chroma_of_our_own_is_enough():
    engines = {"a": {"kind": "chroma"}, "b": {"kind": "chroma"}, "c": {"kind": "chroma", "url": "http://c.lan:8000"}}
    assert reference_faults({"engines": engines}) == ["engines.b.kind: [engines.a] is this already; one is enough"]


def test_a_chroma_elsewhere_is_not_warmed():
    engines = {"c": {"kind": "chroma", "url": "http://c.lan:8000"}}
    times = {"early": {"engine": "c", "at": "07:00"}}
    assert reference_faults({"engines": engines, "warmup_times": times}) == [
        "warmup_times.early.engine: [engines.c] is not started by jarvisd"
    ]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"url": "https://chroma.example.org"}, "url: leads out of the house, and what is remembered stays in it"),
        ({"url": "tcp://chroma.lan:8000"}, "url: must begin with http:// or https://"),
        ({"url": "http://chroma.lan:8000", "pinned": True}, "pinned: has no meaning for an engine that jarvisd does"),
    ],
)
def test_a_chroma_elsewhere_is_in_the_house_and_not_ours(table, said):
    with pytest.raises(ValidationError, match=said):
        Config.model_validate({"engines": {"c": {"kind": "chroma", **table}}})


def test_model_at_a_path():
    data = {"engines": {"a": {"kind": "whisper"}, "b": {"kind": "new"}}}
    assert model_at([], data) is Config
    assert model_at(["wake"], data) is WakeConfig
    assert model_at(["engines", "a"], data) is WhisperEngine
    assert [model_at(path, data) for path in (["engines"], ["engines", "b"], ["x"], ["plugins", "settings", "x"])] == [
        None
    ] * 4


def test_every_engine_kind_is_seen():
    kinds = [table.kind for table in tables() if table.kind]
    assert kinds == ["pocketsphinx", "whisper", "llama_cpp", "vllm", "embed", "chroma", "process", "remote", "wyoming"]
    assert len(sections_in(Config.model_fields["engines"].annotation)) == len(kinds)
