"""Puts together what several rooms give: the engines' pool, the way to an answer, the link to the broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from jarvisd import __version__
from jarvisd.answering.answering import Answering
from jarvisd.answering.learning import MIX_TURNS, Learning
from jarvisd.answering.scoring import FILE_NAME as CORRECTION_FILE
from jarvisd.answering.scoring import HouseholdScorer
from jarvisd.answering.stream import Streams
from jarvisd.answering.tiers import Tiers
from jarvisd.answering.ways import Ways
from jarvisd.bus import Bus
from jarvisd.config import Config
from jarvisd.control.routing import routing_orders
from jarvisd.control.server import Order
from jarvisd.engines.cards import cards
from jarvisd.engines.cgroup import own_tree
from jarvisd.engines.host import memory_for_sleep_bytes
from jarvisd.engines.leftovers import ChildRecords
from jarvisd.engines.needs import FILE_NAME as NEEDS_FILE
from jarvisd.engines.needs import LearnedNeeds
from jarvisd.engines.owner import SleepCalls
from jarvisd.engines.pool import EnginePool
from jarvisd.engines.readings import Fresh
from jarvisd.engines.spec import EngineSpec
from jarvisd.events import ListeningChanged
from jarvisd.language import guess_language
from jarvisd.llm import chat, embeddings, sleep
from jarvisd.mqtt.bridge import Bridge
from jarvisd.mqtt.link import Link
from jarvisd.mqtt.topics import STATUS, Topics
from jarvisd.plain import imperatives, plain, strip_courtesies
from jarvisd.routing.account import spoken_account
from jarvisd.routing.judge import build_judge
from jarvisd.routing.latency import Latency
from jarvisd.routing.ledger import Ledger
from jarvisd.routing.ledger_file import FILE_NAME as LEDGER_FILE
from jarvisd.routing.refit import Turn as Corrected
from jarvisd.secrets import read_secret
from jarvisd.skills.skills import Skills
from jarvisd.speech import transcribe
from jarvisd.tools.confirm import read_pin
from jarvisd.tools.mcp import McpServers
from jarvisd.tools.toolbox import Toolbox
from jarvisd.turns.log import TurnLog
from jarvisd.types import Answer, EngineStatus, Kind, Language, Tool

if TYPE_CHECKING:  # brings websockets, which a house without Home Assistant need not load
    from jarvisd.home.agent import HomeAssistant
    from jarvisd.home.link import HomeLink

_LOGGER = logging.getLogger(__name__)

Live: TypeAlias = Callable[[], Config]
Ask: TypeAlias = Callable[..., Coroutine[Any, Any, Answer]]

# Home Assistant is asked for what is at least so likely a command for the house.
HOME_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Mind:
    """All that leads to an answer, but for the turn itself."""

    ways: Ways
    answering: Answering
    tiers: Tiers
    learning: Learning
    toolbox: Toolbox
    mcp: McpServers | None
    home: HomeLink | None
    ledger: Ledger
    scorer: HouseholdScorer
    turns: TurnLog
    flush_turns: Callable[[], Awaitable[None]]
    languages: Callable[[], Sequence[Language]]

    def orders(self) -> dict[str, Order]:
        """What the control socket may ask about routing."""
        return routing_orders(self.tiers, self.languages, self.turns, refit=self.scorer.refit, flush=self.flush_turns)

    async def spent(self, language: Language) -> str:
        """The answer to "how much have we spent?"."""
        return spoken_account(await asyncio.to_thread(self.ledger.account), language)

    async def teach(self, turn_id: str, kind: Kind) -> None:
        """Notes what an earlier turn really was, and learns from it."""
        await self.flush_turns()
        await asyncio.to_thread(self.turns.correct, turn_id, kind)
        _LOGGER.info("turn %s was %s: %s", turn_id, kind, await self.scorer.refit())

    async def offer_tools(self, of_plugins: Mapping[str, Sequence[Tool]]) -> None:
        """Fills the toolbox, but for what servers offer."""
        for plugin, tools in of_plugins.items():
            await self.toolbox.replace(plugin, tools)
        if self.home is not None:
            from jarvisd.answering.devices import SOURCE, device_tools
            from jarvisd.home.devices import Devices

            await self.toolbox.replace(SOURCE, device_tools(Devices(self.home), self.home.known_house))


def build_pool(
    config: Config,
    specs: Sequence[EngineSpec],
    bus: Bus,
    *,
    runtime: Path,
    state: Path,
    card_bytes: Callable[[str], int | None],
    fresh: Fresh,
) -> EnginePool:
    """The engines on their cards. `card_bytes` says what a card has, `fresh` has it read now."""
    needs = LearnedNeeds(state / NEEDS_FILE)
    return EnginePool(
        specs,
        {"openai": chat.probe, "wyoming": transcribe.probe, "embeddings": embeddings.probe},
        bus,
        cards=cards(config.gpus, specs, needs, host_free=memory_for_sleep_bytes, total_bytes=card_bytes, fresh=fresh),
        sleep_calls=SleepCalls(sleep.fall_asleep, sleep.wake_up),
        host_free=memory_for_sleep_bytes,
        records=ChildRecords(runtime, own_tree()),
    )


def build_transcriber(config: Config, pool: EnginePool) -> transcribe.Transcriber | None:
    """None where no recogniser is configured."""
    settings = config.transcription
    if settings.engine is None:
        return None
    return transcribe.Transcriber(
        pool.lease,
        settings.engine,
        languages=config.house.languages,
        timeout_s=settings.timeout_s,
        ignore=settings.ignore,
        no_speech_limit=settings.no_speech_threshold,
    )


def build_mind(
    live: Live,
    *,
    bus: Bus,
    pool: EnginePool,
    specs: Sequence[EngineSpec],
    skills: Skills,
    turns: TurnLog,
    runtime: Path,
    state: Path,
    want: Callable[[str], None],
    flush_turns: Callable[[], Awaitable[None]],
) -> Mind:
    """Raises ConfigError where a secret that it needs is missing. Reads files: not for a running loop."""
    config = live()
    scorer = HouseholdScorer(
        state / CORRECTION_FILE,
        lambda: [Corrected(turn.question or "", turn.corrected or "") for turn in turns.corrections()],
    )
    judge = build_judge()
    ledger = Ledger(state / LEDGER_FILE, config.cloud, config.engines)
    latency = Latency()
    toolbox = Toolbox(config.tools, publish=bus.publish, pin=read_pin(config.tools, read_secret))
    mcp = McpServers(config.mcp, toolbox, runtime_dir=runtime, publish=bus.publish, read_secret=read_secret)
    home, agent = _build_home(live, scorer)
    learning = Learning(latency, lambda: [turn.probabilities for turn in turns.last(MIX_TURNS) if turn.probabilities])

    tiers = Tiers(
        conversation=lambda: live().conversation,
        tiers=lambda: live().tiers,
        engines=lambda: live().engines,
        settings=lambda: live().routing,
        statuses=pool.statuses,
        latency=latency,
        score=scorer.probabilities,
        mix=learning.mix,
        judge=judge,
        refusal=ledger.refusal,
        price=ledger.cost_micros,
        account=ledger.account,
    )
    streams = Streams(
        models={spec.name: spec.model for spec in specs},
        engines=lambda: live().engines,
        instructions=lambda: live().conversation.instructions,
        settings=lambda: live().routing,
        toolbox=toolbox,
        tools=lambda: live().tools,
        want_tools=mcp.ready if config.mcp else None,
        judge=judge,
        spending=ledger.spending,
    )

    answering = Answering(
        decide=tiers.decided,
        route=tiers.route,
        lease=pool.lease,
        stream=streams.answer,
        want=want,
        publish=bus.publish,
        answered=latency.answered,
        price=ledger.cost_micros,
        tiers=lambda: live().tiers,
        settings=lambda: live().routing,
        demonstration=frozenset(spec.name for spec in specs if spec.demonstration),
    )
    ways = Ways(skills, toolbox, agent)
    offered, languages = mcp if config.mcp else None, lambda: live().house.languages
    return Mind(ways, answering, tiers, learning, toolbox, offered, home, ledger, scorer, turns, flush_turns, languages)


def build_mqtt(
    live: Live,
    *,
    bus: Bus,
    ask: Ask,
    engines: Callable[[], Sequence[EngineStatus]],
    listening: Callable[[], ListeningChanged],
) -> tuple[Link, Bridge] | tuple[None, None]:
    """The connection to the broker and what crosses it; nothing where no broker is configured."""
    mqtt, node = live().mqtt, live().house.node
    if mqtt.host is None:
        _LOGGER.info("no broker is configured (mqtt.host): running without MQTT")
        return None, None
    names = Topics(mqtt.base_topic, node)
    link = Link(
        mqtt,
        client_id=f"jarvisd-{node}",
        status_topic=names.of(STATUS),
        password=read_secret(mqtt.password_credential),
        publish=bus.publish,
    )
    bridge = Bridge(
        link,
        names,
        version=__version__,
        ask=partial(ask, source="mqtt"),
        languages=lambda: live().house.languages,
        engines=engines,
        listening=listening,
    )
    return link, bridge


def _build_home(live: Live, scorer: HouseholdScorer) -> tuple[HomeLink, HomeAssistant] | tuple[None, None]:
    config = live()
    if config.home.url is None:
        return None, None
    from jarvisd.home.agent import HomeAssistant
    from jarvisd.home.link import HomeLink

    link = HomeLink(config.home, read_secret(config.home.token_credential), lambda: live().house.languages)

    def normalise(text: str, language: Language) -> Sequence[str]:
        stripped = strip_courtesies(plain(text), language)
        return [imperatives(stripped) if language == "es" else stripped]

    def may_act(text: str) -> bool:
        language = guess_language(text, live().house.languages)
        return scorer.probabilities(text, language)["home"] >= HOME_SHARE

    return link, HomeAssistant(link, normalise=normalise, may_act=may_act)
