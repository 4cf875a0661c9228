"""vLLM's real command line against a program that takes nothing else, and its sleep, which lies about its health."""

import asyncio
import json
import os
import signal
import struct
from contextlib import aclosing
from dataclasses import replace

import pytest

from jarvisd.config import Config
from jarvisd.engines.spec import engine_specs
from jarvisd.errors import EngineReplyError, EngineStartError
from jarvisd.llm import sleep
from jarvisd.llm.chat import Delta, stream_chat
from jarvisd.transport import request
from jarvisd.types import Endpoint, EngineState, Message
from tests.fakes.engines import VLLM, fake_vllm, is_running, running_pool, until, until_gone

PATIENT_S = 30.0
CARD = "GPU-5070"


@pytest.fixture(autouse=True)
async def limit():
    async with asyncio.timeout(50):
        yield


async def ask(endpoint: Endpoint, model: str = "strong") -> str:
    question = [Message("user", "What is the capital of Spain?")]
    answer = stream_chat(endpoint, model, question, max_tokens=50, temperature=0, first_token_timeout_s=PATIENT_S)
    async with aclosing(answer):
        return "".join([piece.text async for piece in answer if isinstance(piece, Delta)])


async def health(endpoint: Endpoint) -> object:
    async with request(replace(endpoint, url="http://localhost"), "GET", "/health") as response:
        return await response.json()


def spec_of(folder, gpus=None, **table):
    table = {"kind": "vllm", "model": "a/model", "kv_cache_bytes": 1000, **table}
    config = Config.model_validate({"engines": {"strong": table}, "gpus": gpus or {}})
    (spec,) = engine_specs(config.engines, runtime_dir=folder, languages=("en",), gpus=config.gpus)
    return spec


def test_the_command_line_is_that_of_one_household(tmp_path):
    spec = spec_of(tmp_path, gpu=CARD, max_num_seqs=4, env={"HF_HOME": "/models"})
    assert spec.argv[spec.argv.index("--") + 1 :] == (
        "/opt/vllm/bin/vllm", "serve", "a/model",
        "--served-model-name", "strong",
        "--uds", str(tmp_path / "strong.sock"),
        "--dtype", "auto",
        "--max-model-len", "8192",
        "--max-num-seqs", "4",
        "--kv-cache-memory-bytes", "1000",
        "--cudagraph-capture-sizes", "1", "2", "4",
        "--enable-sleep-mode",
    )  # fmt: skip
    assert spec.env == {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_SERVER_DEV_MODE": "1",
        "CUDA_VISIBLE_DEVICES": CARD,
        "HF_HOME": "/models",
    }
    assert spec.can_sleep


@pytest.mark.parametrize(
    ("model", "chosen", "parser"),
    [
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", "auto", "deepseek_r1"),
        ("/srv/models/Qwen3-8B-AWQ", "auto", "qwen3"),
        ("Qwen/Qwen3-Coder-30B-A3B", "auto", None),
        ("Qwen/Qwen2.5-14B-Instruct-AWQ", "auto", None),
        ("a/model", "qwen3", "qwen3"),
        ("Qwen/Qwen3-8B-AWQ", "none", None),
    ],
)
def test_how_a_model_tells_its_thoughts_is_told_by_its_name(tmp_path, model, chosen, parser):
    argv = spec_of(tmp_path, model=model, reasoning_parser=chosen).argv
    told = argv[argv.index("--reasoning-parser") + 1] if "--reasoning-parser" in argv else None
    assert told == parser


