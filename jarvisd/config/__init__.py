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
from jarvisd.config.home import HomeConfig
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
    WarmupConfig,
)
from jarvisd.config.section import Section

__all__ = [
    "AudioConfig",
    "Config",
    "ConversationConfig",
    "EndpointConfig",
    "EngineBase",
    "EngineConfig",
    "GpuConfig",
    "GpuWatchConfig",
    "HomeConfig",
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
    "WhisperEngine",
    "WyomingEngine",
]
