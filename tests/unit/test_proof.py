"""Proof: a mark proves what was read before it, however late it comes out."""

from __future__ import annotations

import asyncio
import random
from contextlib import closing

from connectors.memory.config import MemorySourceSettings
from connectors.memory.source import MarkedMemorySource
from connectors.memory.table import MemoryTable
from replicator.config.limits import Limits
from replicator.connector import Start
from replicator.engine.lag import Partitions
from replicator.engine.limits import LiveLimits
from replicator.engine.proof import BY_MARK, MARK_SECONDS, Proofs
from replicator.engine.retry import Retrier, Troubles
from replicator.engine.tracker import Tracker
from replicator.model.change import Batch
from replicator.testing.loop import VirtualClock, virtual_loop


class NumberedSource(MarkedMemorySource):
    """Marks with names that can be foretold; when they come out is the test's affair."""

    asked = 0

    async def mark(self) -> str:
        self.asked += 1
        return f"mark-{self.asked}"


def test_a_mark_that_comes_late_still_proves() -> None:
    """Where every mark takes longer than the patience with it, the first one is what proves."""
    with closing(virtual_loop(1)) as loop:
        assert loop.run_until_complete(_prove(loop, 2.5 * MARK_SECONDS)) == BY_MARK


async def _prove(loop: asyncio.AbstractEventLoop, late_seconds: float) -> str:
    clock = VirtualClock(loop)
    source = NumberedSource(MemoryTable(clock=clock), MemorySourceSettings(table="t"))
    start = Start({"a": "0"}, frozenset({"a"}))
    tracker, partitions = Tracker(start), Partitions(start)
    retrier = Retrier(LiveLimits(Limits()), random.Random(1), Troubles(clock.wall))
    proofs = Proofs(source, tracker, partitions, retrier, clock)
    tracker.advanced = proofs.advance
    proving = asyncio.ensure_future(proofs.applied())
    await asyncio.sleep(late_seconds)
    assert source.asked > 1
    batch = Batch("a", (), "1", marks=("mark-1",))
    tracker.track(batch)
    proofs.observe(batch)
    async with asyncio.timeout(1.0):
        return await proving