@pytest.mark.parametrize(
    ("model", "chosen", "parser"),
    [
        ("Qwen/Qwen2.5-14B-Instruct-AWQ", "auto", "hermes"),
        ("/srv/models/Qwen3-8B-AWQ", "auto", "hermes"),
        ("Qwen/Qwen3-Coder-30B-A3B", "auto", "qwen3_coder"),
        ("meta-llama/Llama-3.1-8B-Instruct", "auto", "llama3_json"),
        ("mistralai/Mistral-Nemo-Instruct-2407", "auto", "mistral"),
        ("openai/gpt-oss-20b", "auto", "openai"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", "auto", None),
        ("a/model", "auto", None),
        ("a/model", "hermes", "hermes"),
        ("Qwen/Qwen3-8B-AWQ", "none", None),
    ],
)
def test_how_a_model_calls_tools_is_told_by_its_name(tmp_path, model, chosen, parser):
    argv = spec_of(tmp_path, model=model, tool_parser=chosen).argv
    told = argv[argv.index("--tool-call-parser") + 1] if "--tool-call-parser" in argv else None
    assert (told, "--enable-auto-tool-choice" in argv) == (parser, parser is not None)


async def test_the_command_line_for_tools_is_taken(tmp_path):
    async with (
        running_pool(fake_vllm(tmp_path, tool_parser="hermes")) as (pool, _),
        pool.lease("strong", 30) as endpoint,
    ):
        assert await ask(endpoint) == "The capital of Spain is Madrid. "


def test_without_sleep_there_is_no_developer_mode(tmp_path):
    spec = spec_of(tmp_path, sleep=False, cuda_graphs=False, quantization="awq_marlin", extra_args=["--seed", "1"])
    assert "VLLM_SERVER_DEV_MODE" not in spec.env
    assert spec.argv[-5:] == ("--quantization", "awq_marlin", "--enforce-eager", "--seed", "1")
    assert not spec.can_sleep


@pytest.mark.parametrize(
    ("capability", "chosen", "dtype"),
    [("7.5", "auto", "float16"), ("12.0", "auto", "auto"), (None, "auto", "auto"), ("7.5", "bfloat16", "bfloat16")],
)
def test_a_card_without_bfloat16_is_not_asked_for_it(tmp_path, capability, chosen, dtype):
    gpus = {CARD: {"compute_capability": capability}} if capability else {}
    argv = spec_of(tmp_path, gpus, gpu=CARD, dtype=chosen).argv
    assert argv[argv.index("--dtype") + 1] == dtype


def model_folder(folder, weights_bytes=4096):
    """A small Qwen2 in 16 bit: 2 layers, 2 KV heads of 8, so 128 bytes a token."""
    folder.mkdir()
    shape = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 32}
    config = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "torch_dtype": "bfloat16", **shape}
    (folder / "config.json").write_text(json.dumps(config))
    tensor = {"dtype": "BF16", "shape": [weights_bytes // 2], "data_offsets": [0, weights_bytes]}
    header = json.dumps({"model.layers.0.mlp.weight": tensor}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(weights_bytes))
    return folder


def test_cache_and_need_are_worked_out_from_the_models_folder(tmp_path):
    folder = model_folder(tmp_path / "model")
    spec = spec_of(tmp_path, gpu=CARD, model=str(folder), kv_cache_bytes=None, context_tokens=1024)
    cache_bytes = 2 * 2 * 2 * 8 * 2 * 1024
    assert spec.argv[spec.argv.index("--kv-cache-memory-bytes") + 1] == str(cache_bytes)
    assert spec.need.card == CARD
    assert spec.need.host_bytes == 4096
    assert spec.need.awake_bytes > cache_bytes + 4096
    assert spec_of(tmp_path, gpu=CARD, model=str(folder), gpu_memory_bytes=5).need.awake_bytes == 5


def test_what_others_take_of_a_card_is_worked_out_too(tmp_path):
    folder = model_folder(tmp_path / "model")
    engines = {
        "ears": {"kind": "whisper", "model": str(folder), "device": CARD},
        "missing": {"kind": "whisper", "model": str(tmp_path / "none"), "device": CARD},
        "processor": {"kind": "whisper", "model": str(folder), "device": "cpu"},
        "layers": {"kind": "llama_cpp", "model": str(folder), "gpu": CARD, "gpu_layers": 1},
        "none": {"kind": "llama_cpp", "model": str(folder), "gpu": CARD},
    }
    config = Config.model_validate({"engines": engines})
    found = {one.name: one.need for one in engine_specs(config.engines, runtime_dir=tmp_path, languages=("en",))}
    assert found["ears"].awake_bytes > 4096
    assert found["layers"].awake_bytes > 2048
    assert [found[name].awake_bytes for name in ("missing", "processor", "none")] == [0, 0, 0]
    assert [found[name].card for name in ("ears", "processor")] == [CARD, None]


def test_a_cache_that_nobody_knows_the_size_of_is_not_tried(tmp_path):
    assert "give the full path of its folder, or kv_cache_bytes" in spec_of(tmp_path, kv_cache_bytes=None).unusable
    assert str(tmp_path / "none") in spec_of(tmp_path, model=str(tmp_path / "none")).unusable


@pytest.mark.parametrize("argument", ["--port", "--uds=/tmp/x", "--host", "--enable-sleep-mode"])
def test_where_it_listens_is_not_the_configurations_affair(argument):
    with pytest.raises(ValueError, match="is given by jarvisd itself"):
        Config.model_validate({"engines": {"a": {"kind": "vllm", "model": "m", "extra_args": [argument]}}})


async def test_the_real_command_line_serves(tmp_path):
    async with running_pool(fake_vllm(tmp_path)) as (pool, _), pool.lease("strong", PATIENT_S) as endpoint:
        assert await ask(endpoint) == "The capital of Spain is Madrid. "


async def test_an_argument_that_vllm_does_not_know_is_told(tmp_path):
    async with running_pool(fake_vllm(tmp_path, extra_args=["--warp", "9"])) as (_, told):
        assert "unrecognized arguments: --warp 9" in (await until(told, EngineState.FAILED, "strong")).detail


async def test_a_program_that_is_not_there_is_told_with_what_to_do(tmp_path):
    async with running_pool(fake_vllm(tmp_path, command=str(tmp_path / "venv"))) as (_, told):
        detail = (await until(told, EngineState.FAILED, "strong")).detail
    assert detail.startswith(f"{tmp_path}/venv/bin/vllm cannot be started (No such file or directory): install it")


async def test_the_program_may_be_named_by_its_environment(tmp_path):
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/vllm").symlink_to(VLLM)
    async with running_pool(fake_vllm(tmp_path, command=str(tmp_path / "venv"))) as (_, told):
        assert await until(told, EngineState.READY, "strong")


@pytest.mark.parametrize("level", [sleep.LEVEL_IN_RAM, sleep.LEVEL_ON_DISK])
async def test_asleep_it_lies_and_awake_it_answers(tmp_path, level):
    async with running_pool(fake_vllm(tmp_path)) as (pool, _), pool.lease("strong", PATIENT_S) as endpoint:
        assert not await sleep.is_sleeping(endpoint)
        await sleep.fall_asleep(endpoint, level)
        assert await sleep.is_sleeping(endpoint)
        assert await health(endpoint) == {"status": "ok"}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await ask(endpoint)
        await sleep.wake_up(endpoint, level)
        assert await ask(endpoint) == "The capital of Spain is Madrid. "


async def test_weights_that_level_2_forgot_are_read_again(tmp_path):
    async with running_pool(fake_vllm(tmp_path)) as (pool, _), pool.lease("strong", PATIENT_S) as endpoint:
        await sleep.fall_asleep(endpoint, sleep.LEVEL_ON_DISK)
        await sleep.wake_up(endpoint, sleep.LEVEL_IN_RAM)  # as if they had waited in RAM
        assert set(await ask(endpoint)) == {"!", " "}


@pytest.mark.parametrize(
    ("options", "table", "said"),
    [
        (["--misbehave", "sleep-lies"], {}, "was sent to sleep and stays awake"),
        (["--misbehave", "sleep-refused"], {}, "Sleep mode is not enabled"),
        ([], {"sleep": False}, "HTTP 404"),
    ],
)
async def test_one_that_does_not_sleep_is_not_believed_to(tmp_path, options, table, said):
    async with running_pool(fake_vllm(tmp_path, *options, **table)) as (pool, _):
        with pytest.raises(EngineReplyError, match=said):
            async with pool.lease("strong", PATIENT_S) as endpoint:
                await sleep.fall_asleep(endpoint, sleep.LEVEL_IN_RAM)


SLEEPY = {"start": "demand", "keep_alive_s": 0.6}


async def test_unused_it_sleeps_and_a_lease_wakes_it(tmp_path):
    async with running_pool(fake_vllm(tmp_path, start="demand", keep_alive_s=3.0)) as (pool, told):
        async with pool.lease("strong", PATIENT_S) as endpoint:
            assert await ask(endpoint)
        asleep = await until(told, EngineState.ASLEEP, "strong")
        assert asleep.detail == "Its weights wait in RAM."
        async with pool.lease("strong", PATIENT_S) as endpoint:
            assert await ask(endpoint)
            assert pool.statuses()[0].pid == asleep.pid
            assert pool.statuses()[0].restarts == 0


async def test_where_ram_is_short_its_weights_wait_on_the_disk(tmp_path):
    spec = fake_vllm(tmp_path, **SLEEPY)
    spec = replace(spec, need=replace(spec.need, host_bytes=100), keep_alive_s=3.0)
    async with running_pool(spec, host_free=lambda: 99) as (pool, told):
        async with pool.lease("strong", PATIENT_S):
            pass
        assert (await until(told, EngineState.ASLEEP, "strong")).detail == "Its weights wait on the disk."
        async with pool.lease("strong", PATIENT_S) as endpoint:
            assert await ask(endpoint) == "The capital of Spain is Madrid. "


async def test_asleep_for_long_it_ends_and_comes_back(tmp_path):
    async with running_pool(fake_vllm(tmp_path, **SLEEPY)) as (pool, told):
        async with pool.lease("strong", PATIENT_S):
            pass
        asleep = await until(told, EngineState.ASLEEP, "strong")
        await until(told, EngineState.STOPPED, "strong")
        assert not is_running(asleep.pid)
        async with pool.lease("strong", PATIENT_S) as endpoint:
            assert await ask(endpoint)


@pytest.mark.parametrize("misbehave", ["sleep-lies", "sleep-refused"])
async def test_one_that_cannot_sleep_is_stopped_instead(tmp_path, misbehave, caplog):
    async with running_pool(fake_vllm(tmp_path, "--misbehave", misbehave, **SLEEPY)) as (pool, told):
        async with pool.lease("strong", PATIENT_S):
            pass
        assert (await until(told, EngineState.STOPPING, "strong")).pid
        await until(told, EngineState.STOPPED, "strong")
    assert "does not fall asleep and is stopped" in caplog.text


@pytest.mark.parametrize("misbehave", ["wake-oom", "wake-hangs"])
async def test_one_that_does_not_wake_is_started_anew_and_who_waits_is_served(tmp_path, misbehave):
    options = ("--misbehave", misbehave, "--once", str(tmp_path / "second-life"))
    spec = fake_vllm(tmp_path, *options, start="demand", keep_alive_s=3.0, start_timeout_s=3.0)
    async with running_pool(spec) as (pool, told):
        async with pool.lease("strong", PATIENT_S):
            pass
        asleep = await until(told, EngineState.ASLEEP, "strong")
        async with pool.lease("strong", PATIENT_S) as endpoint:
            assert await ask(endpoint)
            assert pool.statuses()[0].pid != asleep.pid
            assert not is_running(asleep.pid)


async def test_its_core_which_outlives_it_is_ended_by_us(tmp_path):
    core = tmp_path / "core"
    async with running_pool(fake_vllm(tmp_path, "--core-pid-file", str(core))) as (_, told):
        ready = await until(told, EngineState.READY, "strong")
        pid = int(core.read_text())
        assert is_running(pid)
        os.kill(ready.pid, signal.SIGKILL)
        await until_gone(pid)
        assert (await until(told, EngineState.READY, "strong")).restarts == 1


async def test_an_end_by_the_want_of_memory_says_so(tmp_path):
    async with running_pool(fake_vllm(tmp_path, "--misbehave", "oom")) as (pool, _):
        with pytest.raises(EngineStartError, match=r"CUDA out of memory\. Tried to allocate 2\.25 GiB"):
            async with pool.lease("strong", PATIENT_S):
                pass


async def test_one_that_is_not_to_sleep_is_stopped(tmp_path):
    async with running_pool(fake_vllm(tmp_path, sleep=False, start="demand", keep_alive_s=0.3)) as (pool, told):
        assert pool.statuses()[0].state is EngineState.STOPPED
        async with pool.lease("strong", PATIENT_S):
            pass
        states = []
        async for event in told:
            states.append(event.status.state)
            if states[-1] is EngineState.STOPPED and EngineState.READY in states:
                break
        assert EngineState.ASLEEP not in states


async def test_a_pinned_one_stays_awake_however_long_nobody_asks(tmp_path):
    async with running_pool(fake_vllm(tmp_path, start="demand", keep_alive_s=0.05, pinned=True)) as (pool, _):
        async with pool.lease("strong", PATIENT_S):
            pass
        await asyncio.sleep(0.3)
        assert pool.statuses()[0].state is EngineState.READY


def test_a_model_that_was_pulled_is_found_where_it_was_put(tmp_path):
    (tmp_path / "models/Qwen").mkdir(parents=True)
    folder = model_folder(tmp_path / "models/Qwen/Qwen3-4B-AWQ")
    table = {"kind": "vllm", "model": "Qwen/Qwen3-4B-AWQ", "gpu": CARD}
    engines = Config.model_validate({"engines": {"strong": table}}).engines
    (spec,) = engine_specs(engines, runtime_dir=tmp_path, languages=("en",), models_dir=tmp_path / "models")
    assert str(folder) in spec.argv
    assert spec.need.awake_bytes > 4096


async def test_an_engine_is_warmed_before_it_is_asked_and_let_go_when_nobody_uses_it(tmp_path):
    always = replace(fake_vllm(tmp_path, name="always"), on_demand=False)
    async with running_pool(fake_vllm(tmp_path, start="demand"), always) as (pool, told):
        assert [status.name for status in pool.on_demand()] == ["strong"]
        pool.keep_warm("strong")
        await until(told, EngineState.READY, "strong")
        async with pool.lease("strong", PATIENT_S):
            pool.let_go("strong")
            assert pool.on_demand()[0].state is EngineState.READY
        pool.keep_warm("strong")
        pool.let_go("strong")
        await until(told, EngineState.ASLEEP, "strong")
        pool.keep_warm("strong")
        await until(told, EngineState.READY, "strong")
