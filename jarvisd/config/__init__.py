"""The configuration: its models (`models`), reading a file (`file`), what a reload changes (`live`), and the docs."""

from jarvisd.config.cloud import CloudConfig
from jarvisd.config.engines import (
    ChromaEngine,
    EmbedEngine,
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
from jarvisd.config.memory import MemoryConfig
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
from jarvisd.config.routing import RoutingConfig
from jarvisd.config.section import Section
from jarvisd.config.skills import SkillsConfig
from jarvisd.config.tools import McpConfig, ToolsConfig
from jarvisd.config.turns import TurnsConfig
from jarvisd.config.warmup import WarmupConfig, WarmupTimeConfig

__all__ = [
    "AudioConfig",
    "ChromaEngine",
    "CloudConfig",
    "Config",
    "ConversationConfig",
    "EmbedEngine",
    "EndpointConfig",
    "EngineBase",
    "EngineConfig",
    "GpuConfig",
    "GpuWatchConfig",
    "HomeConfig",
    "HouseConfig",
    "LlamaCppEngine",
    "LogConfig",
    "McpConfig",
    "MemoryConfig",
    "MqttConfig",
    "PluginsConfig",
    "PocketsphinxEngine",
    "ProcessEngine",
    "RemoteEngine",
    "RoutingConfig",
    "Section",
    "SkillsConfig",
    "TierConfig",
    "ToolsConfig",
    "TranscriptionConfig",
    "TurnsConfig",
    "VllmEngine",
    "WakeConfig",
    "WarmupConfig",
    "WarmupTimeConfig",
    "WhisperEngine",
    "WyomingEngine",
]
