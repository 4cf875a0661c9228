"""Tiers whose models say what a script says: real answering, on a decision and a stream that a test chooses."""

import asyncio
from contextlib import asynccontextmanager

from jarvisd.answering.answering import Answering
from jarvisd.config import RoutingConfig, TierConfig
from jarvisd.routing.decision import Decision, Option, Weighed
from jarvisd.types import Delta, Endpoint, Finished, Route


class ScriptedModels:
    """`scripts` by tier, in the order of the decision: pieces of text, (text, log-probability) pairs, exceptions to
    raise, or "hang". A script that is a list of lists has one for each time that the tier is asked.
    """

    def __init__(self, scripts, bus, *, levels=None, escalate_to=None, wanted=None, refused=None, demonstration=()):
        self.scripts = scripts
        self.levels = levels or {}
        self.escalate_to, self.wanted, self.refused = escalate_to, wanted, refused
        self.leases, self.asked, self.warmed, self.first_words = [], [], [], []
        self.streaming = asyncio.Event()
        self.closed_streams = 0
        self.settings = RoutingConfig(look_ms=5000)
        self.answering = Answering(
            decide=self.decide,
            route=self.route,
            lease=self.lease,
            stream=self.stream,
            want=self.warmed.append,
            publish=bus.publish,
            answered=lambda engine, seconds: self.first_words.append(engine),
            price=lambda engine, prompt_tokens, completion_tokens: 42,
            tiers=lambda: {name: TierConfig(engine=name, level=self.levels.get(name)) for name in self.scripts},
            settings=lambda: self.settings,
            demonstration=frozenset(demonstration),
        )

    async def decide(self, question):
        order = [
            Weighed(Option(name, name, self.levels.get(name, "fast"), 0.5), 0.0, 0.0, 0.0) for name in self.scripts
        ]
        return Decision({}, tuple(order), 0.1, wanted=self.wanted, escalate_to=self.escalate_to, refused=self.refused)

    def route(self, decision, rank):
        option = decision.order[rank].option
        return Route(option.tier, option.engine, "scripted", cloud=option.tier == "cloud")

    @asynccontextmanager
    async def lease(self, name):
        self.leases.append(name)
        yield Endpoint(f"unix:///{name}")

    async def stream(self, endpoint, asked):
        self.asked.append(asked)
        script = self.scripts[asked.route.tier]
        if script and isinstance(script[0], list):
            script = script.pop(0)
        try:
            for piece in script:
                if isinstance(piece, Exception):
                    raise piece
                if piece == "hang":
                    self.streaming.set()
                    await asyncio.Event().wait()
                yield Delta(*piece) if isinstance(piece, tuple) else Delta(piece)
            yield Finished("stop", prompt_tokens=7, completion_tokens=len(script))
        finally:
            self.closed_streams += 1
