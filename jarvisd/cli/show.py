"""What a person sees: rich where there is a terminal, plain lines where there is none."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from jarvisd.config.file import LoadedConfig
from jarvisd.errors import ConfigError

_OUT = Console(highlight=False, soft_wrap=True)
_ERR = Console(stderr=True, highlight=False, soft_wrap=True)

GIB = 1024**3
DEMONSTRATION_LABEL = "[demonstration model, not to be believed]"

_STATE_STYLE = {
    "ready": "green",
    "active": "green",
    "asleep": "cyan",
    "starting": "yellow",
    "stopping": "yellow",
    "failed": "red",
    "disabled": "red",
    "ok": "green",
    "warm": "green",
    "hot": "red",
    "lost": "red",
    "hung": "red",
    "driver_mismatch": "red",
}


class Conversation:
    """The replies of one request: wake word, transcript, the answer while it grows, and how long each stage took."""

    def __init__(self) -> None:
        self._streaming = False

    def reply(self, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "wake":
                _OUT.print(f"  wake word  {data['wake_word']} [dim](score {data['score']:.2f})[/dim]")
            case "nothing-said":
                _OUT.print("  [yellow]nothing was said after the wake word[/yellow]")
            case "transcript" if data.get("engine"):
                _OUT.print(f"  heard      {escape(data['text'])} [dim]({data['engine']})[/dim]")
            case "delta":
                self._streaming = True
                sys.stdout.write(data["text"])
                sys.stdout.flush()
            case "answer":
                self._answer(data)

    def _answer(self, data: dict[str, Any]) -> None:
        if self._streaming:
            sys.stdout.write("\n")
            self._streaming = False
        else:
            _OUT.print(escape(data["text"]), style="yellow" if data["error_code"] else "")
        label = f" {escape(DEMONSTRATION_LABEL)}" if data["demonstration"] else ""
        _OUT.print(f"  [dim]{data['answered_by']}{label} · {timings(data['timings_ms'])}[/dim]")


def timings(timings_ms: dict[str, float]) -> str:
    return " · ".join(f"{stage} {value:.0f} ms" for stage, value in timings_ms.items())


def playing(file: Path, as_json: bool) -> None:
    if not as_json:
        _OUT.print(f"[bold]{escape(str(file))}[/bold]")


def waiting(text: str) -> AbstractContextManager[Any]:
    if not _ERR.is_terminal:
        _ERR.print(f"{text} …")
    return _ERR.status(f"{text} …")


def faults(error: ConfigError) -> None:
    head, *faults = error.message.splitlines()
    _ERR.print(f"[red]{escape(head)}[/red]")
    for fault in faults:
        _ERR.print(escape(fault))


def config_is_good(loaded: LoadedConfig) -> None:
    _OUT.print(f"[green]good[/green]  {escape(loaded.origin)}")
    for name, engine in loaded.config.engines.items():
        _OUT.print(f"  engine {name}: {engine.kind}")


def status(found: dict[str, Any]) -> None:
    _OUT.print(f"[bold]jarvisd {found['version']}[/bold]  up {found['uptime_s']:.0f} s, {found['rss_mb']:.0f} MB")
    _OUT.print(f"  configuration  {escape(found['config'])}")
    _OUT.print(f"  listening      {_yes_no(found['listening'])} {escape(found['listening_detail'])}")
    _OUT.print(f"  broker         {_yes_no(found['broker_connected'])} {escape(found['broker_detail'])}")
    failing = {name: error for name, error in found["failing"].items() if error != found["listening_detail"]}
    for service, error in failing.items():
        _OUT.print(f"  [red]{service}[/red]: {escape(error)}")
    if found["engines"]:
        table = Table("engine", "kind", "state", "restarts", "", box=None, padding=(0, 2), header_style="dim")
        for engine in found["engines"]:
            state = engine["state"]
            coloured = f"[{_STATE_STYLE.get(state, 'white')}]{state}[/]" + (
                " [dim](pinned)[/dim]" if engine["pinned"] else ""
            )
            table.add_row(engine["name"], engine["kind"], coloured, str(engine["restarts"]), escape(engine["detail"]))
        _OUT.print(table)
    _warmup(found["warmup"])
    _gpus(found["gpus"], found["gpu_detail"])
    _wake_scores(found["wake"])
    for plugin, said in found["plugin_status"].items():
        _OUT.print(f"  {plugin}: {escape(said)}")


def _yes_no(good: bool) -> str:
    return "[green]yes[/green]" if good else "[yellow]no[/yellow] "


def _warmup(found: dict[str, Any]) -> None:
    for engine, reason in found["kept"].items():
        _OUT.print(f"  {engine} is kept warm: {escape(reason)}")
    if found["quiet"]:
        _OUT.print(f"  quiet hours    nothing is warmed ahead (it is {found['local_time']})")
    if found["trouble"]:
        _OUT.print(f"  [yellow]warm-up[/yellow]        {escape(found['trouble'])}")


def _gpus(gpus: list[dict[str, Any]], detail: str) -> None:
    if not gpus:
        _OUT.print(f"  graphics cards {escape(detail)}")
        return
    titles = ("card", "UUID", "health", "", "memory", "", "")
    table = Table(*(Column(title, no_wrap=True) for title in titles), box=None, padding=(0, 1), header_style="dim")
    for gpu in gpus:
        health = gpu["health"]
        used, total = gpu["memory_used_bytes"], gpu["memory_total_bytes"]
        table.add_row(
            _short_name(gpu),
            gpu["uuid"][:12],
            f"[{_STATE_STYLE.get(health, 'yellow')}]{health}[/]",
            _figure(gpu["temperature_celsius"], "{:.0f} °C"),
            _figure(used, "{:.1f}", GIB) + _figure(total, "/{:.1f} GiB", GIB),
            _figure(gpu["power_watts"], "{:.0f} W"),
            _figure(gpu["energy_kwh"], "{:.2f} kWh"),
        )
    _OUT.print(table)
    _energy(gpus)
    for gpu in gpus:
        for reason in gpu["reasons"]:
            _OUT.print(f"  [yellow]{_short_name(gpu)}[/yellow]: {escape(reason)}")


def _energy(gpus: list[dict[str, Any]]) -> None:
    engines = [(gpu, engine) for gpu in gpus for engine in gpu["engines"]]
    if not engines:
        return
    table = Table("energy of", "in use", "only up", "at rest", "on", box=None, padding=(0, 1), header_style="dim")
    for gpu, engine in engines:
        table.add_row(
            engine["name"],
            _figure(engine["used_kwh"], "{:.2f} kWh"),
            _figure(engine["idle_kwh"], "{:.2f} kWh"),
            _figure(engine["idle_watts"], "+{:.0f} W") or "not known yet",
            _short_name(gpu),
        )
    _OUT.print(table)


def _short_name(gpu: dict[str, Any]) -> str:
    return escape(gpu["name"].removeprefix("NVIDIA ").removeprefix("GeForce "))


def _figure(value: float | None, how: str, divisor: int = 1) -> str:
    """A value with its unit; nothing where the card does not tell it."""
    return "" if value is None else how.format(value / divisor)


def _wake_scores(wake: dict[str, Any]) -> None:
    for miss in wake.get("near_misses", [])[-5:]:
        _OUT.print(f"  [yellow]near miss[/yellow] {miss['wake_word']} {miss['score']:.2f}, {miss['ago_s']:.0f} s ago")


def plugins(found: list[dict[str, Any]]) -> None:
    table = Table("plugin", "state", "hooks", "from", "", box=None, padding=(0, 2), header_style="dim")
    for plugin in found:
        state = plugin["state"]
        table.add_row(
            plugin["name"],
            f"[{_STATE_STYLE.get(state, 'white')}]{state}[/]",
            ", ".join(plugin["hooks"]),
            escape(plugin["origin"]),
            escape(plugin["error"] or ""),
        )
    _OUT.print(table)
