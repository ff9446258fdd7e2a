"""The writer as a process, seen from outside: started, listened to, stopped."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from localcloud.processes import Server
from replicator.demo.actor import Actor
from replicator.demo.ends import TABLE

_TAIL_BYTES = 4096


class Workload(Actor):
    """One run of `writer`; its output goes to a log, whose last whole line is what it told last."""

    def __init__(
        self, directory: Path, environment: Mapping[str, str], items: int, rate: float, seed: int = 2026
    ) -> None:
        self.ledger = directory / "ledger.db"
        command = [sys.executable, "-m", "replicator.demo.writer", "--table", TABLE]
        command += ["--ledger", str(self.ledger), "--items", str(items), "--rate", str(rate)]
        command += ["--seed", str(seed)]
        log = directory / "logs" / f"writer-{seed}.log"
        super().__init__(Server("writer", command, _at_once, log, environment))

    @property
    def done(self) -> Mapping[str, int]:
        """What it has told: ``loaded``, ``created``, ``updated``, ``deleted``."""
        tail = self.log.read_bytes()[-_TAIL_BYTES:] if self.log.exists() else b""
        lines = [line for line in tail.split(b"\n")[:-1] if line.startswith(b"{") and line.endswith(b"}")]
        return dict(json.loads(lines[-1])) if lines else {}


async def _at_once() -> bool:
    return True
