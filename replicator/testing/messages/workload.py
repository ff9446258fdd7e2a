"""What senders do, and what the queue and the bus do of themselves."""

from __future__ import annotations

import asyncio
import random

from replicator.testing.messages.ledger import Ledger
from replicator.testing.messages.plan import Plan
from replicator.testing.messages.systems import WatchedBus
from replicator.testing.queues import WatchedQueue

SMALL_BYTES_MAX = 600
"""Of a message as it lies on the bus; those that are too large are longer, the others shorter."""

LARGE_TEXT = "x" * 1000
WIDE_BYTES_MAX = 10_000


class Workload:
    """The senders of one world."""

    def __init__(
        self, chance: random.Random, plan: Plan, queue: WatchedQueue, bus: WatchedBus, ledger: Ledger
    ) -> None:
        self._chance = chance
        self._plan = plan
        self._queue = queue
        self._bus = bus
        self._ledger = ledger

    def prepare(self) -> None:
        """What is there before the first start."""
        for _ in range(self._plan.first_messages):
            self._send()

    async def send_for(self, seconds: float) -> None:
        """Send for so long, now and then several at one moment."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        while loop.time() < ends_at:
            await asyncio.sleep(self._chance.expovariate(1.0 / self._plan.gap_seconds))
            for _ in range(self._chance.randint(1, self._plan.burst)):
                self._send()

    async def show_again(self) -> None:
        """Let messages that somebody has in hand show again before their time."""
        for _ in range(self._plan.shows):
            await asyncio.sleep(self._chance.uniform(0.0, self._plan.busy_seconds / self._plan.shows))
            self._queue.show_again(self._chance)

    async def widen(self) -> None:
        """Let the bus take what was too large."""
        if self._plan.widened_share < 1.0:
            await asyncio.sleep(self._plan.widened_share * self._plan.busy_seconds)
            self._bus.message_bytes_max = WIDE_BYTES_MAX

    def _send(self) -> None:
        groups = self._plan.groups
        group = f"group-{self._chance.randrange(groups)}" if groups else None
        text = LARGE_TEXT if self._chance.random() < self._plan.large_share else ""
        self._ledger.send(text, group)
