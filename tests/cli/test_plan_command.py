"""`jarvisd plan` as a person or a program meets it."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks.model_folders import PUBLISHED, config_of, write_folder, write_gguf
from jarvisd.config import Config
from jarvisd.engines.needs import FILE_NAME, LearnedNeeds
from jarvisd.engines.spec import engine_specs
from tests.fakes import tiny_bert, tiny_whisper
from tests.fakes.hub import fake_hub
from tests.fakes.nvml.driver import BIG, MIB, SMALL

FOURTEEN, THREE = PUBLISHED["Qwen/Qwen3-14B-AWQ"], PUBLISHED["Qwen/Qwen2.5-3B-Instruct-AWQ"]
SEVENTY = PUBLISHED["casperhansen/llama-3.3-70b-instruct-awq"]
HOUSE = ("--gpu-memory", "15.47GiB@12.0", "--gpu-memory", "5.8GiB@7.5")


def plan(*arguments, folder, settings=(), **environment):
    options = [
        "engines={}",
        "memory={}",
        "tiers={}",
        "conversation.tiers=[]",
        "transcription={}",
        f'house.state_dir="{folder}/state"',
    ]
    chosen = [part for one in (*options, *settings) for part in ("--set", one)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return subprocess.run(
        [sys.executable, "-m", "jarvisd", *chosen, "plan", *map(str, arguments)],
        env=clean | {"HF_HOME": str(folder / "hf"), **environment}, capture_output=True, text=True, timeout=50,
    )  # fmt: skip


def test_a_model_that_fits_without_a_card_here(tmp_path):
    folder = write_folder(tmp_path / "Qwen3-14B-AWQ", FOURTEEN)
    result = plan("--model", folder, "--gpu-memory", "15.5GiB", "--context", "8192", "--json", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["fits"] is True
    (model,) = found["models"]
    assert (model["name"], model["quantization"], model["engine"]) == ("Qwen3-14B-AWQ", "awq", "vllm")
    (on_card,) = model["cards"]
    assert on_card["kv_bytes"] == 8192 * model["kv_bytes_per_token"] == 1.25 * 2**30
    assert on_card["needed_bytes"] == on_card["weights_bytes"] + on_card["kv_bytes"] + on_card["engine_bytes"]
    assert on_card["max_context_tokens"] > 8192
    assert (model["reason"], model["nearest"]) == (None, None)


def test_an_embedding_model_on_a_card_is_planned_and_one_on_the_processor_is_not(tmp_path):
    tiny_bert.make(tmp_path / "m")
    settings = [
        f"engines.{name}={{kind='embed',model='{tmp_path}/m',device='{device}'}}"
        for name, device in (("vectors", "GPU-a"), ("slow", "cpu"))
    ]
    result = plan("--gpu-memory", "1GiB@7.5", "--json", folder=tmp_path, settings=settings)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    (model,) = found["models"]
    assert (model["name"], model["engine"], model["kv_bytes_per_token"]) == ("vectors", "embed", None)
    assert found["elsewhere"] == ["slow"]


def test_a_package_without_a_model_is_told(tmp_path):
    result = plan("--model", "package:no_such_package", "--gpu-memory", "6GiB", folder=tmp_path)
    assert (result.returncode, result.stderr) == (
        2,
        "jarvisd: package:no_such_package: the package is not installed\n",
    )


def test_a_model_that_does_not_fit_is_code_1(tmp_path):
    folder = write_folder(tmp_path / "Llama-3.3-70B-AWQ", SEVENTY)
    result = plan("--model", folder, "--gpu-memory", "15.5GiB", "--json", folder=tmp_path)
    assert result.returncode == 1
    found = json.loads(result.stdout)
    assert found["fits"] is False
    (model,) = found["models"]
    assert model["reason"].startswith("Llama-3.3-70B-AWQ needs 40.9 GiB with 8k context")
    assert model["nearest"]["repository"] == "Qwen/Qwen3-14B-AWQ"


def test_for_people(tmp_path):
    write_folder(tmp_path / "strong", FOURTEEN)
    write_folder(tmp_path / "second", THREE, awq=False)
    write_folder(tmp_path / "seventy", SEVENTY)
    tiny_whisper.make(tmp_path / "ears")
    models = [part for name in ("strong", "second", "seventy", "ears") for part in ("--model", tmp_path / name)]
    result = plan(*models, *HOUSE, folder=tmp_path)
    assert result.returncode == 1
    for said in ("sm_120", "sm_75", "strong", "share", "alternate", "never", "needs 40.9 GiB", "trap", "Qwen3-14B AWQ"):
        assert said in result.stdout
    assert result.stderr == ""


def test_a_suggestion(tmp_path):
    result = plan("--suggest", *HOUSE, "--json", folder=tmp_path)
    assert result.returncode == 0
    big, small = json.loads(result.stdout)["suggestions"]
    assert [model["repository"] for model in big["models"]] == ["Qwen/Qwen3-14B-AWQ"]
    assert len(small["models"]) == 2
    assert "Qwen3-14B AWQ" in plan("--suggest", *HOUSE, folder=tmp_path).stdout


def test_the_models_of_the_configuration(tmp_path):
    write_folder(tmp_path / "strong", FOURTEEN)
    write_gguf(tmp_path / "small.gguf", THREE)
    tiny_whisper.make(tmp_path / "ears")
    settings = [
        f"engines.strong={{kind='vllm', model='{tmp_path}/strong', context_tokens=16384, cuda_graphs=false}}",
        f"engines.ears={{kind='whisper', model='{tmp_path}/ears', compute_type='int8'}}",
        f"engines.small={{kind='llama_cpp', model='{tmp_path}/small.gguf', gpu_layers=99}}",
        f"engines.other={{kind='process', url='http://127.0.0.1:1/v1', argv=['/opt/vllm', 'serve', '{tmp_path}/strong', "
        "'--max-model-len=4096', '--kv-cache-dtype', 'fp8', '--enforce-eager']}",
        "engines.slow={kind='llama_cpp', model='/m.gguf'}",
    ]
    result = plan(*HOUSE, "--json", folder=tmp_path, settings=settings)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    models = {model["name"]: model for model in found["models"]}
    assert {name: model["engine"] for name, model in models.items()} == {
        "strong": "vllm_eager", "ears": "whisper", "small": "llama_cpp", "other": "vllm_eager",
    }  # fmt: skip
    assert models["strong"]["context_tokens"] == 16384
    assert models["other"]["cards"][0]["kv_bytes"] == models["strong"]["cards"][0]["kv_bytes"] // 8
    assert "int8_whisper" in {trap["code"] for trap in models["ears"]["traps"]}
    assert found["elsewhere"] == ["slow"]
    big = found["cards"][0]
    assert ["strong", "other"] in big["alternate"]
    assert ["ears", "small"] in found["cards"][1]["share"] or ["ears", "small"] in found["cards"][1]["alternate"]


def test_what_the_daemon_measured_counts_when_it_is_more(tmp_path):
    write_folder(tmp_path / "small", THREE)
    engine = f"engines.small={{kind='vllm', gpu='GPU-0', model='{tmp_path}/small'}}"
    config = Config.model_validate(
        {"engines": {"small": {"kind": "vllm", "gpu": "GPU-0", "model": f"{tmp_path}/small"}}}
    )
    (spec,) = engine_specs(config.engines, runtime_dir=tmp_path, languages=config.house.languages)
    (tmp_path / "state").mkdir()
    learned = LearnedNeeds(tmp_path / "state" / FILE_NAME)
    assert learned.learn(spec.need, 7 * 2**30)
    learned.save()
    result = plan("--gpu-memory", "6GiB", folder=tmp_path, settings=[engine])
    assert result.returncode == 1
    assert "small needs 7.0 GiB with 8k context as configured or measured" in result.stdout


def test_without_models_for_cards_nothing_is_asked_of_them(tmp_path):
    result = plan(folder=tmp_path, settings=["engines.slow={kind='llama_cpp', model='/m.gguf'}"])
    assert result.returncode == 0
    assert "slow" in result.stdout


def test_on_the_cards_of_the_machine(tmp_path, driver):
    folder = write_folder(tmp_path / "strong", FOURTEEN)
    driver.say(big_memory_used=1000 * MIB)
    settings = [f'gpus={{"{BIG}"={{reserved_bytes=1_000_000_000}}}}']
    result = plan("--model", folder, "--json", folder=tmp_path, settings=settings, **driver.environment)
    assert result.returncode == 0, result.stderr
    big, small = json.loads(result.stdout)["cards"]
    assert (big["uuid"], big["capability"], big["driver"]) == (BIG, "12.0", "580.95.05")
    assert (big["foreign_bytes"], big["total_bytes"]) == (1000 * MIB, 16303 * MIB)
    assert (big["reserved_bytes"], big["kept_free_bytes"]) == (400 * MIB, 1_000_000_000)
    assert big["budget_bytes"] == pytest.approx(big["total_bytes"] * 0.92 - 1000 * MIB, abs=2)
    assert (small["uuid"], small["capability"]) == (SMALL, "7.5")


def test_without_a_card_it_says_how_to_imagine_one(tmp_path):
    folder = write_folder(tmp_path / "strong", FOURTEEN)
    result = plan("--model", folder, folder=tmp_path)
    assert result.returncode == 2
    assert "--gpu-memory" in result.stderr


def test_a_card_of_the_configuration_is_planned_for_where_none_is_seen(tmp_path):
    folder = write_folder(tmp_path / "strong", FOURTEEN)
    settings = ['gpus={"GPU-0"={memory_bytes=16_000_000_000, compute_capability="12.0"}}']
    result = plan("--model", folder, "--json", folder=tmp_path, settings=settings)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["cards"][0]["capability"] == "12.0"


def test_one_damaged_model_does_not_hide_the_others(tmp_path):
    good = write_folder(tmp_path / "good", THREE)
    bad = write_folder(tmp_path / "bad", THREE, shards=1)
    os.truncate(bad / "model.safetensors", 50_000)
    result = plan("--model", good, "--model", bad, "--gpu-memory", "6GiB", "--json", folder=tmp_path)
    assert result.returncode == 2
    found = json.loads(result.stdout)
    assert [model["name"] for model in found["models"]] == ["good"]
    assert found["faults"][0]["name"] == "bad"
    assert str(bad / "model.safetensors") in result.stderr
    assert "Traceback" not in result.stderr


def test_help_says_what_it_does(tmp_path):
    assert "--gpu-memory" in plan("--help", folder=tmp_path).stdout


def test_folders_of_the_same_name_are_told_apart(tmp_path):
    one, other = write_folder(tmp_path / "a/model", THREE), write_folder(tmp_path / "b/model", FOURTEEN)
    result = plan("--model", one, "--model", other, "--model", one, *HOUSE, "--json", folder=tmp_path)
    assert [model["name"] for model in json.loads(result.stdout)["models"]] == [str(one), str(other)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--gpu-memory", "lots"],
        ["--context", "0"],
        ["--context", "many"],
        ["--model", "/nowhere", "--gpu-memory", "6GiB"],
        ["--model", "no name", "--gpu-memory", "6GiB"],
        ["--gpu-memory", "6GiB", *(part for one in range(13) for part in ("--model", f"/m/{one}"))],
    ],
)
def test_wrong_usage_is_code_2(tmp_path, arguments):
    result = plan(*arguments, folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr
    assert "Traceback" not in result.stderr


def test_a_model_on_the_hub_is_planned_before_it_is_fetched(tmp_path):
    with fake_hub() as hub:
        model = hub.add(
            "Qwen/Qwen3-14B-AWQ",
            {"config.json": json.dumps(config_of(FOURTEEN)).encode(), "model.safetensors": b"x", "README.md": b"hi"},
        )
        model.claimed["model.safetensors"] = 9_976_000_000
        result = plan(
            "--model", "Qwen/Qwen3-14B-AWQ", "--gpu-memory", "15.5GiB", "--json", folder=tmp_path,
            HF_ENDPOINT=hub.address,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        (found,) = json.loads(result.stdout)["models"]
        assert found["weights_bytes"] == 9_976_000_000
        assert found["kv_bytes_per_token"] == 160 * 1024
        assert not hub.asked_for("safetensors")


def test_sixteen_bit_on_the_hub_is_told_what_four_would_be(tmp_path):
    with fake_hub() as hub:
        config = json.dumps(config_of(FOURTEEN, awq=False)).encode()
        model = hub.add("Qwen/Qwen3-14B", {"config.json": config, "model.safetensors": b"x"})
        model.claimed["model.safetensors"] = 29_536_000_000
        result = plan("--model", "Qwen/Qwen3-14B", "--gpu-memory", "16GB", folder=tmp_path, HF_ENDPOINT=hub.address)
    assert result.returncode == 1
    assert "In 4 bit (AWQ) they are 9.3 GiB" in result.stdout


def test_ears_on_the_hub_by_their_short_name(tmp_path):
    with fake_hub() as hub:
        model = hub.add("mobiuslabsgmbh/faster-whisper-large-v3-turbo", {"config.json": b"{}", "model.bin": b"x"})
        model.claimed["model.bin"] = 1_617_000_000
        result = plan(
            "--model", "large-v3-turbo", "--gpu-memory", "6GiB@7.5", "--json", folder=tmp_path, HF_ENDPOINT=hub.address
        )
    assert result.returncode == 0, result.stderr
    (found,) = json.loads(result.stdout)["models"]
    assert found["cards"][0]["weights_bytes"] == 808_500_000


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("meta-llama/Llama-3.2-8B-Instruct", "There is no Llama-3.2 with 8B"),
        ("Qwen/Qwen3-14B-AQW", "Did you mean Qwen/Qwen3-14B-AWQ?"),
    ],
)
def test_a_model_that_does_not_exist(tmp_path, name, said):
    with fake_hub() as hub:
        result = plan("--model", name, "--gpu-memory", "6GiB", folder=tmp_path, HF_ENDPOINT=hub.address)
    assert result.returncode == 2
    assert said in result.stderr


def test_gguf_on_the_hub_and_no_hub_at_all(tmp_path):
    with fake_hub() as hub:
        hub.add("someone/model-GGUF", {"model-Q4_K_M.gguf": b"x"})
        result = plan("--model", "someone/model-GGUF", "--gpu-memory", "6GiB", folder=tmp_path, HF_ENDPOINT=hub.address)
        assert result.returncode == 2
        assert "GGUF" in result.stderr
        hub.down = True
        result = plan("--model", "someone/else", "--gpu-memory", "6GiB", folder=tmp_path, HF_ENDPOINT=hub.address)
    assert result.returncode == 2
    assert "Give the folder" in result.stderr


def test_what_was_fetched_before_is_read_from_the_disk(tmp_path):
    write_folder(tmp_path / "state/models/Qwen/Qwen2.5-3B-Instruct-AWQ", THREE)
    write_folder(tmp_path / "hf/hub/models--Qwen--Qwen3-14B-AWQ/snapshots/abc", FOURTEEN)
    models = ("--model", "Qwen/Qwen2.5-3B-Instruct-AWQ", "--model", "Qwen/Qwen3-14B-AWQ")
    result = plan(*models, "--gpu-memory", "15.5GiB", "--json", folder=tmp_path, HF_ENDPOINT="http://127.0.0.1:1")
    assert result.returncode == 0, result.stderr
    small, large = json.loads(result.stdout)["models"]
    assert small["weights_bytes"] < large["weights_bytes"]
    assert "state/models" in small["source"]
