"""The nouns of the house: frozen values that rooms hand to each other.

All audio between rooms is 16 kHz, mono, signed 16 bit little endian ("s16le").
Positions in a stream (`*_at_s`) count seconds of audio since the source was opened: a clock made of
samples, so that a file read as fast as possible and a microphone give the same numbers.
"""

from jarvisd.types.cards import (
    GpuHealth,
    GpuProcess,
    GpuReading,
    GpuState,
    GpuStatus,
)
from jarvisd.types.engines import (
    Endpoint,
    EngineEnergy,
    EngineState,
    EngineStatus,
    EngineUse,
)
from jarvisd.types.memories import (
    Found,
    Memory,
    MemoryKind,
    Recalled,
)
from jarvisd.types.models import (
    Delta,
    Finished,
    Message,
    Piece,
    RunTool,
    Thought,
    Tool,
    ToolCall,
    ToolCalls,
    ToolContext,
    ToolResult,
)
from jarvisd.types.sound import (
    CHUNK_BYTES,
    CHUNK_S,
    CHUNK_SAMPLES,
    SAMPLE_BYTES,
    SAMPLE_RATE_HZ,
    AudioChunk,
    Detection,
    Heard,
    NoSpeech,
    Utterance,
)
from jarvisd.types.turns import (
    Answer,
    Ring,
    RingKind,
    Route,
    Transcript,
    Turn,
    Via,
)
from jarvisd.types.words import (
    Kind,
    Language,
    Level,
    Source,
)

__all__ = [
    "CHUNK_BYTES",
    "CHUNK_S",
    "CHUNK_SAMPLES",
    "SAMPLE_BYTES",
    "SAMPLE_RATE_HZ",
    "Answer",
    "AudioChunk",
    "Delta",
    "Detection",
    "Endpoint",
    "EngineEnergy",
    "EngineState",
    "EngineStatus",
    "EngineUse",
    "Finished",
    "Found",
    "GpuHealth",
    "GpuProcess",
    "GpuReading",
    "GpuState",
    "GpuStatus",
    "Heard",
    "Kind",
    "Language",
    "Level",
    "Memory",
    "MemoryKind",
    "Message",
    "NoSpeech",
    "Piece",
    "Recalled",
    "Ring",
    "RingKind",
    "Route",
    "RunTool",
    "Source",
    "Thought",
    "Tool",
    "ToolCall",
    "ToolCalls",
    "ToolContext",
    "ToolResult",
    "Transcript",
    "Turn",
    "Utterance",
    "Via",
]
