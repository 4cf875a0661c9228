"""The composition root: builds every part from the configuration, runs them as services, and reports on them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from jarvisd.assembly import build_calendar, build_mind, build_mqtt, build_pool, build_transcriber, build_warmup
from jarvisd.audio.ears import Ears
from jarvisd.audio.source import PushSource
from jarvisd.bus import Bus
from jarvisd.config.file import LoadedConfig
from jarvisd.config.live import apply_live, diff_live
from jarvisd.control.orders import engine_orders
from jarvisd.control.server import ControlServer, SoundIn
from jarvisd.conversation import Conversation
from jarvisd.engines.orders import Orders
from jarvisd.engines.process import belongs_to
from jarvisd.engines.released import FILE_NAME as RELEASED_FILE
from jarvisd.engines.released import ReleasedCards
from jarvisd.engines.spec import engine_specs
from jarvisd.errors import ConfigError
from jarvisd.events import ConfigReloaded, EngineStateChanged, GpuHealthChanged, ListeningChanged, MqttLinkChanged, Rang
from jarvisd.gpu.energy import EnergyLedger
from jarvisd.gpu.nvml import Nvml
from jarvisd.gpu.watch import GpuWatch
from jarvisd.hooks.dispatch import Dispatcher
from jarvisd.hooks.jarvis import Jarvis
from jarvisd.hooks.load import load_plugins
from jarvisd.models.store import models_dir
from jarvisd.mqtt.bridge import Bridge
from jarvisd.mqtt.cards import CardTopics
from jarvisd.mqtt.link import Link
from jarvisd.mqtt.topics import Topics
from jarvisd.paths import CONTROL_SOCKET, claim_state, make_folder, runtime_dir, state_dir
from jarvisd.skills.skills import Skills
from jarvisd.status import NO_BROKER, Health, status_line, status_report
from jarvisd.supervisor import Service, Supervisor
from jarvisd.systemd import Notifier, set_level, setup_logging, watchdog, watchdog_interval_s
from jarvisd.turns.log import FILE_NAME as TURNS_FILE
from jarvisd.turns.log import TurnLog
from jarvisd.turns.recorder import Recorder
from jarvisd.types import Answer, GpuStatus, Language, Ring, Turn

_LOGGER = logging.getLogger(__name__)

# Shutdown order: nobody is heard any more, plugins say goodbye, engines end, and last the house is told.
STAGE_DOORS, STAGE_GOODBYE, STAGE_PLUGINS, STAGE_ENGINES, STAGE_LINK, STAGE_SYSTEM = range(1, 7)


class Daemon:
    """One jarvisd. `reload` reads the configuration again, for SIGHUP.

    Making one raises ConfigError where a part cannot be built; `run` raises JarvisError when it had to give up.
    """

    def __init__(self, loaded: LoadedConfig, *, reload: Callable[[], LoadedConfig]) -> None:
        self._loaded = loaded
        self._config = config = loaded.config
        self._reload = reload
        self._reload_wanted = asyncio.Event()
        self._notifier = Notifier.from_environment()
        runtime, state = self._runtime, self._state = runtime_dir(config.house), state_dir(config.house)
        make_folder(runtime, 0o750, "house.runtime_dir")
        make_folder(state, 0o700, "house.state_dir")
        self._plugins_dir = state / "plugins"
        self._energy_file = state / "gpu-energy.json"

        self.bus = Bus()
        self.supervisor = Supervisor(self.bus)
        self.hooks = Dispatcher(
            load_plugins(config.plugins.folder, config.plugins.disabled),
            timeout_s=config.plugins.timeout_s,
            publish=self.bus.publish,
        )
        specs = engine_specs(
            config.engines,
            runtime_dir=runtime,
            languages=config.house.languages,
            gpus=config.gpus,
            models_dir=models_dir(config.house),
            state_dir=state,
        )
        self.pool = build_pool(
            config,
            specs,
            self.bus,
            runtime=runtime,
            state=state,
            card_bytes=self._card_memory_bytes,
            fresh=self._fresh_reading,
        )
        self.warmup = build_warmup(config, self.pool, state)
        self._transcriber = build_transcriber(config, self.pool)
        self.ears = Ears(config.audio, config.wake, config.endpoint, self.bus)
        turns = TurnLog(state / TURNS_FILE)
        self.recorder = Recorder(
            turns, config.turns, show=lambda figures: self.bridge.show_usage(figures) if self.bridge else None
        )
        self.skills = Skills(
            config.skills,
            state / "agenda.sqlite",
            languages=lambda: self._config.house.languages,
            on_ring=self._ring,
            last_answer=self._last_answer,
            spent=lambda _period, language: self.mind.spent(language),
        )
        self.mind = build_mind(
            lambda: self._config,
            bus=self.bus,
            pool=self.pool,
            specs=specs,
            skills=self.skills,
            turns=turns,
            runtime=runtime,
            state=state,
            want=self._want,
            flush_turns=self.recorder.flush,
        )
        self.calendar = build_calendar(lambda: self._config, self.warmup, self.mind.memories, self.pool, specs, state)
        self.conversation = Conversation(
            config=config.conversation,
            languages=config.house.languages,
            bus=self.bus,
            hooks=self.hooks,
            ways=self.mind.ways,
            ask_models=self.mind.answering.answer,
            transcribe=self._transcriber.transcribe if self._transcriber else None,
            deliver=self._deliver,
            on_wake=self._wake,
            teach=self.mind.teach,
            memories=self.mind.memories,
        )
        self.link: Link | None
        self.bridge: Bridge | None
        self.link, self.bridge = build_mqtt(
            lambda: self._config,
            bus=self.bus,
            ask=self.conversation.ask,
            engines=self.pool.statuses,
            listening=lambda: self.ears.state,
        )
        self.gpus = self._build_gpus()
        self.orders = Orders(
            self.pool,
            ReleasedCards(state / RELEASED_FILE),
            engine_of=lambda: {name: tier.engine for name, tier in self._config.tiers.items()},
            gpus=lambda: self.gpus.statuses() if self.gpus is not None else (),
        )
        self.control = ControlServer(
            runtime / CONTROL_SOCKET,
            self.bus,
            ask=self.conversation.ask,
            open_ears=self._open_ears,
            status=self.status,
            orders=engine_orders(self.orders) | self.mind.orders(),
        )

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        setup_logging(self._config.log.level)
        _LOGGER.info("configuration: %s", self._loaded.origin)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)
        with await asyncio.to_thread(claim_state, self._state, self._runtime / CONTROL_SOCKET):
            await self.control.claim()
            await self.orders.remember()
            await self.hooks.startup(self._jarvis_for)
            await self._offer_tools()
            try:
                await self.supervisor.run(self._services())
            finally:
                self.ears.close()

    def _services(self) -> list[Service]:
        services = [
            Service("control socket", self.control.run, STAGE_DOORS, essential=True),
            Service("plugins' goodbye", self._goodbye, STAGE_GOODBYE),
            Service("plugins' events", lambda: self.hooks.events(self.bus), STAGE_PLUGINS),
            Service("engines", self.pool.run, STAGE_ENGINES, stop_timeout_s=self._engines_stop_s(), essential=True),
            Service("skills", self.skills.run, STAGE_GOODBYE),
            Service("routing", lambda: self.mind.learning.run(self.bus), STAGE_PLUGINS),
            Service("turns", lambda: self.recorder.run(self.bus), STAGE_PLUGINS),
            Service("reload", self._serve_reloads, STAGE_SYSTEM),
            Service("systemd", self._tell_systemd, STAGE_SYSTEM),
        ]
        if self.link is not None and self.bridge is not None:
            bridge = self.bridge
            services.append(Service("mqtt link", self.link.run, STAGE_LINK))
            services.append(Service("mqtt bridge", lambda: bridge.run(self.bus), STAGE_PLUGINS))
        if self.mind.mcp is not None:
            services.append(Service("mcp", self.mind.mcp.run, STAGE_DOORS))
        if self.mind.home is not None:
            services.append(Service("home", self.mind.home.run, STAGE_DOORS))
        if self.pool.on_demand():
            services.append(Service("usage", lambda: self.warmup.record(self.bus), STAGE_PLUGINS))
            services.append(Service("warm-up", self.warmup.run, STAGE_DOORS))
        if self.mind.memories is not None:
            services.append(Service("memory", self.mind.memories.run, STAGE_PLUGINS))
        if self.pool.on_demand() or self.mind.memories is not None:
            services.append(Service("calendar", self.calendar.run, STAGE_DOORS))
        if self.gpus is not None:
            services.append(Service("gpu", self.gpus.run, STAGE_ENGINES))
        if self.ears.configured_source() is not None:
            services.append(Service("ears", self._listen, STAGE_DOORS))
        if interval_s := watchdog_interval_s():
            alive = self.supervisor.essentials_run
            services.append(
                Service("watchdog", lambda: watchdog(self._notifier, interval_s, alive), STAGE_SYSTEM, essential=True)
            )
        return services

    async def _listen(self) -> None:
        source = self.ears.configured_source()
        if source is not None:
            await self.conversation.listen(
                self.ears.hear_house(source),
                source="microphone",
                name=source.name,
                room=self._config.audio.room,
                person=self._config.audio.person,
            )

    def _open_ears(self, name: str, request_id: str) -> tuple[SoundIn, Awaitable[None]]:
        source = PushSource(name)
        answered = self.conversation.listen(
            self.ears.hear(source), source="file", name=name, request_id=request_id, barge_in=False
        )
        return source, answered

    def _build_gpus(self) -> GpuWatch | None:
        if not self._config.gpu.enabled:
            return None
        names = Topics(self._config.mqtt.base_topic, self._config.house.node)
        looks = [self.pool.look, *([CardTopics(self.link, names).show] if self.link is not None else [])]

        def on_read(statuses: Sequence[GpuStatus]) -> None:
            for look in looks:
                look(statuses)

        return GpuWatch(
            self._config.gpu,
            Nvml().read,
            EnergyLedger(self._energy_file),
            publish=self.bus.publish,
            is_ours=self._is_ours,
            on_read=on_read,
            uses=self.pool.uses,
        )

    def _card_memory_bytes(self, uuid: str) -> int | None:
        return self.gpus.memory_bytes(uuid) if self.gpus is not None else None

    async def _fresh_reading(self) -> None:
        if self.gpus is not None:
            await self.gpus.fresh()

    def _is_ours(self, pid: int) -> bool:
        return belongs_to(pid, {engine.pid for engine in self.pool.statuses()})

    def _deliver(self, turn: Turn, answer: Answer) -> None:
        if self.bridge is not None:
            self.bridge.deliver(turn, answer)

    def _want(self, engine: str) -> None:
        self.pool.want(engine)
        self.warmup.wanted(engine)

    def _wake(self) -> None:
        """While somebody speaks, the engine comes up that this hour usually wants."""
        usual = self.warmup.usual({tier.engine for tier in self._config.tiers.values()})
        if usual is not None:
            self.pool.want(usual)

    async def _offer_tools(self) -> None:
        """Where no tier may call tools, what checks their arguments is not even loaded."""
        if any(tier.tools for tier in self._config.tiers.values()):
            await self.mind.offer_tools(await self.hooks.collect("register_tools"))

    def _last_answer(self, room: str | None) -> str | None:
        return self.conversation.last_answer(room)

    async def _ring(self, ring: Ring) -> None:
        self.bus.publish(Rang(ring))

    def _jarvis_for(self, plugin: str) -> Jarvis:
        async def ask(text: str, language: Language | None) -> Answer:
            return await self.conversation.ask(text, source="plugin", language=language)

        return Jarvis(
            plugin,
            settings=self._config.plugins.settings.get(plugin, {}),
            plugins_dir=self._plugins_dir,
            languages=lambda: self._config.house.languages,
            ask=ask,
        )

    async def _goodbye(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await self.hooks.shutdown()

    def _engines_stop_s(self) -> float:
        return 2.0 + max((engine.stop_timeout_s for engine in self._config.engines.values()), default=0.0)

    def _stop(self, number: signal.Signals) -> None:
        _LOGGER.info("stopping (%s)", signal.Signals(number).name)
        self._notifier.stopping("stopping")
        self.supervisor.stop()

    async def _serve_reloads(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            self._notifier.reloading()
            await self._apply_reload()
            self._notifier.ready(self._status_line())

    async def _apply_reload(self) -> None:
        """What can change live does; the rest is named. A faulty file changes nothing."""
        try:
            new = (await asyncio.to_thread(self._reload)).config
        except ConfigError as error:
            # A person's slip, told without a traceback.
            _LOGGER.error("the configuration was not reloaded, everything stays as it was: %s", error.message)  # noqa: TRY400
            return
        applied, needs_restart = diff_live(self._config, new)
        self._config = config = apply_live(self._config, new)
        self.ears.reconfigure(config.wake, config.endpoint)
        self.conversation.reconfigure(config.conversation, config.house.languages)
        self.mind.toolbox.reconfigure(config.tools)
        await self._offer_tools()
        self.mind.ledger.reconfigure(config.cloud, config.engines)
        if self.mind.home is not None:
            self.mind.home.reconfigure(config.home)
        self.recorder.reconfigure(config.turns)
        if self._transcriber is not None:
            self._transcriber.reconfigure(
                languages=config.house.languages,
                timeout_s=config.transcription.timeout_s,
                ignore=config.transcription.ignore,
            )
        if self.gpus is not None:
            self.gpus.reconfigure(config.gpu)
        self.warmup.reconfigure(config.warmup, config.warmup_times)
        self.skills.reconfigure(config.skills)
        if self.mind.memories is not None:
            self.mind.memories.reconfigure(config.memory)
        self.hooks.timeout_s = config.plugins.timeout_s
        set_level(config.log.level)
        _LOGGER.info("reloaded: %s", ", ".join(applied) or "nothing changed")
        if needs_restart:
            _LOGGER.warning("these changes need a restart: %s", ", ".join(needs_restart))
        self.bus.publish(ConfigReloaded(applied, needs_restart))

    async def _tell_systemd(self) -> None:
        with self.bus.subscribe("systemd status") as mailbox:
            await self.control.listening.wait()
            _LOGGER.info("ready: %s", self._status_line())
            self._notifier.ready(self._status_line())
            async for event in mailbox:
                if isinstance(event, EngineStateChanged | GpuHealthChanged | ListeningChanged | MqttLinkChanged):
                    self._notifier.status(self._status_line())

    def _health(self) -> Health:
        return Health(
            config_origin=str(self._loaded.path or self._loaded.origin),
            listening=self.ears.state,
            engines=self.pool.statuses(),
            failing=self.supervisor.failing(),
            events_dropped=self.bus.dropped(),
            broker=self._broker_state(),
            gpus=self.gpus.statuses() if self.gpus else (),
            gpu_detail=self.gpus.detail if self.gpus else "not watched (gpu.enabled)",
        )

    def _broker_state(self) -> MqttLinkChanged:
        if self.link is None:
            return NO_BROKER
        status = self.link.status()
        return MqttLinkChanged(status.connected, status.detail)

    def _status_line(self) -> str:
        return status_line(self._health())

    async def status(self) -> dict[str, Any]:
        """All that `jarvisd status` shows, as plain values."""
        said = await self.hooks.collect("report_status")
        report = status_report(self._health(), self.hooks.plugins(), said, self.ears.recent_scores())
        return {**report, "warmup": self.warmup.report()}
