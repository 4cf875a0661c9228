"""What the daemon says of itself: one line for systemd, a report for programs and people. Pure, but for the clock."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jarvisd import __version__
from jarvisd.audio.scores import RecentScores
from jarvisd.events import ListeningChanged, MqttLinkChanged
from jarvisd.hooks.load import PluginInfo
from jarvisd.types import EngineEnergy, EngineState, EngineStatus, GpuState, GpuStatus

NO_BROKER = MqttLinkChanged(False, "none configured (mqtt.host)")


@dataclass(frozen=True, slots=True)
class Health:
    config_origin: str
    listening: ListeningChanged
    engines: Sequence[EngineStatus]
    failing: Mapping[str, str]
    events_dropped: Mapping[str, int]
    broker: MqttLinkChanged = NO_BROKER
    gpus: Sequence[GpuStatus] = ()
    gpu_detail: str = ""


def status_line(health: Health) -> str:
    """For `systemctl status`: who listens, which engines serve, what is wrong."""
    ears = "listening" if health.listening.listening else f"not listening ({health.listening.detail})"
    ready = [engine.name for engine in health.engines if engine.state is EngineState.READY]
    parts = [ears, f"engines ready: {', '.join(ready) or 'none'}"]
    parts += [f"{engine.name} {engine.state.value}" for engine in health.engines if engine.name not in ready]
    parts += [f"{gpu.health.name} {gpu.health.state}" for gpu in health.gpus if gpu.health.state is not GpuState.OK]
    parts += [f"{service} failing" for service in health.failing if service != "ears"]
    return "; ".join(parts)


def status_report(
    health: Health, plugins: Sequence[PluginInfo], plugin_status: Mapping[str, str], scores: RecentScores | None
) -> dict[str, Any]:
    return {
        "version": __version__,
        "pid": os.getpid(),
        "uptime_s": round(_uptime_s(), 1),
        "rss_mb": round(_rss_mb(), 1),
        "config": health.config_origin,
        "listening": health.listening.listening,
        "listening_detail": health.listening.detail,
        "broker_connected": health.broker.connected,
        "broker_detail": health.broker.detail,
        "engines": [asdict(engine) for engine in health.engines],
        "gpus": [_gpu(gpu) for gpu in health.gpus],
        "gpu_detail": health.gpu_detail,
        "failing": dict(health.failing),
        "events_dropped": dict(health.events_dropped),
        "plugins": [asdict(plugin) for plugin in plugins],
        "plugin_status": dict(plugin_status),
        "wake": _wake(scores or RecentScores()),
    }


def _gpu(gpu: GpuStatus) -> dict[str, Any]:
    """One flat object a card; `age_s`: how old the reading is."""
    fields = asdict(gpu.reading)
    read_monotonic = fields.pop("read_monotonic")
    return {
        "uuid": gpu.health.uuid,
        "name": gpu.health.name,
        "health": gpu.health.state,
        "reasons": list(gpu.health.reasons),
        **fields,
        "foreign_bytes": gpu.reading.foreign_bytes,
        "energy_kwh": round(gpu.energy_kwh, 4),
        "engines": [_energy(engine) for engine in gpu.engines],
        "age_s": round(time.monotonic() - read_monotonic, 1),
    }


def _energy(engine: EngineEnergy) -> dict[str, Any]:
    return {
        "name": engine.name,
        "used_kwh": round(engine.used_kwh, 4),
        "idle_kwh": round(engine.idle_kwh, 4),
        "idle_watts": None if engine.idle_watts is None else round(engine.idle_watts, 1),
    }


def _wake(scores: RecentScores) -> dict[str, Any]:
    now = time.time()
    misses = [
        {"wake_word": miss.wake_word, "score": round(miss.score, 3), "ago_s": round(now - miss.time_s, 1)}
        for miss in scores.near_misses
    ]
    seconds = [
        {"at_s": second.at_s, **{word: round(score, 3) for word, score in second.scores.items()}}
        for second in scores.seconds
    ]
    return {"near_misses": misses, "seconds": seconds}


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _uptime_s() -> float:
    """Seconds since this process began (field 22 of /proc/self/stat, in clock ticks since boot; proc(5))."""
    began_ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began_ticks / os.sysconf("SC_CLK_TCK")
