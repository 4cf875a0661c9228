"""The way to Home Assistant: opens sessions, knows what is exposed, tells once when it is gone and once when back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from jarvisd.config import HomeConfig
from jarvisd.errors import ConfigError, HomeError, HomeUnavailable
from jarvisd.home.house import House, read_house
from jarvisd.home.session import HomeRefusal, Session, open_session
from jarvisd.secrets import places
from jarvisd.types import Language

_LOGGER = logging.getLogger(__name__)

LOCAL_AGENT = "conversation.home_assistant"
# Says what the local agent would do with sentences, and does nothing.
ASK_FIRST = "conversation/agent/homeassistant/debug"
# A dead address costs a turn its time limit once, not every turn of the next seconds.
REST_S = 15.0
# A refused token counts as a failed login there, and Home Assistant may ban an address after a few of them.
TOKEN_REST_S = 600.0
# Names and areas change when somebody tidies up.
HOUSE_AGE_S = 600.0
# Reading a large house takes a second; its sentences are loaded for the first time meanwhile.
HOUSE_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class HomeStatus:
    """A snapshot to show. `reachable` is None before the first try; `detail` says what is wrong, or the version."""

    reachable: bool | None
    detail: str
    exposed: int


class HomeLink:
    """One Home Assistant. Making one raises ConfigError when there is no address or no token."""

    def __init__(
        self,
        config: HomeConfig,
        token: str | None,
        languages: Callable[[], Sequence[Language]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if config.url is None:
            raise ConfigError("home.url is not set")
        if token is None:
            raise ConfigError(
                "home.url is set, but there is no token: make a long-lived access token in your profile in "
                f"Home Assistant and put it {places(config.token_credential)}"
            )
        self._url, self._token, self._ca_file = config.url, token, config.ca_file
        self.config = config
        self._languages = languages
        self._clock = clock
        self._house = House()
        self._house_read_at = -float("inf")
        self._trouble: HomeUnavailable | None = None
        self._rest_until = -float("inf")
        self._version = ""
        self._slow = False

    @asynccontextmanager
    async def session(self, limit_s: float) -> AsyncIterator[Session]:
        """A session, opened within `limit_s`. Raises HomeUnavailable, at once while a failure is recent."""
        if self._trouble is not None and self._clock() < self._rest_until:
            raise HomeUnavailable(self._trouble.message, code=self._trouble.code)
        try:
            async with AsyncExitStack() as stack:
                session = await self._open(stack, limit_s)
                yield session
        except HomeUnavailable as trouble:
            self.failed(trouble)
            raise

    def failed(self, trouble: HomeUnavailable) -> None:
        """Home Assistant is not there: for a while nobody waits for it."""
        tell = _LOGGER.debug if self._trouble is not None and self._trouble.code == trouble.code else _LOGGER.warning
        tell("no home control: %s", trouble.message)
        self._trouble = trouble
        self._rest_until = self._clock() + (TOKEN_REST_S if trouble.code == "home_token" else REST_S)

    def answered(self) -> None:
        """A sentence was answered in time."""
        self._slow = False

    def slow(self, limit_s: float) -> str:
        """It is there, and takes too long over a sentence. The next one may do better: nobody rests. The reason."""
        reason = f"Home Assistant did not answer within {limit_s:g} s"
        (_LOGGER.debug if self._slow else _LOGGER.warning)("%s (home.timeout_s): models answer instead", reason)
        self._slow = True
        return reason

    async def house(self, session: Session, age_s: float = HOUSE_AGE_S) -> House:
        """What is exposed, at most so old."""
        if self._clock() - self._house_read_at > age_s:
            self._house = await read_house(session)
            self._house_read_at = self._clock()
        return self._house

    def known_house(self) -> House:
        """What is exposed as far as it has been read: without asking."""
        return self._house

    async def run(self) -> None:
        """Keeps the names of the house up to date, and Home Assistant's sentences loaded, until cancelled."""
        while True:
            await self.refresh()
            rest_s = self._rest_until - self._clock() if self._trouble is not None else HOUSE_AGE_S
            await asyncio.sleep(max(1.0, rest_s))

    async def refresh(self) -> None:
        """Reads the house now. A failure is told, and tried again later."""
        try:
            async with self.session(HOUSE_LIMIT_S) as session, asyncio.timeout(HOUSE_LIMIT_S):
                await self.house(session, age_s=0.0)
                for language in self._languages():
                    await _load_sentences(session, language)
        except HomeUnavailable:
            return  # told where it happened
        except TimeoutError:
            self.failed(HomeUnavailable(f"Home Assistant did not list its entities within {HOUSE_LIMIT_S:g} s."))
        except HomeError as error:  # sentences can be asked for all the same
            _LOGGER.warning("the names of the house are not known: %s", error.message)

    def status(self) -> HomeStatus:
        exposed = len(self._house.entities)
        if self._trouble is not None:
            return HomeStatus(False, self._trouble.message, exposed)
        if not self._version:
            return HomeStatus(None, "not asked yet", exposed)
        return HomeStatus(True, f"Home Assistant {self._version}", exposed)

    def reconfigure(self, config: HomeConfig) -> None:
        """Values for what is asked from now on; address and token stay."""
        self.config = config

    async def _open(self, stack: AsyncExitStack, limit_s: float) -> Session:
        try:
            async with asyncio.timeout(limit_s):
                session = await stack.enter_async_context(open_session(self._url, self._token, self._ca_file))
        except TimeoutError:
            raise HomeUnavailable(f"Home Assistant did not answer within {limit_s:g} s.") from None
        self._reached(session)
        return session

    def _reached(self, session: Session) -> None:
        self._version = session.version
        if self._trouble is not None:
            _LOGGER.info("home control is back: Home Assistant %s", session.version)
            self._trouble = None


async def _load_sentences(session: Session, language: Language) -> None:
    """The first sentence in a language costs Home Assistant up to seconds: now, and not in a turn."""
    try:
        await session.ask("conversation/prepare", language=language, agent_id=LOCAL_AGENT)
        await session.ask(ASK_FIRST, language=language, sentences=["jarvis"])
    except HomeRefusal as refusal:
        _LOGGER.debug("%s: %s", language, refusal)
