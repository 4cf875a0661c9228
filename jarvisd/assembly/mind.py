"""Builds the way to an answer: all that stands between a question and the words that are said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from jarvisd.answering.answering import Answering
from jarvisd.answering.learning import MIX_TURNS, Learning
from jarvisd.answering.remembering import MemoryCommands
from jarvisd.answering.scoring import FILE_NAME as CORRECTION_FILE
from jarvisd.answering.scoring import HouseholdScorer
from jarvisd.answering.stream import Streams
from jarvisd.answering.tiers import Tiers
from jarvisd.answering.ways import Ways
from jarvisd.assembly.memory import build_memory
from jarvisd.bus import Bus
from jarvisd.config import Config
from jarvisd.control.memory import memory_orders
from jarvisd.control.routing import routing_orders
from jarvisd.control.server import Order
from jarvisd.engines.pool import EnginePool
from jarvisd.engines.spec import EngineSpec
from jarvisd.language import guess_language
from jarvisd.memory.memory import Memories
from jarvisd.plain import imperatives, plain, strip_courtesies
from jarvisd.routing.account import spoken_account
from jarvisd.routing.judge import build_judge
from jarvisd.routing.latency import Latency
from jarvisd.routing.ledger import Ledger
from jarvisd.routing.ledger_file import FILE_NAME as LEDGER_FILE
from jarvisd.routing.refit import Turn as Corrected
from jarvisd.secrets import read_secret
from jarvisd.skills.skills import Skills
from jarvisd.tools.confirm import read_pin
from jarvisd.tools.mcp import McpServers
from jarvisd.tools.toolbox import Toolbox
from jarvisd.turns.log import TurnLog
from jarvisd.types import Answer, Kind, Language, Tool

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
    memories: Memories | None
    flush_turns: Callable[[], Awaitable[None]]
    languages: Callable[[], Sequence[Language]]

    def orders(self) -> dict[str, Order]:
        """What the control socket may ask about routing and memory."""
        routing = routing_orders(
            self.tiers, self.languages, self.turns, refit=self.scorer.refit, flush=self.flush_turns
        )
        return routing | memory_orders(self.memories, self.languages)

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

    async def erase_texts(ids: Sequence[str]) -> None:
        """What was forgotten goes out of the other records of the same turns, and out of what was learned from them."""
        await flush_turns()
        if await asyncio.to_thread(turns.erase_texts, ids):
            await scorer.refit()
        await asyncio.to_thread(ledger.erase_texts, ids)

    memories = build_memory(live, pool=pool, specs=specs, state=state, judge=judge, erase=(erase_texts,))
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
        recall_tokens=lambda: live().memory.recall_tokens,
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
    ways = Ways(skills, toolbox, agent, MemoryCommands(memories) if memories is not None else None)
    offered, languages = mcp if config.mcp else None, lambda: live().house.languages
    return Mind(
        ways,
        answering,
        tiers,
        learning,
        toolbox,
        offered,
        home,
        ledger,
        scorer,
        turns,
        memories,
        flush_turns,
        languages,
    )


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
