"""What every test has: a loop that may not be blocked by our code, and Ctrl-C."""

import signal
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from tests.fakes.broker import absent_broker, broker

__all__ = ["absent_broker", "broker"]


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started with `&` by a script: what is ignored here would be ignored by every process that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop() -> Iterator[BlockBuster]:
    """A blocking call (file, socket, sleep, subprocess) from the daemon's code inside a running loop is an error."""
    with blockbuster_ctx("jarvisd") as guard:
        yield guard
