"""The configuration: its models (`models`), reading a file (`file`), what a reload changes (`live`), and the docs."""

from jarvisd.config.engines import (
    EngineBase,
    EngineConfig,
    LlamaCppEngine,
    PocketsphinxEngine,
    ProcessEngine,
    RemoteEngine,
    VllmEngine,
    WhisperEngine,
    WyomingEngine,
)
from jarvisd.config.models import (
    AudioConfig,
    Config,
    ConversationConfig,
    EndpointConfig,
    GpuConfig,
    GpuWatchConfig,
    HouseConfig,
    LogConfig,
    MqttConfig,
    PluginsConfig,
    TierConfig,
    TranscriptionConfig,
    WakeConfig,
)
from jarvisd.config.section import Section
from jarvisd.config.warmup import WarmupConfig, WarmupTimeConfig

__all__ = [
    "AudioConfig",
    "Config",
    "ConversationConfig",
    "EndpointConfig",
    "EngineBase",
    "EngineConfig",
    "GpuConfig",
    "GpuWatchConfig",
    "HouseConfig",
    "LlamaCppEngine",
    "LogConfig",
    "MqttConfig",
    "PluginsConfig",
    "PocketsphinxEngine",
    "ProcessEngine",
    "RemoteEngine",
    "Section",
    "TierConfig",
    "TranscriptionConfig",
    "VllmEngine",
    "WakeConfig",
    "WarmupConfig",
    "WarmupTimeConfig",
    "WhisperEngine",
    "WyomingEngine",
]
