"""A writer as a process, seen from outside: started, listened to, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.processes import Server
from replicator.demo.actor import Actor
from replicator.demo.pairs import Pair

_LOOK_SECONDS = 0.02
_TAIL_BYTES = 4096


@dataclass(frozen=True)
class Amount:
    """How much is written: ``count`` before the service starts, then ``rate`` a second."""

    count: int
    rate: float


class Workload(Actor):
    """One run of a pair's writer; its output goes to a log, whose last whole line is what it told last.

    Attributes:
        pair: to whose source it writes.
        amount: how much.
        ledger: where it notes what it wrote.
    """

    def __init__(
        self, pair: Pair, directory: Path, environment: Mapping[str, str], amount: Amount, seed: int = 2026
    ) -> None:
        self.pair, self.amount = pair, amount
        self.ledger = directory / f"ledger-{pair.name}.db"
        command = [sys.executable, "-m", pair.writer, "--end", pair.end, "--ledger", str(self.ledger)]
        command += ["--count", str(amount.count), "--rate", str(amount.rate), "--seed", str(seed)]
        log = directory / "logs" / f"writer-{pair.name}-{seed}.log"
        super().__init__(Server(f"writer of {pair.what}", command, _at_once, log, environment))

    @property
    def done(self) -> Mapping[str, int]:
        """What it has told: ``loaded`` at first, and what it did since by kind."""
        tail = self.log.read_bytes()[-_TAIL_BYTES:] if self.log.exists() else b""
        lines = [line for line in tail.split(b"\n")[:-1] if line.startswith(b"{") and line.endswith(b"}")]
        return dict(json.loads(lines[-1])) if lines else {}

    @property
    def is_loaded(self) -> bool:
        """Whether all that is written at first is there."""
        return self.done.get("loaded", -1) >= self.amount.count

    async def rest(self) -> None:
        """Let it stop between two writes, with nothing under way, until `go_on`."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGUSR1)
        while True:  # until the process is stopped, which nobody tells
            if self.pid is None or _is_stopped(self.pid):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def go_on(self) -> None:
        """Let it write again."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGCONT)


def _is_stopped(pid: int) -> bool:
    # The state follows the command in brackets (proc(5)); T is a process that was stopped by a signal.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def _at_once() -> bool:
    return True
