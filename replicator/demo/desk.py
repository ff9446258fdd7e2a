"""What all writers have in common: their pace, and that they tell what they have done."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from replicator.demo.ledger import Ledger

_TELL_SECONDS = 0.5


class Desk:
    """A writer's place of work.

    Attributes:
        ledger: what has to be there.
        done: what was done, by kind: ``loaded`` at first, the others since.
        wants_rest: whether to stop after the next write, until SIGCONT.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.wants_rest = False
        self.ledger = ledger
        self.done: Counter[str] = Counter(loaded=0)
        self._told_at = 0.0

    def tell(self, *, now: bool = False) -> None:
        """Say what was done, not too often; what was said is in the ledger."""
        if now or time.monotonic() - self._told_at > _TELL_SECONDS:
            self._told_at = time.monotonic()
            self.ledger.commit()
            sys.stdout.write(json.dumps(self.done) + "\n")
            sys.stdout.flush()

    def work(self, write: Callable[[], None], rate: float, stop: Event) -> None:
        """Write so many times a second until told to stop; fewer where the end is slower."""
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1 / rate, time.monotonic() - 1.0)
            write()
            self.tell()
            if self.wants_rest:
                self._rest()
        self.tell(now=True)

    def _rest(self) -> None:
        """Stop where nothing is under way, until SIGCONT."""
        self.wants_rest = False
        self.tell(now=True)
        os.kill(os.getpid(), signal.SIGSTOP)


class Writer(Protocol):
    """Fills its end, then keeps it moving; each write is noted once it was accepted."""

    def load(self, count: int, stop: Event) -> None:
        """Write so many at first."""

    def write(self) -> None:
        """Write once."""


def run(writer_of: Callable[[Desk, str, int], Writer], doc: str | None) -> None:
    """Load, then work until SIGTERM or SIGINT; the write under way is finished and noted.

    At SIGUSR1 a writer rests between two writes, as a stopped process, until SIGCONT.
    """
    options = _options(doc)
    stop = Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    desk = Desk(Ledger(options.ledger))

    def rest(*_: object) -> None:
        desk.wants_rest = True

    signal.signal(signal.SIGUSR1, rest)
    writer = writer_of(desk, options.end, options.seed)
    writer.load(options.count, stop)
    desk.tell(now=True)
    desk.work(writer.write, options.rate, stop)
    desk.ledger.close()


def _options(doc: str | None) -> Any:
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--end", required=True, help="name of the table, the bucket or the queue")
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=2026)
    return parser.parse_args()
