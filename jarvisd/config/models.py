"""The configuration: frozen models, the one source of validation, sample file and reference page.

Every key has a description and a default that works. `live` keys change on SIGHUP without a restart.
Secrets are never here: a key that ends in `_credential` names one (see `jarvisd.secrets`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, model_validator

from jarvisd.config.checks import reference_faults
from jarvisd.config.cloud import CloudConfig
from jarvisd.config.engines import CardUuid, EngineConfig
from jarvisd.config.home import HomeConfig
from jarvisd.config.memory import MemoryConfig
from jarvisd.config.routing import RoutingConfig
from jarvisd.config.section import FilePath, FilePaths, Languages, Name, Names, Section, Texts, key
from jarvisd.config.skills import SkillsConfig
from jarvisd.config.tools import McpConfig, ToolsConfig
from jarvisd.config.turns import TurnsConfig
from jarvisd.config.warmup import WarmupConfig, WarmupTimeConfig
from jarvisd.types import Level


def _topic(text: str) -> str:
    if set(text) & set("+#\0") or not all(text.split("/")):
        raise ValueError("must be a topic without +, # and empty parts, such as jarvisd or house/jarvisd")
    return text


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
    person: str | None = key(
        None,
        "Whose microphone this is, where only one person speaks to it: what they say is remembered as theirs.",
        min_length=1,
        examples=["Ana"],
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


class GpuConfig(Section):
    """A graphics card, by its UUID as `nvidia-smi -L` shows it: what engines may take of it."""

    memory_bytes: int | None = key(
        None,
        "What can be used of its memory; unset: what the card says, or no limit where it says nothing.",
        gt=0,
        examples=[16_000_000_000],
    )
    reserved_bytes: int = key(0, "Left free for the desktop and other programs.", ge=0)
    compute_capability: str | None = key(
        None,
        "Its compute capability: 7.5 for RTX 20, 12.0 for RTX 50. Before 8.0, vLLM is told to use float16.",
        pattern=r"^\d{1,2}\.\d$",
        examples=["12.0"],
    )
    min_residency_s: float = key(
        10.0, "An engine that has just become ready stays so long before it makes room for another.", ge=0, le=3600
    )


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
    level: Level | None = key(
        None,
        "What it is good for: fast (short facts and chat), strong (explaining, writing), reasoning (problems to be "
        "thought through). Unset: its own name where that is one of these, otherwise strong.",
        examples=["fast"],
    )
    max_tokens: int = key(256, "Longest answer in tokens.", ge=1, live=True)
    temperature: float = key(0.3, "0: always the likeliest word.", ge=0, le=2, live=True)
    first_token_timeout_s: float = key(20.0, "No first word after so long: the next tier answers.", gt=0, live=True)
    tools: bool = key(False, "Its models may call tools. Small ones call the wrong ones: for strong tiers.", live=True)


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


class GpuWatchConfig(Section):
    """Watching NVIDIA's graphics cards. Without a driver this costs nothing."""

    enabled: bool = key(True, "Look for cards and watch them.")
    poll_s: float = key(5.0, "Time between two readings.", live=True, ge=0.1, le=300)
    hung_after_s: float = key(
        15.0, "A driver that has not answered for so long is called hung.", live=True, ge=0.1, le=300
    )
    warm_celsius: float = key(75.0, "A card is warm from here on, until 5 °C below.", live=True, gt=0, lt=150)
    hot_celsius: float = key(87.0, "A card is hot from here on, until 5 °C below.", live=True, gt=0, lt=150)
    full_below_mib: int = key(
        256, "A card with less free memory is full, until there is twice as much.", live=True, ge=0
    )
    foreign_mib: int = key(
        1024, "A card is foreign while processes that are not jarvisd's hold so much of its memory.", live=True, ge=1
    )

    @model_validator(mode="after")
    def _warm_is_below(self) -> GpuWatchConfig:
        if self.warm_celsius >= self.hot_celsius:
            raise ValueError(f"warm_celsius: must be below gpu.hot_celsius, which is {self.hot_celsius:g}")
        return self


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
    cloud: CloudConfig = CloudConfig()
    tiers: dict[Name, TierConfig] = key({}, "Tiers by name.")
    engines: dict[Name, EngineConfig] = key({}, "Engines by name.")
    gpus: dict[CardUuid, GpuConfig] = key({}, "Graphics cards by UUID.")
    gpu: GpuWatchConfig = GpuWatchConfig()
    home: HomeConfig = HomeConfig()
    memory: MemoryConfig = MemoryConfig()
    mqtt: MqttConfig = MqttConfig()
    skills: SkillsConfig = SkillsConfig()
    plugins: PluginsConfig = PluginsConfig()
    tools: ToolsConfig = ToolsConfig()
    mcp: dict[Name, McpConfig] = key({}, "MCP servers by name.")
    warmup: WarmupConfig = WarmupConfig()
    warmup_times: dict[Name, WarmupTimeConfig] = key({}, "Hours at which engines are up, by name.", live=True)
    routing: RoutingConfig = RoutingConfig()
    turns: TurnsConfig = TurnsConfig()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Config:
        faults = reference_faults(self.model_dump())
        if faults:
            raise ValueError("\n".join(faults))
        return self
