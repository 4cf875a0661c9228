"""A llama.cpp of the user's own: the real command lines, given to programs that take no others."""

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from jarvisd.errors import EngineStartError
from jarvisd.llm.chat import Delta, stream_chat
from jarvisd.types import Message
from tests.fakes.engines import running_pool
from tests.fakes.workers import worker_spec

FAKES = Path(__file__).parents[1] / "fakes/llama"
LLAMA_SERVER = str(FAKES / "llama-server")
WITH_LLAMA_CPP = {"PYTHONPATH": str(FAKES)}


@pytest.fixture
def gguf(tmp_path):
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF")
    return str(file)


async def spec_of(tmp_path, **engine):
    # In a thread: it reads files.
    return await asyncio.to_thread(worker_spec, tmp_path, "quick", kind="llama_cpp", **engine)


async def told(spec) -> dict:
    """What the program says that it was started with."""
    async with running_pool(spec) as (pool, _), asyncio.timeout(40), pool.lease("quick", 30) as endpoint:
        question = [Message("user", "?")]
        answer = stream_chat(endpoint, "quick", question, max_tokens=99, temperature=0, first_token_timeout_s=30)
        async with aclosing(answer):
            text = "".join([piece.text async for piece in answer if isinstance(piece, Delta)])
    return dict(word.split("=", 1) for word in text.split())


async def test_llama_server(tmp_path, gguf):
    spec = await spec_of(tmp_path, model=gguf, command=LLAMA_SERVER, threads=3, context_tokens=2048, gpu_layers=7)
    assert spec.endpoint.socket_path == str(tmp_path / "quick.sock")
    assert await told(spec) == {
        "model": gguf, "alias": "quick", "host": str(tmp_path / "quick.sock"), "port": "8080", "ctx_size": "2048",
        "parallel": "1", "threads": "3", "threads_batch": "3", "n_gpu_layers": "7", "omp": "passive",
            "jinja": "True", "chat_template_file": "None",
    }  # fmt: skip


async def test_pythons_server_on_a_free_port_with_interruptions_off(tmp_path, gguf):
    spec = await spec_of(tmp_path, model=gguf, command=sys.executable, threads=3, env=WITH_LLAMA_CPP)
    found = await told(spec)
    assert spec.endpoint.url == f"http://127.0.0.1:{found['port']}/v1"
    assert int(found.pop("port")) >= 1024
    assert found == {
        "model": gguf, "model_alias": "quick", "host": "127.0.0.1", "n_ctx": "4096", "n_threads": "3",
        "n_threads_batch": "3", "n_gpu_layers": "0", "interrupt_requests": "False", "verbose": "False",
        "omp": "passive",
    }  # fmt: skip


async def test_the_folder_of_an_environment_stands_for_its_python(tmp_path, gguf):
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python").symlink_to(sys.executable)
    spec = await spec_of(tmp_path, model=gguf, command=str(tmp_path / "env"), port=8419)
    python = spec.argv.index(str(tmp_path / "env/bin/python"))
    assert spec.argv[python + 1 : python + 4] == ("-P", "-m", "llama_cpp.server")
    assert spec.endpoint.url == "http://127.0.0.1:8419/v1"


async def test_threads_are_all_but_one_unless_said(tmp_path, gguf, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(6)))
    spec = await spec_of(tmp_path, model=gguf, command=LLAMA_SERVER)
    assert spec.argv[spec.argv.index("--threads") + 1] == spec.argv[spec.argv.index("--threads-batch") + 1] == "5"


async def test_what_was_learned_of_a_model_is_kept_whatever_port_it_has(tmp_path, gguf):
    engine = {"model": gguf, "command": sys.executable, "gpu": "GPU-0", "gpu_memory_bytes": 10}
    one, other = [await spec_of(tmp_path, **engine, port=port) for port in (8001, 8002)]
    assert one.need.key == other.need.key


async def test_a_model_in_a_package_is_found_for_it(tmp_path, monkeypatch):
    (tmp_path / "a_package").mkdir()
    (tmp_path / "a_package/__init__.py").touch()
    (tmp_path / "a_package/one.gguf").write_bytes(b"GGUF")
    monkeypatch.syspath_prepend(tmp_path)
    spec = await spec_of(tmp_path, model="package:a_package", command=LLAMA_SERVER)
    assert (await told(spec))["model"] == str(tmp_path / "a_package/one.gguf")
    missing = await spec_of(tmp_path, model="package:no_such_package", command=LLAMA_SERVER)
    assert missing.unusable == "package:no_such_package: the package is not installed."


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (
            {"command": "/no/such/llama-server"},
            "/no/such/llama-server cannot be started (No such file or directory): "
            "install it, or correct `command` in the configuration.",
        ),
        ({"command": LLAMA_SERVER}, "quick ended with exit code 1: error: failed to open GGUF file '/no/such.gguf'"),
        ({"command": sys.executable}, "No module named 'llama_cpp'"),
    ],
)
async def test_what_is_missing_is_told(tmp_path, engine, said):
    spec = await spec_of(tmp_path, model="/no/such.gguf", **engine)
    async with running_pool(spec) as (pool, _):
        with pytest.raises(EngineStartError) as failed:
            async with pool.lease("quick", 30):
                pass
    assert said in failed.value.message
