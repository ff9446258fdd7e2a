"""One real server process on loopback: started, probed until it answers, stopped, killed, started again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

__all__ = ["Server", "StartError"]

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0
_POLL_SECONDS = 0.02
_BOUND = Path(__file__).with_name("bound.py")


class StartError(RuntimeError):
    """A server did not come up; the message holds the end of its log."""


@dataclass
class Server:
    """A server process in a process group of its own, which ends with the thread that started it.

    Args:
        name: of the server; also of its log.
        command: program and arguments.
        probe: returns whether the server answers; called until it does.
        log: where its output goes, appended over restarts.
        environment: variables on top of this process's own.
    """

    name: str
    command: Sequence[str]
    probe: Callable[[], Awaitable[bool]]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process and running else None

    async def start(self) -> None:
        """Start the server and return when it answers.

        Raises:
            StartError: it ended, or did not answer within `START_SECONDS_MAX`.
        """
        self._process = self._spawn()
        try:
            await self._ready()
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Ask the server to end, and kill it after `STOP_SECONDS_MAX`."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            await self._ended()
        await self.kill()

    async def kill(self) -> None:
        """End the server at once, with SIGKILL, and what it started."""
        self._signal(signal.SIGKILL)
        await self._ended()

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - the commands are this room's own
                [sys.executable, "-I", "-S", str(_BOUND), str(os.getpid()), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    async def _ended(self) -> None:
        if self._process is not None:
            await asyncio.to_thread(self._process.wait, STOP_SECONDS_MAX)

    async def _ready(self) -> None:
        deadline = monotonic() + START_SECONDS_MAX
        while not await self.probe():
            if self.pid is None or monotonic() > deadline:
                raise StartError(f"{self.name} did not start\n{self._end_of_log()}")
            await asyncio.sleep(_POLL_SECONDS)

    def _signal(self, signum: int) -> None:
        # Only while it runs: afterwards the number may belong to another process.
        if self.pid is not None:
            os.killpg(self.pid, signum)

    def _end_of_log(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]
