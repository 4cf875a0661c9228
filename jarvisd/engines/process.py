"""One child process: started in a session of its own, its words kept, ended together with all that it started."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import stat
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from jarvisd.engines.cgroup import GROUP_VARIABLE, ChildGroup
from jarvisd.errors import EngineStartError

LAST_LINES = 20
MAX_LINE_BYTES = 2_000
READ_BYTES = 65_536
# What a pipe can still hold when its writer has ended (1 MiB at most); a grandchild may go on writing for ever.
FINAL_READS = 16
# After SIGKILL only a process that waits for its hardware is still there; it is then left behind and told.
KILL_WAIT_S = 5.0
LOOK_EVERY_S = 0.01
# systemd's words to the daemon, and the daemon's secrets, are not for its children.
_NOT_INHERITED = frozenset(
    {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "MAINPID"}
    | {"CREDENTIALS_DIRECTORY"}
)
# A child that finds another parent than this one knows that the daemon died before it could ask to be told.
PARENT_VARIABLE = "JARVISD_PARENT_PID"


class ChildProcess:
    """A running child. Made by `start`, and always brought to its end with `stop`.

    The child is waited for through a pidfd and reaped only after its whole group was killed, so that the group's
    number cannot belong to somebody else by then. (asyncio's own subprocess reaps at once, in a thread for each.)

    With a control group of its own, also what left the session ends with it.
    """

    def __init__(
        self, name: str, pid: int, output_fd: int, on_end: Callable[[], None], control_group: ChildGroup | None = None
    ) -> None:
        self.pid = pid
        self.exit_code: int | None = None
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._name = name
        self._logger = logging.getLogger(f"jarvisd.engine.{name}")
        self._on_end = on_end
        self._control_group = control_group
        self._ended = asyncio.Event()
        self._group_killed = False
        self._unfinished_line = b""
        self._loop = asyncio.get_running_loop()
        self._reaped = False
        self._output_fd = output_fd
        os.set_blocking(self._output_fd, False)
        self._loop.add_reader(self._output_fd, self._read_output)
        self._pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(self._pidfd, self._note_end)

    @classmethod
    def start(
        cls,
        name: str,
        argv: tuple[str, ...],
        env: Mapping[str, str],
        on_end: Callable[[], None] = lambda: None,
        control_group: ChildGroup | None = None,
    ) -> ChildProcess:
        """Start a child. Synchronous: it cannot be cancelled half way. `on_end` is called when the child has ended.

        The kernel ends the children with the *thread* that started them: call it from the daemon's main thread.
        """
        into = {GROUP_VARIABLE: str(control_group.folder)} if control_group is not None else {}
        output_fd, write_fd = os.pipe()
        try:
            pid = os.posix_spawnp(
                argv[0],
                argv,
                _environment({**env, **into}),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, write_fd, 1),
                    (os.POSIX_SPAWN_DUP2, write_fd, 2),
                ],
                setsid=True,
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # Python ignores them, and that would be inherited
            )
        except OSError as error:
            os.close(output_fd)
            raise EngineStartError(f"{argv[0]} cannot be started: {error.strerror}.") from error
        finally:
            os.close(write_fd)
        try:
            return cls(name, pid, output_fd, on_end, control_group)
        except OSError:  # no descriptor left to watch it with
            os.killpg(pid, signal.SIGKILL)
            raise

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def how_it_ended(self) -> str:
        """One sentence: a worker's own explanation, or how it ended and its last words."""
        last = _telling(self.last_lines)
        if self.exit_code == os.EX_UNAVAILABLE and last:
            return last
        if self.exit_code is not None and self.exit_code < 0:
            how = f"{self._name} was killed by {_signal_name(-self.exit_code)}"
        else:
            how = f"{self._name} ended with exit code {self.exit_code}"
        return f"{how}: {last}" if last else f"{how} without a word."

    @property
    def ran_out_of_memory(self) -> bool:
        """Whether it has ended and said that memory, its own or its card's, was not enough."""
        return self.ended and "out of memory" in _telling(self.last_lines).lower()

    async def wait(self, timeout_s: float) -> bool:
        """Waits for its end; returns whether it has ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._ended.wait()
        return self.ended

    async def stop(self, timeout_s: float) -> None:
        """SIGTERM to the session, time to end, then SIGKILL to all that is left. Cancelled: SIGKILL at once."""
        try:
            if not self.ended:
                self._signal_group(signal.SIGTERM)
                if not await self.wait(timeout_s):
                    self._logger.warning("%s did not end within %.0f s of SIGTERM: killed", self._name, timeout_s)
        finally:
            self._kill_group()
            if not await self.wait(KILL_WAIT_S):
                self._logger.error("%s (process %d) outlives SIGKILL; it waits for its hardware", self._name, self.pid)
            await self._remove_control_group()

    def _kill_group(self) -> None:
        self._signal_group(signal.SIGKILL)
        if self._control_group is not None:
            self._control_group.kill()
        self._group_killed = True
        if self.ended:
            self._reap()

    async def _remove_control_group(self) -> None:
        """Waits for all that was in it. Killed once more: the child may have gone in only after the first time."""
        if self._control_group is None:
            return
        self._control_group.kill()
        end = self._loop.time() + KILL_WAIT_S
        while not await asyncio.to_thread(self._control_group.remove):
            if self._loop.time() > end:
                self._logger.error("what %s started outlives SIGKILL; it waits for its hardware", self._name)
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _note_end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        result = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        assert result is not None  # a pidfd is readable only when its process has ended
        self.exit_code = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
        for _ in range(FINAL_READS):
            self._read_output()
        self._ended.set()
        if self._group_killed:
            self._reap()
        self._on_end()

    def _reap(self) -> None:
        """Give the number back to the kernel. Sure not to wait: the process has ended."""
        if not self._reaped:
            self._reaped = True
            os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
            os.close(self._pidfd)
            self._close_output()

    def _read_output(self) -> None:
        if self._output_fd < 0:
            return
        try:
            read = os.read(self._output_fd, READ_BYTES)
        except BlockingIOError:
            return
        if not read:
            self._close_output()
            return
        *lines, rest = (self._unfinished_line + read).split(b"\n")
        self._unfinished_line = rest[-MAX_LINE_BYTES:]
        for line in lines:
            self._keep(line)

    def _keep(self, line: bytes) -> None:
        text = line[:MAX_LINE_BYTES].decode(errors="replace").rstrip()
        if text:
            self.last_lines.append(text)
            self._logger.debug("%s", text)

    def _close_output(self) -> None:
        if self._output_fd >= 0:
            self._keep(self._unfinished_line)
            self._loop.remove_reader(self._output_fd)
            os.close(self._output_fd)
            self._output_fd = -1


def session_of(pid: int) -> int | None:
    """The process that leads its session, which for all that an engine started is its child. None: it has ended,
    or it is not to be seen from here.
    """
    try:
        return os.getsid(pid)
    except OSError:
        return None


def belongs_to(pid: int, children: Collection[int | None]) -> bool:
    """Whether a process is this one or was started by one of these children: each leads a session of its own.

    One that is not here has ended since, or is seen from inside a container: that may well have been a child's.
    """
    try:
        session = os.getsid(pid)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return pid == os.getpid() or session in children


def remove_socket(path: str) -> None:
    """Remove the socket that an earlier child left behind. Raises EngineStartError where something else lies there."""
    socket = Path(path)
    try:
        mode = socket.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise EngineStartError(f"{path} is not a socket, so it is left alone: move it away.")
    socket.unlink(missing_ok=True)


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_INHERITED and not name.startswith("JARVISD_")
    }
    # Without it CUDA numbers cards fastest first and nvidia-smi by slot.
    return inherited | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", PARENT_VARIABLE: str(os.getpid())} | dict(extra)


def _telling(lines: Iterable[str]) -> str:
    """The line that says most about an end: want of memory is told before a long farewell, all else at its end."""
    last = ""
    for line in lines:
        if "out of memory" in line.lower():
            return line
        last = line
    return last


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
