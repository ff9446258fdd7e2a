"""Proof: that everything committed at the source before a moment has been read, and is durable.

Where the source carries marks, a mark that came out again is the proof. Where it does not, time is: every
open partition has shown itself read to beyond the moment. The second is weaker, because it trusts the
source's clock and its silence, so it is always labelled ``by time`` (design, section 5).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from replicator.connector import Marks, Source
from replicator.engine.lag import CLOCK_SKEW_SECONDS, Partitions
from replicator.engine.retry import Retrier
from replicator.engine.sharing import Shared
from replicator.engine.tracker import Tracker
from replicator.model.change import Batch
from replicator.model.clock import Clock

BY_MARK = "by mark"
BY_TIME = "by time"
BY_LIST = "by list"
BY_KEY = "by key"

MARK_SECONDS = 30.0
"""After this a mark counts as swallowed and another one is asked for."""


SEEN_MAX = 1000
"""Marks remembered after they came out; the one asked for is always among the newest."""


class Proofs:
    """Answers «has everything up to now been applied?» for one pipeline.

    Awaiting ``applied()`` returns, with the label, once everything committed before the call is durable in
    the sink. It waits for as long as it takes; cancel it to give up. Many callers share one mark.
    """

    def __init__(
        self, source: Source, tracker: Tracker, partitions: Partitions, retrier: Retrier, clock: Clock
    ) -> None:
        self._source = source
        self._tracker = tracker
        self._partitions = partitions
        self._retrier = retrier
        self._clock = clock
        self._moved = asyncio.Event()
        self.applied = Shared(self._applied)
        self._seen: OrderedDict[str, int] = OrderedDict()

    @property
    def label(self) -> str:
        """How this pipeline proves what it has read."""
        return BY_MARK if isinstance(self._source, Marks) else BY_TIME

    def observe(self, batch: Batch) -> None:
        """A batch has just been tracked; marks in it are as durable as the sequence up to it."""
        for name in batch.marks:
            self._seen[name] = self._tracker.read
            if len(self._seen) > SEEN_MAX:
                self._seen.popitem(last=False)
        self._moved.set()

    def advance(self) -> None:
        """Something became durable."""
        self._moved.set()

    async def _applied(self) -> str:
        if isinstance(self._source, Marks):
            sequence = await self._read_by_mark(self._source)
        else:
            sequence = await self._read_by_time()
        await self._until(lambda: self._tracker.durable >= sequence)
        return self.label

    async def _read_by_mark(self, source: Marks) -> int:
        """The sequence up to which everything committed before this call has been read.

        Any mark of this call proves it. One that is late is not one that was swallowed, so it is still
        waited for after another was asked for.
        """
        asked: list[str] = []
        while True:
            asked.append(await self._retrier.persist("source", "mark", source.mark))
            del asked[:-SEEN_MAX]
            try:
                async with asyncio.timeout(MARK_SECONDS):
                    await self._until(partial(self._any_seen, asked))
                return min(self._seen[name] for name in asked if name in self._seen)
            except TimeoutError:
                continue

    def _any_seen(self, names: list[str]) -> bool:
        return any(name in self._seen for name in names)

    async def _read_by_time(self) -> int:
        moment = self._clock.wall() + CLOCK_SKEW_SECONDS
        asked = self._partitions.observations
        await self._until(lambda: self._partitions.read_beyond(moment, after=asked))
        return self._tracker.read

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._moved.clear()
            await self._moved.wait()
